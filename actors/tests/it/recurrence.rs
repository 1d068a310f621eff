//! Which days a series has: against another implementation, and by hand where clocks change.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use proptest::prelude::*;
use todo_actors::user::{Due, Recurrence, recurrence::Rule};

/// Rules of every kind that tasks can have.
fn rules() -> impl Strategy<Value = String> {
    let days = proptest::sample::subsequence(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 1..=7);
    let month_day = prop_oneof![(1..=31i8).boxed(), Just(-1).boxed()];
    let every = prop_oneof![
        Just("FREQ=DAILY".to_owned()),
        days.prop_map(|days| format!("FREQ=WEEKLY;BYDAY={}", days.join(","))),
        month_day
            .clone()
            .prop_map(|day| format!("FREQ=MONTHLY;BYMONTHDAY={day}")),
        (1..=12i8, prop_oneof![(1..=29i8).boxed(), Just(-1).boxed()])
            .prop_map(|(month, day)| format!("FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={day}")),
    ];
    let end = prop_oneof![
        2 => Just(String::new()),
        1 => (1..=40u32).prop_map(|count| format!(";COUNT={count}")),
        1 => (2020..2060i16, 1..=12i8, 1..=28i8)
            .prop_map(|(year, month, day)| format!(";UNTIL={year}{month:02}{day:02}")),
    ];
    (every, 1..=12u32, end).prop_map(|(every, interval, end)| {
        let (frequency, parts) = every.split_once(';').unwrap_or((&every, ""));
        let mut rule = format!("{frequency};INTERVAL={interval}");
        if !parts.is_empty() {
            rule = format!("{rule};{parts}");
        }
        rule + &end
    })
}

fn starts() -> impl Strategy<Value = Date> {
    (0..7_000i32).prop_map(|days| jiff::civil::date(2024, 1, 1) + days.days())
}

