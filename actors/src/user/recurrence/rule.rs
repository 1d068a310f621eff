//! The part of RFC 5545's recurrence rules that tasks can have.

use std::fmt;

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::words;
use crate::message::Refusal;

/// The longest rule read, in bytes.
const LONGEST: usize = 200;
/// The largest INTERVAL and COUNT.
const LARGEST: u32 = 999;
/// No occurrence lies after this year; due dates do not either.
const LAST_YEAR: i16 = 2199;
/// Two-letter names, Monday first.
const DAY_CODES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Which days a series has. Written as an RRULE, complete: no part is left to the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What repeats.
    pub every: Every,
    /// Only every so many days, weeks, months or years; 1 to 999.
    pub interval: u32,
    /// Where it ends.
    pub end: End,
}

/// What repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Each day.
    Day,
    /// On these days of the week, which begins on Monday.
    Week(Weekdays),
    /// On a day of the month; months without it are skipped.
    Month(MonthDay),
    /// On a day of the year; years without it are skipped.
    Year {
        /// 1 to 12.
        month: i8,
        /// The day of that month.
        day: MonthDay,
    },
}

/// A day of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthDay {
    /// 1 to 31.
    Number(i8),
    /// The last one, whatever its number.
    Last,
}

/// Where a series ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Nowhere.
    Never,
    /// With this day, included.
    Until(Date),
    /// After so many occurrences; 1 to 999.
    After(u32),
}

/// At least one day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Monday to Friday.
    pub const WORKDAYS: Self = Self(0b001_1111);

    /// One day.
    #[must_use]
    pub fn one(day: Weekday) -> Self {
        Self(1 << day.to_monday_zero_offset())
    }

    /// These days and another.
    #[must_use]
    pub fn and(self, day: Weekday) -> Self {
        Self(self.0 | Self::one(day).0)
    }

    /// From Monday on, as days after Monday.
    pub(super) fn offsets(self) -> impl Iterator<Item = i8> {
        (0..7).filter(move |offset| self.0 & (1 << offset) != 0)
    }
}

/// What a rule's text says, before the start fills in what it leaves out.
#[derive(Default)]
struct Parts<'t> {
    frequency: Option<&'t str>,
    interval: Option<u32>,
    days: Option<Weekdays>,
    month_day: Option<MonthDay>,
    month: Option<i8>,
    until: Option<Date>,
    count: Option<u32>,
}

impl Rule {
    /// Reads an RRULE. A weekly, monthly or yearly rule that names no day gets that of `first`.
    ///
    /// # Errors
    /// A refusal that names the part that tasks cannot have.
    pub fn parse(text: &str, first: Option<Date>) -> Result<Self, Refusal> {
        let upper = text.trim().to_ascii_uppercase();
        let text = upper.strip_prefix("RRULE:").unwrap_or(&upper);
        if text.len() > LONGEST {
            return Err(Refusal::invalid("That repetition rule is too long."));
        }
        Parts::read(text)?.complete(first)
    }

    /// The days of the series that starts on `start`, in order; from that day on, which belongs
    /// to the series only if the rule says so.
    pub fn dates(self, start: Date) -> impl Iterator<Item = Date> {
        let (until, count) = match self.end {
            End::Never => (Date::MAX, usize::MAX),
            End::Until(date) => (date, usize::MAX),
            End::After(count) => (Date::MAX, count as usize),
        };
        (0..)
            .map_while(move |n: i64| self.period(start, n))
            .flatten()
            .skip_while(move |date| *date < start)
            .take_while(move |date| *date <= until && date.year() <= LAST_YEAR)
            .take(count)
    }

