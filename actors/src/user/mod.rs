//! The `User` actor: one person's profile, tasks, due moments and undo list.
//!
//! This page lists its messages; the rules are in [`state`].

pub(crate) mod actor;
mod commands;
mod erasing;
pub mod event;
mod export;
mod kept;
mod list;
mod notes;
mod pages;
pub mod recurrence;
mod rolling;
mod rules;
pub mod state;
pub mod task;

use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::message::{Message, ToolCall};
pub use recurrence::Recurrence;
pub use task::{Due, Priority, Status, Task};

/// The actor type in Dapr.
pub const TYPE: &str = "User";

macro_rules! messages {
    ($($message:ident = $method:literal -> $reply:ty),+ $(,)?) => {$(
        impl Message for $message {
            type Reply = $reply;
            const ACTOR: &'static str = TYPE;
            const METHOD: &'static str = $method;
        }
    )+};
}

messages! {
    AddTask = "add" -> Task,
    UpdateTask = "update" -> Task,
    CompleteTask = "complete" -> Task,
    ReopenTask = "reopen" -> Task,
    DeleteTask = "delete" -> Task,
    Undo = "undo" -> Undone,
    GetTask = "get" -> Task,
    ListTasks = "list" -> TaskList,
    GetProfile = "profile" -> Profile,
    SetProfile = "set_profile" -> Profile,
    Receipts = "receipts" -> Vec<TurnReceipt>,
    FireDue = "fire_due" -> Fired,
    RollForward = "roll_forward" -> Rolled,
    Republish = "republish" -> Republished,
    Export = "export" -> TaskPage,
    Admit = "admit" -> Admitted,
    Erase = "erase" -> Removed,
    Ping = "ping" -> Pong,
}

/// Adds a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AddTask {
    /// 1 to 200 characters after trimming.
    pub title: String,
    /// At most 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// When it is due, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// Normal unless said otherwise.
    #[serde(default)]
    pub priority: Priority,
    /// At most 10 tags of 1 to 40 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Minutes before the due moment at which to remind; 0 when absent. At most 40,320 (4 weeks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminder_offset_minutes: Option<u32>,
    /// An RRULE by which it repeats, from `due` on or from the first day it names; see
    /// [`recurrence::Rule`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<String>,
}

/// Changes a task; fields left out stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UpdateTask {
    /// The task to change.
    pub task_id: String,
    /// What to change.
    pub change: TaskChange,
}

/// The fields of a task that can be changed; `None` leaves a field alone, `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskChange {
    /// 1 to 200 characters after trimming.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// At most 4,000 characters.
    #[serde(with = "clearable", skip_serializing_if = "Option::is_none")]
    pub notes: Option<Option<String>>,
    /// When it is due.
    #[serde(with = "clearable", skip_serializing_if = "Option::is_none")]
    pub due: Option<Option<Due>>,
    /// How urgent it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Replaces all tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Minutes before the due moment at which to remind.
    #[serde(with = "clearable", skip_serializing_if = "Option::is_none")]
    pub reminder_offset_minutes: Option<Option<u32>>,
    /// An RRULE by which it repeats. A new `due` alone moves this occurrence only; together with
    /// a rule, or before one is set, it is where the series starts.
    #[serde(with = "clearable", skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Option<String>>,
}

/// Marks a task done; one that is done already stays done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompleteTask {
    /// The task.
    pub task_id: String,
}

/// Marks a done task open again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReopenTask {
    /// The task.
    pub task_id: String,
}

/// Deletes a task; [`Undo`] brings it back. Answers the task as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeleteTask {
    /// The task.
    pub task_id: String,
}

/// Takes back the newest of the last 20 changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Undo {
    /// The newest change of this task, whatever was done to others since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Only if that is the change whose reply had this `updated_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// What an [`Undo`] took back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undone {
    /// What had been done.
    pub undone: UndoneChange,
    /// The task as it is now, or as it was if undoing removed it.
    pub task: Task,
}

/// The kind of change that was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoneChange {
    /// The task had been added and is gone now.
    Added,
    /// The task had been changed and is as before.
    Updated,
    /// The task had been completed and is open again.
    Completed,
    /// The task had been reopened and is done again.
    Reopened,
    /// The task had been deleted and is back.
    Deleted,
}

