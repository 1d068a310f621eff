//! How often something repeats, said at the end: "every monday", "every 2 weeks", "daily".

use super::patterns::{trim_end, until};
use crate::assistant::{
    dates::numbers::{cardinal, ordinal, weekday},
    words::{self, Token},
};

/// Two-letter names as rules have them, Monday first.
const DAY_CODES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
/// After these, "every day" or "daily" belongs to the title.
#[rustfmt::skip]
const BINDS: &[&str] = &[
    "for", "of", "in", "from", "about", "with", "and", "or", "not", "the", "a", "an", "my", "our",
    "almost", "nearly", "like",
];

/// Takes a repetition off the end: what is before it, and its rule.
pub fn split_trailing(tokens: &[Token]) -> Option<(&[Token], String)> {
    let tokens = trim_end(tokens);
    let words = words::patterns(tokens);
    let (at, rule) = match words.as_slice() {
        [before @ .., "daily" | "everyday"] => (before.len(), "FREQ=DAILY".to_owned()),
        [before @ .., "weekly"] => (before.len(), "FREQ=WEEKLY".to_owned()),
        [before @ .., "monthly"] => (before.len(), "FREQ=MONTHLY".to_owned()),
        [before @ .., "yearly" | "annually"] => (before.len(), "FREQ=YEARLY".to_owned()),
        words => {
            let every = |word: &&str| matches!(*word, "every" | "each");
            let at = words.iter().rposition(every)?;
            (at, rule(words.get(at + 1..)?)?)
        }
    };
    let before = trim_end(until(tokens, at));
    let bound = words::patterns(before)
        .last()
        .is_none_or(|word| BINDS.contains(word));
    (!bound).then_some((before, rule))
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
