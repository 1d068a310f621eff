//! A rule in English.

use jiff::civil::{Date, Weekday};

use super::rule::{End, Every, MonthDay, Rule, Weekdays};

pub(super) fn describe(rule: &Rule) -> String {
    let mut text = match (rule.every, rule.interval) {
        (Every::Week(days), 1) if days == Weekdays::WORKDAYS => "every weekday".to_owned(),
        (Every::Day, n) => every(n, "day"),
        (Every::Week(days), n) => format!("{} on {}", every(n, "week"), weekdays(days)),
        (Every::Month(day), n) => format!("{} on {}", every(n, "month"), month_day(day)),
        (Every::Year { month, day }, n) => {
            let month = month_name(month);
            let day = match day {
                MonthDay::Number(day) => format!("{day} {month}"),
                MonthDay::Last => format!("the last day of {month}"),
            };
            format!("{} on {day}", every(n, "year"))
        }
    };
    match rule.end {
        End::Never => {}
        End::Until(date) => text.push_str(&format!(" until {}", date.strftime("%-d %B %Y"))),
        End::After(1) => text.push_str(", once"),
        End::After(count) => text.push_str(&format!(", {count} times")),
    }
    text
}

fn every(interval: u32, unit: &str) -> String {
    if interval == 1 {
        format!("every {unit}")
    } else {
        format!("every {interval} {unit}s")
    }
}

/// "Monday", "Monday and Friday", "Monday, Wednesday and Friday".
fn weekdays(days: Weekdays) -> String {
    let names: Vec<&str> = days.offsets().map(weekday).collect();
    match names.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        names => names.concat(),
    }
}

fn weekday(offset: i8) -> &'static str {
    match Weekday::from_monday_zero_offset(offset) {
        Ok(Weekday::Monday) => "Monday",
        Ok(Weekday::Tuesday) => "Tuesday",
        Ok(Weekday::Wednesday) => "Wednesday",
        Ok(Weekday::Thursday) => "Thursday",
        Ok(Weekday::Friday) => "Friday",
        Ok(Weekday::Saturday) => "Saturday",
        Ok(Weekday::Sunday) | Err(_) => "Sunday",
    }
}

fn month_day(day: MonthDay) -> String {
    match day {
        MonthDay::Last => "the last day".to_owned(),
        MonthDay::Number(day) => {
            let ending = match (day / 10, day % 10) {
                (1, _) => "th",
                (_, 1) => "st",
                (_, 2) => "nd",
                (_, 3) => "rd",
                _ => "th",
            };
            format!("the {day}{ending}")
        }
    }
}

fn month_name(month: i8) -> String {
    Date::new(2000, month, 1).map_or_else(
        |_| month.to_string(),
        |first| first.strftime("%B").to_string(),
    )
}
