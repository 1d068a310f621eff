//! Times of day: "9am", "21:00", "half past four", "noon".

use super::{
    DateProblem,
    grammar::{Found, Lead},
    numbers::{cardinal, digits, split_number},
    parts::{Clock, Parts},
};

/// A time of day; a bare number only after "at" and its like.
pub(super) fn time_of_day(words: &[&str], lead: Lead) -> Found {
    let found = |hour, minute, settled, strong, count| {
        let clock = Some(Clock {
            hour,
            minute,
            settled,
        });
        Some((
            Ok(Parts {
                clock,
                strong,
                ..Parts::default()
            }),
            count,
        ))
    };
    let hour = |word: &str| {
        cardinal(word)
            .filter(|n| (1..=12).contains(n))
            .and_then(|n| i8::try_from(n).ok())
    };
    match words {
        ["noon" | "midday", ..] => found(12, 0, true, lead.clock, 1),
        ["midnight", ..] => found(24, 0, true, lead.clock, 1),
        ["half", "past", name, ..] => found(hour(name)?, 30, false, true, 3),
        ["quarter", "past", name, ..] => found(hour(name)?, 15, false, true, 3),
        ["quarter", "to", name, ..] => {
            let hour = hour(name)?;
            found(if hour == 1 { 12 } else { hour - 1 }, 45, false, true, 3)
        }
        [name, "o'clock" | "oclock", ..] => {
            let number = cardinal(name).filter(|n| (0..=23).contains(n))?;
            found(
                i8::try_from(number).ok()?,
                0,
                !(1..=12).contains(&number),
                true,
                2,
            )
        }
        [number, half @ ("am" | "pm" | "a.m" | "p.m"), ..] => {
            Some((twelve_hours(number, half)?, 2))
        }
        [word, ..] => one_word_time(word, lead).map(|found| (found, 1)),
        [] => None,
    }
}

/// A time in one word: "9am", "9:30pm", "21:00", and after "at" also "9", "nine", "1500".
fn one_word_time(word: &str, lead: Lead) -> Option<Result<Parts, DateProblem>> {
    for half in ["am", "pm", "a.m", "p.m"] {
        if let Some(number) = word.strip_suffix(half)
            && number.starts_with(|c: char| c.is_ascii_digit())
        {
            return twelve_hours(number, half);
        }
    }
    let (hour, minute) = if let Some((hour, minute)) = hours_minutes(word) {
        if word.contains('.') && !lead.clock {
            return None;
        }
        (hour, minute)
    } else if !lead.clock {
        return None;
    } else if word.len() == 4 && digits(word).is_some() {
        let number = digits(word)?;
        (number / 100, number % 100)
    } else if let Some((hour, "h")) = split_number(word) {
        (hour, 0)
    } else {
        (cardinal(word).filter(|n| (0..=24).contains(n))?, 0)
    };
    if !(0..=23).contains(&hour) || !(0..=59).contains(&minute) {
        return lead
            .clock
            .then(|| Err(DateProblem::NoSuchTime(word.to_owned())));
    }
    let settled = !(1..=12).contains(&hour) || word.starts_with('0');
    let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
    let clock = Some(Clock {
        hour,
        minute,
        settled,
    });
    Some(Ok(Parts {
        clock,
        strong: lead.clock,
        ..Parts::default()
    }))
}

/// "9:30" or "9.30": one or two digits and exactly two.
fn hours_minutes(word: &str) -> Option<(i64, i64)> {
    let (hour, minute) = word.split_once([':', '.'])?;
    if hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    Some((digits(hour)?, digits(minute)?))
}

fn twelve_hours(number: &str, half: &str) -> Option<Result<Parts, DateProblem>> {
    let (hour, minute) = match hours_minutes(number) {
        Some(found) => found,
        None => (cardinal(number).filter(|n| *n <= 24)?, 0),
    };
    if !(1..=12).contains(&hour) || minute > 59 {
        let said = format!(
            "{number} {}",
            if half.starts_with('a') { "am" } else { "pm" }
        );
        return Some(Err(DateProblem::NoSuchTime(said)));
    }
    let hour = i8::try_from(hour % 12).ok()? + if half.starts_with('p') { 12 } else { 0 };
    let clock = Some(Clock {
        hour,
        minute: i8::try_from(minute).ok()?,
        settled: true,
    });
    Some(Ok(Parts {
        clock,
        strong: true,
        ..Parts::default()
    }))
}
