//! Deleting more than one task waits for the person's word, whatever the planner says. Nor does a
//! turn take back several changes: to undo an addition is to delete, and nothing brings it back.

use serde_json::{Value, json};
use todo_actors::{
    conversation::{MOST_PENDING, Pending},
    message::Refusal,
};

use super::{
    account,
    planner::{ToolCall, ToolOutcome},
    words::quote,
};

/// The tool whose calls are held.
pub const DELETE: &str = "delete_task";
/// Says what stands before it: without the deletions it would take back something else.
pub const UNDO: &str = "undo";
/// Titles that are shown of what would be deleted.
const MOST_TITLES: usize = 5;

/// The tasks a step must not delete unasked: all it names when they are several, or when this
/// turn has deleted one already.
#[must_use]
pub fn held(calls: &[ToolCall], made: &[ToolOutcome]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for call in calls.iter().filter(|call| call.tool == DELETE) {
        if let Some(id) = call.arguments.get("task_id").and_then(|id| id.as_str())
            && !ids.iter().any(|known| known == id)
        {
            ids.push(id.to_owned());
        }
    }
    let deleted = made
        .iter()
        .any(|outcome| outcome.call.tool == DELETE && outcome.result.get("ok").is_some());
    if ids.len() < 2 && !deleted {
        ids.clear();
    }
    ids
}

/// The result of an `undo` that does not run, because this turn has taken back a change already.
#[must_use]
pub fn second_undo(call: &ToolCall, made: &[ToolOutcome]) -> Option<Value> {
    let undone =
        |outcome: &ToolOutcome| outcome.call.tool == UNDO && outcome.result.get("ok").is_some();
    (call.tool == UNDO && made.iter().any(undone)).then(|| {
        json!({ "refused": Refusal::invalid(
            "One change is taken back at a time. Say “undo” again for the one before it.",
        )})
    })
}

/// What the person has to type to have so many tasks deleted.
#[must_use]
pub fn phrase(count: usize) -> String {
    format!("delete {count} {}", tasks(count))
}

/// Whether a message confirms the deletion: letter case and spaces do not matter.
#[must_use]
pub fn confirms(message: &str, pending: &Pending) -> bool {
    let said = message.split_whitespace().collect::<Vec<_>>().join(" ");
    said.to_lowercase() == phrase(pending.task_ids.len())
}

/// The reply that asks: what was done before in this turn, what would be deleted (`found` are
/// the titles, `asked` is how many tasks were to go in all), and what to type.
#[must_use]
pub fn question(made: &[ToolOutcome], found: &[String], asked: usize, undo: bool) -> String {
    let count = found.len();
    let mut lines = account::changes(made);
    lines.push(format!(
        "This would delete {count} {}, so I have not done it yet:",
        tasks(count)
    ));
    lines.extend(
        found
            .iter()
            .take(MOST_TITLES)
            .map(|title| format!("- {}", quote(title))),
    );
    if count > MOST_TITLES {
        lines.push(format!("… and {} more.", count - MOST_TITLES));
    }
    if asked > count && count == MOST_PENDING {
        lines.push(format!(
            "I delete at most {MOST_PENDING} at a time; ask again for the rest."
        ));
    }
    if undo {
        lines.push("I have not undone anything either.".to_owned());
    }
    lines.push(format!(
        "To delete {}, type exactly: {}",
        if count == 1 { "it" } else { "them" },
        phrase(count)
    ));
    lines.join("\n")
}

/// The reply after the deletion, from its outcomes.
#[must_use]
pub fn report(pending: &Pending, made: &[ToolOutcome]) -> String {
    let mut deleted = Vec::new();
    let mut gone = Vec::new();
    for id in &pending.task_ids {
        let outcome = made.iter().find(|outcome| outcome.call == deletion(id));
        match outcome.and_then(|outcome| outcome.result.get("ok")) {
            Some(ok) => {
                let title = ok.pointer("/task/title").and_then(|title| title.as_str());
                deleted.push(quote(title.unwrap_or(id)));
            }
            None => gone.push(id.as_str()),
        }
    }
    let mut text = match deleted.len() {
        0 => "I deleted nothing.".to_owned(),
        count => {
            let more = deleted.len().saturating_sub(MOST_TITLES);
            deleted.truncate(MOST_TITLES);
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(
                "Deleted {count} {}: {}{more}. Say “undo” to bring them back, the last one first; I remember the last 20 changes.",
                tasks(count),
                deleted.join(", ")
            )
        }
    };
    if !gone.is_empty() {
        let count = gone.len();
        let were = if count == 1 { "was" } else { "were" };
        gone.truncate(MOST_TITLES);
        let dots = if count > MOST_TITLES { ", …" } else { "" };
        text.push_str(&format!(
            " {count} {} {were} gone already: {}{dots}.",
            tasks(count),
            gone.join(", ")
        ));
    }
    text
}

