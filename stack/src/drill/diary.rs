//! What a person was told, for comparing with what the servers hold.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

/// Types of events that a person's own commands cause, and nothing else does.
pub const CREATED: &str = "com.todo.task.created";
/// See [`CREATED`].
pub const UPDATED: &str = "com.todo.task.updated";
/// See [`CREATED`].
pub const COMPLETED: &str = "com.todo.task.completed";
/// See [`CREATED`].
pub const REOPENED: &str = "com.todo.task.reopened";
/// See [`CREATED`].
pub const DELETED: &str = "com.todo.task.deleted";
/// See [`CREATED`]; of a turn's two messages.
pub const SAID: &str = "com.todo.message.added";

/// A change that was acknowledged: an event of this type, about this, with these words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deed {
    /// The event's type.
    pub kind: String,
    /// The task's id; of a message, its turn's.
    pub subject: String,
    /// The task's title afterwards; of a message, who said it.
    pub words: String,
}

impl Deed {
    /// The deed that an event's data, or a task of the API, tells of.
    #[must_use]
    pub fn of(kind: &str, data: &Value) -> Self {
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        let (subject, words) = match kind {
            SAID => (text("turn_id"), text("role")),
            _ => (text("task_id"), text("title")),
        };
        Self {
            kind: kind.to_owned(),
            subject,
            words,
        }
    }
}

/// A task that the person must be reminded of, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The task.
    pub task_id: String,
    /// Not before this.
    pub due_at: Timestamp,
}

/// How long a command took, from its first try to its answer.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    /// When it was first sent.
    pub began: Instant,
    /// How long.
    pub took: Duration,
    /// `command`, or `chat turn`.
    pub what: &'static str,
}

/// All that one person remembers.
#[derive(Debug, Clone, Default)]
pub struct Diary {
    /// Who.
    pub user: String,
    /// What was acknowledged, in order.
    pub deeds: Vec<Deed>,
    /// What the person waits to be reminded of.
    pub promises: Vec<Promise>,
    /// What no answer may be, in words.
    pub oddities: Vec<String>,
    /// How long each acknowledged command took.
    pub waits: Vec<Wait>,
    /// Whether the person gave up on a command, so that it may have had its effect or not.
    pub unsettled: bool,
}
