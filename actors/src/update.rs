//! What open pages hear of an event: enough to show the change or to know what to read again.
//!
//! Updates are derived from the events that announce an entry, whatever these are, so a new
//! event of a task or a conversation reaches pages by itself. They may be lost or come late: a
//! page compares `sequence`, which counts per actor, and reads anew when told to.

use serde_json::{Map, Value, json};

use crate::event::{Draft, Topic};

/// A task changed.
pub const TASK: &str = "com.todo.ui.task";
/// A task fell due.
pub const REMINDER: &str = "com.todo.ui.reminder";
/// A conversation or its turn went on.
pub const CHAT: &str = "com.todo.ui.chat";

/// Of a conversation's event, what pages get. Not what was said: a page that shows the
/// conversation reads it, the others need it not.
const CHAT_FIELDS: [&str; 6] = [
    "user_id",
    "conversation_id",
    "turn_id",
    "role",
    "index",
    "title",
];

/// The update that tells pages of an announced event; `None` when no page shows it.
#[must_use]
pub fn of(draft: &Draft) -> Option<Draft> {
    let kind = draft.ty.strip_prefix("com.todo.")?;
    let (ty, data) = match (draft.topic, kind.split_once('.')?) {
        (Topic::Reminders, _) => (REMINDER, draft.data.clone()),
        (Topic::TaskEvents, ("task", change)) => (TASK, task(change, &draft.data)),
        (Topic::ConversationEvents, (_, _)) => (CHAT, chat(kind, &draft.data)),
        _ => return None,
    };
    Some(Draft {
        topic: Topic::TaskUpdates,
        ty,
        subject: draft.subject.clone(),
        data,
    })
}

/// The task as it is now; null when it is gone.
fn task(change: &str, task: &Value) -> Value {
    let now = if change == "deleted" {
        &Value::Null
    } else {
        task
    };
    json!({
        "user_id": task["user_id"], "task_id": task["task_id"], "change": change, "task": now,
    })
}

fn chat(change: &str, data: &Value) -> Value {
    let mut told: Map<String, Value> = CHAT_FIELDS
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), data.get(field)?.clone())))
        .collect();
    told.insert("change".to_owned(), change.into());
    told.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(topic: Topic, ty: &'static str, data: Value) -> Draft {
        let subject = "s".to_owned();
        Draft {
            topic,
            ty,
            subject,
            data,
        }
    }

    #[test]
    fn a_task_arrives_as_it_is_and_as_null_once_gone() {
        let data = json!({"user_id": "ann", "task_id": "task-1", "title": "milk"});
        let update = |ty| of(&draft(Topic::TaskEvents, ty, data.clone())).unwrap();
        let created = update("com.todo.task.created");
        assert_eq!((created.topic, created.ty), (Topic::TaskUpdates, TASK));
        assert_eq!(created.data["task"], data);
        let deleted = update("com.todo.task.deleted");
        assert_eq!(deleted.data["task"], Value::Null);
        assert_eq!(deleted.data["task_id"], "task-1");
        assert_eq!(deleted.data["change"], "deleted");
    }

    #[test]
    fn a_chat_update_says_how_far_a_turn_is_but_not_what_was_said() {
        let data = json!({
            "user_id": "ann", "conversation_id": "c1", "turn_id": "t", "role": "assistant",
            "index": 1, "text": "hush", "tool_calls": ["hush"],
        });
        let told = of(&draft(
            Topic::ConversationEvents,
            "com.todo.message.added",
            data,
        ));
        let told = told.unwrap();
        assert_eq!(told.ty, CHAT);
        assert_eq!(told.data["change"], "message.added");
        assert_eq!(told.data["role"], "assistant");
        assert!(!told.data.to_string().contains("hush"));
    }

    #[test]
    fn a_profile_is_on_no_page_that_waits_for_it() {
        let profile = draft(Topic::TaskEvents, "com.todo.profile.changed", json!({}));
        assert_eq!(of(&profile), None);
    }
}