    /// The days in the `n`th day, week, month or year that counts; `None` beyond the last year.
    fn period(self, start: Date, n: i64) -> Option<Vec<Date>> {
        let n = n.checked_mul(i64::from(self.interval))?;
        let first = match self.every {
            Every::Day => start.checked_add(0.days().try_days(n).ok()?),
            Every::Week(_) => {
                let monday = i64::from(start.weekday().to_monday_zero_offset());
                let days = n.checked_mul(7)?.checked_sub(monday)?;
                start.checked_add(0.days().try_days(days).ok()?)
            }
            Every::Month(_) => start
                .first_of_month()
                .checked_add(0.months().try_months(n).ok()?),
            Every::Year { month, .. } => Date::new(start.year(), month, 1)
                .and_then(|date| date.checked_add(0.years().try_years(n)?)),
        };
        let first = first.ok().filter(|first| first.year() <= LAST_YEAR)?;
        Some(match self.every {
            Every::Day => vec![first],
            Every::Week(days) => days
                .offsets()
                .filter_map(|offset| first.checked_add(i64::from(offset).days()).ok())
                .collect(),
            Every::Month(day) | Every::Year { day, .. } => day.of(first).into_iter().collect(),
        })
    }

    /// In words, such as "every 2 weeks on Monday and Wednesday until 3 May 2027".
    #[must_use]
    pub fn describe(&self) -> String {
        words::describe(self)
    }
}

impl MonthDay {
    /// That day of the month of `date`, if it has one.
    fn of(self, date: Date) -> Option<Date> {
        match self {
            Self::Number(day) => Date::new(date.year(), date.month(), day).ok(),
            Self::Last => Some(date.last_of_month()),
        }
    }
}

impl<'t> Parts<'t> {
    fn read(text: &'t str) -> Result<Self, Refusal> {
        let mut parts = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(unreadable());
            };
            if seen.contains(&name) {
                return Err(Refusal::invalid(
                    "A repetition rule has each of its parts once.",
                ));
            }
            seen.push(name);
            parts.take(name, value)?;
        }
        Ok(parts)
    }

    fn take(&mut self, name: &str, value: &'t str) -> Result<(), Refusal> {
        match name {
            "FREQ" => self.frequency = Some(value),
            "INTERVAL" => self.interval = Some(number("INTERVAL", value)?),
            "COUNT" => self.count = Some(number("COUNT", value)?),
            "UNTIL" => self.until = Some(day("UNTIL", value)?),
            "BYDAY" => self.days = Some(weekdays(value)?),
            "BYMONTHDAY" => self.month_day = Some(month_day(value)?),
            "BYMONTH" => self.month = Some(month(value)?),
            "WKST" if value == "MO" => {}
            "WKST" => {
                return Err(Refusal::invalid(
                    "Weeks begin on Monday here: leave WKST out.",
                ));
            }
            _ => return Err(unreadable()),
        }
        Ok(())
    }

    fn complete(self, first: Option<Date>) -> Result<Rule, Refusal> {
        let first = || first.ok_or_else(unreadable);
        let interval = self.interval.unwrap_or(1);
        let (days, month_day, month) = (self.days, self.month_day, self.month);
        let number_of = |date: Date| MonthDay::Number(date.day());
        let every = match (self.frequency, days, month_day, month) {
            (Some("DAILY"), None, None, None) => Every::Day,
            // "Daily on weekdays" is weekly on them.
            (Some("DAILY"), Some(days), None, None) if interval == 1 => Every::Week(days),
            (Some("WEEKLY"), Some(days), None, None) => Every::Week(days),
            (Some("WEEKLY"), None, None, None) => Every::Week(Weekdays::one(first()?.weekday())),
            (Some("MONTHLY"), None, Some(day), None) => Every::Month(day),
            (Some("MONTHLY"), None, None, None) => Every::Month(number_of(first()?)),
            (Some("YEARLY"), None, Some(day), Some(month)) => Every::Year { month, day },
            (Some("YEARLY"), None, None, None) => Every::Year {
                month: first()?.month(),
                day: number_of(first()?),
            },
            (Some("DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY"), ..) => {
                return Err(Refusal::invalid(
                    "Tasks repeat daily, weekly with BYDAY, monthly with BYMONTHDAY, or yearly with BYMONTH and BYMONTHDAY. That rule mixes these.",
                ));
            }
            _ => return Err(unreadable()),
        };
        let end = match (self.until, self.count) {
            (None, None) => End::Never,
            (Some(date), None) => End::Until(date),
            (None, Some(count)) => End::After(count),
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid(
                    "A repetition ends with UNTIL or with COUNT, not both.",
                ));
            }
        };
        Ok(Rule {
            every,
            interval,
            end,
        })
    }
}

