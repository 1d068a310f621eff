//! Sentences that ask to see tasks. Apart from searches, every word of such a sentence is from a
//! closed vocabulary: "list price of the car" has words of its own and is none.

use jiff::civil::Date;
use serde_json::json;

use super::{
    intent::{Intent, Query, set},
    patterns::{ends_with_any, from, starts_with_any, trimmed, until},
    sentence::Scope,
};
use crate::assistant::{
    dates::{self, Due},
    words::{self, Token},
};

/// The most tasks shown in one reply.
const PAGE: u32 = 50;

#[rustfmt::skip]
const NOUNS: &[&str] = &[
    "task", "tasks", "todo", "todos", "to-do", "to-dos", "reminder", "reminders", "item", "items",
    "things", "list", "agenda", "ones", "stuff", "plate", "deadlines",
];
#[rustfmt::skip]
const VOCABULARY: &[&str] = &[
    "list", "show", "display", "view", "see", "give", "tell", "get", "me", "i", "my", "the",
    "all", "every", "everything", "of", "to", "do", "what", "what's", "whats", "which", "how",
    "many", "is", "are", "there", "have", "got", "on", "for", "due", "overdue", "late", "open",
    "done", "completed", "complete", "finished", "pending", "outstanding", "remaining",
    "incomplete", "unfinished", "active", "current", "upcoming", "next", "left", "still",
    "anything", "any", "something", "today's", "tomorrow's", "need", "needs", "should", "be",
    "currently", "not", "yet", "that", "a", "an", "in", "with", "by", "i've", "did", "was",
    "were", "so", "far", "up", "coming", "past", "about", "whole", "full", "out", "does", "has",
    "must", "finish", "please", "their", "dates", "deadline", "at", "now", "right", "moment",
    "already", "again", "just",
];
#[rustfmt::skip]
const OPENERS: &[&str] = &[
    "list", "show", "display", "view", "see", "give me", "tell me", "get me", "get my", "what",
    "what's", "whats", "which", "how many", "do i have", "do i still have", "have i got",
    "is there", "are there", "is anything", "are any", "anything", "any", "my", "open tasks",
    "open todos", "open items", "done tasks", "completed tasks", "finished tasks", "overdue",
    "pending tasks", "upcoming", "tasks", "todos", "to-dos", "all tasks", "all my tasks",
    "today's", "tomorrow's", "todo list", "to-do list", "to do list", "agenda", "remaining tasks",
    "outstanding tasks", "the list", "everything on my list", "everything due", "current tasks",
    "task list", "reminders", "remind me what", "remind me of my tasks", "remind me of what",
];

/// What the clause asks to see.
pub fn read(clause: &[Token], scope: Scope) -> Option<Intent> {
    let words = words::patterns(clause);
    if let Some(query) = search(clause, &words) {
        return Some(Intent::List(query));
    }
    starts_with_any(&words, OPENERS)?;
    let (rest, days) = span(clause, scope);
    let rest = words::patterns(trimmed(rest));
    let rest = match rest.as_slice() {
        ["remind", "me", rest @ ..] => rest,
        rest => rest,
    };
    let marks = |word: &str| matches!(word, "," | "." | "?" | "!" | ":");
    if !rest
        .iter()
        .all(|word| VOCABULARY.contains(word) || NOUNS.contains(word) || marks(word))
    {
        return None;
    }
    let has = |list: &[&str]| rest.iter().any(|word| list.contains(word));
    // "due" may have gone with the date: "what is due today".
    let asks = has(NOUNS)
        || words.contains(&"due")
        || has(&[
            "due",
            "overdue",
            "left",
            "next",
            "late",
            "upcoming",
            "outstanding",
            "remaining",
        ])
        || has(&["pending", "unfinished", "coming"])
        || rest.ends_with(&["do"])
        || rest.ends_with(&["done"])
        || rest.ends_with(&["complete"])
        || rest.ends_with(&["completed"])
        || (matches!(
            rest.first(),
            Some(&("show" | "list" | "display" | "view" | "see"))
        ) && has(&["all", "everything"]))
        || rest.ends_with(&["finished"])
        || (days.is_some() && has(&["do", "have", "on", "up", "what's", "today's", "tomorrow's"]));
    if !asks || rest == ["list", "of"] {
        return None;
    }
    Some(Intent::List(query(rest, days, scope)))
}

