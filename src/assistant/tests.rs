use std::sync::Mutex;

use futures::future::{BoxFuture, ready};
use serde_json::{Value, json};
use todo_actors::{
    conversation::BeginTurn,
    message::{Outcome, ToolCall},
    sidecar::SidecarError,
};

use super::{
    planner::{Context, Step},
    records::MOST_RESULT_BYTES,
    *,
};
use crate::test_actors::{Call, Script};

mod asking;
mod stopping;

/// Adds every word of the message as a task, one call at a time, unless it was added already.
struct WordByWord;

impl Planner for WordByWord {
    fn name(&self) -> &'static str {
        "words"
    }

    fn plan<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>> {
        let done = |word: &str| {
            context
                .outcomes
                .iter()
                .any(|o| o.call.arguments["title"] == word)
        };
        let next = context.message.split(' ').find(|word| !done(word));
        Box::pin(ready(Ok(match next {
            Some("fail") => {
                return Box::pin(ready(Err(PlannerError {
                    message: "x".to_owned(),
                    retryable: true,
                })));
            }
            Some(word) => Step::Call(vec![ToolCall {
                tool: "add_task".to_owned(),
                arguments: json!({ "title": word }),
            }]),
            None => Step::Say(format!(
                "{} done at {}",
                context.outcomes.len(),
                context.now
            )),
        })))
    }
}

fn request(message: &str) -> TurnRequest {
    TurnRequest {
        user_id: "ann".to_owned(),
        key: "k".to_owned(),
        message: message.to_owned(),
        conversation_id: None,
        time_zone: None,
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
    }
}

fn task(title: &Value) -> Value {
    json!({
        "task_id": "task-1", "title": title, "status": "open",
        "created_at": "2026-04-01T00:00:00Z", "updated_at": "2026-04-01T00:00:00Z",
    })
}

fn begun(call: &Call, resumed: bool, started: bool) -> Value {
    let BeginTurn { turn_id, text, .. } =
        serde_json::from_value(call.request["message"].clone()).unwrap();
    json!({
        "turn": "begun", "history": [], "resumed": resumed, "started": started,
        "said": {
            "index": 0, "turn_id": turn_id, "role": "user", "text": text,
            "created_at": "2026-04-01T10:00:00Z",
        },
    })
}

fn said(message: &Value) -> Value {
    json!({
        "index": 1, "turn_id": message["turn_id"], "role": "assistant", "text": message["text"],
        "tool_calls": message["tool_calls"], "provider": message["provider"],
        "created_at": "2026-04-01T10:00:01Z",
    })
}

/// Actors that do as they are told; `special` may answer first.
fn actors(
    special: impl Fn(&Call) -> Option<Result<Outcome<Value>, SidecarError>> + Send + Sync + 'static,
) -> Arc<Script> {
    Script::new(move |call| {
        if let Some(answer) = special(call) {
            return answer;
        }
        let message = &call.request["message"];
        Ok(Outcome::Ok(match call.method.as_str() {
            "admit" => json!({}),
            "begin_turn" => begun(call, false, true),
            "add" => task(&message["title"]),
            "finish_turn" => said(message),
            "profile" | "set_profile" => {
                json!({"time_zone": "Europe/Berlin", "time_zone_set": true})
            }
            "release_turn" | "holds_turn" => json!({"held": true}),
            other => panic!("{other} was not expected"),
        }))
    })
}

async fn run(
    script: &Arc<Script>,
    lease: u64,
    request: &TurnRequest,
) -> Result<TurnReply, TurnError> {
    let lease = Duration::from_millis(lease);
    let life = Lifecycle::default();
    let assistant = Assistant::new(script.client(), Arc::new(WordByWord), lease, life);
    assistant.turn(request, &Show::default()).await
}

