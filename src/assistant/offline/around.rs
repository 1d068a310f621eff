//! What stands around a title: the list's name, tags, a priority, a repetition.

use super::patterns::{ends_with_any, trim_end, trimmed, until};
use crate::assistant::words::{self, Kind, Token};

/// "every friday", "each day", "daily", where it may be part of the title or of a repetition that
/// we cannot read.
pub fn is_recurring(words: &[&str]) -> bool {
    let unit = |word: &&str| {
        let word = word.strip_suffix('s').unwrap_or(word);
        matches!(
            word,
            "day"
                | "week"
                | "month"
                | "year"
                | "morning"
                | "evening"
                | "night"
                | "afternoon"
                | "weekday"
                | "weekend"
                | "hour"
                | "other"
                | "second"
                | "two"
                | "three"
                | "single"
                | "monday"
                | "tuesday"
                | "wednesday"
                | "thursday"
                | "friday"
                | "saturday"
                | "sunday"
                | "minute"
                | "mon"
                | "tue"
                | "wed"
                | "thu"
                | "fri"
                | "sat"
                | "sun"
        ) || word.starts_with(|c: char| c.is_ascii_digit())
    };
    let repeats = words.windows(2).any(
        |pair| matches!(pair, [every, next] if matches!(*every, "every" | "each") && unit(next)),
    );
    let adverb = words.last().is_some_and(|word| {
        matches!(
            *word,
            "daily" | "weekly" | "monthly" | "yearly" | "annually" | "everyday"
        )
    });
    repeats || (adverb && words.len() > 1)
}

/// Takes "to my list" off the end; also says whether it was there and which tag the name gives.
pub fn without_list_name(tokens: &[Token]) -> (&[Token], bool, Option<String>) {
    let tokens = trim_end(tokens);
    let words = words::patterns(tokens);
    let none = (tokens, false, None);
    let Some(at) = words
        .iter()
        .rposition(|word| matches!(*word, "to" | "on" | "onto" | "in" | "into"))
    else {
        return none;
    };
    let before = trim_end(until(tokens, at));
    match words.get(at + 1..).unwrap_or_default() {
        ["list"]
        | ["my" | "the" | "our", "list" | "tasks" | "todos" | "to-dos"]
        | [
            "my" | "the" | "our",
            "todo" | "to-do" | "task" | "tasks" | "todos",
            "list",
        ] => (before, true, None),
        ["my" | "the" | "our", name, "list"] if *name != words::QUOTED => {
            (before, true, Some((*name).to_owned()))
        }
        // "to my to do list": the last "to" belongs to the name.
        ["do", "list"] => match words.get(..at) {
            Some(
                [
                    start @ ..,
                    "to" | "on" | "onto" | "in",
                    "my" | "the" | "our",
                ],
            ) => (trim_end(until(tokens, start.len())), true, None),
            _ => none,
        },
        _ => none,
    }
}

/// A "#tag" at the end; "#3" is no tag.
pub fn tag_at_end(tokens: &[Token]) -> Option<(&[Token], String)> {
    let tokens = trim_end(tokens);
    let [before @ .., last] = tokens else {
        return None;
    };
    let tag = last
        .text
        .strip_prefix('#')
        .filter(|_| last.kind == Kind::Word)?;
    let letters = tag.chars().any(char::is_alphabetic);
    (letters && tag.chars().count() <= 40).then(|| (trim_end(before), tag.to_owned()))
}

/// "with high priority", "high priority", "priority: low" at the end.
pub fn priority_at_end(tokens: &[Token]) -> Option<(&[Token], &'static str)> {
    let tokens = match trimmed(tokens) {
        // "(high priority)"
        [rest @ .., last] if last.is(")") => rest,
        tokens => tokens,
    };
    let words = words::patterns(tokens);
    let (level, count) = match words.as_slice() {
        [.., level, "priority"] => (*level, 2),
        [.., "priority", ":", level] => (*level, 3),
        [.., "priority", level] => (*level, 2),
        _ => return None,
    };
    let level = priority(level)?;
    let rest = trim_end(until(tokens, tokens.len().saturating_sub(count)));
    let words = words::patterns(rest);
    let link =
        ends_with_any(&words, &["with", "as", "at", "with a", "as a", "with top"]).unwrap_or(0);
    Some((trim_end(until(rest, rest.len() - link)), level))
}

/// A priority by the words people use for it.
pub fn priority(word: &str) -> Option<&'static str> {
    Some(match word {
        "high" | "highest" | "top" | "urgent" | "important" => "high",
        "low" | "lowest" => "low",
        "normal" | "medium" | "default" => "normal",
        _ => return None,
    })
}
