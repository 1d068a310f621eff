//! What a task's fields may be; refusals say what is wrong and what would do.

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::Due;
use crate::message::Refusal;

const LONGEST_TITLE: usize = 200;
const LONGEST_NOTES: usize = 4_000;
const MOST_TAGS: usize = 10;
const LONGEST_TAG: usize = 40;
/// Four weeks.
const LARGEST_OFFSET: u32 = 40_320;
/// Nobody plans for later; and every later computation stays within the calendar.
const LAST_YEAR: i16 = 2199;

pub(super) fn title(title: &str) -> Result<String, Refusal> {
    let title = title.trim();
    if title.is_empty() {
        return Err(Refusal::invalid("A task needs a title."));
    }
    if title.chars().count() > LONGEST_TITLE {
        return Err(Refusal::invalid(format!(
            "The title is longer than {LONGEST_TITLE} characters. Put the rest into the notes."
        )));
    }
    if title.chars().any(char::is_control) {
        return Err(Refusal::invalid(
            "A title is one line of text without control characters.",
        ));
    }
    Ok(title.to_owned())
}

pub(super) fn notes(notes: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(notes) = notes.map(str::trim).filter(|notes| !notes.is_empty()) else {
        return Ok(None);
    };
    if notes.chars().count() > LONGEST_NOTES {
        return Err(Refusal::invalid(format!(
            "The notes are longer than {LONGEST_NOTES} characters."
        )));
    }
    if notes.contains('\0') {
        return Err(Refusal::invalid("The notes contain a NUL character."));
    }
    Ok(Some(notes.to_owned()))
}

pub(super) fn tags(tags: &[String]) -> Result<Vec<String>, Refusal> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        let tag = tag.trim();
        if tag.is_empty() || tag.chars().count() > LONGEST_TAG || tag.chars().any(char::is_control)
        {
            return Err(Refusal::invalid(format!(
                "A tag has 1 to {LONGEST_TAG} characters."
            )));
        }
        if !kept.iter().any(|known| known == tag) {
            kept.push(tag.to_owned());
        }
    }
    if kept.len() > MOST_TAGS {
        return Err(Refusal::invalid(format!(
            "A task has at most {MOST_TAGS} tags."
        )));
    }
    Ok(kept)
}

pub(super) fn offset(minutes: Option<u32>) -> Result<Option<u32>, Refusal> {
    match minutes {
        Some(minutes) if minutes > LARGEST_OFFSET => Err(Refusal::invalid(format!(
            "A reminder comes at most {LARGEST_OFFSET} minutes (4 weeks) ahead."
        ))),
        Some(0) | None => Ok(None),
        Some(minutes) => Ok(Some(minutes)),
    }
}

/// A due moment may lie up to a minute back: "now" takes a while to arrive.
pub(super) fn due_in_future(
    due: Option<Due>,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<(), Refusal> {
    let Some(due) = due else { return Ok(()) };
    let (past, year) = match due {
        Due::At(at) => {
            let earliest = now.checked_sub(1.minute()).unwrap_or(now);
            (at < earliest, at.to_zoned_datetime(zone.clone()).year())
        }
        Due::Date(date) => (
            date < now.to_zoned_datetime(zone.clone()).date(),
            date.year(),
        ),
    };
    if past {
        return Err(Refusal::invalid("That due date is in the past."));
    }
    if year > LAST_YEAR {
        return Err(Refusal::invalid(format!(
            "Due dates go up to the year {LAST_YEAR}."
        )));
    }
    Ok(())
}

pub(super) fn time_zone(name: &str) -> Result<String, Refusal> {
    let unknown = || {
        Refusal::invalid("That time zone is not known. Use an IANA name such as “Europe/Berlin”.")
    };
    if name.len() > 64 {
        return Err(unknown());
    }
    let zone = TimeZone::get(name).map_err(|_| unknown())?;
    zone.iana_name().map(str::to_owned).ok_or_else(unknown)
}
