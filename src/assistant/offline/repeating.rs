//! How often something repeats: "every monday", "every 2 weeks", "daily", "on tuesdays". It
//! stands at the end, or after "remind me".

use super::patterns::{from, trim_end, trimmed, until};
use crate::assistant::{
    dates::numbers::{cardinal, ordinal, weekday},
    words::{self, Kind, Token},
};

/// Two-letter names as rules have them, Monday first.
const DAY_CODES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
/// After these, "every day" or "daily" belongs to the title.
#[rustfmt::skip]
const BINDS: &[&str] = &[
    "for", "of", "in", "from", "about", "with", "and", "or", "not", "the", "a", "an", "my", "our",
    "almost", "nearly", "like",
];

/// The most words looked at for a repetition at the start.
const LONGEST_LEAD: usize = 14;

/// How often something repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repetition {
    /// An RRULE.
    pub rule: String,
    /// "every morning": when on those days, as a date phrase; empty when that is not said.
    pub part_of_day: Vec<Token>,
}

impl From<String> for Repetition {
    fn from(rule: String) -> Self {
        Self {
            rule,
            part_of_day: Vec::new(),
        }
    }
}

/// Takes a repetition off the end: what is before it, and how often.
pub fn split_trailing(tokens: &[Token]) -> Option<(&[Token], Repetition)> {
    let tokens = trim_end(tokens);
    let words = words::patterns(tokens);
    let (at, repetition) = match words.as_slice() {
        [before @ .., last] if adverb(last).is_some() => {
            (before.len(), adverb(last)?.to_owned().into())
        }
        [before @ .., "of", "every" | "each", "month"] => {
            // "on the last day of every month"
            let the = before.iter().rposition(|word| *word == "the")?;
            let day = month_day(before.get(the + 1..)?)?;
            let on = usize::from(the > 0 && before.get(the - 1) == Some(&"on"));
            (the - on, format!("FREQ=MONTHLY;BYMONTHDAY={day}").into())
        }
        words => match words.iter().rposition(is_every) {
            Some(at) => (at, repetition(words.get(at + 1..)?)?),
            None => {
                let at = words.iter().rposition(|word| *word == "on")?;
                (at, plural_weekdays(words.get(at + 1..)?)?.into())
            }
        },
    };
    let before = trim_end(until(tokens, at));
    let bound = words::patterns(before)
        .last()
        .is_none_or(|word| BINDS.contains(word));
    (!bound).then_some((before, repetition))
}

/// Takes a repetition off the start, up to the link to what is to be done: "every friday at 5"
/// off "every friday at 5 to call Bob". Also answers what may be a date phrase after it.
pub fn split_leading(tokens: &[Token]) -> Option<(Repetition, &[Token], &[Token])> {
    let words = words::patterns(until(tokens, LONGEST_LEAD));
    let link = words.iter().position(|word| *word == "to")?;
    let (lead, rest) = (until(tokens, link), from(tokens, link + 1));
    if let Some(rule) = words.first().and_then(|word| adverb(word)) {
        return Some((rule.to_owned().into(), trimmed(from(lead, 1)), rest));
    }
    words.first().filter(|word| is_every(word))?;
    (2..=link).rev().find_map(|at| {
        let repetition = repetition(words.get(1..at)?)?;
        Some((repetition, trimmed(from(lead, at)), rest))
    })
}

/// "daily" and its like as a rule.
fn adverb(word: &str) -> Option<&'static str> {
    Some(match word {
        "daily" | "everyday" => "FREQ=DAILY",
        "weekly" => "FREQ=WEEKLY",
        "monthly" => "FREQ=MONTHLY",
        "yearly" | "annually" => "FREQ=YEARLY",
        _ => return None,
    })
}

fn is_every(word: &&str) -> bool {
    matches!(*word, "every" | "each")
}

/// What follows "every".
fn repetition(words: &[&str]) -> Option<Repetition> {
    let said: &[&str] = match words {
        ["morning"] => &["in", "the", "morning"],
        ["afternoon"] => &["in", "the", "afternoon"],
        ["evening"] => &["in", "the", "evening"],
        ["night"] => &["at", "night"],
        words => return Some(rule(words)?.into()),
    };
    let token = |word: &&str| Token {
        kind: Kind::Word,
        start: 0,
        end: 0,
        text: (*word).to_owned(),
    };
    Some(Repetition {
        rule: "FREQ=DAILY".to_owned(),
        part_of_day: said.iter().map(token).collect(),
    })
}

/// The rule of what follows "every".
fn rule(words: &[&str]) -> Option<String> {
    Some(match words {
        ["weekday" | "workday"] => "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR".to_owned(),
        ["month", "on", "the", rest @ ..] => {
            format!("FREQ=MONTHLY;BYMONTHDAY={}", month_day(rest)?)
        }
        [rest @ .., "of", "the", "month"] => {
            format!("FREQ=MONTHLY;BYMONTHDAY={}", month_day(rest)?)
        }
        ["week", "on", days @ ..] => format!("FREQ=WEEKLY;BYDAY={}", weekdays(days)?),
        [unit] if frequency(unit).is_some() => format!("FREQ={}", frequency(unit)?),
        ["other", unit] if frequency(unit).is_some() => {
            format!("FREQ={};INTERVAL=2", frequency(unit)?)
        }
        ["other", days @ ..] => format!("FREQ=WEEKLY;INTERVAL=2;BYDAY={}", weekdays(days)?),
        [number, units] if cardinal(number).is_some() => {
            let interval = cardinal(number).filter(|n| (2..=999).contains(n))?;
            let frequency = frequency(units.strip_suffix('s')?)?;
            format!("FREQ={frequency};INTERVAL={interval}")
        }
        days => format!("FREQ=WEEKLY;BYDAY={}", weekdays(days)?),
    })
}

fn frequency(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "day" => "DAILY",
        "week" => "WEEKLY",
        "month" => "MONTHLY",
        "year" => "YEARLY",
        _ => return None,
    })
}

/// "1st", "last day".
fn month_day(words: &[&str]) -> Option<i64> {
    match words {
        ["last"] | ["last", "day"] => Some(-1),
        [number] | [number, "day"] => ordinal(number).filter(|day| (1..=31).contains(day)),
        _ => None,
    }
}

/// "monday", "monday and thursday", "mon, wed and fri".
fn weekdays(words: &[&str]) -> Option<String> {
    let mut codes = Vec::new();
    let mut day_expected = true;
    for word in words {
        match (*word, day_expected) {
            ("and" | "&" | ",", false) => day_expected = true,
            // ", and"
            ("and" | "&", true) if !codes.is_empty() => {}
            (word, true) => {
                let (day, _) = weekday(word)?;
                let offset = usize::try_from(day.to_monday_zero_offset()).ok()?;
                codes.push(*DAY_CODES.get(offset)?);
                day_expected = false;
            }
            _ => return None,
        }
    }
    (!codes.is_empty() && !day_expected).then(|| codes.join(","))
}

/// "tuesdays", "mondays and thursdays" as a rule.
fn plural_weekdays(words: &[&str]) -> Option<String> {
    let singular: Option<Vec<&str>> = words
        .iter()
        .map(|word| match *word {
            "and" | "&" | "," => Some(*word),
            word => word.strip_suffix('s').filter(|day| day.ends_with("day")),
        })
        .collect();
    Some(format!("FREQ=WEEKLY;BYDAY={}", weekdays(&singular?)?))
}