/// The days by crate `rrule`, at noon in UTC so that no clock change plays a part.
fn oracle(rule: &str, start: Date, limit: u16) -> Vec<Date> {
    let until = rule
        .find("UNTIL=")
        .map_or(rule.to_owned(), |_| format!("{rule}T235959Z"));
    let text = format!(
        "DTSTART:{}T120000Z\nRRULE:{until}",
        start.strftime("%Y%m%d")
    );
    let Ok(set) = text.parse::<rrule::RRuleSet>() else {
        // It refuses an end before the start, which for us is a series without days.
        return Vec::new();
    };
    let found = set.all(limit).dates.into_iter();
    found
        .map(|at| at.format("%Y-%m-%d").to_string().parse().unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_days_are_those_of_rfc_5545(rule in rules(), start in starts()) {
        let ours: Vec<Date> = Rule::parse(&rule, None).unwrap().dates(start).take(30).collect();
        let theirs: Vec<Date> = oracle(&rule, start, 30)
            .into_iter()
            .take_while(|date| date.year() <= 2199)
            .collect();
        prop_assert_eq!(ours, theirs, "{} from {}", rule, start);
    }

    #[test]
    fn a_rule_reads_back_as_it_is_written(rule in rules()) {
        let rule = Rule::parse(&rule, None).unwrap();
        prop_assert_eq!(Rule::parse(&rule.to_string(), None).unwrap(), rule);
    }

    #[test]
    fn the_next_occurrence_lies_ahead_at_the_same_time_of_day(
        rule in rules(), start in starts(), late in 0..2_000_000i64,
    ) {
        let zone = TimeZone::UTC;
        let due = start.at(8, 30, 0, 0).to_zoned_datetime(zone.clone()).unwrap().timestamp();
        let Ok((series, first)) = Recurrence::begin(&rule, Some(Due::At(due)), due, &zone) else {
            return Ok(());
        };
        let now = due + late.seconds();
        let Some((next, Due::At(at))) = series.next_after(now) else { return Ok(()) };
        prop_assert!(at > now && Due::At(at) != first);
        prop_assert_eq!(at.to_zoned_datetime(zone).time(), jiff::civil::time(8, 30, 0, 0));
        // Nothing between was passed over
        let days = series.rule.dates(series.start.date());
        let passed = days.take_while(|date| *date < next.occurrence.date());
        let open: Vec<Date> = passed
            .filter(|date| *date > series.occurrence.date())
            .filter(|date| date.at(8, 30, 0, 0).to_zoned_datetime(TimeZone::UTC).unwrap().timestamp() > now)
            .collect();
        prop_assert!(open.is_empty(), "{:?}", open);
    }
}

/// The moments of a series that starts at `first`, each completed as soon as it is due.
fn moments(rule: &str, first: &str, zone: &str, count: usize) -> Vec<String> {
    let zone = TimeZone::get(zone).unwrap();
    let due: Timestamp = first.parse().unwrap();
    let (mut series, mut due) = Recurrence::begin(rule, Some(Due::At(due)), due, &zone).unwrap();
    let mut moments = Vec::new();
    loop {
        let Due::At(at) = due else { panic!("{due:?}") };
        moments.push(at.to_string());
        match series.next_after(at).filter(|_| moments.len() < count) {
            Some(next) => (series, due) = next,
            None => return moments,
        }
    }
}

#[test]
fn a_time_the_clock_skips_moves_forward_that_day_only() {
    // Berlin skips 02:00 to 03:00 on 28 March 2027
    assert_eq!(
        moments(
            "FREQ=DAILY",
            "2027-03-27T02:30:00+01:00",
            "Europe/Berlin",
            3
        ),
        [
            "2027-03-27T01:30:00Z",
            "2027-03-28T01:30:00Z",
            "2027-03-29T00:30:00Z"
        ]
    );
    // New York skips 02:00 to 03:00 on 14 March 2027
    assert_eq!(
        moments(
            "FREQ=WEEKLY;BYDAY=SU",
            "2027-03-07T02:15:00-05:00",
            "America/New_York",
            3
        ),
        [
            "2027-03-07T07:15:00Z",
            "2027-03-14T07:15:00Z",
            "2027-03-21T06:15:00Z"
        ]
    );
    // Lord Howe skips half an hour from 02:00 on 3 October 2027
    assert_eq!(
        moments(
            "FREQ=DAILY",
            "2027-10-02T02:10:00+10:30",
            "Australia/Lord_Howe",
            3
        ),
        [
            "2027-10-01T15:40:00Z",
            "2027-10-02T15:40:00Z",
            "2027-10-03T15:10:00Z"
        ]
    );
    // Apia had no 30 December 2011 at all: the day's occurrence is a day of 24 hours later
    assert_eq!(
        moments("FREQ=DAILY", "2011-12-29T09:00:00-10:00", "Pacific/Apia", 2)[1],
        "2011-12-30T19:00:00Z"
    );
}

#[test]
fn a_time_the_clock_repeats_is_its_first_occurrence() {
    // Berlin repeats 02:00 to 03:00 on 31 October 2027
    assert_eq!(
        moments(
            "FREQ=DAILY",
            "2027-10-30T02:30:00+02:00",
            "Europe/Berlin",
            3
        ),
        [
            "2027-10-30T00:30:00Z",
            "2027-10-31T00:30:00Z",
            "2027-11-01T01:30:00Z"
        ]
    );
    // New York repeats 01:00 to 02:00 on 7 November 2027
    assert_eq!(
        moments(
            "FREQ=DAILY",
            "2027-11-06T01:30:00-04:00",
            "America/New_York",
            3
        ),
        [
            "2027-11-06T05:30:00Z",
            "2027-11-07T05:30:00Z",
            "2027-11-08T06:30:00Z"
        ]
    );
    // A series begun in the second of the two keeps that moment, and the local time after it
    assert_eq!(
        moments(
            "FREQ=DAILY",
            "2027-10-31T02:30:00+01:00",
            "Europe/Berlin",
            2
        ),
        ["2027-10-31T01:30:00Z", "2027-11-01T01:30:00Z"]
    );
}

#[test]
fn nine_in_the_morning_stays_nine_in_the_morning() {
    assert_eq!(
        moments(
            "FREQ=MONTHLY",
            "2027-02-28T09:00:00+01:00",
            "Europe/Berlin",
            3
        ),
        [
            "2027-02-28T08:00:00Z",
            "2027-03-28T07:00:00Z",
            "2027-04-28T07:00:00Z"
        ]
    );
}

#[test]
fn a_month_without_the_day_is_skipped_and_the_last_day_is_in_every_month() {
    let days = |rule: &str, start: Date| -> Vec<String> {
        let rule = Rule::parse(rule, Some(start)).unwrap();
        rule.dates(start)
            .take(4)
            .map(|date| date.to_string())
            .collect()
    };
    let start = jiff::civil::date(2027, 1, 31);
    assert_eq!(
        days("FREQ=MONTHLY", start),
        ["2027-01-31", "2027-03-31", "2027-05-31", "2027-07-31"]
    );
    assert_eq!(
        days("FREQ=MONTHLY;BYMONTHDAY=-1", start),
        ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]
    );
    let leap = jiff::civil::date(2028, 2, 29);
    assert_eq!(
        days("FREQ=YEARLY", leap),
        ["2028-02-29", "2032-02-29", "2036-02-29", "2040-02-29"]
    );
}

