//! Dates and times in everyday English.
//!
//! A grammar of our own over jiff's civil dates and times: what it does not know it leaves alone,
//! and what cannot be (31 February) it reports. These are its choices where English leaves room;
//! replies always echo the resolved moment, so a wrong guess shows.
//!
//! - A phrase with a time of day is an instant in the zone of `now`; one without is a date.
//! - Local times that a clock change skips or repeats are resolved as jiff's "compatible": a
//!   skipped time moves forward by the gap, a repeated one is its first occurrence.
//! - Weeks run from Monday to Sunday. "friday" is the first Friday after today, "this friday" the
//!   coming one with today included, "next friday" the Friday of next week. "next week" is its
//!   Monday, "next month" its first day; "in a week" is seven days from today.
//! - "the weekend" is the coming Saturday, or today on a weekend; "next weekend" is the Saturday
//!   of next week. The end of the week is its Sunday; the end of a day is that date, no time.
//! - Hours without am or pm: 1 to 6 are in the afternoon, 7 to 12 in the morning and at noon, 0
//!   and 13 to 23 as on a 24-hour clock. A leading zero ("05:00") also means a 24-hour clock, and
//!   "evening" or "tonight" beside the hour decides it.
//! - The hours from 1 to 5 "tonight" belong to the next day. A day and a time that have passed
//!   ("today at 9" at 10:00) stay in the past, for the list to refuse.
//! - A time without a day is the next time the clock shows it: today, else tomorrow.
//! - Morning is 09:00, afternoon 15:00, evening 18:00, night 20:00. Midnight ends the day it is
//!   said of: "friday at midnight" is 00:00 on Saturday.
//! - A day without a year is its next occurrence, today included. "5/6" could be read two ways and
//!   is refused; "25/12" is clear. With dots ("on 5.6.") the day comes first.
//! - "by" and "before" name the deadline itself.

mod calendar;
mod clock;
mod grammar;
pub mod numbers;
mod offset;
mod parts;

use std::fmt;

use jiff::{ZonedDateTime, civil::Date};

use super::words::{self, Token};

pub use parts::later;

/// When something is due.
#[derive(Debug, Clone, PartialEq)]
pub enum Due {
    /// A whole day of the person's calendar.
    Date(Date),
    /// An instant, in the person's zone.
    At(ZonedDateTime),
}

/// What a phrase says about when.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    /// The resolved moment.
    pub due: Due,
    /// Whether a day was named; without one the day is the next that fits.
    pub names_day: bool,
}

/// Why something that reads like a date is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateProblem {
    /// The calendar has no such day.
    NoSuchDate(String),
    /// The clock has no such time.
    NoSuchTime(String),
    /// It can be read as two different days.
    TwoReadings {
        /// What was said.
        said: String,
        /// With the day first.
        one: String,
        /// With the month first.
        other: String,
    },
    /// The day of the week and the date disagree.
    WrongWeekday {
        /// The date that was named.
        date: String,
        /// The day of the week it falls on.
        is: &'static str,
    },
    /// Beyond the years we can compute with.
    TooFar,
}

impl fmt::Display for DateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchDate(said) => write!(f, "there is no {said}"),
            Self::NoSuchTime(said) => write!(f, "there is no such time as {said}"),
            Self::TwoReadings { said, one, other } => {
                write!(
                    f,
                    "{said} could mean {one} or {other}; please name the month"
                )
            }
            Self::WrongWeekday { date, is } => write!(f, "{date} is a {is}"),
            Self::TooFar => f.write_str("that date is too far away"),
        }
    }
}

impl std::error::Error for DateProblem {}

/// The longest phrase looked for, in tokens; keeps the search linear in the message.
const LONGEST: usize = 14;

/// What the whole text says about when; `None` if it is not a date phrase.
#[must_use]
pub fn parse_due(text: &str, now: &ZonedDateTime) -> Option<Result<Due, DateProblem>> {
    let tokens = words::tokens(text);
    parse(&tokens, now).map(|found| found.map(|when| when.due))
}

/// Takes a date phrase off the end of the text, or else off its start.
#[must_use]
pub fn split_due<'t>(
    text: &'t str,
    now: &ZonedDateTime,
) -> (&'t str, Option<Result<Due, DateProblem>>) {
    let tokens = words::tokens(text);
    let due = |phrase: &[Token]| parse(phrase, now).map(|found| found.map(|when| when.due));
    if let Some((rest, phrase)) = split_trailing(&tokens, now) {
        return (words::source(text, rest), due(phrase));
    }
    if let Some((phrase, rest)) = split_leading(&tokens, now) {
        return (words::source(text, rest), due(phrase));
    }
    (text.trim(), None)
}

