//! What a turn did, in words that need no planner.

use serde_json::Value;

use super::{
    planner::ToolOutcome,
    tools::{self, Effect},
};

/// How a turn that stopped half way ends: why it stopped, what was done, and that it was no more.
#[must_use]
pub fn unfinished(why: &str, outcomes: &[ToolOutcome]) -> String {
    let done: Vec<String> = outcomes.iter().filter_map(done).collect();
    if done.is_empty() {
        return format!("{why} I changed nothing.");
    }
    format!(
        "{why} This much is done:\n{}\nThe rest is not; please ask for it again.",
        done.join("\n")
    )
}

/// A change that a result proves.
fn done(outcome: &ToolOutcome) -> Option<String> {
    let tool = outcome.call.tool.as_str();
    let ok = outcome.result.get("ok")?;
    let known = tools::ALL.iter().find(|known| known.name == tool)?;
    if known.effect == Effect::Reads {
        return None;
    }
    let title = ok.pointer("/task/title").and_then(Value::as_str);
    let title = title.map_or_else(|| "a task".to_owned(), |title| format!("“{title}”"));
    Some(match tool {
        "add_task" => format!("- Added {title}."),
        "complete_task" => format!("- Marked {title} as done."),
        "reopen_task" => format!("- Opened {title} again."),
        "delete_task" => format!("- Deleted {title}. Say “undo” to bring it back."),
        "reschedule_task" => format!("- Changed when {title} is due."),
        "update_task" => format!("- Changed {title}."),
        "undo" => "- Took back the last change.".to_owned(),
        "set_time_zone" => "- Set your time zone.".to_owned(),
        other => format!("- Ran {other}."),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::assistant::planner::ToolCall;

    fn outcome(tool: &str, result: Value) -> ToolOutcome {
        ToolOutcome {
            call: ToolCall {
                tool: tool.to_owned(),
                arguments: json!({}),
            },
            result,
        }
    }

    #[test]
    fn only_changes_that_a_result_proves_are_told() {
        let outcomes = [
            outcome("list_tasks", json!({"ok": {"tasks": []}})),
            outcome("add_task", json!({"refused": {"message": "No."}})),
        ];
        assert_eq!(unfinished("Why.", &outcomes), "Why. I changed nothing.");
        let outcomes = [outcome(
            "add_task",
            json!({"ok": {"task": {"title": "milk"}}}),
        )];
        let text = unfinished("Why.", &outcomes);
        assert!(text.contains("- Added “milk”.\nThe rest is not"), "{text}");
    }
}
