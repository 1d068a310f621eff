//! Reads the words of a date phrase. Every rule looks at the start of what is left and says how
//! many words it takes; a phrase counts only if the rules together take all of them.

use jiff::{
    ZonedDateTime,
    civil::{Date, Weekday},
};

use super::{
    DateProblem,
    calendar::calendar_date,
    clock::time_of_day,
    numbers::weekday,
    offset::offset,
    parts::{Parts, Period, later},
};

/// What a rule found, and how many words it took.
pub(super) type Found = Option<(Result<Parts, DateProblem>, usize)>;

/// The small words before a part.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lead {
    /// Words taken.
    words: usize,
    /// "at", "by" and their like: a bare number after it is an hour.
    pub(super) clock: bool,
    /// "on", "by" and their like: a bare ordinal after it is a day.
    pub(super) day: bool,
}

/// The parts of the phrase, or why it cannot be; `None` if it is no date phrase.
pub fn read(words: &[&str], now: &ZonedDateTime) -> Option<Result<Parts, DateProblem>> {
    let mut rest = words;
    while let [before @ .., "." | "!" | "?"] = rest {
        rest = before;
    }
    let mut parts = Parts::default();
    let mut problem = None;
    let mut taken = 0;
    while !rest.is_empty() {
        let lead = lead(rest);
        let (_, after) = rest.split_at_checked(lead.words)?;
        let (found, count) = part(after, lead, &parts, now)?;
        let (_, after) = after.split_at_checked(count)?;
        rest = after;
        taken += 1;
        match found {
            Ok(found) => parts = parts.join(found)?,
            Err(found) => problem = problem.or(Some(found)),
        }
    }
    let alone = parts.instant.is_none() || taken == 1;
    (taken > 0 && alone).then_some(problem.map_or(Ok(parts), Err))
}

fn lead(words: &[&str]) -> Lead {
    let mut lead = Lead::default();
    for word in words.iter().take(3) {
        match *word {
            "," | "." | "due" => {}
            "at" | "around" | "@" => lead.clock = true,
            "on" | "for" => lead.day = true,
            "by" | "before" | "until" | "till" => (lead.clock, lead.day) = (true, true),
            _ => break,
        }
        lead.words += 1;
    }
    lead
}

fn part(words: &[&str], lead: Lead, so_far: &Parts, now: &ZonedDateTime) -> Found {
    near_day(words, lead, now)
        .or_else(|| day_of_week(words, lead, now))
        .or_else(|| end_of(words, now))
        .or_else(|| offset(words, now))
        .or_else(|| calendar_date(words, lead, so_far, now))
        .or_else(|| period(words, lead, so_far))
        .or_else(|| time_of_day(words, lead))
}

pub(super) fn day(date: Result<Date, DateProblem>, strong: bool, count: usize) -> Found {
    Some((
        date.map(|date| Parts {
            date: Some(date),
            strong,
            ..Parts::default()
        }),
        count,
    ))
}

/// The Monday of this week, and so many weeks later.
fn monday(today: Date, weeks: i64) -> Result<Date, DateProblem> {
    later(
        today,
        weeks * 7 - i64::from(today.weekday().to_monday_zero_offset()),
    )
}

fn near_day(words: &[&str], lead: Lead, now: &ZonedDateTime) -> Found {
    let today = now.date();
    let with_period = |days, period, count| {
        let found = later(today, days).map(|date| Parts {
            date: Some(date),
            period: Some(period),
            strong: true,
            ..Parts::default()
        });
        Some((found, count))
    };
    match words {
        ["today", ..] => day(Ok(today), true, 1),
        ["tonight", ..] => with_period(0, Period::Night, 1),
        ["this", "morning", ..] => with_period(0, Period::Morning, 2),
        ["this", "afternoon", ..] => with_period(0, Period::Afternoon, 2),
        ["this", "evening", ..] => with_period(0, Period::Evening, 2),
        [
            "tomorrow" | "tomorow" | "tommorow" | "tommorrow" | "tmrw" | "tmr",
            ..,
        ] => day(later(today, 1), true, 1),
        ["the", "day", "after", "tomorrow", ..] => day(later(today, 2), true, 4),
        ["day", "after", "tomorrow", ..] => day(later(today, 2), true, 3),
        ["yesterday", ..] => day(later(today, -1), true, 1),
        ["next", "week" | "wk", ..] => day(monday(today, 1), true, 2),
        ["next", "month", ..] => day(later(today.last_of_month(), 1), true, 2),
        ["next", "year", ..] => day(new_year(today), true, 2),
        ["next", "weekend", ..] => day(monday(today, 1).and_then(|d| later(d, 5)), true, 2),
        ["this", "weekend", ..] => day(weekend(today), true, 2),
        ["the", "weekend", ..] => day(weekend(today), lead.day || lead.clock, 2),
        _ => None,
    }
}

