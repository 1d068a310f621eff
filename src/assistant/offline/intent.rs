//! What a clause of a message asks for.

use serde_json::{Map, Value, json};

use super::reference::Reference;
use crate::assistant::{
    dates::{Due, When},
    planner::ToolCall,
};

/// One thing a message asks for, or why nothing is done about it.
#[derive(Debug, Clone, PartialEq)]
pub enum Intent {
    /// Put a new task on the list.
    Add(NewTask),
    /// Change a task that is on the list.
    Change {
        /// What to do with it.
        change: Change,
        /// Which task.
        target: Reference,
    },
    /// Give a task another title. A title may contain "to" itself, so there can be several ways to
    /// tell the old title from the new one.
    Rename(Vec<(Reference, String)>),
    /// Show tasks.
    List(Query),
    /// Take back the last change.
    Undo,
    /// Use this time zone, an IANA name.
    SetZone(String),
    /// Something to do, said without asking for it to be added.
    Offer(NewTask),
    /// Take nothing of this message seriously.
    Cancel,
    /// A greeting or thanks, and the answer to it.
    Social(&'static str),
    /// Understood, but there is nothing to run; the answer.
    Say(String),
    /// Not understood.
    Unknown,
}

/// A task to add.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// As the person wrote it.
    pub title: String,
    /// When it is due.
    pub due: Option<Due>,
    /// `low`, `normal` or `high`.
    pub priority: Option<&'static str>,
    /// Without the `#`.
    pub tags: Vec<String>,
    /// The rule by which it repeats.
    pub recurrence: Option<String>,
}

impl NewTask {
    /// The call that adds it.
    pub fn call(&self) -> ToolCall {
        let mut arguments = json!({"title": self.title});
        if let Some(due) = &self.due {
            let (name, value) = due_argument(due);
            set(&mut arguments, name, value.into());
        }
        if let Some(priority) = self.priority {
            set(&mut arguments, "priority", priority.into());
        }
        if !self.tags.is_empty() {
            set(&mut arguments, "tags", self.tags.clone().into());
        }
        if let Some(rule) = &self.recurrence {
            set(&mut arguments, "recurrence", rule.clone().into());
        }
        ToolCall {
            tool: "add_task".to_owned(),
            arguments,
        }
    }
}

/// What can be done with a task that is on the list.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Mark it done.
    Complete,
    /// Mark it open again.
    Reopen,
    /// Take it off the list.
    Delete,
    /// Give it another due moment.
    Reschedule(When),
    /// Take its due moment away.
    ClearDue,
    /// Give it a priority: `low`, `normal` or `high`.
    Prioritise(&'static str),
}

impl Change {
    /// The tool that does it.
    pub fn tool(&self) -> &'static str {
        match self {
            Self::Complete => "complete_task",
            Self::Reopen => "reopen_task",
            Self::Delete => "delete_task",
            Self::Reschedule(_) | Self::ClearDue => "reschedule_task",
            Self::Prioritise(_) => "update_task",
        }
    }

    /// The status of the tasks it makes sense for.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Reopen => "done",
            Self::Delete => "all",
            _ => "open",
        }
    }

    /// The verb for "I could not … it".
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Reopen => "reopen",
            Self::Delete => "delete",
            Self::Reschedule(_) | Self::ClearDue => "reschedule",
            Self::Prioritise(_) => "change",
        }
    }
}

/// Which tasks to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The tool's filters.
    pub arguments: Value,
    /// The first and last day to show, where the tool has no filter for a span.
    pub days: Option<(jiff::civil::Date, jiff::civil::Date)>,
    /// What these tasks are called in the answer, such as "due today".
    pub label: String,
    /// Whether only their number was asked for.
    pub count: bool,
}

/// The due moment as a tool argument: its name and its value.
pub fn due_argument(due: &Due) -> (&'static str, String) {
    match due {
        Due::Date(date) => ("due_date", date.to_string()),
        Due::At(at) => ("due_at", at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
    }
}

/// Sets a field of a JSON object.
pub fn set(object: &mut Value, name: &str, value: Value) {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}
