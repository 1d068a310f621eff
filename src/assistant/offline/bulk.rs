//! Several tasks named at once: "all done tasks", "everything tagged home", "the milk tasks".
//!
//! Apart from a tag and the words of titles every word is from a closed vocabulary: "everything
//! except the milk" has words of its own and names nothing.

use serde_json::{Value, json};

use super::{
    intent::set,
    reference::{ARTICLES, MANY, without_list},
};
use crate::assistant::words::{self, Kind, Token};

/// Looks as many tasks up as one confirmation may be about.
const LOOKED_AT: u32 = 100;
/// The most words of titles.
const MOST_WORDS: usize = 4;

#[rustfmt::skip]
const DOUBT: &[&str] = &[
    "except", "but", "not", "unless", "without", "or", "and", "if", "older", "than", "besides",
    "last", "first", "half", "some", "other", "than", "before", "after", "since", "until",
    "second", "old", "new", "few", "most", "more", "only", "just", "either", "in", "on", "from",
    "by", "like", "these", "those", "them", "any", "no", "every", "each", "which", "when", ",",
];

/// The arguments of `list_tasks` that find the tasks these words name; `None` if they name none
/// for certain.
pub fn filter(said: &str) -> Option<Value> {
    let tokens = words::tokens(said);
    let tokens = without_list(&tokens);
    let tag = tokens.iter().find_map(hash_tag);
    let words: Vec<String> = tokens
        .iter()
        .filter(|token| hash_tag(token).is_none())
        .map(|token| match token.kind {
            Kind::Quoted => words::QUOTED.to_owned(),
            Kind::Word | Kind::Mark => token.text.clone(),
        })
        .collect();
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !ARTICLES.contains(word))
        .collect();
    let (words, tag) = match words.as_slice() {
        [rest @ .., "tagged" | "tag"] if tag.is_some() => (rest, tag),
        [rest @ .., "tagged", "with", name]
        | [rest @ .., "with", "tag", name]
        | [rest @ .., "tagged", name] => (rest, Some((*name).to_owned())),
        rest => (rest, tag),
    };
    let words = match words {
        [rest @ .., "with"] if tag.is_some() => rest,
        rest => rest,
    };
    let (words, state) = stated(words)?;
    let mut filter = json!({ "status": state.status, "limit": LOOKED_AT });
    if let Some(due) = state.due {
        set(&mut filter, "due", due.into());
    }
    if let Some(tag) = tag {
        if tag == words::QUOTED {
            return None;
        }
        set(&mut filter, "tag", tag.into());
    }
    let telling = match words {
        ["everything"] | ["all"] | ["whole" | "entire" | "complete", "list"] | ["list"] | [] => &[],
        ["all", rest @ .., noun] | [rest @ .., noun] if MANY.contains(noun) => rest,
        _ => return None,
    };
    // "all of my tasks"
    let telling = match telling {
        ["of"] | ["all", "of"] => &[],
        rest => rest,
    };
    if telling.is_empty() {
        return Some(filter);
    }
    let doubtful = |word: &&str| {
        DOUBT.contains(word) || *word == words::QUOTED || !word.chars().any(char::is_alphabetic)
    };
    if telling.len() > MOST_WORDS || telling.iter().any(doubtful) {
        return None;
    }
    set(&mut filter, "search", telling.join(" ").into());
    Some(filter)
}

struct State {
    status: &'static str,
    due: Option<&'static str>,
}

/// Takes the words that say how the tasks are, before the noun or in a clause behind it.
fn stated<'w>(words: &'w [&'w str]) -> Option<(&'w [&'w str], State)> {
    let state = |word: &str| {
        let (status, due) = match word {
            "done" | "completed" | "finished" | "complete" | "ticked" | "checked" => ("done", None),
            "open" | "unfinished" | "pending" | "incomplete" => ("open", None),
            "overdue" => ("open", Some("overdue")),
            _ => return None,
        };
        Some(State { status, due })
    };
    let any = State {
        status: "all",
        due: None,
    };
    if let [rest @ .., "due", "today"] = words {
        let due = Some("today");
        return Some((rest, State { due, ..any }));
    }
    // "everything that is done", "tasks which are overdue", "everything done"
    if let [rest @ .., last] = words
        && let Some(state) = state(last)
    {
        let rest = match rest {
            [rest @ .., "that" | "which", "is" | "are"] | [rest @ .., "is" | "are" | "that's"] => {
                rest
            }
            rest => rest,
        };
        let named = matches!(
            rest,
            ["everything"] | [.., "tasks" | "items" | "todos" | "things"]
        );
        return named.then_some((rest, state));
    }
    // "all done tasks", where the state stands first and nothing but the noun follows
    match words {
        ["all", word, noun] | [word, noun] if MANY.contains(noun) && state(word).is_some() => {
            Some((&words[words.len()..], state(word)?))
        }
        ["whole" | "entire" | "complete", "list"] => Some((words, any)),
        // A state among other words may belong to a title.
        _ if words.iter().any(|word| state(word).is_some()) => None,
        _ => Some((words, any)),
    }
}

fn hash_tag(token: &Token) -> Option<String> {
    let tag = token
        .text
        .strip_prefix('#')
        .filter(|_| token.kind == Kind::Word)?;
    let letters = tag.chars().any(char::is_alphabetic);
    letters.then(|| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_for_certain_is_found_and_nothing_else() {
        for (said, expected) in [
            ("everything", r#"{"limit":100,"status":"all"}"#),
            ("all my tasks", r#"{"limit":100,"status":"all"}"#),
            ("all of my tasks", r#"{"limit":100,"status":"all"}"#),
            ("my whole list", r#"{"limit":100,"status":"all"}"#),
            ("everything on my list", r#"{"limit":100,"status":"all"}"#),
            ("all done tasks", r#"{"limit":100,"status":"done"}"#),
            ("the completed tasks", r#"{"limit":100,"status":"done"}"#),
            (
                "everything that is done",
                r#"{"limit":100,"status":"done"}"#,
            ),
            (
                "all tasks that are open",
                r#"{"limit":100,"status":"open"}"#,
            ),
            (
                "overdue tasks",
                r#"{"due":"overdue","limit":100,"status":"open"}"#,
            ),
            (
                "everything due today",
                r#"{"due":"today","limit":100,"status":"all"}"#,
            ),
            (
                "everything tagged home",
                r#"{"limit":100,"status":"all","tag":"home"}"#,
            ),
            (
                "all tasks tagged #home",
                r#"{"limit":100,"status":"all","tag":"home"}"#,
            ),
            (
                "all done tasks with the tag home",
                r#"{"limit":100,"status":"done","tag":"home"}"#,
            ),
            (
                "all #home tasks",
                r#"{"limit":100,"status":"all","tag":"home"}"#,
            ),
            (
                "the milk tasks",
                r#"{"limit":100,"search":"milk","status":"all"}"#,
            ),
            (
                "all oat milk tasks",
                r#"{"limit":100,"search":"oat milk","status":"all"}"#,
            ),
        ] {
            let found = filter(said).map(|filter| filter.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{said}");
        }
        for said in [
            "everything except buy milk",
            "all but the milk tasks",
            "both",
            "them",
            "these tasks",
            "everything older than a week",
            "all tasks in the kitchen",
            "all done milk tasks",
            "all not done tasks",
            "the last 3 tasks",
            "every second task",
            "all “milk” tasks",
            "anything",
            "stuff I no longer need",
            "all tasks due tomorrow",
        ] {
            assert_eq!(filter(said), None, "{said}");
        }
    }
}
