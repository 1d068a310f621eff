//! What phrases mean on Monday 23 November 2026, 10:00, in Berlin.

use jiff::{ZonedDateTime, civil::date};
use proptest::prelude::*;

use super::*;

fn monday() -> ZonedDateTime {
    "2026-11-23T10:00:00+01:00[Europe/Berlin]".parse().unwrap()
}

/// "2026-11-24", "2026-11-24T09:00", "! reason" or "-".
fn read(text: &str, now: &ZonedDateTime) -> String {
    match parse_due(text, now) {
        None => "-".to_owned(),
        Some(Err(problem)) => format!("! {problem}"),
        Some(Ok(Due::Date(date))) => date.to_string(),
        Some(Ok(Due::At(at))) => at.datetime().to_string(),
    }
}

fn assert_table(now: &ZonedDateTime, table: &[(&str, &str)]) {
    let wrong: Vec<_> = table
        .iter()
        .map(|(text, expected)| (*text, read(text, now), *expected))
        .filter(|(_, found, expected)| {
            found.trim_end_matches(":00") != expected.trim_end_matches(":00")
        })
        .collect();
    assert!(wrong.is_empty(), "(phrase, found, expected): {wrong:#?}");
}

#[test]
fn days_are_read() {
    assert_table(
        &monday(),
        &[
            ("today", "2026-11-23"),
            ("tomorrow", "2026-11-24"),
            ("Tomorrow", "2026-11-24"),
            ("the day after tomorrow", "2026-11-25"),
            ("friday", "2026-11-27"),
            ("on friday", "2026-11-27"),
            ("by Fri", "2026-11-27"),
            ("monday", "2026-11-30"),
            ("this monday", "2026-11-23"),
            ("this friday", "2026-11-27"),
            ("next friday", "2026-12-04"),
            ("next monday", "2026-11-30"),
            ("next week", "2026-11-30"),
            ("next month", "2026-12-01"),
            ("next year", "2027-01-01"),
            ("this weekend", "2026-11-28"),
            ("next weekend", "2026-12-05"),
            ("in 2 days", "2026-11-25"),
            ("in a week", "2026-11-30"),
            ("in a fortnight", "2026-12-07"),
            ("two weeks from now", "2026-12-07"),
            ("in three months", "2027-02-23"),
            ("at the end of the month", "2026-11-30"),
            ("by the end of next month", "2026-12-31"),
            ("end of the week", "2026-11-29"),
            ("eod", "2026-11-23"),
            ("by the end of the day", "2026-11-23"),
            ("on the 5th", "2026-12-05"),
            ("on the 23rd", "2026-11-23"),
            ("on the 31st", "2026-12-31"),
            ("5 May", "2027-05-05"),
            ("May 5", "2027-05-05"),
            ("May 5th, 2028", "2028-05-05"),
            ("the 5th of May", "2027-05-05"),
            ("Dec. 24", "2026-12-24"),
            ("29 February", "2028-02-29"),
            ("2027-05-05", "2027-05-05"),
            ("25/12", "2026-12-25"),
            ("12/25/2026", "2026-12-25"),
            ("on 24.12.", "2026-12-24"),
            ("24.12.2026", "2026-12-24"),
            ("tuesday 24 november", "2026-11-24"),
            ("friday the 4th", "2026-12-04"),
        ],
    );
}

#[test]
fn times_are_read() {
    assert_table(
        &monday(),
        &[
            ("at 9", "2026-11-24T09:00"),
            ("at 11", "2026-11-23T11:00"),
            ("at 5", "2026-11-23T17:00"),
            ("at 05:00", "2026-11-24T05:00"),
            ("at five", "2026-11-23T17:00"),
            ("9am", "2026-11-24T09:00"),
            ("9 a.m.", "2026-11-24T09:00"),
            ("9:30 pm", "2026-11-23T21:30"),
            ("12am", "2026-11-24T00:00"),
            ("at 12", "2026-11-23T12:00"),
            ("at 15:00", "2026-11-23T15:00"),
            ("at 1500", "2026-11-23T15:00"),
            ("at half past 4", "2026-11-23T16:30"),
            ("quarter to nine tomorrow", "2026-11-24T08:45"),
            ("at noon", "2026-11-23T12:00"),
            ("midnight", "2026-11-24T00:00"),
            ("tonight at midnight", "2026-11-24T00:00"),
            ("friday at midnight", "2026-11-28T00:00"),
            ("tonight", "2026-11-23T20:00"),
            ("tonight at 9", "2026-11-23T21:00"),
            ("tonight at 1", "2026-11-24T01:00"),
            ("tomorrow at 9", "2026-11-24T09:00"),
            ("at 9 tomorrow", "2026-11-24T09:00"),
            ("tomorrow morning", "2026-11-24T09:00"),
            ("tomorrow afternoon", "2026-11-24T15:00"),
            ("tomorrow evening at 7", "2026-11-24T19:00"),
            ("tomorrow night", "2026-11-24T20:00"),
            ("in the morning", "2026-11-24T09:00"),
            ("this afternoon", "2026-11-23T15:00"),
            ("at 8 in the evening", "2026-11-23T20:00"),
            ("next friday, 3pm", "2026-12-04T15:00"),
            ("before 5pm", "2026-11-23T17:00"),
            ("in three hours", "2026-11-23T13:00"),
            ("in half an hour", "2026-11-23T10:30"),
            ("in an hour and a half", "2026-11-23T11:30"),
            ("in 1 hour and 15 minutes", "2026-11-23T11:15"),
            ("in 1.5 hours", "2026-11-23T11:30"),
            ("in 30min", "2026-11-23T10:30"),
            ("in 2 days at 5pm", "2026-11-25T17:00"),
            ("today at 9", "2026-11-23T09:00"),
        ],
    );
}

