//! Deleting needs the person's word. Whatever a model makes of what it reads in tasks, it can
//! delete only a task that the person named, or that the question named which they answer. To take
//! back an addition is to delete too, so a turn that has read tasks takes nothing back.

use serde_json::{Value, json};
use todo_actors::message::Refusal;

use crate::assistant::{
    confirm::{DELETE, UNDO},
    planner::{Context, Role, ToolCall, ToolOutcome},
    tools::{self, Effect},
};

/// Shorter words are shared by chance: "the", "and", "is".
const TELLING: usize = 4;

/// The result of a call that is not made, and why not; `None` when nothing stands against it.
pub fn refusal(call: &ToolCall, context: &Context<'_>) -> Option<Value> {
    if call.tool == UNDO {
        let read = context.outcomes.iter().any(shows_tasks);
        return read.then(|| {
            refused(
                "After looking tasks up nothing is taken back. Ask the person whether they want \
                 their last change undone.",
            )
        });
    }
    if call.tool != DELETE {
        return None;
    }
    // Without an id the schema refuses.
    let id = call.arguments.get("task_id")?.as_str()?;
    let Some(title) = title(id, context) else {
        return Some(refused(
            "Look the task up with list_tasks in this turn before you delete it.",
        ));
    };
    let question = context.history.iter().rev().find(|message| {
        // The history may end with the message of this turn.
        message.role == Role::Assistant || message.text != context.message
    });
    let question = question.filter(|message| message.role == Role::Assistant);
    let named = names(context.message, title)
        || question.is_some_and(|question| names(&question.text, title));
    (!named).then(|| {
        refused(
            "The person has not named this task. Ask them whether to delete it, with its title, \
             and delete it only after they agree.",
        )
    })
}

/// Whether a tool's result has words that may be anybody's.
fn shows_tasks(outcome: &ToolOutcome) -> bool {
    tools::effect(&outcome.call.tool) == Some(Effect::Reads)
}

fn refused(message: &str) -> Value {
    json!({ "refused": Refusal::invalid(message) })
}

/// The title of a task that a result of this turn shows.
fn title<'c>(id: &str, context: &Context<'c>) -> Option<&'c str> {
    let shown = |ok: &'c Value| {
        let listed = ok.get("tasks").and_then(Value::as_array);
        let tasks = listed.into_iter().flatten().chain(ok.get("task"));
        tasks
            .filter(|task| task.get("task_id").and_then(Value::as_str) == Some(id))
            .find_map(|task| task.get("title").and_then(Value::as_str))
    };
    let results = context.outcomes.iter().rev();
    results
        .filter_map(|outcome| outcome.result.get("ok"))
        .find_map(shown)
}

/// Whether the text has the title, or a telling word of it.
fn names(text: &str, title: &str) -> bool {
    let (text, title) = (text.to_lowercase(), title.to_lowercase());
    let words = |of: &str| -> Vec<String> {
        of.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() >= TELLING)
            .map(str::to_owned)
            .collect()
    };
    let said = words(&text);
    text.contains(title.trim()) || words(&title).iter().any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::planner::HistoryMessage;

    fn call(tool: &str, arguments: Value) -> ToolCall {
        ToolCall {
            tool: tool.to_owned(),
            arguments,
        }
    }

    fn deletes(message: &str, history: &[(Role, &str)]) -> bool {
        let listed = json!({"ok": {"tasks": [{"task_id": "t1", "title": "call the bank"}]}});
        let outcomes = [ToolOutcome {
            call: call("list_tasks", json!({})),
            result: listed,
        }];
        let delete = call(DELETE, json!({"task_id": "t1"}));
        allowed(&delete, message, history, &outcomes)
    }

    fn allowed(
        call: &ToolCall,
        message: &str,
        history: &[(Role, &str)],
        outcomes: &[ToolOutcome],
    ) -> bool {
        let history: Vec<_> = history
            .iter()
            .map(|(role, text)| HistoryMessage {
                role: *role,
                text: (*text).to_owned(),
            })
            .collect();
        let context = Context {
            message,
            now: "2026-05-01T10:00[Europe/Berlin]".parse().unwrap(),
            history: &history,
            outcomes,
            speak: &|_| {},
        };
        refusal(call, &context).is_none()
    }

    #[test]
    fn a_task_is_deleted_only_when_the_person_named_it_or_agreed() {
        assert!(deletes("delete the bank thing", &[]));
        assert!(deletes("Lösche CALL THE BANK", &[]));
        assert!(!deletes("what is on the list?", &[]));
        let asked = (Role::Assistant, "Shall I delete “call the bank”?");
        assert!(deletes("ja", &[asked]));
        assert!(deletes("ja", &[asked, (Role::User, "ja")]));
        // A question that has been answered by something else is over.
        let later = [asked, (Role::User, "no"), (Role::Assistant, "All right.")];
        assert!(!deletes("what is next?", &later));
    }

    #[test]
    fn nothing_is_taken_back_by_a_turn_that_has_read_tasks() {
        let undo = call(UNDO, json!({}));
        let made = |tool: &str| ToolOutcome {
            call: call(tool, json!({})),
            result: json!({"ok": {}}),
        };
        assert!(allowed(&undo, "undo that", &[], &[]));
        assert!(allowed(&undo, "undo that", &[], &[made("add_task")]));
        assert!(!allowed(
            &undo,
            "what is there?",
            &[],
            &[made("list_tasks")]
        ));
    }
}
