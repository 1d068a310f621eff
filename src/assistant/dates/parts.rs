//! What the words of a date phrase amount to, and the moment they resolve to.

use jiff::{
    ToSpan, ZonedDateTime,
    civil::{Date, Time, Weekday},
};

use super::{DateProblem, Due, When, numbers};

/// A time on the clock face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// 0 to 23, or 24 for the midnight that ends the day.
    pub hour: i8,
    /// 0 to 59.
    pub minute: i8,
    /// Whether am, pm or a 24-hour clock settles which half of the day it is.
    pub settled: bool,
}

/// A part of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From 09:00.
    Morning,
    /// From 15:00.
    Afternoon,
    /// From 18:00.
    Evening,
    /// From 20:00, until the small hours of the next day.
    Night,
}

/// The parts of a date phrase found so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts {
    /// A day of the calendar.
    pub date: Option<Date>,
    /// A day of the week, with the date it has when no other is named.
    pub weekday: Option<(Weekday, Date)>,
    /// A time of day.
    pub clock: Option<Clock>,
    /// A part of the day.
    pub period: Option<Period>,
    /// An instant, complete in itself ("in two hours").
    pub instant: Option<ZonedDateTime>,
    /// Whether at least one part is hardly ever anything but a date.
    pub strong: bool,
}

impl Parts {
    /// Both together, unless they say the same kind of thing twice.
    pub fn join(self, other: Self) -> Option<Self> {
        Some(Self {
            date: either(self.date, other.date)?,
            weekday: either(self.weekday, other.weekday)?,
            clock: either(self.clock, other.clock)?,
            period: either(self.period, other.period)?,
            instant: either(self.instant, other.instant)?,
            strong: self.strong || other.strong,
        })
    }

    /// Whether a day has been named.
    pub fn names_day(&self) -> bool {
        self.date.is_some() || self.weekday.is_some()
    }

    /// The moment, in the zone of `now`.
    pub fn resolve(self, now: &ZonedDateTime) -> Result<When, DateProblem> {
        let names_day = self.names_day();
        if let Some(at) = self.instant {
            return Ok(When {
                due: Due::At(at),
                names_day: true,
            });
        }
        if let (Some(date), Some((weekday, _))) = (self.date, self.weekday)
            && date.weekday() != weekday
        {
            let said = format!(
                "{} {} {}",
                date.day(),
                numbers::month_name(date.month()),
                date.year()
            );
            return Err(DateProblem::WrongWeekday {
                date: said,
                is: super::weekday(date),
            });
        }
        let day = self.date.or(self.weekday.map(|(_, date)| date));
        let Some(clock) = clock(self.clock, self.period) else {
            let date = day.unwrap_or_else(|| now.date());
            return Ok(When {
                due: Due::Date(date),
                names_day,
            });
        };
        let at = moment(day.unwrap_or_else(|| now.date()), clock, now)?;
        if at > *now {
            return Ok(When {
                due: Due::At(at),
                names_day,
            });
        }
        let due = match day {
            // Nobody who says "tonight" at 21:00 means an hour ago.
            Some(date) if self.clock.is_none() && self.period == Some(Period::Night) => {
                if date == now.date() {
                    Due::Date(date)
                } else {
                    Due::At(at)
                }
            }
            Some(_) => Due::At(at),
            None => Due::At(moment(later(now.date(), 1)?, clock, now)?),
        };
        Ok(When { due, names_day })
    }
}

/// The one that is there, or `None` if both are.
fn either<T>(one: Option<T>, other: Option<T>) -> Option<Option<T>> {
    match (one, other) {
        (Some(_), Some(_)) => None,
        (one, other) => Some(one.or(other)),
    }
}

/// The time of day on a 24-hour clock; hours from 24 belong to the next day.
fn clock(clock: Option<Clock>, period: Option<Period>) -> Option<Clock> {
    let Some(clock) = clock else {
        let hour = match period? {
            Period::Morning => 9,
            Period::Afternoon => 15,
            Period::Evening => 18,
            Period::Night => 20,
        };
        return Some(Clock {
            hour,
            minute: 0,
            settled: true,
        });
    };
    if clock.settled {
        return Some(clock);
    }
    let hour = match (period, clock.hour) {
        (Some(Period::Morning), 12) => 0,
        (Some(Period::Night), 12) => 24,
        (Some(Period::Night), 1..=5) => clock.hour + 24,
        (Some(Period::Afternoon | Period::Evening), 1..=11)
        | (Some(Period::Night), 6..=11)
        | (None, 1..=6) => clock.hour + 12,
        (_, hour) => hour,
    };
    Some(Clock { hour, ..clock })
}

fn moment(date: Date, clock: Clock, now: &ZonedDateTime) -> Result<ZonedDateTime, DateProblem> {
    let (date, hour) = if clock.hour >= 24 {
        (later(date, 1)?, clock.hour - 24)
    } else {
        (date, clock.hour)
    };
    let time = Time::new(hour, clock.minute, 0, 0)
        .map_err(|_| DateProblem::NoSuchTime(format!("{hour}:{:02}", clock.minute)))?;
    date.to_datetime(time)
        .to_zoned_datetime(now.time_zone().clone())
        .map_err(|_| DateProblem::TooFar)
}

/// The date so many days later.
///
/// # Errors
///
/// If that is beyond the calendar's last year.
pub fn later(date: Date, days: i64) -> Result<Date, DateProblem> {
    let span = 0.days().try_days(days).map_err(|_| DateProblem::TooFar)?;
    date.checked_add(span).map_err(|_| DateProblem::TooFar)
}
