use serde_json::json;
use todo_actors::{
    conversation::{self, Role},
    event::{Announce, Envelope, outgoing},
    message::ActorRef,
    user::{self, Priority, Status},
};

use super::*;

fn created() -> Value {
    json!({
        "specversion": "1.0", "id": "User/alice/3/1", "source": "backend",
        "type": "com.todo.task.created", "subject": "task-1",
        "time": "2026-03-01T10:00:00.123456Z", "datacontenttype": "application/json",
        "actor": "User/alice", "sequence": "3", "part": 1, "parts": 2,
        "wake": "2026-03-02T09:00:00Z", "traceparent": "00-a-b-01",
        "data": {
            "user_id": "alice", "task_id": "task-1", "title": "buy milk", "status": "open",
            "due_at": "2026-03-02T09:00:00Z", "created_at": "2026-03-01T10:00:00.123456Z",
            "updated_at": "2026-03-01T10:00:00.123456Z",
        },
    })
}

fn read(event: Value) -> Result<Change, Malformed> {
    Change::read(&serde_json::from_value(event).unwrap())
}

#[test]
fn an_event_says_whose_it_is_and_what_it_does() {
    let change = read(created()).unwrap();
    assert_eq!(change.owner.to_string(), "User/alice");
    assert_eq!(
        change.place,
        Place {
            seq: 3,
            part: 1,
            parts: 2
        }
    );
    assert_eq!(change.at.to_string(), "2026-03-01T10:00:00.123456Z");
    assert_eq!(change.wake.unwrap().to_string(), "2026-03-02T09:00:00Z");
    let Effect::Task(task) = change.effect else {
        panic!("{:?}", change.effect)
    };
    assert_eq!(task.title, "buy milk");
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let cases = [
        ("actor", json!("User/a|b"), "actor"),
        ("actor", json!("Reconciler/main"), "actor"),
        ("actor", json!("Conversation/alice"), "actor"),
        ("actor", Value::Null, "actor"),
        ("sequence", json!("0"), "sequence"),
        ("sequence", json!("x"), "sequence"),
        ("sequence", json!(3), "extension"),
        ("part", json!(2), "part"),
        ("part", json!(-1), "part"),
        ("parts", Value::Null, "part"),
        ("time", Value::Null, "time"),
        ("wake", json!("soon"), "wake"),
        ("type", json!("com.todo.task.eaten"), "type"),
        ("type", json!("com.todo.message.added"), "type"),
        ("data", json!({"task_id": 1}), "data"),
        ("data", Value::Null, "data"),
    ];
    for (field, value, reason) in cases {
        let mut event = created();
        event[field] = value.clone();
        assert_eq!(
            read(event).unwrap_err(),
            Malformed(reason),
            "{field} {value}"
        );
    }
}

#[test]
fn conversations_belong_to_their_user() {
    let mut event = created();
    event["actor"] = json!("Conversation/alice~c1");
    event["type"] = json!("com.todo.conversation.started");
    event["wake"] = Value::Null;
    event["data"] = json!({
        "conversation_id": "c1", "user_id": "alice", "title": "t",
        "created_at": "2026-03-01T10:00:00Z",
    });
    let change = read(event).unwrap();
    assert_eq!(
        change.owner,
        Owner::Conversation {
            user_id: "alice".to_owned(),
            id: "c1".to_owned()
        }
    );
    assert_eq!(change.wake, None);
    assert!(matches!(change.effect, Effect::Started { .. }));
}

const AT: &str = "2026-03-01T10:00:00.123456Z";

fn task() -> Task {
    Task {
        id: "task-1".to_owned(),
        title: "buy milk".to_owned(),
        notes: None,
        status: Status::Open,
        priority: Priority::Normal,
        tags: vec!["home".to_owned()],
        due_at: Some(AT.parse().unwrap()),
        due_date: None,
        reminder_offset_minutes: Some(5),
        reminded_for: None,
        recurrence: Some(
            serde_json::from_value(json!({
                "rule": "FREQ=DAILY;UNTIL=20270503", "start": "2026-02-28T11:00:00.123456",
                "zone": "Europe/Berlin", "occurrence": "2026-03-01T11:00:00.123456",
            }))
            .unwrap(),
        ),
        follows: Some("task-7".to_owned()),
        followed_by: Some("task-8".to_owned()),
        created_at: AT.parse().unwrap(),
        updated_at: AT.parse().unwrap(),
        completed_at: None,
    }
}

/// What the projector makes of the only home event that announces `event`.
fn projected<E: Announce>(actor: &ActorRef, event: E) -> Effect {
    let mut effects = all_projected(actor, event);
    assert_eq!(effects.len(), 1, "this event is one on its home topic");
    effects.remove(0)
}