/// Reads one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetTask {
    /// The task.
    pub task_id: String,
}

/// Reads a page of tasks, ordered by due moment (undated last), then by age.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListTasks {
    /// Only tasks of this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Only tasks due then, in the user's zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<DueFilter>,
    /// Only tasks whose title or notes contain every word of this, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only tasks with this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Where the page before ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many; 50 when absent, 100 at most. A page also ends at 512 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A span of due moments, by the calendar of the user's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueFilter {
    /// Due today, whether its moment has passed or not.
    Today,
    /// Open, and its moment (or, date-only, its day) has passed.
    Overdue,
    /// Due after now, today included.
    Upcoming,
    /// Due from the first to the last of these days, both included.
    Between(civil::Date, civil::Date),
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskList {
    /// The page.
    pub tasks: Vec<Task>,
    /// How many match in all.
    pub total: usize,
    /// Where the next page starts; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What is known of a person besides their tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// IANA name; `UTC` until set.
    pub time_zone: String,
    /// Whether the person, or their browser, ever set it.
    pub time_zone_set: bool,
    /// When the profile last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            time_zone_set: false,
            updated_at: None,
        }
    }
}

/// Reads the profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GetProfile {}

/// Changes the profile. Date-only reminders move with the zone; instants stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetProfile {
    /// IANA name, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Leave a zone that was set before alone.
    #[serde(default)]
    pub only_if_unset: bool,
}

/// Reads what a chat turn has done here so far, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipts {
    /// The turn; the keys of its tool calls begin with `{turn_id}/`.
    pub turn_id: String,
}

/// One tool call that a turn has made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnReceipt {
    /// The call.
    pub call: ToolCall,
    /// The reply that was stored with it.
    pub reply: Value,
}

/// Fires every reminder that is due; what the `due` reminder does, callable by the reconciler.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FireDue {}

/// What [`FireDue`] did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fired {
    /// Tasks reminded of.
    pub reminded: usize,
    /// When the next reminder is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

/// Adds the next occurrence of a recurring task that is done, unless one follows it already. May
/// be sent any number of times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollForward {
    /// The done task.
    pub task_id: String,
}

/// What a [`RollForward`] did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rolled {
    /// The task it added, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Task>,
}

/// Publishes the events of entries after `applied` again; see invariant 5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Republish {
    /// The highest sequence the projector has applied.
    pub applied: u64,
}

/// What a `Republish` handed to the publisher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Republished {
    /// Entries whose events are on their way.
    pub entries: u64,
}

/// Reads every task, oldest first, in pages: a task that is there all the time is read once,
/// whatever changes meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// The last task of the page before; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of an [`Export`]; it ends at 512 KiB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskPage {
    /// The page; empty when there are no more.
    pub tasks: Vec<Task>,
}

/// Asks whether the person may begin something that is not kept here. Refused when nothing may
/// happen, which is so for a while after an [`Erase`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Admit {}

/// The person may.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Admitted {}

/// Removes everything that is known of the person here, for good: their state, the journal's
/// entries, the reminder. What remains is the tombstone, from which the journal goes on.
///
/// A while nothing else may happen, so that what was under way, or is sent again by a page that
/// has not heard of it, brings nothing back. Then the person may begin anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erase {
    /// When the person asked for it; names the erasure, which happens once.
    pub asked_at: Timestamp,
    /// How long nothing may happen, in milliseconds.
    pub quiet_ms: u64,
}

/// What an [`Erase`] removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Tasks.
    pub tasks: u64,
    /// Reminders that had not been given.
    pub reminders: u64,
}

/// Asks the actor to do nothing, not even load: what calling an actor costs, for comparison.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ping {}

/// The answer to [`Ping`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pong {}

/// `None` = absent, `Some(None)` = null, `Some(Some(v))` = a value.
mod clearable {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(
        clippy::option_option,
        reason = "absent, null and a value are three things"
    )]
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }

    #[expect(
        clippy::option_option,
        clippy::ref_option,
        reason = "serde's calling convention"
    )]
    pub fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value
            .as_ref()
            .and_then(Option::as_ref)
            .serialize(serializer)
    }
}
