//! What a turn did, in words, made from the outcomes alone.

use serde_json::Value;

use super::{
    cohere::joined,
    planner::ToolOutcome,
    tools::{self, Effect},
    words::quote,
};

/// Ends the reply of a model whose calls were refused, when nothing else was changed.
pub const NOTHING: &str = "(Nothing was changed.)";
/// At most this many sentences about what was done.
const MOST_SENTENCES: usize = 10;

/// A sentence for each change that the outcomes prove.
#[must_use]
pub fn changes(outcomes: &[ToolOutcome]) -> Vec<String> {
    let mut sentences: Vec<String> = outcomes.iter().filter_map(change).collect();
    if sentences.len() > MOST_SENTENCES {
        let more = sentences.len() - MOST_SENTENCES;
        sentences.truncate(MOST_SENTENCES);
        sentences.push(format!("… and {more} more."));
    }
    sentences
}

/// The reply of a turn that the person stopped.
#[must_use]
pub fn stopped(outcomes: &[ToolOutcome]) -> String {
    let changes = changes(outcomes);
    if changes.is_empty() {
        return "Stopped. Nothing was changed.".to_owned();
    }
    format!("Stopped. This was done before:\n- {}", changes.join("\n- "))
}

/// The same for a turn that ran on another replica: a change may have been on its way when the
/// receipts were read.
#[must_use]
pub fn stopped_elsewhere(outcomes: &[ToolOutcome]) -> String {
    let changes = changes(outcomes);
    if changes.is_empty() {
        return "Stopped. I found no change. One that was just under way may still come."
            .to_owned();
    }
    format!(
        "Stopped. This was done before:\n- {}\nA change that was just under way may still come.",
        changes.join("\n- ")
    )
}

/// What a model said, with a word of ours if it asked for something that was refused (to a call
/// of `outcomes`, or `held` back before it was made) and changed nothing: it may believe that it
/// did.
#[must_use]
pub fn checked(said: &str, outcomes: &[ToolOutcome], held: bool) -> String {
    let refused = held || outcomes.iter().any(|made| made.result.get("ok").is_none());
    if refused && changes(outcomes).is_empty() {
        return joined(said, NOTHING);
    }
    said.to_owned()
}

/// The reply of a turn that stopped half way: why, what was done, and that it was no more.
#[must_use]
pub fn unfinished(why: &str, outcomes: &[ToolOutcome]) -> String {
    let changes = changes(outcomes);
    if changes.is_empty() {
        return format!("{why} I changed nothing.");
    }
    format!(
        "{why} This much is done:\n- {}\nThe rest is not; please ask for it again.",
        changes.join("\n- ")
    )
}

fn change(ToolOutcome { call, result }: &ToolOutcome) -> Option<String> {
    let ok = result.get("ok")?;
    if tools::effect(&call.tool).is_none_or(|effect| effect == Effect::Reads) {
        return None;
    }
    let title = ok
        .pointer("/task/title")
        .and_then(Value::as_str)
        .map_or_else(|| "a task".to_owned(), quote);
    Some(match call.tool.as_str() {
        "add_task" => format!("Added {title}."),
        "complete_task" => format!("Marked {title} as done."),
        "reopen_task" => format!("Opened {title} again."),
        "delete_task" => format!("Deleted {title}."),
        "reschedule_task" => format!("Rescheduled {title}."),
        "undo" => format!("Took back the last change of {title}."),
        "set_time_zone" => "Changed your time zone.".to_owned(),
        _ => format!("Changed {title}."),
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
    fn only_what_an_outcome_proves_is_told() {
        let milk = json!({"ok": {"task": {"title": "milk"}}});
        let told = stopped(&[
            outcome("add_task", milk.clone()),
            outcome("list_tasks", json!({"ok": {"tasks": [], "total": 0}})),
            outcome("delete_task", json!({"refused": {"message": "No."}})),
        ]);
        assert_eq!(told, "Stopped. This was done before:\n- Added “milk”.");
        assert_eq!(stopped(&[]), "Stopped. Nothing was changed.");
        assert!(stopped_elsewhere(&[]).contains("may still come"));
        let elsewhere = stopped_elsewhere(&[outcome("add_task", milk.clone())]);
        assert!(
            elsewhere.contains("- Added “milk”.\nA change that"),
            "{elsewhere}"
        );
        let told = unfinished("Why.", &[outcome("add_task", milk.clone())]);
        assert!(told.contains("- Added “milk”.\nThe rest is not"), "{told}");
        assert_eq!(unfinished("Why.", &[]), "Why. I changed nothing.");
        let many = vec![outcome("add_task", milk); 12];
        assert_eq!(changes(&many).last().unwrap(), "… and 2 more.");
    }

    #[test]
    fn a_model_whose_calls_were_refused_cannot_claim_a_change() {
        let milk = outcome("add_task", json!({"ok": {"task": {"title": "milk"}}}));
        let listed = outcome("list_tasks", json!({"ok": {"tasks": [], "total": 0}}));
        let refused = outcome("erase", json!({"refused": {"message": "No."}}));
        let told = format!("Done.\n\n{NOTHING}");
        assert_eq!(
            checked("Done.", &[listed.clone(), refused.clone()], false),
            told
        );
        assert_eq!(checked("Done.", std::slice::from_ref(&listed), true), told);
        for made in [vec![], vec![listed], vec![refused, milk]] {
            assert_eq!(checked("Done.", &made, false), "Done.");
        }
    }
}