#[test]
fn what_cannot_be_is_said() {
    assert_table(
        &monday(),
        &[
            ("31 February", "! there is no 31 February"),
            ("on february 29th 2027", "! there is no 29 February 2027"),
            ("2027-02-30 at 9", "! there is no 2027-02-30"),
            (
                "on 5/6",
                "! 5/6 could mean 5 June or 6 May; please name the month",
            ),
            ("at 25:00", "! there is no such time as 25:00"),
            ("at 13pm", "! there is no such time as 13 pm"),
            ("friday 24 november", "! 24 November 2026 is a Tuesday"),
            ("in 99999 years", "! that date is too far away"),
        ],
    );
}

#[test]
fn what_is_no_date_is_left_alone() {
    for text in [
        "",
        "milk",
        "may",
        "the sun and moon",
        "in two",
        "at",
        "second",
        "of 5 May",
    ] {
        assert_eq!(
            parse_due(text, &monday()).map(|found| found.is_ok()),
            None,
            "{text}"
        );
    }
}

#[test]
fn a_phrase_at_either_end_is_split_off() {
    for (text, rest, due) in [
        ("buy milk tomorrow at 9", "buy milk", "tomorrow at 9"),
        ("tomorrow at 9, buy milk", "buy milk", "tomorrow at 9"),
        ("call mum", "call mum", ""),
        ("read John 3:16", "read John 3:16", ""),
        ("report from last friday", "report from last friday", ""),
        ("enjoy the sun", "enjoy the sun", ""),
        ("read “War tomorrow”", "read “War tomorrow”", ""),
    ] {
        let expected = (rest, parse_due(due, &monday()));
        assert_eq!(split_due(text, &monday()), expected, "{text}");
    }
}

#[test]
fn clock_changes_resolve_as_compatible() {
    // given the nights of spring and autumn clock changes in Berlin
    let spring: ZonedDateTime = "2027-03-27T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
    let autumn: ZonedDateTime = "2026-10-24T12:00:00+02:00[Europe/Berlin]".parse().unwrap();
    // when a skipped and a repeated local time are named, then the gap moves on and the first counts
    let at = |text, now| match parse_due(text, now) {
        Some(Ok(Due::At(at))) => at.to_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(
        at("tomorrow at 02:30", &spring),
        "2027-03-28T03:30:00+02:00[Europe/Berlin]"
    );
    assert_eq!(
        at("tomorrow at 02:30", &autumn),
        "2026-10-25T02:30:00+02:00[Europe/Berlin]"
    );
}

#[test]
fn weekends_and_evenings_look_at_the_hour() {
    let saturday: ZonedDateTime = "2026-11-28T21:30:00+01:00[Europe/Berlin]".parse().unwrap();
    assert_table(
        &saturday,
        &[
            ("this weekend", "2026-11-28"),
            ("tonight", "2026-11-28"),
            ("saturday", "2026-12-05"),
            ("this saturday", "2026-11-28"),
            ("next saturday", "2026-12-05"),
        ],
    );
}

#[test]
fn days_are_described_from_today() {
    let today = date(2026, 11, 23);
    assert_eq!(
        describe_date(date(2026, 11, 23), today),
        "today, Monday 23 November"
    );
    assert_eq!(
        describe_date(date(2026, 11, 24), today),
        "tomorrow, Tuesday 24 November"
    );
    assert_eq!(
        describe_date(date(2027, 1, 2), today),
        "Saturday 2 January 2027"
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = split_due(&text, &monday());
    }

    #[test]
    fn no_mixture_of_date_words_panics(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "in", "at", "on", "the", "next", "this", "a", "an", "half", "hour", "and", "99999999",
            "years", "31", "february", "2027", "0", "5/6", "..", "9999-12-31", "24:00", "pm",
            "midnight", "tonight", "friday", "weekend", "end", "of", "month", ",", "-1", "12",
        ]), 0..12),
        year in 1900i16..9999,
    ) {
        let now = date(year, 12, 31).to_datetime(jiff::civil::time(23, 59, 59, 0))
            .to_zoned_datetime(jiff::tz::TimeZone::UTC).unwrap();
        let _ = split_due(&words.join(" "), &now);
    }
}
