//! Turns that are joined while they run, and turns that are stopped.

use super::*;
use crate::assistant::progress::{Next, Progress};

/// Speaks, adds milk, and then thinks until it is dropped or `thought` says that it is done.
struct Thinks {
    thought: tokio::sync::Notify,
}

impl Planner for Thinks {
    fn name(&self) -> &'static str {
        "thinks"
    }

    fn plan<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>> {
        Box::pin(async move {
            if context.outcomes.is_empty() {
                return WordByWord.plan(context).await;
            }
            (context.speak)("Well, ");
            self.thought.notified().await;
            Ok(Step::Say("Well, done.".to_owned()))
        })
    }
}

fn thinking(script: &Arc<Script>) -> (Arc<Assistant>, Arc<Thinks>, Lifecycle) {
    let planner = Arc::new(Thinks {
        thought: tokio::sync::Notify::new(),
    });
    let (lease, life) = (Duration::from_secs(60), Lifecycle::default());
    let assistant = Assistant::new(script.client(), planner.clone(), lease, life.clone());
    (Arc::new(assistant), planner, life)
}

/// Follows a turn until it has begun to speak: a tool started, a tool finished, a word.
async fn until_it_speaks(started: &mut Started) -> Vec<Progress> {
    let mut seen = Vec::new();
    while seen.len() < 3 {
        match started.follower.next().await {
            Next::Progress(part) => seen.push(part),
            Next::End(end) => panic!("{end:?}"),
        }
    }
    seen
}

fn stop_of(started: &Started) -> StopRequest {
    StopRequest {
        user_id: "ann".to_owned(),
        conversation_id: started.conversation_id.clone(),
        turn_id: started.turn_id.clone(),
        traceparent: request("").traceparent,
    }
}

/// To stop a turn that does not run here.
fn stop_elsewhere() -> StopRequest {
    StopRequest {
        user_id: "ann".to_owned(),
        conversation_id: "c".to_owned(),
        turn_id: "t".to_owned(),
        traceparent: request("").traceparent,
    }
}

/// Actors that store what they are told when a turn is stopped.
fn stoppable() -> Arc<Script> {
    actors(|call| {
        let mut stopped = said(&call.request["message"]);
        stopped["stopped"] = true.into();
        (call.method == "stop_turn").then_some(Ok(Outcome::Ok(stopped)))
    })
}

#[tokio::test(start_paused = true)]
async fn the_same_key_joins_the_turn_that_runs_and_nobody_has_to_watch_it() {
    let script = stoppable();
    let (assistant, planner, life) = thinking(&script);
    // Given a turn under way that its first caller does not follow any longer
    let mut first = assistant.start(request("milk"));
    let seen = until_it_speaks(&mut first).await;
    drop(first);
    // When the same is asked again
    let mut second = assistant.start(request("milk"));
    // Then they see what was shown so far, and then the rest; and there was one turn
    assert_eq!(until_it_speaks(&mut second).await, seen);
    assert_eq!(life.busy_count(), 1);
    planner.thought.notify_one();
    let rest = second.follower.next().await;
    assert_eq!(rest, Next::Progress(Progress::Text("done.".to_owned())));
    let reply = second.follower.end().await.unwrap();
    assert_eq!(reply.message.text, "Well, done.");
    let methods = script.methods();
    let count = |name: &str| methods.iter().filter(|method| *method == name).count();
    assert_eq!(
        (count("begin_turn"), count("add"), count("finish_turn")),
        (1, 1, 1)
    );
    life.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_stopped_here_thinks_no_further_and_says_what_was_done() {
    let script = stoppable();
    let (assistant, _, life) = thinking(&script);
    let mut started = assistant.start(request("milk"));
    until_it_speaks(&mut started).await;
    let begun = Instant::now();
    let reply = assistant.stop(&stop_of(&started)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(100));
    assert!(reply.message.stopped);
    assert!(reply.message.text.contains("Added “milk”."));
    assert_eq!(reply.message.tool_calls.len(), 1);
    // The stream says the same, in place of the words that were begun
    let next = started.follower.next().await;
    assert_eq!(
        next,
        Next::Progress(Progress::Reply(reply.message.text.clone()))
    );
    assert_eq!(started.follower.end().await, Ok(reply));
    assert_eq!(script.methods().last().unwrap(), "stop_turn");
    life.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_runs_elsewhere_is_stopped_with_what_its_receipts_say() {
    // Given a turn whose tool reaches the list just before the turn is taken from it
    let done = Mutex::new(json!([]));
    let script = actors(move |call| match call.method.as_str() {
        "take_over" => {
            *done.lock().unwrap() = json!([{
                "call": {"tool": "add_task", "arguments": {"title": "milk"}},
                "reply": task(&json!("milk")),
            }]);
            Some(Ok(Outcome::Ok(json!({"held": true}))))
        }
        "receipts" => Some(Ok(Outcome::Ok(done.lock().unwrap().clone()))),
        "stop_turn" => Some(Ok(Outcome::Ok(said(&call.request["message"])))),
        _ => None,
    });
    let (assistant, _, _) = thinking(&script);
    let reply = assistant.stop(&stop_elsewhere()).await.unwrap();
    assert!(reply.message.text.contains("Added “milk”."));
    assert_eq!(script.methods(), ["take_over", "receipts", "stop_turn"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_breaks_hands_the_turn_back() {
    // Given a list that does not answer once the turn was taken from whoever ran it
    let script = actors(|call| match call.method.as_str() {
        "take_over" | "release_turn" => Some(Ok(Outcome::Ok(json!({"held": true})))),
        "receipts" => Some(Ok(Outcome::Failed(Failure::terminal("broken")))),
        _ => None,
    });
    let (assistant, _, life) = thinking(&script);
    // When the stop fails, then nobody waits for its hold to run out
    assistant.stop(&stop_elsewhere()).await.unwrap_err();
    life.idle().await;
    assert_eq!(script.methods(), ["take_over", "receipts", "release_turn"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_stopped_elsewhere_is_noticed_while_it_thinks() {
    let gone = Mutex::new(false);
    let script = actors(move |call| {
        let mut gone = gone.lock().unwrap();
        match call.method.as_str() {
            "holds_turn" => {
                *gone = true;
                Some(Ok(Outcome::Ok(json!({"held": false}))))
            }
            "begin_turn" if *gone => {
                let mut reply =
                    said(&json!({"turn_id": "t", "text": "Stopped.", "tool_calls": []}));
                reply["stopped"] = true.into();
                Some(Ok(Outcome::Ok(json!({"turn": "done", "reply": reply}))))
            }
            _ => None,
        }
    });
    let (assistant, _, _) = thinking(&script);
    let begun = Instant::now();
    let reply = assistant.start(request("milk")).follower.end().await;
    assert!(reply.unwrap().message.stopped);
    assert!(begun.elapsed() <= Duration::from_millis(1100));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_waits_for_another_can_be_stopped_before_it_begins() {
    let script = actors(|_| {
        let busy = json!({"turn": "busy", "age_ms": 10, "same_turn": false});
        Some(Ok(Outcome::Ok(busy)))
    });
    let (assistant, _, _) = thinking(&script);
    let started = assistant.start(request("milk"));
    let error = assistant.stop(&stop_of(&started)).await.unwrap_err();
    assert!(matches!(error, TurnError::Refused(_)), "{error}");
}
