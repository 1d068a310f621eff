//! Recurrence: which days a task comes back on, and at what time of the clock on the wall.
//!
//! A series lives in local time. A time that a clock change skips moves forward by the gap, one
//! that it repeats is its first occurrence; the next day is back at the usual time.

pub mod rule;
mod words;

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Due;
use crate::message::Refusal;
pub use rule::Rule;

/// A series, and which of its occurrences a task is.
///
/// Moving a task moves that occurrence alone: the series goes on from where it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// Which days it has.
    pub rule: Rule,
    /// The first occurrence; the others have its time of day.
    pub start: Local,
    /// IANA name of the zone whose clock and calendar are meant.
    pub zone: String,
    /// The occurrence that the task is.
    pub occurrence: Local,
}

/// A moment on a clock on the wall, or a whole day. Written `2027-05-03T08:00:00` or `2027-05-03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// A time on a day.
    At(DateTime),
    /// A day.
    On(Date),
}

impl Recurrence {
    /// The series of an RRULE, and when its first occurrence is due: at `due` or the first day
    /// after it that the rule names; without `due`, on the first such day from today on.
    ///
    /// # Errors
    /// A rule that tasks cannot have, or one that never happens.
    pub fn begin(
        rule: &str,
        due: Option<Due>,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<(Self, Due), Refusal> {
        let earliest = match due {
            Some(Due::At(at)) => Local::At(at.to_zoned_datetime(zone.clone()).datetime()),
            Some(Due::Date(date)) => Local::On(date),
            None => Local::On(now.to_zoned_datetime(zone.clone()).date()),
        };
        let rule = Rule::parse(rule, Some(earliest.date()))?;
        let never = || {
            Refusal::invalid(
                "That repetition never happens, or ends before it begins. Check its days and its end.",
            )
        };
        let mut dates = rule.dates(earliest.date());
        let first = dates.next().ok_or_else(never)?;
        let (start, first_due) = match due {
            // The moment as it was given: it may be the second of two with the same local time.
            Some(due) if first == earliest.date() => (earliest, due),
            _ => std::iter::once(first)
                .chain(dates)
                .map(|date| earliest.on(date))
                .filter_map(|local| Some((local, local.due(zone)?)))
                .find(|(_, due)| !is_past(*due, now, zone))
                .ok_or_else(never)?,
        };
        let series = Self {
            rule,
            start,
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            occurrence: start,
        };
        Ok((series, first_due))
    }

    /// The same series at its next occurrence that is not past, and when that is due; `None` once
    /// it has ended. Occurrences passed over count towards COUNT.
    #[must_use]
    pub fn next_after(&self, now: Timestamp) -> Option<(Self, Due)> {
        let zone = self.time_zone();
        let (occurrence, due) = self
            .rule
            .dates(self.start.date())
            .skip_while(|date| *date <= self.occurrence.date())
            .map(|date| self.start.on(date))
            .filter_map(|local| Some((local, local.due(&zone)?)))
            .find(|(_, due)| !is_past(*due, now, &zone))?;
        let series = Self {
            occurrence,
            ..self.clone()
        };
        Some((series, due))
    }

    /// When the series has the task due, wherever it was moved.
    #[must_use]
    pub fn due(&self) -> Option<Due> {
        self.occurrence.due(&self.time_zone())
    }

    /// The rule in words, such as "every weekday".
    #[must_use]
    pub fn describe(&self) -> String {
        self.rule.describe()
    }

    /// The zone was checked when it was set; UTC should the zone database have lost it since.
    fn time_zone(&self) -> TimeZone {
        TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC)
    }
}

/// A day is past when it is over.
fn is_past(due: Due, now: Timestamp, zone: &TimeZone) -> bool {
    match due {
        Due::At(at) => at <= now,
        Due::Date(date) => date < now.to_zoned_datetime(zone.clone()).date(),
    }
}

impl Local {
    /// The day.
    #[must_use]
    pub fn date(self) -> Date {
        match self {
            Self::At(at) => at.date(),
            Self::On(date) => date,
        }
    }

    /// The same time on another day.
    fn on(self, date: Date) -> Self {
        match self {
            Self::At(at) => Self::At(date.to_datetime(at.time())),
            Self::On(_) => Self::On(date),
        }
    }

    fn due(self, zone: &TimeZone) -> Option<Due> {
        match self {
            // jiff resolves gaps and folds as this module promises.
            Self::At(at) => {
                let at = at.to_zoned_datetime(zone.clone()).ok()?.timestamp();
                Some(Due::At(at))
            }
            Self::On(date) => Some(Due::Date(date)),
        }
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::On(date) => date.fmt(f),
        }
    }
}

impl FromStr for Local {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        if text.contains('T') {
            text.parse().map(Self::At)
        } else {
            text.parse().map(Self::On)
        }
    }
}

impl Serialize for Local {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Local {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