#[test]
fn a_series_begins_on_the_first_day_its_rule_names() {
    let now: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap(); // a Wednesday
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let begin = |rule: &str, due: Option<Due>| Recurrence::begin(rule, due, now, &zone).unwrap().1;
    let date = |text: &str| Due::Date(text.parse().unwrap());
    let at = |text: &str| Due::At(text.parse().unwrap());
    assert_eq!(begin("FREQ=WEEKLY;BYDAY=MO", None), date("2026-11-30"));
    assert_eq!(begin("FREQ=WEEKLY", None), date("2026-11-25"));
    assert_eq!(
        begin("FREQ=MONTHLY;BYMONTHDAY=1", Some(date("2027-01-02"))),
        date("2027-02-01")
    );
    let friday = Some(at("2026-11-27T08:00:00+01:00"));
    assert_eq!(
        begin("RRULE:freq=weekly;byday=mo", friday),
        at("2026-11-30T08:00:00+01:00")
    );
    // An overdue task that fits stays overdue; one that does not goes to a day ahead
    let overdue = at("2026-11-09T08:00:00+01:00");
    assert_eq!(begin("FREQ=WEEKLY;BYDAY=MO", Some(overdue)), overdue);
    assert_eq!(
        begin("FREQ=WEEKLY;BYDAY=TU", Some(overdue)),
        at("2026-12-01T08:00:00+01:00")
    );
}

#[test]
fn a_late_completion_goes_on_with_what_lies_ahead() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let start = Due::Date("2026-11-02".parse().unwrap());
    let begun: Timestamp = "2026-11-01T10:00:00Z".parse().unwrap();
    let (series, _) = Recurrence::begin("FREQ=DAILY;COUNT=20", Some(start), begun, &zone).unwrap();
    let next = |now: &str| series.next_after(now.parse().unwrap()).map(|(_, due)| due);
    let date = |text: &str| Some(Due::Date(text.parse().unwrap()));
    // Today is not over
    assert_eq!(next("2026-11-10T22:00:00Z"), date("2026-11-10"));
    assert_eq!(next("2026-11-10T23:00:00Z"), date("2026-11-11"));
    // Done ahead of time, the same day does not come again
    assert_eq!(next("2026-11-01T12:00:00Z"), date("2026-11-03"));
    // Days passed over count
    assert_eq!(next("2026-11-21T12:00:00Z"), date("2026-11-21"));
    assert_eq!(next("2026-11-22T12:00:00Z"), None);
}

#[test]
fn what_tasks_cannot_have_is_refused_with_a_sentence() {
    let long = format!("FREQ=DAILY;{}", "X".repeat(300));
    let cases = [
        ("", "not one I know"),
        ("every monday", "not one I know"),
        ("FREQ=HOURLY", "not one I know"),
        ("INTERVAL=2", "not one I know"),
        ("FREQ=DAILY;BYHOUR=3", "not one I know"),
        (
            "FREQ=DAILY;INTERVAL=0",
            "INTERVAL is a number from 1 to 999",
        ),
        ("FREQ=DAILY;COUNT=1000", "COUNT is a number from 1 to 999"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20271231", "not both"),
        (
            "FREQ=DAILY;UNTIL=20271231T000000Z",
            "UNTIL is a day without a time",
        ),
        ("FREQ=DAILY;UNTIL=20270231", "UNTIL is a day without a time"),
        ("FREQ=DAILY;FREQ=DAILY", "each of its parts once"),
        ("FREQ=MONTHLY;BYDAY=2MO", "the second Monday"),
        ("FREQ=MONTHLY;BYDAY=MO", "mixes these"),
        ("FREQ=YEARLY;BYMONTH=5", "mixes these"),
        ("FREQ=DAILY;INTERVAL=2;BYDAY=MO", "mixes these"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "from 1 to 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15", "from 1 to 31"),
        ("FREQ=YEARLY;BYMONTH=13;BYMONTHDAY=1", "from 1 to 12"),
        ("FREQ=WEEKLY;WKST=SU", "Weeks begin on Monday"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never happens"),
        ("FREQ=DAILY;UNTIL=20200101", "never happens"),
        (&long, "too long"),
    ];
    let now = "2026-11-25T10:00:00Z".parse().unwrap();
    for (rule, expected) in cases {
        let refusal = Recurrence::begin(rule, None, now, &TimeZone::UTC).unwrap_err();
        assert!(refusal.message.contains(expected), "{rule}: {refusal}");
    }
}

#[test]
fn rules_have_words() {
    let cases = [
        ("FREQ=DAILY", "every day"),
        ("FREQ=DAILY;INTERVAL=3;COUNT=10", "every 3 days, 10 times"),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "every weekday"),
        ("FREQ=WEEKLY;BYDAY=SU,MO", "every week on Monday and Sunday"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;UNTIL=20270503",
            "every 2 weeks on Monday, Wednesday and Friday until 3 May 2027",
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=1", "every month on the 1st"),
        ("FREQ=MONTHLY;BYMONTHDAY=11", "every month on the 11th"),
        ("FREQ=MONTHLY;BYMONTHDAY=22", "every month on the 22nd"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day"),
        ("FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=3", "every year on 3 May"),
        (
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1",
            "every year on the last day of February",
        ),
    ];
    for (rule, words) in cases {
        assert_eq!(Rule::parse(rule, None).unwrap().describe(), words);
    }
}
