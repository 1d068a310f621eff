//! Whatever is sent to an actor, nothing panics, and what was there before can still be read.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use todo_actors::{
    conversation,
    host::Answer,
    message::CallError,
    user::{self, ListTasks},
};

use crate::{add, block_on, read, world};

/// The methods of an actor, from the one list that its messages are in, so that a new one is
/// tried without a word here.
fn methods(source: &str) -> Vec<String> {
    let names = source.lines().filter_map(|line| {
        let (_, method) = line.trim().split_once(" = \"")?;
        let (method, reply) = method.split_once('"')?;
        reply.starts_with(" -> ").then(|| method.to_owned())
    });
    let methods: Vec<String> = names.collect();
    assert!(methods.len() > 5, "{methods:?}");
    methods
}

/// A method of an actor that a message can be sent to.
fn addressed() -> impl Strategy<Value = (&'static str, &'static str, String)> {
    let users = methods(include_str!("../../src/user/mod.rs"));
    let conversations = methods(include_str!("../../src/conversation/mod.rs"));
    let users = users.into_iter().map(|method| (user::TYPE, "ann", method));
    let conversations = conversations
        .into_iter()
        .map(|method| (conversation::TYPE, "ann~c1", method));
    prop::sample::select(users.chain(conversations).collect::<Vec<_>>())
}

fn words() -> impl Strategy<Value = String> {
    let known = [
        "",
        " ",
        "task-1",
        "task-2",
        "task-18446744073709551616",
        "Europe/Berlin",
        "UTC",
        "high",
        "done",
        "today",
        "2026-11-24",
        "2026-11-23T10:00:00Z",
        "-009999-01-02T01:59:59Z",
        "9999-12-30T22:00:00Z",
        "FREQ=DAILY",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;COUNT=4294967295",
        "FREQ=SECONDLY",
        "\0",
        "🎉",
        "e\u{301}",
        "’; drop table",
    ];
    let known: Vec<String> = known.iter().map(|&word| word.to_owned()).collect();
    prop_oneof![
        6 => prop::sample::select(known),
        2 => any::<String>(),
        1 => (1_usize..6_000).prop_map(|length| "ä".repeat(length)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => prop::sample::select(vec![0, 1, -1, 15, 60_000, i64::MAX, i64::MIN]).prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        6 => words().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((words(), inner), 0..4).prop_map(object),
        ]
    })
}

fn object(fields: Vec<(String, Value)>) -> Value {
    Value::Object(fields.into_iter().collect::<Map<_, _>>())
}

/// Fields that messages have, most with a value that fits, so that many a message gets through to
/// where it is decided. The list may lack some: what is always there fits by chance.
fn message() -> impl Strategy<Value = Value> {
    let task_id = prop_oneof![Just(json!("task-1")), Just(json!("task-2"))];
    let due = prop_oneof![
        Just(json!({ "at": "2026-11-24T09:00:00Z" })),
        Just(json!({ "date": "2026-11-24" })),
        words().prop_map(|at| json!({ "at": at })),
        words().prop_map(|date| json!({ "date": date })),
    ];
    let text = words().prop_map(Value::from).boxed();
    let number = prop::sample::select(vec![
        json!(0),
        json!(1),
        json!(40),
        json!(u32::MAX),
        json!(u64::MAX),
    ]);
    let calls = prop::collection::vec(
        (words(), value())
            .prop_map(|(tool, value)| json!({ "tool": tool, "arguments": value, "result": value })),
        0..3,
    );
    let fields: Vec<(&str, BoxedStrategy<Value>)> = vec![
        ("task_id", task_id.boxed()),
        ("title", text.clone().boxed()),
        ("text", text.clone().boxed()),
        ("notes", text.clone().boxed()),
        ("recurrence", text.clone().boxed()),
        ("time_zone", text.clone().boxed()),
        (
            "turn_id",
            prop_oneof![Just(json!("t1")), text.clone()].boxed(),
        ),
        (
            "attempt",
            prop_oneof![Just(json!("a1")), text.clone()].boxed(),
        ),
        ("provider", text.clone().boxed()),
        ("after", text.clone().boxed()),
        ("cursor", text.clone().boxed()),
        ("search", text.clone().boxed()),
        ("asked_at", Just(json!("2026-11-23T10:00:00Z")).boxed()),
        ("updated_at", Just(json!("2026-11-23T10:00:00Z")).boxed()),
        ("due", due.boxed()),
        ("priority", Just(json!("high")).boxed()),
        ("status", Just(json!("open")).boxed()),
        (
            "tags",
            prop::collection::vec(words(), 0..12)
                .prop_map(|tags| json!(tags))
                .boxed(),
        ),
        ("reminder_offset_minutes", number.clone().boxed()),
        ("limit", number.clone().boxed()),
        ("before", number.clone().boxed()),
        ("applied", number.clone().boxed()),
        ("quiet_ms", number.clone().boxed()),
        ("lease_ms", number.boxed()),
        ("tool_calls", calls.prop_map(Value::from).boxed()),
        ("create", any::<bool>().prop_map(Value::from).boxed()),
        ("pending", Just(json!({ "task_ids": ["task-1"] })).boxed()),
    ];
    let fields: Vec<BoxedStrategy<Option<(String, Value)>>> = fields
        .into_iter()
        .map(|(name, fits)| {
            let field = prop_oneof![
                8 => fits.prop_map(Some),
                1 => value().prop_map(Some),
                3 => Just(None),
            ];
            field
                .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
                .boxed()
        })
        .collect();
    fields.prop_map(|fields| {
        let fields: Vec<(String, Value)> = fields.into_iter().flatten().collect();
        let mut message = object(fields);
        let change = message.clone();
        message["change"] = change;
        message
    })
}

fn body() -> impl Strategy<Value = Bytes> {
    let call = (
        message(),
        prop::option::of(words()),
        prop::option::of(words()),
    );
    prop_oneof![
        12 => call.prop_map(|(message, key, traceparent)| {
            let call = json!({ "key": key, "traceparent": traceparent, "message": message });
            call.to_string().into_bytes()
        }),
        2 => value().prop_map(|value| json!({ "message": value }).to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
    .prop_map(Bytes::from)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_message_makes_an_actor_panic_or_unreadable(
        calls in prop::collection::vec((addressed(), body()), 1..40),
    ) {
        block_on(async {
            // Given somebody with a task
            let world = world();
            add(&world, "ann", "milk").await;
            // When anything is sent to them and their conversation
            for ((kind, id, method), body) in calls {
                let answer = world.host.call(kind, id, &method, body.clone()).await;
                // Then it is answered, and by no panic
                let Answer::Json(answer, _) = answer else {
                    panic!("{kind} has no method {method}");
                };
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                assert_ne!(
                    answer["failed"]["message"], "the turn panicked",
                    "{kind} {method} {}", String::from_utf8_lossy(&body)
                );
                // When a reminder comes in between
                if let Err(failure) = world.host.remind(user::TYPE, "ann", "due", None).await {
                    assert_ne!(failure.message, "the turn panicked");
                }
            }
            // Then another process reads what is there
            let world = world.restart();
            let list = read(&world, "ann", ListTasks::default()).await;
            assert!(!matches!(list, Err(CallError::Failed(_))), "{list:?}");
        });
    }
}
