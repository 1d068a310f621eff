//! Lengths of time from now: "in two days", "in an hour and a half", "2 weeks from now".

use jiff::{ToSpan, ZonedDateTime};

use super::{
    DateProblem,
    grammar::Found,
    numbers::{cardinal, digits, split_number},
    parts::Parts,
};

/// "in two days", "in an hour and a half", "2 weeks from now".
pub(super) fn offset(words: &[&str], now: &ZonedDateTime) -> Found {
    let (start, from_now) = match words {
        ["in", ..] => (1, false),
        _ => (0, true),
    };
    let mut rest = words.get(start..)?;
    let mut total = Amount::default();
    let mut count = start;
    loop {
        let (amount, taken) = quantity(rest)?;
        total = total.plus(amount)?;
        count += taken;
        rest = rest.get(taken..)?;
        match rest {
            ["and", "a", "half", ..] => {
                total = total.plus(amount.half()?)?;
                count += 3;
                rest = rest.get(3..)?;
                break;
            }
            ["and" | ",", more @ ..] if quantity(more).is_some() => {
                count += 1;
                rest = more;
            }
            _ if quantity(rest).is_some() => {}
            _ => break,
        }
    }
    if from_now {
        match rest {
            ["from", "now" | "today", ..] => count += 2,
            _ => return None,
        }
    }
    Some((total.after(now), count))
}

/// A length of time in calendar units and in minutes.
#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    minutes: i64,
    days: i64,
    months: i64,
}

impl Amount {
    fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            minutes: self.minutes.checked_add(other.minutes)?,
            days: self.days.checked_add(other.days)?,
            months: self.months.checked_add(other.months)?,
        })
    }

    /// Half of one of its units; only of those that halve evenly.
    fn half(self) -> Option<Self> {
        match self {
            Self {
                minutes,
                days: 0,
                months: 0,
            } if minutes > 0 && minutes % 60 == 0 => Some(Self {
                minutes: 30,
                ..Self::default()
            }),
            Self {
                minutes: 0,
                days: 0,
                months,
            } if months > 0 && months % 12 == 0 => Some(Self {
                months: 6,
                ..Self::default()
            }),
            _ => None,
        }
    }

    fn after(self, now: &ZonedDateTime) -> Result<Parts, DateProblem> {
        let too_far = |_| DateProblem::TooFar;
        let calendar = 0
            .days()
            .try_days(self.days)
            .and_then(|span| span.try_months(self.months));
        let calendar = calendar.map_err(too_far)?;
        if self.minutes == 0 {
            let date = now.date().checked_add(calendar).map_err(too_far)?;
            return Ok(Parts {
                date: Some(date),
                strong: true,
                ..Parts::default()
            });
        }
        let span = calendar.try_minutes(self.minutes).map_err(too_far)?;
        let at = now.checked_add(span).map_err(too_far)?;
        let at = at.with().subsec_nanosecond(0).build().map_err(too_far)?;
        Ok(Parts {
            instant: Some(at),
            strong: true,
            ..Parts::default()
        })
    }
}

/// A number and its unit.
fn quantity(words: &[&str]) -> Option<(Amount, usize)> {
    match words {
        ["half", "an", "hour", ..] | ["a", "half", "hour", ..] => Some((unit(30, "minutes")?, 3)),
        ["a", "couple", "of", name, ..] => Some((unit(2, name)?, 4)),
        ["a" | "an", name, ..] => Some((unit(1, name)?, 2)),
        [number, name, ..] if cardinal(number).is_some() => {
            Some((unit(cardinal(number)?, name)?, 2))
        }
        [glued, ..] => {
            if let Some((whole, "5" | "5h")) = glued.split_once('.') {
                let hours = matches!(words, [_, "hours" | "hour" | "h" | "hrs", ..]);
                let count = if glued.ends_with('h') { 1 } else { 2 };
                let minutes = digits(whole)?.checked_mul(60)?.checked_add(30)?;
                return (hours || count == 1).then_some((unit(minutes, "minutes")?, count));
            }
            let (number, name) = split_number(glued)?;
            Some((unit(number, name)?, 1))
        }
        [] => None,
    }
}

fn unit(number: i64, name: &str) -> Option<Amount> {
    let none = Amount::default();
    Some(match name {
        "m" | "min" | "mins" | "minute" | "minutes" => Amount {
            minutes: number,
            ..none
        },
        "h" | "hr" | "hrs" | "hour" | "hours" => Amount {
            minutes: number.checked_mul(60)?,
            ..none
        },
        "d" | "day" | "days" => Amount {
            days: number,
            ..none
        },
        "w" | "wk" | "wks" | "week" | "weeks" => Amount {
            days: number.checked_mul(7)?,
            ..none
        },
        "fortnight" | "fortnights" => Amount {
            days: number.checked_mul(14)?,
            ..none
        },
        "month" | "months" => Amount {
            months: number,
            ..none
        },
        "year" | "years" | "yr" | "yrs" => Amount {
            months: number.checked_mul(12)?,
            ..none
        },
        _ => return None,
    })
}