#[tokio::test]
async fn a_turn_begins_acts_and_ends() {
    let script = actors(|_| None);
    let mut asked = request("milk bread");
    asked.time_zone = Some("America/New_York".to_owned());
    let reply = run(&script, 60_000, &asked).await.unwrap();
    assert_eq!(
        reply.message.text,
        "2 done at 2026-04-01T06:00:00-04:00[America/New_York]"
    );
    assert_eq!(reply.message.provider.as_deref(), Some("words"));
    assert_eq!(reply.message.tool_calls.len(), 2);
    assert_eq!(
        reply.message.tool_calls[0].result["ok"]["task"]["title"],
        "milk"
    );
    let calls = script.calls();
    assert_eq!(
        script.methods(),
        ["begin_turn", "set_profile", "add", "add", "finish_turn"]
    );
    let turn = &reply.message.turn_id;
    assert_eq!(turn.len(), 32);
    assert_eq!(
        calls[0].actor,
        format!("Conversation/ann~{}", reply.conversation_id)
    );
    assert_eq!(calls[0].request["message"]["create"], true);
    assert_eq!(calls[1].request["key"], format!("{turn}/zone"));
    assert!(
        calls[2].request["key"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{turn}/"))
    );
    assert_ne!(calls[2].request["key"], calls[3].request["key"]);
    assert_eq!(calls[3].request["tool_call"]["arguments"]["title"], "bread");
    assert!(
        calls
            .iter()
            .all(|call| call.request["traceparent"] == asked.traceparent.as_str())
    );

    let again = Turn::of(&asked);
    assert_eq!(
        (&again.id, &again.conversation_id),
        (turn, &reply.conversation_id)
    );
    let other = TurnRequest {
        user_id: "bob".to_owned(),
        ..asked.clone()
    };
    assert_ne!(Turn::of(&other).id, *turn);
}

#[tokio::test]
async fn a_turn_that_is_done_answers_again() {
    let done = json!({"turn": "done", "reply": said(&json!({
        "turn_id": "t", "text": "As I said.", "tool_calls": [],
    }))});
    let script =
        actors(move |call| (call.method == "begin_turn").then(|| Ok(Outcome::Ok(done.clone()))));
    let reply = run(&script, 60_000, &request("milk")).await.unwrap();
    assert_eq!(reply.message.text, "As I said.");
    assert_eq!(script.methods(), ["begin_turn"]);
}

#[tokio::test]
async fn a_turn_taken_over_does_what_is_left() {
    let script = actors(|call| match call.method.as_str() {
        "begin_turn" => {
            let mut begun = begun(call, true, true);
            begun["said"]["text"] = "milk bread".into();
            Some(Ok(Outcome::Ok(begun)))
        }
        "receipts" => Some(Ok(Outcome::Ok(json!([{
            "call": {"tool": "add_task", "arguments": {"title": "milk"}},
            "reply": task(&json!("milk")),
        }])))),
        _ => None,
    });
    // What was said first counts, whatever the retry says.
    let reply = run(&script, 60_000, &request("eggs")).await.unwrap();
    assert_eq!(
        script.methods(),
        ["begin_turn", "receipts", "profile", "add", "finish_turn"]
    );
    let add = &script.calls()[3].request;
    assert_eq!(add["message"]["title"], "bread");
    assert_eq!(reply.message.tool_calls.len(), 2);
    assert_eq!(
        reply.message.tool_calls[0].result["ok"]["task"]["title"],
        "milk"
    );
}

#[tokio::test]
async fn a_refusal_is_a_result_and_a_failure_hands_the_turn_back() {
    let script = actors(|call| match call.request["message"]["title"].as_str() {
        Some("bad") => Some(Ok(Outcome::Refused(Refusal::invalid("No.")))),
        Some("broken") => Some(Ok(Outcome::Failed(Failure::retryable("down")))),
        _ => None,
    });
    let reply = run(&script, 60_000, &request("bad milk")).await.unwrap();
    let result = &reply.message.tool_calls[0].result;
    assert_eq!(
        *result,
        json!({"refused": {"code": "invalid", "message": "No."}})
    );

    let error = run(&script, 60_000, &request("broken")).await.unwrap_err();
    assert_eq!(error, TurnError::Failed(Failure::retryable("down")));
    handed_back(&script).await;

    let script = actors(|_| None);
    let error = run(&script, 60_000, &request("fail")).await.unwrap_err();
    assert!(matches!(
        error,
        TurnError::Failed(Failure {
            retryable: true,
            ..
        })
    ));
    handed_back(&script).await;
}

#[tokio::test(start_paused = true)]
async fn a_beginning_that_may_have_been_stored_is_handed_back_until_it_works() {
    let tries = Mutex::new(0);
    let script = actors(move |call| {
        if call.method == "release_turn" {
            let mut tries = tries.lock().unwrap();
            *tries += 1;
            return (*tries < 3).then(|| Ok(Outcome::Failed(Failure::retryable("down"))));
        }
        Some(Ok(Outcome::Failed(Failure::retryable("down"))))
    });
    run(&script, 60_000, &request("milk")).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(30)).await;
    handed_back(&script).await;
    let releases = script
        .methods()
        .iter()
        .filter(|method| *method == "release_turn")
        .count();
    assert_eq!(releases, 3);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_panics_is_handed_back_before_the_process_may_end() {
    struct Panics;
    impl Planner for Panics {
        fn name(&self) -> &'static str {
            "panics"
        }
        fn plan<'a>(&'a self, _: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>> {
            panic!("as asked")
        }
    }
    // The first releases come before the beginning they are about.
    let early = Mutex::new(2);
    let script = actors(move |call| {
        let mut early = early.lock().unwrap();
        let overtakes = call.method == "release_turn" && *early > 0;
        overtakes.then(|| {
            *early -= 1;
            Ok(Outcome::Ok(json!({"held": false})))
        })
    });
    let (lease, life) = (Duration::from_secs(60), Lifecycle::default());
    let assistant = Assistant::new(script.client(), Arc::new(Panics), lease, life.clone());
    let turn =
        tokio::spawn(async move { assistant.turn(&request("milk"), &Show::default()).await });
    assert!(turn.await.unwrap_err().is_panic());
    assert_eq!(life.busy_count(), 1);
    life.idle().await;
    handed_back(&script).await;
    let releases = script
        .methods()
        .iter()
        .filter(|m| *m == "release_turn")
        .count();
    assert_eq!(releases, 3);
}

