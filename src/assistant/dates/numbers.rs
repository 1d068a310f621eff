//! Numbers, days of the week and months by their English names.

use jiff::civil::Weekday;

/// A cardinal in words, up to the sixties.
#[rustfmt::skip]
const CARDINALS: &[(&str, i64)] = &[
    ("one", 1), ("two", 2), ("three", 3), ("four", 4), ("five", 5), ("six", 6), ("seven", 7),
    ("eight", 8), ("nine", 9), ("ten", 10), ("eleven", 11), ("twelve", 12), ("thirteen", 13),
    ("fourteen", 14), ("fifteen", 15), ("sixteen", 16), ("eighteen", 18), ("twenty", 20),
    ("thirty", 30), ("forty", 40), ("forty-five", 45), ("fifty", 50), ("sixty", 60),
    ("ninety", 90),
];

/// Ordinals in words.
#[rustfmt::skip]
const ORDINALS: &[(&str, i64)] = &[
    ("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("fifth", 5), ("sixth", 6),
    ("seventh", 7), ("eighth", 8), ("ninth", 9), ("tenth", 10), ("eleventh", 11), ("twelfth", 12),
    ("thirteenth", 13), ("fourteenth", 14), ("fifteenth", 15), ("twentieth", 20),
    ("thirtieth", 30),
];

#[rustfmt::skip]
const MONTHS: &[(&str, &str)] = &[
    ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"), ("may", "may"),
    ("june", "jun"), ("july", "jul"), ("august", "aug"), ("september", "sep"), ("october", "oct"),
    ("november", "nov"), ("december", "dec"),
];

#[rustfmt::skip]
const MONTH_NAMES: &[&str] = &[
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
];

/// Decimal digits only, at most nine of them.
pub fn digits(word: &str) -> Option<i64> {
    let plain = !word.is_empty() && word.len() <= 9 && word.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| word.parse().ok()).flatten()
}

/// "3" or "three".
pub fn cardinal(word: &str) -> Option<i64> {
    digits(word).or_else(|| {
        CARDINALS
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, n)| *n)
    })
}

/// "3rd" or "third"; a number with the wrong ending is none.
pub fn ordinal(word: &str) -> Option<i64> {
    if let Some((_, n)) = ORDINALS.iter().find(|(name, _)| *name == word) {
        return Some(*n);
    }
    let (number, ending) = split_number(word)?;
    matches!(ending, "st" | "nd" | "rd" | "th").then_some(number)
}

/// Splits "30min" into 30 and "min".
pub fn split_number(word: &str) -> Option<(i64, &str)> {
    let at = word.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = word.split_at_checked(at)?;
    Some((digits(number)?, rest))
}

/// A month by name, 1 to 12.
pub fn month(word: &str) -> Option<i8> {
    let word = if word == "sept" { "sep" } else { word };
    (1..)
        .zip(MONTHS)
        .find(|(_, (long, short))| *long == word || *short == word)
        .map(|(n, _)| n)
}

/// The month's English name.
pub fn month_name(month: i8) -> &'static str {
    let index = usize::try_from(month)
        .ok()
        .and_then(|month| month.checked_sub(1));
    index
        .and_then(|index| MONTH_NAMES.get(index))
        .copied()
        .unwrap_or_default()
}

/// A day of the week, and whether the name can mean nothing else ("sun" can).
pub fn weekday(word: &str) -> Option<(Weekday, bool)> {
    Some(match word {
        "monday" | "mon" => (Weekday::Monday, true),
        "tuesday" | "tue" | "tues" => (Weekday::Tuesday, true),
        "wednesday" | "weds" => (Weekday::Wednesday, true),
        "wed" => (Weekday::Wednesday, false),
        "thursday" | "thu" | "thur" | "thurs" => (Weekday::Thursday, true),
        "friday" | "fri" => (Weekday::Friday, true),
        "saturday" => (Weekday::Saturday, true),
        "sat" => (Weekday::Saturday, false),
        "sunday" => (Weekday::Sunday, true),
        "sun" => (Weekday::Sunday, false),
        _ => return None,
    })
}

/// The English name of a day of the week.
pub fn weekday_name(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}