/// What these tokens as a whole say about when.
#[must_use]
pub fn parse(tokens: &[Token], now: &ZonedDateTime) -> Option<Result<When, DateProblem>> {
    let phrase = grammar::read(&words::patterns(tokens), now)?;
    Some(phrase.and_then(|phrase| phrase.resolve(now)))
}

/// Splits off the longest date phrase at the end: what is before it, and the phrase.
#[must_use]
pub fn split_trailing<'t>(
    tokens: &'t [Token],
    now: &ZonedDateTime,
) -> Option<(&'t [Token], &'t [Token])> {
    let patterns = words::patterns(tokens);
    let first = tokens.len().saturating_sub(LONGEST);
    (first..tokens.len()).find_map(|at| {
        let (rest, phrase) = patterns.split_at_checked(at)?;
        let bound = rest.last().is_some_and(|word| BINDS.contains(word));
        if bound || !stands_alone(phrase, now) {
            return None;
        }
        let (rest, phrase) = tokens.split_at_checked(at)?;
        Some((without_marks(rest), phrase))
    })
}

/// Splits off the longest date phrase at the start: the phrase, and what is after it.
#[must_use]
pub fn split_leading<'t>(
    tokens: &'t [Token],
    now: &ZonedDateTime,
) -> Option<(&'t [Token], &'t [Token])> {
    let patterns = words::patterns(tokens);
    (1..=tokens.len().min(LONGEST)).rev().find_map(|at| {
        let (phrase, _) = patterns.split_at_checked(at)?;
        if phrase.last().is_some_and(|word| *word == ",") || !stands_alone(phrase, now) {
            return None;
        }
        let (phrase, rest) = tokens.split_at_checked(at)?;
        Some((phrase, without_leading_marks(rest)))
    })
}

/// Words that bind what follows to themselves: "last friday", "from monday", "every day".
#[rustfmt::skip]
const BINDS: &[&str] = &[
    "last", "past", "previous", "every", "each", "of", "the", "a", "an", "since", "from", "than",
    "between", "and", "or", "to", "not", "my", "our", "his", "her", "their", "your", "this",
    "next", "all", "no", "-", "&", "+",
];

/// Whether the words are a date phrase that nobody would take for part of a title.
fn stands_alone(words: &[&str], now: &ZonedDateTime) -> bool {
    match grammar::read(words, now) {
        Some(Ok(phrase)) => phrase.strong,
        Some(Err(_)) => true,
        None => false,
    }
}

/// The tokens without the punctuation at their end.
fn without_marks(mut tokens: &[Token]) -> &[Token] {
    while let [rest @ .., last] = tokens {
        if last.kind != words::Kind::Mark || matches!(last.text.as_str(), ")" | "]") {
            break;
        }
        tokens = rest;
    }
    tokens
}

fn without_leading_marks(mut tokens: &[Token]) -> &[Token] {
    while let [first, rest @ ..] = tokens {
        if !matches!(first.text.as_str(), "," | ":" | "-") || first.kind == words::Kind::Quoted {
            break;
        }
        tokens = rest;
    }
    tokens
}

/// The day in words: "tomorrow, Tuesday 24 November", with the year if it is not this one.
#[must_use]
pub fn describe_date(date: Date, today: Date) -> String {
    let mut text = format!("{} {} {}", weekday(date), date.day(), month(date));
    if date.year() != today.year() {
        text = format!("{text} {}", date.year());
    }
    let near = |date: Result<Date, jiff::Error>| date.ok();
    if date == today {
        format!("today, {text}")
    } else if near(today.tomorrow()) == Some(date) {
        format!("tomorrow, {text}")
    } else if near(today.yesterday()) == Some(date) {
        format!("yesterday, {text}")
    } else {
        text
    }
}

/// The moment in words, seen from `now` and in its zone: the day, and "at 09:00" for an instant.
#[must_use]
pub fn describe(due: &Due, now: &ZonedDateTime) -> String {
    match due {
        Due::Date(date) => describe_date(*date, now.date()),
        Due::At(at) => {
            let at = at.with_time_zone(now.time_zone().clone());
            let day = describe_date(at.date(), now.date());
            format!("{day} at {:02}:{:02}", at.hour(), at.minute())
        }
    }
}

/// The English name of the date's day of the week.
fn weekday(date: Date) -> &'static str {
    numbers::weekday_name(date.weekday())
}

fn month(date: Date) -> &'static str {
    numbers::month_name(date.month())
}

#[cfg(test)]
mod tests;
