//! A task as it is kept in memory: every active actor keeps all of its person's, and most have
//! little besides a title.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize, Serializer};

use super::{Due, Priority, Recurrence, Status, Task};

/// A task that takes only the room it needs. It reads and is stored as the [`Task`] it was made of.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Task")]
pub(super) struct Kept {
    number: u64,
    title: Box<str>,
    status: Status,
    priority: Priority,
    created_at: Timestamp,
    updated_at: Timestamp,
    rest: Option<Box<Rest>>,
}

/// What many tasks have nothing of.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rest {
    notes: Option<Box<str>>,
    tags: Box<[String]>,
    due_at: Option<Timestamp>,
    due_date: Option<civil::Date>,
    reminder_offset_minutes: Option<u32>,
    reminded_for: Option<Timestamp>,
    recurrence: Option<Box<Recurrence>>,
    follows: Option<Box<str>>,
    followed_by: Option<Box<str>>,
    completed_at: Option<Timestamp>,
}

/// A task's id is not one of ours.
#[derive(Debug, thiserror::Error)]
#[error("task ids look like task-12")]
pub(super) struct NoTaskId;

impl Kept {
    /// Keeps task `number`, whose id says so.
    pub(super) fn new(number: u64, task: Task) -> Self {
        let rest = Rest {
            notes: task.notes.map(String::into_boxed_str),
            tags: task.tags.into_boxed_slice(),
            due_at: task.due_at,
            due_date: task.due_date,
            reminder_offset_minutes: task.reminder_offset_minutes,
            reminded_for: task.reminded_for,
            recurrence: task.recurrence,
            follows: task.follows.map(String::into_boxed_str),
            followed_by: task.followed_by.map(String::into_boxed_str),
            completed_at: task.completed_at,
        };
        Self {
            number,
            title: task.title.into_boxed_str(),
            status: task.status,
            priority: task.priority,
            created_at: task.created_at,
            updated_at: task.updated_at,
            rest: (rest != Rest::default()).then(|| Box::new(rest)),
        }
    }

    /// The number in its id.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Its title.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Its notes, unless they stand on a page of their own.
    pub(super) fn notes(&self) -> Option<&str> {
        self.rest.as_ref()?.notes.as_deref()
    }

    /// Open or done.
    pub(super) fn status(&self) -> Status {
        self.status
    }

    /// How urgent it is.
    pub(super) fn priority(&self) -> Priority {
        self.priority
    }

    /// Its tags.
    pub(super) fn tags(&self) -> &[String] {
        self.rest.as_ref().map_or(&[], |rest| &rest.tags)
    }

    /// When it is due, if ever.
    pub(super) fn due(&self) -> Option<Due> {
        let rest = self.rest.as_ref()?;
        Due::of(rest.due_at, rest.due_date)
    }

    /// When to remind of it in `zone`, unless that was done.
    pub(super) fn pending_reminder(&self, zone: &TimeZone) -> Option<Timestamp> {
        // Most have none, and nothing to work out.
        self.due()?;
        self.task().pending_reminder(zone)
    }

    /// The task, without long notes.
    pub(super) fn task(&self) -> Task {
        let rest = self.rest.as_deref().cloned().unwrap_or_default();
        Task {
            id: id(self.number),
            title: self.title.to_string(),
            notes: rest.notes.map(String::from),
            status: self.status,
            priority: self.priority,
            tags: rest.tags.into_vec(),
            due_at: rest.due_at,
            due_date: rest.due_date,
            reminder_offset_minutes: rest.reminder_offset_minutes,
            reminded_for: rest.reminded_for,
            recurrence: rest.recurrence,
            follows: rest.follows.map(String::from),
            followed_by: rest.followed_by.map(String::from),
            created_at: self.created_at,
            updated_at: self.updated_at,
            completed_at: rest.completed_at,
        }
    }
}

impl TryFrom<Task> for Kept {
    type Error = NoTaskId;

    fn try_from(task: Task) -> Result<Self, NoTaskId> {
        let number = number(&task.id).ok_or(NoTaskId)?;
        Ok(Self::new(number, task))
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.task().serialize(serializer)
    }
}

/// The id of task number `n`.
pub(super) fn id(n: u64) -> String {
    format!("task-{n}")
}

/// The number in a task id.
pub(super) fn number(task_id: &str) -> Option<u64> {
    let digits = task_id.strip_prefix("task-")?;
    let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if canonical { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment() -> impl Strategy<Value = Timestamp> {
        let seconds = -1_000_000_000..4_000_000_000_i64;
        (seconds, 0..1_000_000_000_i32)
            .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap())
    }

    fn task() -> impl Strategy<Value = Task> {
        let text = || prop::option::of("[a-zé🎂\"]{0,8}");
        let said = (
            1..u64::MAX,
            "[a-z]{0,8}",
            text(),
            prop::collection::vec("[a-z]{1,3}", 0..3),
        );
        let due = (
            prop::option::of(moment()),
            prop::option::of((1..29_i8).prop_map(|day| civil::date(2026, 2, day))),
            prop::option::of(any::<u32>()),
            prop::option::of(moment()),
        );
        let rest = (
            text(),
            text(),
            prop::option::of(moment()),
            moment(),
            moment(),
        );
        let kind = (any::<bool>(), any::<bool>());
        (said, due, rest, kind).prop_map(|(said, due, rest, (done, high))| Task {
            id: id(said.0),
            title: said.1,
            notes: said.2,
            status: if done { Status::Done } else { Status::Open },
            priority: if high {
                Priority::High
            } else {
                Priority::Normal
            },
            tags: said.3,
            due_at: due.0,
            due_date: due.1,
            reminder_offset_minutes: due.2,
            reminded_for: due.3,
            recurrence: None,
            follows: rest.0,
            followed_by: rest.1,
            completed_at: rest.2,
            created_at: rest.3,
            updated_at: rest.4,
        })
    }

    proptest! {
        #[test]
        fn a_kept_task_is_the_task_it_was(task in task()) {
            let kept = Kept::try_from(task.clone()).unwrap();
            prop_assert_eq!(&kept.task(), &task);
            let stored = serde_json::to_string(&kept).unwrap();
            prop_assert_eq!(&stored, &serde_json::to_string(&task).unwrap());
            prop_assert_eq!(serde_json::from_str::<Kept>(&stored).unwrap(), kept);
        }
    }

    #[test]
    fn a_task_of_little_more_than_a_title_takes_little_more_room() {
        assert!(size_of::<Kept>() <= 72, "{} bytes", size_of::<Kept>());
    }

    #[test]
    fn only_ids_that_are_written_so_are_ids() {
        assert_eq!(number("task-12"), Some(12));
        for other in ["task-", "task-012", "task-+1", "task-1 ", "Task-1", "12"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
