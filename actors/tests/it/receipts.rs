//! A command that is sent again under its key is answered as the first time, wherever its reply
//! is by then: beside a task, in an entry, or on a page in the store.

use proptest::prelude::*;
use serde_json::{Value, json};
use todo_actors::{
    message::{Message, Request, ToolCall},
    testkit::World,
    user::{
        AddTask, CompleteTask, DeleteTask, GetProfile, Receipts, SetProfile, TaskChange, Undo,
        UpdateTask,
    },
};

use crate::{block_on, read, titled, world};

#[derive(Debug, Clone)]
enum Step {
    Add(usize),
    Update(u64),
    Complete(u64),
    Delete(u64),
    Undo,
    Profile,
    Again(prop::sample::Index),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..300_usize).prop_map(Step::Add),
        3 => (1..40_u64).prop_map(Step::Update),
        3 => (1..40_u64).prop_map(Step::Complete),
        1 => (1..40_u64).prop_map(Step::Delete),
        2 => Just(Step::Undo),
        2 => Just(Step::Profile),
        4 => any::<prop::sample::Index>().prop_map(Step::Again),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..600)
}

/// What a command was answered, under which key.
struct Answered {
    n: usize,
    step: Step,
    answer: Value,
}

/// Four commands to a turn.
fn turn(n: usize) -> String {
    format!("turn-{}", n / 4)
}

fn call(n: usize) -> ToolCall {
    ToolCall {
        tool: "a_tool".to_owned(),
        arguments: json!({ "n": n }),
    }
}

async fn send<M: Message>(world: &World, n: usize, message: M) -> Value {
    let request = Request {
        tool_call: Some(call(n)),
        ..Request::command(format!("{}/{}", turn(n), n % 4), message)
    };
    match world.client.send("ann", request).await {
        Ok(reply) => json!(reply),
        Err(error) => json!(error.to_string()),
    }
}

async fn take(world: &World, n: usize, step: &Step) -> Value {
    let task_id = |n: &u64| format!("task-{n}");
    match step {
        Step::Add(long) => {
            let notes = Some("n".repeat(*long)).filter(|notes| !notes.is_empty());
            let task = AddTask {
                notes,
                ..titled("title")
            };
            send(world, n, task).await
        }
        Step::Update(task) => {
            let change = TaskChange {
                title: Some(format!("title {n}")),
                ..TaskChange::default()
            };
            let task_id = task_id(task);
            send(world, n, UpdateTask { task_id, change }).await
        }
        Step::Complete(task) => {
            let task_id = task_id(task);
            send(world, n, CompleteTask { task_id }).await
        }
        Step::Delete(task) => {
            let task_id = task_id(task);
            send(world, n, DeleteTask { task_id }).await
        }
        Step::Undo => send(world, n, Undo::default()).await,
        Step::Profile => {
            let profile = SetProfile {
                time_zone: ["UTC", "Europe/Berlin"][n % 2].to_owned(),
                only_if_unset: false,
            };
            send(world, n, profile).await
        }
        Step::Again(_) | Step::Restart => Value::Null,
    }
}

async fn answers_again(world: &World, answered: &Answered) {
    let writes = world.sidecar.writes();
    let again = take(world, answered.n, &answered.step).await;
    assert_eq!(again, answered.answer, "{:?}", answered.step);
    assert_eq!(world.sidecar.writes(), writes, "{:?}", answered.step);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_repeated_command_gets_the_reply_it_got(steps in steps()) {
        block_on(async {
            let mut world = world();
            let mut answers: Vec<Answered> = Vec::new();
            for (n, step) in steps.into_iter().enumerate() {
                match &step {
                    Step::Restart => world = world.restart(),
                    Step::Again(which) => {
                        let last = &answers[answers.len().saturating_sub(256)..];
                        if !last.is_empty() {
                            answers_again(&world, which.get(last)).await;
                        }
                    }
                    _ => {
                        let writes = world.sidecar.writes();
                        let answer = take(&world, n, &step).await;
                        // What changed nothing is decided anew.
                        if world.sidecar.writes() > writes {
                            answers.push(Answered { n, step, answer });
                        }
                    }
                }
            }
            let last = &answers[answers.len().saturating_sub(256)..];
            // Then all of the last 256 are answered as they were, here and after a restart
            for _ in 0..2 {
                for answered in last {
                    answers_again(&world, answered).await;
                }
                world = world.restart();
            }
            // And a turn is told all that it did
            for newest in last.iter().rev().step_by(40) {
                let turn_id = turn(newest.n);
                let of_turn = last.iter().filter(|answered| turn(answered.n) == turn_id);
                let of_turn: Vec<(ToolCall, Value)> = of_turn
                    .map(|answered| (call(answered.n), answered.answer.clone()))
                    .collect();
                let told = read(&world, "ann", Receipts { turn_id }).await.unwrap();
                let told: Vec<(ToolCall, Value)> =
                    told.into_iter().map(|made| (made.call, made.reply)).collect();
                assert!(told.ends_with(&of_turn), "{told:?} {of_turn:?}");
            }
        });
    }
}

#[tokio::test]
async fn a_new_command_reads_no_old_reply() {
    // Given an actor with as many receipts as are kept, loaded anew
    let world = world();
    for n in 0..300 {
        take(&world, n, &Step::Add(0)).await;
    }
    let world = world.restart();
    read(&world, "ann", GetProfile {}).await.unwrap();
    // When a new command comes
    let before = world.sidecar.reads();
    take(&world, 300, &Step::Add(0)).await;
    // Then nothing is read for it; an old one, sent again, reads the page that has its reply
    assert_eq!(world.sidecar.reads(), before);
    let again = take(&world, 100, &Step::Add(0)).await;
    assert_eq!(again["task_id"], "task-101");
    assert_eq!(world.sidecar.reads(), before + 1);
}