fn query(words: &[&str], days: Option<(Date, Date)>, scope: Scope) -> Query {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let today = scope.now.date();
    let days = if has(&["today's"]) {
        Some((today, today))
    } else if has(&["tomorrow's"]) {
        today.tomorrow().ok().map(|day| (day, day)).or(days)
    } else {
        days
    };
    let undone = words
        .windows(2)
        .any(|pair| matches!(pair, ["not" | "be", _]));
    let count = starts_with_any(words, &["how many"]).is_some();
    if has(&["done", "completed", "finished", "complete"]) && !undone {
        let arguments = json!({"status": "done", "limit": PAGE});
        return Query {
            arguments,
            days: None,
            label: "done".to_owned(),
            count,
        };
    }
    let mut arguments = json!({"status": "open", "limit": PAGE});
    if has(&["overdue", "late", "past"]) {
        set(&mut arguments, "due", "overdue".into());
        return Query {
            arguments,
            days: None,
            label: "overdue".to_owned(),
            count,
        };
    }
    if let Some((first, last)) = days {
        let described = dates::describe_date(first, today);
        if first != last {
            set(&mut arguments, "due", "upcoming".into());
            set(&mut arguments, "limit", 100.into());
            let label = format!(
                "due from {described} to {}",
                dates::describe_date(last, today)
            );
            return Query {
                arguments,
                days,
                label,
                count,
            };
        }
        let mut label = format!("due {described}");
        if first == today {
            set(&mut arguments, "due", "today".into());
            label = "due today".to_owned();
        } else {
            set(&mut arguments, "due", "date".into());
            set(&mut arguments, "date", first.to_string().into());
        }
        return Query {
            arguments,
            days: None,
            label,
            count,
        };
    }
    if has(&["upcoming", "coming"]) {
        set(&mut arguments, "due", "upcoming".into());
        return Query {
            arguments,
            days: None,
            label: "coming up".to_owned(),
            count,
        };
    }
    if has(&["all", "everything", "every", "whole", "full"]) && !has(&["open", "left", "pending"]) {
        set(&mut arguments, "status", "all".into());
        return Query {
            arguments,
            days: None,
            label: "on your list".to_owned(),
            count,
        };
    }
    Query {
        arguments,
        days: None,
        label: "open".to_owned(),
        count,
    }
}

/// Takes a day or a span of days off the end; the first and last day.
fn span<'t>(clause: &'t [Token], scope: Scope) -> (&'t [Token], Option<(Date, Date)>) {
    let words = words::patterns(clause);
    let today = scope.now.date();
    let to_sunday = 6 - i64::from(today.weekday().to_monday_zero_offset());
    let later = |days: i64| dates::later(today, days).ok();
    let spans = [
        ("this week", Some(today), later(to_sunday)),
        ("next week", later(to_sunday + 1), later(to_sunday + 7)),
        ("this month", Some(today), Some(today.last_of_month())),
        ("the next few days", Some(today), later(3)),
        (
            "the weekend",
            later((to_sunday - 1).max(0)),
            later(to_sunday),
        ),
        (
            "this weekend",
            later((to_sunday - 1).max(0)),
            later(to_sunday),
        ),
    ];
    for (phrase, first, last) in spans {
        if let (Some(count), Some(first), Some(last)) =
            (ends_with_any(&words, &[phrase]), first, last)
        {
            return (until(clause, words.len() - count), Some((first, last)));
        }
    }
    if let Some((rest, phrase)) = dates::split_trailing(clause, scope.now)
        && let Some(Ok(when)) = dates::parse(phrase, scope.now)
    {
        let day = match when.due {
            Due::Date(date) => date,
            Due::At(at) => at.date(),
        };
        return (rest, Some((day, day)));
    }
    (clause, None)
}

/// "find tasks about milk", "search for milk", "show tasks tagged home".
fn search(clause: &[Token], words: &[&str]) -> Option<Query> {
    let tag_links = [
        "tagged",
        "tagged with",
        "tagged as",
        "with tag",
        "with the tag",
        "labelled",
    ];
    let text_links = [
        "about",
        "with",
        "containing",
        "that contain",
        "matching",
        "mentioning",
        "for",
        "called",
        "named",
        "that mention",
        "with the word",
    ];
    let (verb, direct) =
        match starts_with_any(words, &["search", "search for", "look for", "look up"]) {
            Some(count) => (count, words.first() == Some(&"search")),
            None => (
                starts_with_any(
                    words,
                    &[
                        "find", "find me", "show", "show me", "list", "which", "what", "show all",
                    ],
                )?,
                false,
            ),
        };
    let noun = verb
        + words
            .get(verb..)?
            .iter()
            .take_while(|w| matches!(**w, "my" | "all" | "the" | "any" | "open"))
            .count();
    let after = words.get(noun..)?;
    let named = starts_with_any(
        after,
        &["tasks", "todos", "to-dos", "items", "reminders", "task"],
    );
    let rest = after.get(named.unwrap_or(0)..)?;
    let linked = |links: &[&str]| named.and_then(|_| starts_with_any(rest, links));
    let limit = json!({"status": "all", "limit": PAGE});
    if let Some(count) = linked(&tag_links) {
        let [tag] = rest.get(count..)? else {
            return None;
        };
        let tag = tag.trim_start_matches('#').to_owned();
        let mut arguments = limit;
        set(&mut arguments, "status", "open".into());
        set(&mut arguments, "tag", tag.clone().into());
        return Some(Query {
            arguments,
            days: None,
            label: format!("tagged {tag}"),
            count: false,
        });
    }
    let at = match linked(&text_links) {
        Some(count) => words.len() - rest.len() + count,
        None if direct && named.is_none() => verb,
        None => return None,
    };
    let text: Vec<_> = trimmed(from(clause, at))
        .iter()
        .map(|token| token.text.as_str())
        .collect();
    let dated = matches!(
        text.first(),
        Some(&("today" | "tomorrow" | "this" | "next" | "due"))
    );
    let known = text.iter().all(|word| VOCABULARY.contains(word));
    if text.is_empty() || text.len() > 8 || dated || known {
        return None;
    }
    let text = text.join(" ");
    let mut arguments = limit;
    set(&mut arguments, "search", text.clone().into());
    Some(Query {
        arguments,
        days: None,
        label: format!("matching “{text}”"),
        count: false,
    })
}
