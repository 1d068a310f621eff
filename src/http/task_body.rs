//! Tasks as they cross the API.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, Serialize};
use todo_actors::user::{self, AddTask, Due, TaskChange};
use utoipa::ToSchema;

use super::problem::Problem;
use crate::assistant::tools::due;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Task {
    /// Unique within its user.
    pub task_id: String,
    /// 1 to 200 characters.
    pub title: String,
    /// At most 4,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// `open` or `done`.
    pub status: Status,
    /// `low`, `normal` or `high`.
    pub priority: Priority,
    /// At most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The instant it is due; never together with `due_date`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// The day it is due, wherever the person is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub due_date: Option<Date>,
    /// Minutes before the due moment at which to remind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_offset_minutes: Option<u32>,
    /// The moment the person was last reminded for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reminded_for: Option<Timestamp>,
    /// How it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// The done task whose next occurrence it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// The task that is its next occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed_by: Option<String>,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// When it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Timestamp>,
}

/// A series, and which of its occurrences the task is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Recurrence {
    /// The days of the series, an RRULE.
    pub rule: String,
    /// The same in words, such as `every 2 weeks on Monday and Wednesday`.
    pub words: String,
    /// The first occurrence on the clock of `zone`: a day, or a day and a time without offset.
    pub start: String,
    /// IANA name of the zone whose clock and calendar are meant.
    pub zone: String,
    /// The occurrence that the task is, written as `start`; its due moment may have been moved.
    pub occurrence: String,
}

/// Open or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Still to do.
    Open,
    /// Done.
    Done,
}

/// How urgent a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When there is time.
    Low,
    /// The default.
    Normal,
    /// First of all.
    High,
}

impl From<Status> for user::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::Done => Self::Done,
        }
    }
}

impl From<Priority> for user::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}

impl From<user::Recurrence> for Recurrence {
    fn from(series: user::Recurrence) -> Self {
        Self {
            rule: series.rule.to_string(),
            words: series.describe(),
            start: series.start.to_string(),
            zone: series.zone,
            occurrence: series.occurrence.to_string(),
        }
    }
}

impl From<user::Task> for Task {
    fn from(task: user::Task) -> Self {
        // Every field by name, so that a new one is not forgotten here.
        let user::Task {
            id,
            title,
            notes,
            status,
            priority,
            tags,
            due_at,
            due_date,
            reminder_offset_minutes,
            reminded_for,
            recurrence,
            follows,
            followed_by,
            created_at,
            updated_at,
            completed_at,
        } = task;
        Self {
            task_id: id,
            title,
            notes,
            status: match status {
                user::Status::Open => Status::Open,
                user::Status::Done => Status::Done,
            },
            priority: match priority {
                user::Priority::Low => Priority::Low,
                user::Priority::Normal => Priority::Normal,
                user::Priority::High => Priority::High,
            },
            tags,
            due_at,
            due_date,
            reminder_offset_minutes,
            reminded_for,
            recurrence: recurrence.map(|series| (*series).into()),
            follows,
            followed_by,
            created_at,
            updated_at,
            completed_at,
        }
    }
}

/// A task to add.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct NewTask {
    /// 1 to 200 characters after trimming.
    pub title: String,
    /// At most 4,000 characters.
    pub notes: Option<String>,
    /// The instant it is due, RFC 3339 with an offset; not together with `due_date`.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// The day it is due, wherever the person is.
    #[schema(value_type = Option<String>, format = Date)]
    pub due_date: Option<Date>,
    /// `normal` when absent.
    pub priority: Option<Priority>,
    /// At most 10 of 1 to 40 characters.
    pub tags: Option<Vec<String>>,
    /// Minutes before the due moment at which to remind; at most 40,320.
    pub reminder_offset_minutes: Option<u32>,
    /// An RRULE by which it repeats from its due moment on, or from the first day the rule names:
    /// `FREQ=DAILY`, `FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE`, `FREQ=MONTHLY;BYMONTHDAY=-1` (the last
    /// day), `FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=3`; with `UNTIL=20271231` or `COUNT=10` if it ends.
    pub recurrence: Option<String>,
}

impl TryFrom<NewTask> for AddTask {
    type Error = Problem;

