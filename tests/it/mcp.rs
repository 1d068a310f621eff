//! The tools over MCP, with the protocol's own Python client.

use std::path::Path;

use serde_json::{Value, json};
use todo_stack::packages;
use tokio::process::Command;

use crate::world::{Person, run, shared};

#[test]
fn another_assistant_works_on_the_persons_list() {
    run(async {
        // Given Ann's token in the hands of an MCP client
        let stack = shared().await;
        let ann = Person::new(stack, 1, "mcp-ann");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp");
        let python = packages::python(&folder).unwrap();
        let url = format!("{}/api/mcp", stack.base_url(1));

        // When it lists the tools and uses some
        let output = Command::new(python)
            .arg(folder.join("client.py"))
            .args([&url, &stack.token("mcp-ann")])
            .output()
            .await
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();

        // Then it is told which tools may do harm, and what it did is on her list, and hers only
        let hints = |tool: &str| seen["tools"][tool].clone();
        assert_eq!(hints("list_tasks")["readOnlyHint"], true);
        assert_eq!(hints("delete_task")["destructiveHint"], true);
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