fn weekend(today: Date) -> Result<Date, DateProblem> {
    match today.weekday() {
        Weekday::Saturday | Weekday::Sunday => Ok(today),
        _ => monday(today, 0).and_then(|monday| later(monday, 5)),
    }
}

fn new_year(today: Date) -> Result<Date, DateProblem> {
    Date::new(today.year().saturating_add(1), 1, 1).map_err(|_| DateProblem::TooFar)
}

fn day_of_week(words: &[&str], lead: Lead, now: &ZonedDateTime) -> Found {
    let today = now.date();
    let ahead = |day: Weekday| i64::from(today.weekday().until(day));
    let found = |weekday, date: Result<Date, DateProblem>, strong, count| {
        let parts = date.map(|date| Parts {
            weekday: Some((weekday, date)),
            strong,
            ..Parts::default()
        });
        Some((parts, count))
    };
    match words {
        ["next", name, ..] => {
            let (name, _) = weekday(name)?;
            let date = monday(today, 1)
                .and_then(|first| later(first, i64::from(name.to_monday_zero_offset())));
            found(name, date, true, 2)
        }
        ["this", "coming", name, ..] => {
            let (name, _) = weekday(name)?;
            found(name, later(today, ahead(name)), true, 3)
        }
        ["this" | "coming", name, ..] => {
            let (name, _) = weekday(name)?;
            found(name, later(today, ahead(name)), true, 2)
        }
        [name, ..] => {
            let (name, clear) = weekday(name)?;
            let days = if ahead(name) == 0 { 7 } else { ahead(name) };
            found(name, later(today, days), clear || lead.day || lead.clock, 1)
        }
        [] => None,
    }
}

fn end_of(words: &[&str], now: &ZonedDateTime) -> Found {
    let today = now.date();
    let (words, article) = match words {
        ["the", rest @ ..] => (rest, 1),
        _ => (words, 0),
    };
    let week = |weeks| monday(today, weeks).and_then(|first| later(first, 6));
    let (date, count) = match words {
        ["eod", ..] => (Ok(today), 1),
        ["eow", ..] => (week(0), 1),
        ["eom", ..] => (Ok(today.last_of_month()), 1),
        ["end", "of", "day", ..] => (Ok(today), 3),
        ["end", "of", "the" | "this", "day", ..] => (Ok(today), 4),
        ["end", "of", "the" | "this", "week", ..] => (week(0), 4),
        ["end", "of", "next", "week", ..] => (week(1), 4),
        ["end", "of", "the" | "this", "month", ..] => (Ok(today.last_of_month()), 4),
        ["end", "of", "week", ..] => (week(0), 3),
        ["end", "of", "month", ..] => (Ok(today.last_of_month()), 3),
        ["end", "of", "year", ..] => (new_year(today).and_then(|date| later(date, -1)), 3),
        ["end", "of", "next", "month", ..] => {
            (later(today.last_of_month(), 1).map(Date::last_of_month), 4)
        }
        ["end", "of", "the" | "this", "year", ..] => {
            (new_year(today).and_then(|date| later(date, -1)), 4)
        }
        _ => return None,
    };
    day(date, true, count + article)
}

fn period(words: &[&str], lead: Lead, so_far: &Parts) -> Found {
    let (name, count, strong) = match words {
        [
            "in",
            "the",
            name @ ("morning" | "afternoon" | "evening"),
            ..,
        ] => (*name, 3, true),
        [name @ ("morning" | "afternoon" | "evening"), ..] if so_far.names_day() => {
            (*name, 1, false)
        }
        ["night", ..] if so_far.names_day() || lead.clock => ("night", 1, lead.clock),
        _ => return None,
    };
    let period = match name {
        "morning" => Period::Morning,
        "afternoon" => Period::Afternoon,
        "evening" => Period::Evening,
        _ => Period::Night,
    };
    Some((
        Ok(Parts {
            period: Some(period),
            strong,
            ..Parts::default()
        }),
        count,
    ))
}