    fn try_from(task: NewTask) -> Result<Self, Problem> {
        Ok(Self {
            title: task.title,
            notes: task.notes,
            due: due(task.due_at, task.due_date)?,
            priority: task.priority.map(Into::into).unwrap_or_default(),
            tags: task.tags.unwrap_or_default(),
            reminder_offset_minutes: task.reminder_offset_minutes,
            recurrence: task.recurrence,
        })
    }
}

/// A JSON merge patch: fields left out stay, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct TaskPatch {
    /// 1 to 200 characters after trimming; cannot be cleared.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    title: Option<Option<String>>,
    /// At most 4,000 characters.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    notes: Option<Option<String>>,
    /// The instant it is due; takes the place of a `due_date`.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Option<Timestamp>>,
    /// The day it is due; takes the place of a `due_at`.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Date)]
    due_date: Option<Option<Date>>,
    /// Cleared, it is `normal` again.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Priority>)]
    priority: Option<Option<Priority>>,
    /// Replaces all tags.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    tags: Option<Option<Vec<String>>>,
    /// Minutes before the due moment at which to remind.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    reminder_offset_minutes: Option<Option<u32>>,
    /// An RRULE by which it repeats, as for a new task; cleared, it repeats no more. A new due
    /// moment alone moves this occurrence and leaves the series as it is.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    recurrence: Option<Option<String>>,
}

/// Keeps null apart from a field that is left out.
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three things"
)]
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl TryFrom<TaskPatch> for TaskChange {
    type Error = Problem;

    fn try_from(patch: TaskPatch) -> Result<Self, Problem> {
        if patch.title == Some(None) {
            return Err(Problem::invalid("A task needs a title."));
        }
        let due: Option<Option<Due>> = if patch.due_at.is_some() || patch.due_date.is_some() {
            Some(due(patch.due_at.flatten(), patch.due_date.flatten())?)
        } else {
            None
        };
        Ok(Self {
            title: patch.title.flatten(),
            notes: patch.notes,
            due,
            priority: patch
                .priority
                .map(|priority| priority.map(Into::into).unwrap_or_default()),
            tags: patch.tags.map(Option::unwrap_or_default),
            reminder_offset_minutes: patch.reminder_offset_minutes,
            recurrence: patch.recurrence,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn change(patch: Value) -> Result<TaskChange, u16> {
        let patch: TaskPatch = serde_json::from_value(patch).unwrap();
        TaskChange::try_from(patch).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn a_patch_tells_absent_from_null() {
        assert_eq!(change(json!({})).unwrap(), TaskChange::default());
        let cleared =
            change(json!({"notes": null, "due_at": null, "tags": null, "recurrence": null}))
                .unwrap();
        assert_eq!(cleared.notes, Some(None));
        assert_eq!(cleared.due, Some(None));
        assert_eq!(cleared.tags, Some(Vec::new()));
        assert_eq!(cleared.recurrence, Some(None));
        let moved = change(json!({"due_at": null, "due_date": "2026-05-01"})).unwrap();
        assert_eq!(
            moved.due,
            Some(Some(Due::Date(jiff::civil::date(2026, 5, 1))))
        );
        assert_eq!(change(json!({"title": null})), Err(422));
        let both = json!({"due_at": "2026-05-01T09:00:00+02:00", "due_date": "2026-05-01"});
        assert_eq!(change(both), Err(422));
    }

    #[test]
    fn the_api_shows_a_task_as_the_actor_has_it() {
        let task = json!({
            "task_id": "task-1", "title": "t", "notes": "n", "status": "done", "priority": "high",
            "tags": ["a"], "due_at": "2026-05-01T07:00:00Z", "reminder_offset_minutes": 5,
            "reminded_for": "2026-05-01T06:55:00Z", "follows": "task-7", "followed_by": "task-8",
            "recurrence": {
                "rule": "FREQ=DAILY;COUNT=3", "start": "2026-04-30T09:00:00",
                "zone": "Europe/Berlin", "occurrence": "2026-05-01T09:00:00",
            },
            "created_at": "2026-04-01T00:00:00Z",
            "updated_at": "2026-04-02T00:00:00Z", "completed_at": "2026-04-02T00:00:00Z",
        });
        let known: user::Task = serde_json::from_value(task.clone()).unwrap();
        let mut expected = task;
        expected["recurrence"]["words"] = "every day, 3 times".into();
        assert_eq!(serde_json::to_value(Task::from(known)).unwrap(), expected);
    }
}