/// The call that deletes a task.
#[must_use]
pub fn deletion(task_id: &str) -> ToolCall {
    ToolCall {
        tool: DELETE.to_owned(),
        arguments: json!({ "task_id": task_id }),
    }
}

const fn tasks(count: usize) -> &'static str {
    if count == 1 { "task" } else { "tasks" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(count: usize) -> Pending {
        Pending {
            task_ids: (0..count).map(|n| format!("task-{n}")).collect(),
        }
    }

    #[test]
    fn one_deletion_a_turn_needs_no_confirmation() {
        let [one, two] = ["task-1", "task-2"].map(deletion);
        let done = |call: &ToolCall, result| ToolOutcome {
            call: call.clone(),
            result,
        };
        let twice = [one.clone(), one.clone()];
        assert!(held(std::slice::from_ref(&one), &[]).is_empty());
        assert!(held(&twice, &[]).is_empty());
        assert_eq!(held(&[one.clone(), two.clone()], &[]).len(), 2);
        let ok = done(&one, json!({"ok": {}}));
        assert_eq!(held(std::slice::from_ref(&two), &[ok]), ["task-2"]);
        let refused = done(&one, json!({"refused": {}}));
        assert!(held(&[two], &[refused]).is_empty());
    }

    #[test]
    fn one_change_a_turn_is_taken_back() {
        let undo = ToolCall {
            tool: UNDO.to_owned(),
            arguments: json!({}),
        };
        let made = |result| {
            [ToolOutcome {
                call: undo.clone(),
                result,
            }]
        };
        assert_eq!(second_undo(&undo, &[]), None);
        let nothing = made(json!({"refused": {}}));
        assert_eq!(second_undo(&undo, &nothing), None);
        let done = made(json!({"ok": {}}));
        let refused = second_undo(&undo, &done).unwrap();
        assert_eq!(refused["refused"]["code"], "invalid");
        assert_eq!(second_undo(&deletion("task-1"), &done), None);
    }

    #[test]
    fn only_the_phrase_confirms() {
        for said in ["delete 3 tasks", " DELETE  3\tTasks ", "Delete 3 tasks"] {
            assert!(confirms(said, &pending(3)), "{said}");
        }
        for said in [
            "delete 4 tasks",
            "yes",
            "delete 3 tasks please",
            "don't delete 3 tasks",
            "delete three tasks",
            "delete 3 task",
            "“delete 3 tasks”",
            "delete 33 tasks",
        ] {
            assert!(!confirms(said, &pending(3)), "{said}");
        }
        assert!(confirms("delete 1 task", &pending(1)));
    }

    #[test]
    fn the_question_says_how_many_which_and_what_to_type() {
        let titles: Vec<String> = (1..8).map(|n| format!("t{n}")).collect();
        let question = question(&[], &titles, 7, true);
        for part in [
            "7 tasks",
            "- “t5”",
            "… and 2 more.",
            "not undone",
            "delete 7 tasks",
        ] {
            assert!(question.contains(part), "{part}: {question}");
        }
        assert!(!question.contains("t6"));
    }

    #[test]
    fn what_was_gone_already_is_told() {
        let made = [
            ToolOutcome {
                call: deletion("task-0"),
                result: json!({"ok": {"task": {"title": "milk"}}}),
            },
            ToolOutcome {
                call: deletion("task-1"),
                result: json!({"refused": {"code": "not_found"}}),
            },
        ];
        let told = report(&pending(2), &made);
        assert!(told.starts_with("Deleted 1 task: “milk”."), "{told}");
        assert!(told.ends_with("1 task was gone already: task-1."), "{told}");
        assert!(report(&pending(1), &[]).starts_with("I deleted nothing."));
    }
}
