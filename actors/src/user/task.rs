//! A task and the moments that belong to it.

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::Recurrence;

/// The local time at which a date-only task reminds.
const DATE_ONLY_REMINDER: civil::Time = civil::time(9, 0, 0, 0);

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// `task-{n}`, unique within its user.
    #[serde(rename = "task_id")]
    pub id: String,
    /// 1 to 200 characters.
    pub title: String,
    /// At most 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Open or done.
    pub status: Status,
    /// How urgent it is.
    #[serde(default)]
    pub priority: Priority,
    /// At most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The instant it is due; never together with `due_date`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// The day it is due, wherever the person is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<civil::Date>,
    /// Minutes before the due moment at which to remind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminder_offset_minutes: Option<u32>,
    /// The moment of the reminder the person has had for this due moment; gone when it moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded_for: Option<Timestamp>,
    /// The series it is an occurrence of; then it has a due moment. Boxed: few tasks have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Box<Recurrence>>,
    /// The task whose next occurrence it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// The task that is its next occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed_by: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

/// Open or done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Still to do.
    #[default]
    Open,
    /// Done.
    Done,
}

/// How urgent a task is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When there is time.
    Low,
    /// The default.
    #[default]
    Normal,
    /// First of all.
    High,
}

/// When a task is due: at an instant, or on a day wherever the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// An instant.
    At(Timestamp),
    /// A whole day of the user's calendar.
    Date(civil::Date),
}

impl Due {
    /// An instant goes before a day.
    pub(super) fn of(at: Option<Timestamp>, date: Option<civil::Date>) -> Option<Self> {
        at.map(Self::At).or(date.map(Self::Date))
    }

    /// The instant it counts as in lists: a day counts as its end in `zone`.
    #[must_use]
    pub fn moment(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Date(date) => {
                let next = date.tomorrow().ok()?;
                Some(next.to_zoned_datetime(zone.clone()).ok()?.timestamp())
            }
        }
    }

    /// Its day in `zone`.
    #[must_use]
    pub fn day(self, zone: &TimeZone) -> civil::Date {
        match self {
            Self::At(at) => at.to_zoned_datetime(zone.clone()).date(),
            Self::Date(date) => date,
        }
    }
}

impl Task {
    /// When it is due, if ever.
    #[must_use]
    pub fn due(&self) -> Option<Due> {
        Due::of(self.due_at, self.due_date)
    }

    /// The instant at which to remind of it in `zone`, fired or not; open tasks only.
    #[must_use]
    pub fn remind_at(&self, zone: &TimeZone) -> Option<Timestamp> {
        if self.status == Status::Done {
            return None;
        }
        let due = match self.due()? {
            Due::At(at) => at,
            Due::Date(date) => date
                .to_datetime(DATE_ONLY_REMINDER)
                .to_zoned_datetime(zone.clone())
                .ok()?
                .timestamp(),
        };
        let offset = i64::from(self.reminder_offset_minutes.unwrap_or(0)).minutes();
        due.checked_sub(offset).ok()
    }

    /// The instant of a reminder that has not been given yet.
    #[must_use]
    pub fn pending_reminder(&self, zone: &TimeZone) -> Option<Timestamp> {
        if self.reminded_for.is_some() {
            None
        } else {
            self.remind_at(zone)
        }
    }

    /// Roughly how many bytes it takes in a snapshot page.
    #[must_use]
    pub fn size(&self) -> usize {
        let text = self.title.len() + self.notes.as_ref().map_or(0, String::len);
        let tags: usize = self.tags.iter().map(|tag| tag.len() + 3).sum();
        let series = if self.recurrence.is_some() { 260 } else { 0 };
        280 + text + tags + series
    }
}
