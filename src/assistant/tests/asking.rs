//! Deleting several tasks: held, confirmed, dropped.

use super::*;

/// Deletes every task the message names, all in one step or one by one, and says how many.
struct Deletes {
    at_once: bool,
}

impl Planner for Deletes {
    fn name(&self) -> &'static str {
        "deletes"
    }

    fn plan<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>> {
        let made = context.outcomes.len();
        let named = context.message.split(' ').filter(|id| id.contains("task-"));
        let mut calls: Vec<ToolCall> = named.skip(made).map(confirm::deletion).collect();
        if !self.at_once {
            calls.truncate(1);
        }
        Box::pin(ready(Ok(if calls.is_empty() {
            Step::Say(format!("{made} deleted"))
        } else {
            Step::Call(calls)
        })))
    }
}

/// Actors with tasks 1 to 9, of which every deletion succeeds.
fn tasks(pending: Value, resumed: bool) -> Arc<Script> {
    actors(move |call| {
        let id = call.request["message"]["task_id"].as_str().unwrap_or("");
        let known = id.len() == "task-1".len();
        match call.method.as_str() {
            "begin_turn" => {
                let mut begun = begun(call, resumed, false);
                begun["pending"] = pending.clone();
                Some(Ok(Outcome::Ok(begun)))
            }
            "receipts" => {
                let call = json!({"tool": "delete_task", "arguments": {"task_id": "task-1"}});
                let reply = task(&json!("title of task-1"));
                Some(Ok(Outcome::Ok(json!([{"call": call, "reply": reply}]))))
            }
            "get" | "delete" if known => {
                Some(Ok(Outcome::Ok(task(&json!(format!("title of {id}"))))))
            }
            "get" | "delete" => Some(Ok(Outcome::Refused(Refusal::not_found("No such task.")))),
            _ => None,
        }
    })
}

async fn say(script: &Arc<Script>, at_once: bool, message: &str) -> TurnReply {
    let (lease, life) = (Duration::from_secs(60), Lifecycle::default());
    let planner = Arc::new(Deletes { at_once });
    let assistant = Assistant::new(script.client(), planner, lease, life);
    let asked = request(message);
    assistant.turn(&asked, &Show::default()).await.unwrap()
}

fn deleted(script: &Script) -> Vec<Value> {
    let calls = script.calls().into_iter();
    let calls = calls.filter(|call| call.method == "delete");
    calls
        .map(|call| call.request["message"]["task_id"].clone())
        .collect()
}

fn pending(script: &Script) -> Value {
    script.calls().last().unwrap().request["message"]["pending"].clone()
}

#[tokio::test]
async fn several_deletions_of_a_step_are_held_and_named() {
    let script = tasks(Value::Null, false);
    let reply = say(&script, true, "task-1 task-2 task-99").await;
    assert_eq!(deleted(&script), Vec::<Value>::new());
    assert_eq!(pending(&script), json!({"task_ids": ["task-1", "task-2"]}));
    let text = &reply.message.text;
    assert!(text.contains("“title of task-1”"), "{text}");
    assert!(text.ends_with("type exactly: delete 2 tasks"), "{text}");
}

#[tokio::test]
async fn the_second_deletion_of_a_turn_is_held_however_it_comes() {
    let script = tasks(Value::Null, false);
    let reply = say(&script, false, "task-1 task-2 task-3").await;
    assert_eq!(deleted(&script), ["task-1"]);
    assert_eq!(pending(&script), json!({"task_ids": ["task-2"]}));
    let text = &reply.message.text;
    assert!(text.starts_with("Deleted “title of task-1”."), "{text}");
    assert!(text.ends_with("delete 1 task"), "{text}");
    // Nor does a takeover get around it
    let script = tasks(Value::Null, true);
    say(&script, false, "task-1 task-2").await;
    assert_eq!(deleted(&script), Vec::<Value>::new());
    assert_eq!(pending(&script), json!({"task_ids": ["task-2"]}));
}

#[tokio::test]
async fn the_phrase_deletes_what_is_still_there_without_a_planner() {
    let held = json!({"task_ids": ["task-1", "task-99", "task-3"]});
    for resumed in [false, true] {
        let script = tasks(held.clone(), resumed);
        let reply = say(&script, true, "Delete  3 tasks").await;
        // Whoever takes over repeats nothing
        let expected: &[&str] = if resumed {
            &["task-99", "task-3"]
        } else {
            &["task-1", "task-99", "task-3"]
        };
        assert_eq!(deleted(&script), expected);
        let text = &reply.message.text;
        assert!(
            text.starts_with("Deleted 2 tasks: “title of task-1”"),
            "{text}"
        );
        assert!(
            text.ends_with("1 task was gone already: task-99."),
            "{text}"
        );
        assert_eq!(reply.message.provider.as_deref(), Some("server"));
        assert_eq!(pending(&script), Value::Null);
    }
}

#[tokio::test]
async fn anything_else_drops_it() {
    let held = json!({"task_ids": ["task-1", "task-2"]});
    for message in ["yes", "delete 3 tasks", "delete 2 tasks now"] {
        let script = tasks(held.clone(), false);
        let reply = say(&script, true, message).await;
        assert_eq!(reply.message.text, "0 deleted", "{message}");
        assert_eq!(deleted(&script), Vec::<Value>::new());
        assert_eq!(pending(&script), Value::Null);
    }
}
