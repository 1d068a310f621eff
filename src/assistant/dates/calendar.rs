//! Days by their number: "5 May", "the 5th", "2027-05-05", "25/12".

use jiff::{ZonedDateTime, civil::Date};

use super::{
    DateProblem,
    grammar::{Found, Lead, day},
    numbers::{digits, month, month_name, ordinal},
    parts::{Parts, later},
};

/// A day of a month, or of the next month that has it.
pub(super) fn calendar_date(
    words: &[&str],
    lead: Lead,
    so_far: &Parts,
    now: &ZonedDateTime,
) -> Found {
    let today = now.date();
    let (rest, article) = match words {
        ["the", rest @ ..] => (rest, 1),
        _ => (words, 0),
    };
    let day_number = |word: &str| {
        let number = digits(word)
            .filter(|_| word.len() <= 2)
            .or_else(|| ordinal(word))?;
        (1..=31).contains(&number).then_some(number)
    };
    let year = |words: &[&str]| match words {
        [",", year, ..] => four_digits(year).map(|year| (year, 2)),
        [year, ..] => four_digits(year).map(|year| (year, 1)),
        [] => None,
    };
    let dated = |number, name, count: usize| {
        let year = words.get(count..).and_then(year);
        let taken = count + year.map_or(0, |(_, taken)| taken);
        day(
            on(number, name, year.map(|(year, _)| year), today),
            true,
            taken,
        )
    };
    match rest {
        [number, "of", name, ..] if month(name).is_some() => {
            dated(day_number(number)?, month(name)?, 3 + article)
        }
        [number, name, ..] if month(name).is_some() && day_number(number).is_some() => {
            dated(day_number(number)?, month(name)?, 2 + article)
        }
        [name, "the", number, ..] if article == 0 && month(name).is_some() => dated(
            ordinal(number).filter(|n| (1..=31).contains(n))?,
            month(name)?,
            3,
        ),
        [name, number, ..]
            if article == 0 && month(name).is_some() && day_number(number).is_some() =>
        {
            dated(day_number(number)?, month(name)?, 2)
        }
        [number, ..] if ordinal(number).is_some() => {
            let number = ordinal(number).filter(|n| (1..=31).contains(n))?;
            // "a second", "the first" are no days unless something says so.
            let spelled = !number_word(rest);
            let strong = lead.day || so_far.weekday.is_some();
            if spelled && !lead.day && so_far.weekday.is_none() {
                return None;
            }
            day(next_day_of_month(number, today), strong, 1 + article)
        }
        [number, ..] if article == 0 => numeric_date(number, lead, today),
        _ => None,
    }
}

fn number_word(words: &[&str]) -> bool {
    words
        .first()
        .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

fn four_digits(word: &str) -> Option<i16> {
    if word.len() != 4 {
        return None;
    }
    digits(word)
        .filter(|year| *year >= 1900)
        .and_then(|year| i16::try_from(year).ok())
}

/// "2027-05-05", "25/12", "5.6.2027".
fn numeric_date(word: &str, lead: Lead, today: Date) -> Found {
    let fields = |separator| {
        let mut fields = word.split(separator);
        let found = (fields.next()?, fields.next()?, fields.next(), fields.next());
        Some(found)
    };
    if let Some((year, month, Some(date), None)) = fields('-') {
        let year = four_digits(year)?;
        let (month, date) = (digits(month)?, digits(date)?);
        let problem = || DateProblem::NoSuchDate(word.to_owned());
        return day(exact(year, month, date).ok_or_else(problem), true, 1);
    }
    if let Some((one, other, year, None)) = fields('/') {
        let (one, other) = (digits(one)?, digits(other)?);
        let year = match year {
            Some(year) => Some(four_digits(year)?),
            None => None,
        };
        let small = |n: i64| (1..=12).contains(&n);
        let strong = year.is_some() || lead.day;
        let name = |n: i64| month_name(i8::try_from(n).unwrap_or_default());
        return match (small(one), small(other)) {
            (true, true) if one != other => {
                let problem = DateProblem::TwoReadings {
                    said: word.to_owned(),
                    one: format!("{one} {}", name(other)),
                    other: format!("{other} {}", name(one)),
                };
                // Bare "1/2" is half of something far more often than a day.
                strong.then_some((Err(problem), 1))
            }
            (_, true) if (1..=31).contains(&one) => {
                day(on(one, i8::try_from(other).ok()?, year, today), strong, 1)
            }
            (true, _) if (1..=31).contains(&other) => {
                day(on(other, i8::try_from(one).ok()?, year, today), strong, 1)
            }
            _ => None,
        };
    }
    let (date, month, year, end) = fields('.')?;
    let year = year.filter(|year| !year.is_empty());
    if end.is_some() || (year.is_none() && (!lead.day || lead.clock)) {
        return None;
    }
    let (date, month) = (digits(date)?, i8::try_from(digits(month)?).ok()?);
    let year = match year {
        Some(year) => Some(four_digits(year)?),
        None => None,
    };
    let plausible = (1..=31).contains(&date) && (1..=12).contains(&month);
    plausible
        .then(|| day(on(date, month, year, today), true, 1))
        .flatten()
}

fn exact(year: i16, month: i64, date: i64) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(date).ok()?).ok()
}

/// The day of that month, in that year or else when it comes next, today included.
fn on(date: i64, month: i8, year: Option<i16>, today: Date) -> Result<Date, DateProblem> {
    let month_number = i64::from(month);
    if let Some(year) = year {
        return exact(year, month_number, date).ok_or_else(|| {
            DateProblem::NoSuchDate(format!("{date} {} {year}", month_name(month)))
        });
    }
    // Eight years always hold a 29 February.
    (0..=8)
        .filter_map(|years| exact(today.year().checked_add(years)?, month_number, date))
        .find(|found| *found >= today)
        .ok_or_else(|| DateProblem::NoSuchDate(format!("{date} {}", month_name(month))))
}

/// The next month's day of that number, today included.
fn next_day_of_month(date: i64, today: Date) -> Result<Date, DateProblem> {
    let mut first = today.first_of_month();
    for _ in 0..3 {
        if let Some(found) = exact(first.year(), i64::from(first.month()), date)
            && found >= today
        {
            return Ok(found);
        }
        first = later(first.last_of_month(), 1)?;
    }
    Err(DateProblem::TooFar)
}