fn unreadable() -> Refusal {
    Refusal::invalid(
        "That repetition is not one I know. Write it as an RRULE such as “FREQ=DAILY”, “FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE”, “FREQ=MONTHLY;BYMONTHDAY=-1” or “FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=3”, with UNTIL or COUNT if it ends.",
    )
}

fn number(name: &str, value: &str) -> Result<u32, Refusal> {
    value
        .parse()
        .ok()
        .filter(|number| (1..=LARGEST).contains(number))
        .ok_or_else(|| Refusal::invalid(format!("{name} is a number from 1 to {LARGEST}.")))
}

fn day(name: &str, value: &str) -> Result<Date, Refusal> {
    Some(value)
        .filter(|value| value.len() == 8 && value.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|value| Date::strptime("%Y%m%d", value).ok())
        .ok_or_else(|| {
            Refusal::invalid(format!(
                "{name} is a day without a time, such as {name}=20271231."
            ))
        })
}

fn weekdays(value: &str) -> Result<Weekdays, Refusal> {
    let mut days = None;
    for code in value.split(',') {
        let offset = DAY_CODES.iter().position(|known| *known == code);
        let day = offset
            .and_then(|offset| i8::try_from(offset).ok())
            .and_then(|offset| Weekday::from_monday_zero_offset(offset).ok())
            .ok_or_else(|| {
                Refusal::invalid(
                    "BYDAY lists days of the week, such as MO,WE. Weeks of the month, such as “the second Monday”, are not possible.",
                )
            })?;
        days = Some(days.map_or(Weekdays::one(day), |days: Weekdays| days.and(day)));
    }
    days.ok_or_else(unreadable)
}

fn month_day(value: &str) -> Result<MonthDay, Refusal> {
    match value.parse() {
        Ok(-1) => Ok(MonthDay::Last),
        Ok(day @ 1..=31) => Ok(MonthDay::Number(day)),
        _ => Err(Refusal::invalid(
            "BYMONTHDAY is one day from 1 to 31, or -1 for the last.",
        )),
    }
}

fn month(value: &str) -> Result<i8, Refusal> {
    value
        .parse()
        .ok()
        .filter(|month| (1..=12).contains(month))
        .ok_or_else(|| Refusal::invalid("BYMONTH is one month from 1 to 12."))
}

/// The RRULE, in one spelling per rule.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frequency = match self.every {
            Every::Day => "DAILY",
            Every::Week(_) => "WEEKLY",
            Every::Month(_) => "MONTHLY",
            Every::Year { .. } => "YEARLY",
        };
        write!(f, "FREQ={frequency}")?;
        if self.interval > 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        match self.every {
            Every::Day => {}
            Every::Week(days) => write!(f, ";BYDAY={days}")?,
            Every::Month(day) => write!(f, ";BYMONTHDAY={day}")?,
            Every::Year { month, day } => write!(f, ";BYMONTH={month};BYMONTHDAY={day}")?,
        }
        match self.end {
            End::Never => Ok(()),
            End::Until(date) => write!(f, ";UNTIL={}", date.strftime("%Y%m%d")),
            End::After(count) => write!(f, ";COUNT={count}"),
        }
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = DAY_CODES.iter().enumerate();
        let mut named = codes.filter(|(offset, _)| self.0 & (1 << offset) != 0);
        if let Some((_, first)) = named.next() {
            f.write_str(first)?;
        }
        named.try_for_each(|(_, code)| write!(f, ",{code}"))
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(day) => write!(f, "{day}"),
            Self::Last => f.write_str("-1"),
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text, None).map_err(serde::de::Error::custom)
    }
}