#[test]
fn the_same_call_at_the_same_point_has_the_same_key_and_no_other_call_has_it() {
    let asked = request("milk milk");
    let turn = Turn::of(&asked);
    let call = |title: &str| ToolCall {
        tool: "add_task".to_owned(),
        arguments: json!({ "title": title }),
    };
    let key = |title: &str, made: &[&str]| {
        let made: Vec<ToolCall> = made.iter().map(|title| call(title)).collect();
        let made = made
            .iter()
            .map(|made| (made.tool.as_str(), &made.arguments));
        turn.step_key(&turn.call_id(&call(title), made))
    };
    let first = key("milk", &[]);
    assert_eq!(first, key("milk", &["eggs"]));
    let (second, other) = (key("milk", &["milk"]), key("eggs", &[]));
    assert!(first != second && first != other && second != other);
}

/// Waits until the newest attempt has let go of its turn.
async fn handed_back(script: &Script) {
    while script.methods().last().unwrap() != "release_turn" {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let calls = script.calls();
    let attempt = |method| {
        let call = calls.iter().rfind(|call| call.method == method).unwrap();
        call.request["message"]["attempt"].clone()
    };
    assert_eq!(attempt("release_turn"), attempt("begin_turn"));
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_same_turn_and_not_for_ever_for_another() {
    let looks = Mutex::new(0);
    let script = actors(move |call| {
        if call.method != "begin_turn" {
            return None;
        }
        let mut looks = looks.lock().unwrap();
        *looks += 1;
        let busy = json!({"turn": "busy", "age_ms": 10, "same_turn": true});
        Some(Ok(Outcome::Ok(if *looks < 5 {
            busy
        } else {
            begun(call, false, false)
        })))
    });
    run(&script, 60_000, &request("milk")).await.unwrap();
    let attempts: Vec<_> = script.calls()[..5]
        .iter()
        .map(|call| call.request["message"]["attempt"].clone())
        .collect();
    assert!(attempts.iter().all(|attempt| *attempt == attempts[0]));

    for (same_turn, seconds) in [(true, 70), (false, 15)] {
        let script = actors(move |_| {
            let busy = json!({"turn": "busy", "age_ms": 50_000, "same_turn": same_turn});
            Some(Ok(Outcome::Ok(busy)))
        });
        let started = Instant::now();
        let error = run(&script, 60_000, &request("milk")).await.unwrap_err();
        assert!(started.elapsed().abs_diff(Duration::from_secs(seconds)) < Duration::from_secs(1));
        match error {
            TurnError::Failed(failure) => assert!(same_turn && failure.retryable),
            TurnError::Busy { retry_after } => assert!(!same_turn && retry_after == 10),
            TurnError::Refused(refusal) => panic!("{refusal}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn past_its_lease_no_tool_is_called() {
    // The first attempt finds its lease over when the planner is done; the second is quicker.
    struct Slow(Mutex<u64>);
    impl Planner for Slow {
        fn name(&self) -> &'static str {
            "slow"
        }
        fn plan<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>> {
            Box::pin(async move {
                let seconds = std::mem::take(&mut *self.0.lock().unwrap());
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                WordByWord.plan(context).await
            })
        }
    }
    let script = actors(|_| None);
    let lease = Duration::from_secs(2);
    let (planner, life) = (Arc::new(Slow(Mutex::new(3))), Lifecycle::default());
    let assistant = Assistant::new(script.client(), planner, lease, life);
    assistant
        .turn(&request("milk"), &Show::default())
        .await
        .unwrap();
    let mut calls = script.calls();
    calls.retain(|call| call.method != "holds_turn");
    let methods: Vec<&str> = calls.iter().map(|call| call.method.as_str()).collect();
    assert_eq!(
        methods,
        [
            "begin_turn",
            "profile",
            "begin_turn",
            "profile",
            "add",
            "finish_turn"
        ],
    );
    let attempt = |n: usize| calls[n].request["message"]["attempt"].clone();
    assert_ne!(attempt(0), attempt(2));
}

#[tokio::test]
async fn a_superseded_attempt_follows_the_one_that_holds_the_turn() {
    let finished = Mutex::new(false);
    let script = actors(move |call| {
        let mut finished = finished.lock().unwrap();
        match call.method.as_str() {
            "finish_turn" => {
                *finished = true;
                Some(Ok(Outcome::Refused(Refusal::conflict(
                    "It is held by another attempt.",
                ))))
            }
            "begin_turn" if *finished => {
                let reply = json!({"turn_id": "t", "text": "Theirs.", "tool_calls": []});
                Some(Ok(Outcome::Ok(
                    json!({"turn": "done", "reply": said(&reply)}),
                )))
            }
            _ => None,
        }
    });
    let reply = run(&script, 60_000, &request("milk")).await.unwrap();
    assert_eq!(reply.message.text, "Theirs.");
}

#[test]
fn zones_are_those_of_the_database() {
    assert_eq!(zone_name("Europe/Berlin").unwrap(), "Europe/Berlin");
    assert_eq!(zone_name("europe/berlin").unwrap(), "Europe/Berlin");
    assert_eq!(zone_name("UTC").unwrap(), "UTC");
    for bad in [
        "",
        "Mars/Olympus",
        "../../etc/passwd",
        "EST5EDT4,M3",
        "Etc/Unknown",
        "+02:00",
    ] {
        assert!(zone_name(bad).is_err(), "{bad}");
    }
}

#[test]
fn long_results_stay_out_of_the_conversation() {
    let call = ToolCall {
        tool: "list_tasks".to_owned(),
        arguments: json!({}),
    };
    let outcome = |result: Value| ToolOutcome {
        call: call.clone(),
        result,
    };
    let many: Vec<Value> = (0..1000)
        .map(|n| json!({"task_id": n, "title": "x".repeat(40)}))
        .collect();
    let records = records(vec![
        outcome(json!({"ok": {"tasks": many, "total": 1000}})),
        outcome(json!({"ok": {"text": "x".repeat(30 << 10)}})),
    ]);
    let list = &records[0].result["ok"];
    let kept = list["tasks"].as_array().unwrap().len();
    assert!(
        (200..1000).contains(&kept) && list["total"] == 1000,
        "{kept}"
    );
    assert!(list.to_string().len() < MOST_RESULT_BYTES);
    assert_eq!(records[1].result["ok"]["omitted"], "too long to keep");

    let short = json!({"refused": {"code": "invalid", "message": "No."}});
    assert_eq!(
        super::records(vec![outcome(short.clone())])[0].result,
        short
    );
}
