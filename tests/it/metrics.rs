//! What Prometheus reads from each role.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use todo_stack::{Stack, evidence, promtool};

use crate::world::{Person, run, shared, until};

const PATIENCE: Duration = Duration::from_secs(60);

/// What an app shows.
pub async fn shown(stack: &Stack, app: &str) -> String {
    let url = stack.metrics_url(app).unwrap();
    let answer = reqwest::get(url).await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.text().await.unwrap()
}

/// The same as numbers, by name and labels.
async fn numbers(stack: &Stack, app: &str) -> BTreeMap<String, f64> {
    evidence::numbers(stack, app).await.unwrap()
}

#[test]
fn a_chat_turn_moves_the_numbers_of_backend_and_projector() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-counted");
        let backend = numbers(stack, "backend-1").await;
        let projector = numbers(stack, "projector").await;
        // When Ann says something
        ann.say("add a counted task", None, None).await.ok();
        // Then every part of the way has counted it
        until("the backend's numbers", PATIENCE, || async {
            let now = numbers(stack, "backend-1").await;
            let moved = |of: &str| now.get(of) > Some(backend.get(of).unwrap_or(&0.0));
            [
                r#"todo_http_requests_total{method="POST",route="/api/{user_id}/chat",status="2xx"}"#,
                r#"todo_chat_turns_total{outcome="ok"}"#,
                "todo_chat_turn_duration_seconds_count",
                r#"todo_planner_steps_total{planner="offline",outcome="call"}"#,
                r#"todo_planner_steps_total{planner="offline",outcome="say"}"#,
                r#"todo_actor_turns_total{actor="User",method="add",outcome="ok"}"#,
                r#"todo_actor_turns_total{actor="Conversation",method="begin_turn",outcome="ok"}"#,
                r#"todo_actor_turn_duration_seconds_count{actor="User",method="add"}"#,
                r#"todo_actor_activation_duration_seconds_count{actor="User"}"#,
                r#"todo_actor_journal_entries_count{actor="Conversation"}"#,
                r#"todo_publisher_batches_total{topic="task-events",outcome="ok"}"#,
                "todo_publisher_lag_seconds_count",
                r#"todo_consumer_events_total{consumer="live",topic="task-updates",verdict="success"}"#,
            ]
            .into_iter()
            .all(moved)
            .then_some(())
        })
        .await;
        until("the projector's numbers", PATIENCE, || async {
            let now = numbers(stack, "projector").await;
            let moved = |of: &str| now.get(of) > Some(projector.get(of).unwrap_or(&0.0));
            ["task-events", "conversation-events"]
                .iter()
                .all(|topic| {
                    let of = format!(r#"{{consumer="projector",topic="{topic}""#);
                    moved(&format!("todo_consumer_lag_seconds_count{of}}}"))
                        && moved(&format!(
                            "todo_consumer_events_total{of},verdict=\"success\"}}"
                        ))
                })
                .then_some(())
        })
        .await;
        let now = numbers(stack, "backend-1").await;
        assert_eq!(now["todo_sidecar_up"], 1.0);
        assert!(now[r#"todo_actors_active{actor="User"}"#] >= 1.0);

        // And Prometheus' own checker has no complaint about either
        for app in ["backend-1", "projector", "auditor"] {
            let text = shown(stack, app).await;
            // Nobody is named by a label.
            assert!(!text.contains("ann-counted"), "{text}");
            let mut check = Command::new(promtool().unwrap())
                .args(["check", "metrics"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = check.stdin.take().unwrap();
            input.write_all(text.as_bytes()).unwrap();
            drop(input);
            let output = check.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{app}: {said}");
        }
    });
}
