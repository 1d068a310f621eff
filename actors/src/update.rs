//! What open pages hear of an event: enough to show the change or to know what to read again.
//!
//! Updates are derived from the events that announce an entry, whatever these are, so a new
//! event of a task or a conversation reaches pages by itself. They may be lost or come late: a
//! page compares `sequence`, which counts per actor, and reads anew when told to ([`resync`]).

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    event::{Draft, Outgoing, Topic},
    user::Recurrence,
};

/// A task changed.
pub const TASK: &str = "com.todo.ui.task";
/// A task fell due.
pub const REMINDER: &str = "com.todo.ui.reminder";
/// A conversation or its turn went on.
pub const CHAT: &str = "com.todo.ui.chat";
/// The person was erased: what pages show of them is gone.
pub const ERASED: &str = "com.todo.ui.erased";
/// Updates were lost: the pages of the person it names have to read anew, or everybody's.
pub const RESYNC: &str = "com.todo.ui.resync";

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
        (Topic::TaskEvents, ("user", "erased")) => (ERASED, draft.data.clone()),
        // Said once, of the person.
        (Topic::ConversationEvents, ("conversation", "erased")) => return None,
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

/// The update that lets a person's pages read anew, or everybody's. Each is another one.
#[must_use]
pub fn resync(user_id: Option<&str>) -> Outgoing {
    let id = format!("resync/{}", Uuid::new_v4().simple());
    let body = json!({
        "specversion": "1.0", "id": id, "source": "backend", "type": RESYNC,
        "datacontenttype": "application/json", "data": { "user_id": user_id },
    });
    Outgoing {
        topic: Topic::TaskUpdates,
        id,
        body: body.to_string().into_bytes(),
    }
}

/// The task as it is now, as the API shows it; null when it is gone.
fn task(change: &str, task: &Value) -> Value {
    let mut now = if change == "deleted" {
        Value::Null
    } else {
        task.clone()
    };
    if let Ok(series) = Recurrence::deserialize(&task["recurrence"])
        && !now.is_null()
    {
        now["recurrence"]["words"] = series.describe().into();
    }
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
    fn a_series_is_told_in_words() {
        let series = json!({
            "rule": "FREQ=DAILY", "start": "2026-11-23", "zone": "UTC", "occurrence": "2026-11-24",
        });
        let data = json!({"user_id": "ann", "task_id": "task-1", "recurrence": series});
        let update = |ty| of(&draft(Topic::TaskEvents, ty, data.clone())).unwrap();
        let updated = update("com.todo.task.updated");
        assert_eq!(updated.data["task"]["recurrence"]["words"], "every day");
        assert_eq!(updated.data["task"]["recurrence"]["rule"], "FREQ=DAILY");
        let deleted = update("com.todo.task.deleted");
        assert_eq!(deleted.data["task"], Value::Null);
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
    fn an_erasure_is_told_once_and_says_nothing_else() {
        let data = json!({"user_id": "ann", "erased_at": "2026-11-23T10:00:00Z"});
        let erased = |topic, ty| of(&draft(topic, ty, data.clone()));
        let told = erased(Topic::TaskEvents, "com.todo.user.erased").unwrap();
        assert_eq!((told.ty, &told.data), (ERASED, &data));
        let conversation = erased(Topic::ConversationEvents, "com.todo.conversation.erased");
        assert_eq!(conversation, None);
    }

    #[test]
    fn a_profile_is_on_no_page_that_waits_for_it() {
        let profile = draft(Topic::TaskEvents, "com.todo.profile.changed", json!({}));
        assert_eq!(of(&profile), None);
    }
}