/// What the projector makes of the home events that announce `event`.
fn all_projected<E: Announce>(actor: &ActorRef, event: E) -> Vec<Effect> {
    let envelope = Envelope {
        actor,
        seq: 1,
        at: AT.parse().unwrap(),
        traceparent: "00-a-b-01",
        wake: None,
    };
    let sent = outgoing(envelope, &[event]);
    sent.iter()
        .filter(|sent| sent.topic == E::HOME)
        .map(|sent| Change::read(&serde_json::from_slice(&sent.body).unwrap()))
        .map(|change| change.unwrap().effect)
        .collect()
}

/// An event added to the user fails to compile here until it is listed, and fails the test
/// until the projector knows it.
#[test]
fn every_event_of_a_user_is_known() {
    use user::event::Event;
    let (task, profile, undo) = (task(), Profile::default(), false);
    let events = [
        Event::TaskCreated { task: task.clone() },
        Event::TaskUpdated {
            task: task.clone(),
            undo,
        },
        Event::TaskCompleted {
            task: task.clone(),
            undo,
        },
        Event::TaskReopened {
            task: task.clone(),
            undo,
        },
        Event::TaskDeleted {
            task: task.clone(),
            undo,
        },
        Event::TaskRestored { task: task.clone() },
        Event::TaskReminded { task: task.clone() },
        Event::TaskWithdrawn { task: task.clone() },
        Event::TaskRolled {
            task: task.clone(),
            next: Box::new(Task {
                id: "task-8".to_owned(),
                ..task.clone()
            }),
        },
        Event::ProfileChanged {
            profile: profile.clone(),
        },
        Event::Erased {
            at: AT.parse().unwrap(),
            asked_at: AT.parse().unwrap(),
            until: AT.parse().unwrap(),
        },
    ];
    for event in events {
        let is = |task: &Task| Effect::Task(Box::new(task.clone()));
        let expected = match &event {
            Event::TaskCreated { task }
            | Event::TaskUpdated { task, .. }
            | Event::TaskCompleted { task, .. }
            | Event::TaskReopened { task, .. }
            | Event::TaskRestored { task }
            | Event::TaskReminded { task } => vec![is(task)],
            Event::TaskRolled { task, next } => vec![is(task), is(next)],
            Event::TaskDeleted { task, .. } | Event::TaskWithdrawn { task } => {
                vec![Effect::TaskDeleted {
                    task_id: task.id.clone(),
                }]
            }
            Event::ProfileChanged { profile } => vec![Effect::Profile(profile.clone())],
            Event::Erased { .. } => vec![Effect::Erased],
        };
        assert_eq!(
            all_projected(&ActorRef::new(user::TYPE, "alice"), event),
            expected
        );
    }
}

/// The same for a conversation.
#[test]
fn every_event_of_a_conversation_is_known() {
    use conversation::event::Event;
    let (title, at, turn_id) = ("t".to_owned(), AT.parse().unwrap(), "t1".to_owned());
    let message = ChatMessage {
        index: 0,
        turn_id: turn_id.clone(),
        role: Role::User,
        text: "hello".to_owned(),
        tool_calls: Vec::new(),
        provider: None,
        interrupted: true,
        stopped: true,
        created_at: at,
    };
    let events = [
        Event::Started {
            title: title.clone(),
            created_at: at,
        },
        Event::MessageAdded {
            message,
            attempt: Some("a".to_owned()),
            pending: None,
        },
        Event::TurnResumed {
            turn_id: turn_id.clone(),
            attempt: "b".to_owned(),
            at,
        },
        Event::TurnReleased { turn_id },
        Event::Renamed {
            title,
            updated_at: at,
        },
        Event::Deleted { deleted_at: at },
        Event::Erased { at },
    ];
    for event in events {
        let expected = match &event {
            Event::Started { title, created_at } => Effect::Started {
                title: title.clone(),
                created_at: *created_at,
            },
            Event::MessageAdded { message, .. } => Effect::Message(Box::new(message.clone())),
            Event::TurnResumed { .. } | Event::TurnReleased { .. } => Effect::Nothing,
            Event::Renamed { title, updated_at } => Effect::Renamed {
                title: title.clone(),
                updated_at: *updated_at,
            },
            Event::Deleted { .. } => Effect::Deleted,
            Event::Erased { .. } => Effect::Erased,
        };
        let actor = ActorRef::new(conversation::TYPE, conversation::actor_id("alice", "c1"));
        assert_eq!(projected(&actor, event), expected);
    }
}
