//! The tools over MCP, with the protocol's own Python client.

use std::path::Path;

use serde_json::{Value, json};
use todo_stack::{Stack, packages};
use tokio::process::Command;

use crate::world::{Person, run, shared};

/// What the protocol's own client sees with the person's token, or what its calls come to.
async fn client(stack: &Stack, user: &str, calls: Option<&Value>) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp");
    let output = Command::new(packages::python(&folder).unwrap())
        .arg(folder.join("client.py"))
        .args([format!("{}/api/mcp", stack.base_url(1)), stack.token(user)])
        .args(calls.map(Value::to_string))
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn another_assistant_works_on_the_persons_list() {
    run(async {
        // Given Ann's token in the hands of an MCP client
        let stack = shared().await;
        let ann = Person::new(stack, 1, "mcp-ann");

        // When it lists the tools and uses some
        let seen = client(stack, "mcp-ann", None).await;

        // Then it is told which tools may do harm, and what it did is on her list, and hers only
        let hints = |tool: &str| seen["tools"][tool].clone();
        assert_eq!(hints("list_tasks")["readOnlyHint"], true);
        assert_eq!(hints("delete_task")["destructiveHint"], true);
        let deleting = seen["deleting"].as_str().unwrap();
        assert!(deleting.contains("Ask the person before each call"));
        assert_eq!(hints("add_task")["destructiveHint"], false);
        assert_eq!(hints("add_task")["idempotentHint"], false);
        assert_eq!(hints("complete_task")["idempotentHint"], true);
        assert_eq!(seen["added"]["content"]["task"]["title"], "buy milk");
        assert_eq!(seen["completed"]["content"]["task"]["status"], "done");
        assert_eq!(seen["undone"]["error"], false);
        assert_eq!(seen["listed"]["content"]["total"], 1);
        assert_eq!(
            seen["missing"],
            json!({"error": true, "content": {
                "code": "not_found", "message": "There is no task-999.",
            }})
        );
        let tasks = ann.tasks().await;
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0]["status"], "open");
        assert!(Person::new(stack, 1, "mcp-bob").tasks().await.is_empty());
    });
}

#[test]
fn every_tool_that_changes_a_task_or_the_zone_does_so() {
    run(async {
        // Given Ann with a task
        let stack = shared().await;
        let ann = Person::new(stack, 1, "mcp-changes");
        let task = ann.add("buy milk", None).await.ok();
        let with = |mut arguments: Value| {
            arguments["task_id"] = task["task_id"].clone();
            arguments
        };
        // When each tool is called, one after the other
        let words = json!({
            "title": "buy oat milk", "notes": "two", "priority": "high", "tags": ["shop"],
        });
        let calls = json!([
            ["update_task", with(words)],
            ["reschedule_task", with(json!({ "due_date": "2030-05-01" }))],
            ["set_recurrence", with(json!({ "rule": "FREQ=DAILY" }))],
            ["reschedule_task", with(json!({ "due_date": "2030-05-02" }))],
            ["set_recurrence", with(json!({ "rule": null }))],
            ["complete_task", with(json!({}))],
            ["reopen_task", with(json!({}))],
            ["set_time_zone", { "time_zone": "America/New_York" }],
            ["set_time_zone", { "time_zone": "Mars/Olympus" }],
        ]);
        let made = client(stack, "mcp-changes", Some(&calls)).await;
        // Then each has answered what came of it
        let errors: Vec<bool> = made
            .as_array()
            .unwrap()
            .iter()
            .map(|made| made["error"] == true)
            .collect();
        assert_eq!(
            errors,
            [false, false, false, false, false, false, false, false, true],
            "{made}"
        );
        let task = |n: usize| made[n]["content"]["task"].clone();
        assert_eq!(task(0)["title"], "buy oat milk");
        assert_eq!(task(1)["due_date"], "2030-05-01");
        assert_eq!(task(2)["recurrence"]["rule"], "FREQ=DAILY");
        assert_eq!(task(3)["due_date"], "2030-05-02");
        assert_eq!(
            task(3)["recurrence"]["rule"],
            "FREQ=DAILY",
            "only the occurrence moves"
        );
        assert!(task(4)["recurrence"].is_null());
        assert_eq!(task(5)["status"], "done");
        // And so it stands
        let tasks = ann.tasks().await;
        assert_eq!(tasks.len(), 1);
        let task = &tasks[0];
        assert_eq!(
            (&task["title"], &task["status"]),
            (&json!("buy oat milk"), &json!("open"))
        );
        assert_eq!(
            (&task["priority"], &task["tags"]),
            (&json!("high"), &json!(["shop"]))
        );
        assert_eq!(
            (&task["due_date"], &task["notes"]),
            (&json!("2030-05-02"), &json!("two"))
        );
        assert_eq!(
            ann.get("/profile").await.ok()["time_zone"],
            "America/New_York"
        );
    });
}

#[test]
fn nobody_gets_in_without_a_token_or_under_a_strange_host() {
    run(async {
        let stack = shared().await;
        let url = format!("{}/api/mcp", stack.base_url(1));
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let ask = || {
            reqwest::Client::new()
                .post(&url)
                .header("Accept", "application/json, text/event-stream")
                .json(&list)
        };
        let answer = ask().send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(kind, "application/problem+json");
        let asked = ask().bearer_auth(stack.token("mcp-eve"));
        let strange = asked.header("Host", "evil.example.com");
        assert_eq!(strange.send().await.unwrap().status(), 403);
    });
}
