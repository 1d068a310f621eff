//! Deleting needs the person's word. Whatever a model makes of what it reads in tasks, it can
//! delete only a task that the person named, or that the question named which they answer.

use serde_json::{Value, json};
use todo_actors::message::Refusal;

use crate::assistant::planner::{Context, Role, ToolCall};

/// Shorter words are shared by chance: "the", "and", "is".
const TELLING: usize = 4;

/// The result of a call that is not made, and why not; `None` when nothing stands against it.
pub fn refusal(call: &ToolCall, context: &Context<'_>) -> Option<Value> {
    if call.tool != "delete_task" {
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
    use crate::assistant::planner::{HistoryMessage, ToolOutcome};

    fn allowed(message: &str, history: &[(Role, &str)]) -> bool {
        let call = |tool: &str, arguments| ToolCall {
            tool: tool.to_owned(),
            arguments,
        };
        let listed = json!({"ok": {"tasks": [{"task_id": "t1", "title": "call the bank"}]}});
        let outcomes = [ToolOutcome {
            call: call("list_tasks", json!({})),
            result: listed,
        }];
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
            outcomes: &outcomes,
            speak: &|_| {},
        };
        refusal(&call("delete_task", json!({"task_id": "t1"})), &context).is_none()
    }

    #[test]
    fn a_task_is_deleted_only_when_the_person_named_it_or_agreed() {
        assert!(allowed("delete the bank thing", &[]));
        assert!(allowed("Lösche CALL THE BANK", &[]));
        assert!(!allowed("what is on the list?", &[]));
        let asked = (Role::Assistant, "Shall I delete “call the bank”?");
        assert!(allowed("ja", &[asked]));
        assert!(allowed("ja", &[asked, (Role::User, "ja")]));
        // A question that has been answered by something else is over.
        let later = [asked, (Role::User, "no"), (Role::Assistant, "All right.")];
        assert!(!allowed("what is next?", &later));
    }
}
