//! Which task a few words mean.
//!
//! In this order: its id, its exact title, a title that has all the words, a title that has words
//! like them (a slip of the keyboard). Whatever fits several tasks fits none: the person is asked.

use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use todo_actors::user::Recurrence;

use super::{
    patterns::trimmed,
    similar::{alike, plain, telling_words},
};
use crate::assistant::words::{self, Kind, Token};

/// A task as the tools show it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TaskView {
    /// Such as `task-12`.
    #[serde(alias = "task_id")]
    pub id: String,
    /// The title.
    pub title: String,
    /// `open` or `done`.
    #[serde(default)]
    pub status: String,
    /// The instant it is due.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// The day it is due.
    #[serde(default)]
    pub due_date: Option<Date>,
    /// `low`, `normal` or `high`.
    #[serde(default)]
    pub priority: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How it repeats.
    #[serde(default)]
    pub recurrence: Option<Recurrence>,
}

/// A task and what its title is compared by.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The task.
    pub task: TaskView,
    plain: String,
    words: Vec<String>,
}

impl From<TaskView> for Listed {
    fn from(task: TaskView) -> Self {
        let (plain, words) = (plain(&task.title), telling_words(&task.title));
        Self { task, plain, words }
    }
}

/// What a person called a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Their words, for replies.
    pub said: String,
    /// The kind of thing they said.
    pub kind: ReferenceKind,
    /// Whether it names a task beyond doubt: by id, in quotes, or with the word "task".
    pub explicit: bool,
    /// Whether it stood in a report ("I finished the milk") rather than in a request: then the
    /// words must cover the title, or the person is asked.
    pub reported: bool,
}

/// The kinds of [`Reference`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceKind {
    /// By id.
    Id(String),
    /// By title or words from it.
    Title {
        /// Only an exact title will do: the words hold a "not", an "or" or an "if".
        exact_only: bool,
        /// Whether it may be a list of several tasks.
        several: bool,
    },
    /// More than one task at once.
    Bulk,
    /// "it", "that one", or nothing at all.
    Vague,
}

/// The tasks that words may mean.
#[derive(Debug, Clone, PartialEq)]
pub enum Matches<'t> {
    /// This one.
    One(&'t TaskView),
    /// This one, if a word was mistyped.
    Likely(&'t TaskView),
    /// Any of these, best first.
    Several(Vec<&'t TaskView>),
    /// None, though these have something in common with the words.
    None(Vec<&'t TaskView>),
}

const NOUNS: &[&str] = &["task", "todo", "to-do", "reminder", "item", "entry"];
pub(super) const MANY: &[&str] = &[
    "tasks",
    "todos",
    "to-dos",
    "reminders",
    "items",
    "entries",
    "things",
    "stuff",
];
pub(super) const ARTICLES: &[&str] = &["the", "my", "a", "an", "our", "that", "this"];
#[rustfmt::skip]
const ALL: &[&str] = &[
    "all", "everything", "every", "each", "both", "them", "these", "those", "anything",
    "whatever",
];
const VAGUE: &[&str] = &[
    "it",
    "that",
    "this",
    "one",
    "something",
    "him",
    "her",
    "me",
    "you",
    "what",
];
#[rustfmt::skip]
const DOUBT: &[&str] = &[
    "not", "don't", "dont", "never", "except", "but", "unless", "if", "maybe", "or", "either",
    "neither", "instead", "without", "when", "once", "i", "i'm", "we", "you", "should", "isn't",
    "wasn't", "didn't", "won't", "until", "because",
];
/// More than this, in bytes, is no title of a task.
const LONGEST_SAID: usize = 1_000;
/// First words of titles that a report leaves out.
const UNSAID: &[&str] = &["finish", "complete", "do", "write", "prepare", "make"];
/// Longer references than this are compared by title and words only.
const MOST_FUZZY_WORDS: usize = 8;

impl Reference {
    /// What these tokens refer to.
    pub fn read(message: &str, tokens: &[Token]) -> Self {
        let tokens = without_list(trimmed(tokens));
        let said = words::source(message, tokens);
        let patterns = words::patterns(tokens);
        if let Some(id) = id(&patterns) {
            return Self {
                said: said.to_owned(),
                kind: ReferenceKind::Id(id),
                explicit: true,
                reported: false,
            };
        }
        if let [token] = tokens
            && token.kind == Kind::Quoted
        {
            let kind = ReferenceKind::Title {
                exact_only: false,
                several: false,
            };
            return Self {
                said: token.text.clone(),
                kind,
                explicit: true,
                reported: false,
            };
        }
        if is_bulk(&patterns) {
            return Self {
                said: said.to_owned(),
                kind: ReferenceKind::Bulk,
                explicit: false,
                reported: false,
            };
        }
        let (core, explicit) = without_nouns(tokens);
        let patterns = words::patterns(core);
        let vague = core.is_empty()
            || patterns
                .iter()
                .all(|word| VAGUE.contains(word) || ARTICLES.contains(word));
        let said = match core {
            [token] if token.kind == Kind::Quoted => token.text.clone(),
            _ => words::source(message, core).to_owned(),
        };
        let kind = if vague {
            ReferenceKind::Vague
        } else {
            ReferenceKind::Title {
                exact_only: patterns.iter().any(|word| DOUBT.contains(word)),
                several: patterns
                    .iter()
                    .any(|word| matches!(*word, "and" | "," | "&" | "plus")),
            }
        };
        Self {
            said,
            kind,
            explicit,
            reported: false,
        }
    }

    /// The task with this id.
    pub fn by_id(id: &str) -> Self {
        let kind = ReferenceKind::Id(id.to_owned());
        Self {
            said: id.to_owned(),
            kind,
            explicit: true,
            reported: false,
        }
    }

    /// The tasks it may mean.
    pub fn resolve<'t>(&self, tasks: &'t [Listed]) -> Matches<'t> {
        let exact_only = match &self.kind {
            ReferenceKind::Id(id) => {
                let found = tasks.iter().find(|listed| listed.task.id == *id);
                return found.map_or(Matches::None(Vec::new()), |listed| {
                    Matches::One(&listed.task)
                });
            }
            ReferenceKind::Title { exact_only, .. } => *exact_only,
            ReferenceKind::Bulk | ReferenceKind::Vague => return Matches::None(Vec::new()),
        };
        let matching = |fits: &dyn Fn(&Listed) -> bool| -> Vec<&'t TaskView> {
            tasks
                .iter()
                .filter(|listed| fits(listed))
                .map(|listed| &listed.task)
                .collect()
        };
        if self.said.len() > LONGEST_SAID {
            return Matches::None(Vec::new());
        }
        let said = plain(&self.said);
        if let Some(found) = decide(matching(&|listed| listed.plain == said)) {
            return found;
        }
        let wanted = telling_words(&self.said);
        let near = || matching(&|listed| wanted.iter().any(|word| listed.words.contains(word)));
        if exact_only || wanted.is_empty() {
            return Matches::None(near());
        }
        let all = |listed: &Listed| wanted.iter().all(|word| listed.words.contains(word));
        if let Some(found) = decide(matching(&all)) {
            return found;
        }
        if wanted.len() > MOST_FUZZY_WORDS {
            return Matches::None(near());
        }
        let like = |listed: &Listed| {
            wanted
                .iter()
                .all(|word| listed.words.iter().any(|other| alike(word, other)))
        };
        match matching(&like).as_slice() {
            [] => Matches::None(near()),
            [one] => Matches::Likely(one),
            several => Matches::Several(several.to_vec()),
        }
    }

    /// Whether the words are the task's whole title.
    pub fn is_title(&self, task: &TaskView) -> bool {
        plain(&self.said) == plain(&task.title)
    }

    /// Whether this one title fits, by the rules of [`Reference::resolve`].
    pub fn fits(&self, task: TaskView) -> bool {
        let tasks = [task.into()];
        matches!(self.resolve(&tasks), Matches::One(_) | Matches::Likely(_))
    }

    /// Whether the words cover the title, but for a first word such as "finish".
    pub fn covers(&self, task: &TaskView) -> bool {
        let said = telling_words(&self.said);
        let title = telling_words(&task.title);
        let title = match title.split_first() {
            Some((first, rest)) if !rest.is_empty() && UNSAID.contains(&first.as_str()) => rest,
            _ => title.as_slice(),
        };
        title.iter().all(|word| said.contains(word))
    }

    /// The words to search the whole list for, when it is too long to look at.
    pub fn search(&self) -> String {
        telling_words(&self.said).join(" ")
    }
}

fn decide(found: Vec<&TaskView>) -> Option<Matches<'_>> {
    match found.as_slice() {
        [] => None,
        [one] => Some(Matches::One(one)),
        _ => Some(Matches::Several(found)),
    }
}

/// `task-12` from "task 12", "#12", "task-12" and the like.
fn id(patterns: &[&str]) -> Option<String> {
    let patterns = match patterns {
        ["the" | "my", rest @ ..] => rest,
        rest => rest,
    };
    let number = match patterns {
        [word] => word
            .strip_prefix("task-")
            .or_else(|| word.strip_prefix('#'))?,
        ["task" | "todo" | "item" | "number", word] => word.strip_prefix('#').unwrap_or(word),
        ["task", "number" | "no" | "nr" | "#", word] => word,
        [word, "task"] => word.strip_prefix('#')?,
        _ => return None,
    };
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let number: u32 = digits.then(|| number.parse().ok()).flatten()?;
    Some(format!("task-{number}"))
}

fn is_bulk(patterns: &[&str]) -> bool {
    let patterns: Vec<_> = patterns
        .iter()
        .filter(|word| !ARTICLES.contains(word))
        .collect();
    let list = patterns.last().is_some_and(|word| **word == "list") && patterns.len() <= 3;
    let first = patterns
        .first()
        .is_some_and(|word| ALL.contains(word) || MANY.contains(word));
    first || list || patterns.last().is_some_and(|word| MANY.contains(word))
}

/// Without "from my to-do list" and the like at the end.
pub(super) fn without_list(tokens: &[Token]) -> &[Token] {
    let patterns = words::patterns(tokens);
    let at = patterns
        .iter()
        .rposition(|word| matches!(*word, "from" | "off" | "on" | "in"));
    let Some((before, tail)) = at.and_then(|at| patterns.split_at_checked(at)) else {
        return tokens;
    };
    let listed = matches!(
        tail,
        [
            _,
            "my" | "the" | "our",
            "list" | "lists" | "tasks" | "todos" | "to-dos"
        ] | [
            _,
            "my" | "the" | "our",
            "todo" | "to-do" | "task" | "tasks",
            "list"
        ] | [_, "my" | "the" | "our", "to", "do", "list"]
    );
    if listed {
        tokens.get(..before.len()).unwrap_or(tokens)
    } else {
        tokens
    }
}

/// Without articles and the word "task" around the words that tell which; and whether it was there.
fn without_nouns(tokens: &[Token]) -> (&[Token], bool) {
    let mut tokens = tokens;
    let mut explicit = false;
    let is = |token: &Token, list: &[&str]| {
        token.kind == Kind::Word && list.contains(&token.text.as_str())
    };
    while let [first, rest @ ..] = tokens
        && is(first, ARTICLES)
        && !rest.is_empty()
    {
        tokens = rest;
    }
    if let [first, rest @ ..] = tokens
        && is(first, NOUNS)
    {
        explicit = true;
        tokens = trimmed(rest);
        if let [link, rest @ ..] = tokens
            && is(
                link,
                &["called", "named", "titled", "to", "about", "for", "of"],
            )
        {
            tokens = rest;
        }
    }
    while let [rest @ .., last] = tokens
        && (is(last, NOUNS) || is(last, &["one"]))
    {
        explicit |= is(last, NOUNS);
        tokens = rest;
    }
    (trimmed(tokens), explicit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: u32, title: &str) -> Listed {
        let task = TaskView {
            id: format!("task-{id}"),
            title: title.to_owned(),
            status: "open".to_owned(),
            due_at: None,
            due_date: None,
            priority: "normal".to_owned(),
            tags: Vec::new(),
            recurrence: None,
        };
        task.into()
    }

    fn found(text: &str, titles: &[&str]) -> String {
        let tasks: Vec<_> = (1..)
            .zip(titles)
            .map(|(id, title)| task(id, title))
            .collect();
        match Reference::read(text, &words::tokens(text)).resolve(&tasks) {
            Matches::One(task) => task.id.clone(),
            Matches::Likely(task) => format!("{}?", task.id),
            Matches::Several(tasks) => format!("{} tasks", tasks.len()),
            Matches::None(near) => format!("none, {} near", near.len()),
        }
    }

    #[test]
    fn a_reference_finds_the_one_task_it_fits() {
        let titles = [
            "Buy milk",
            "Buy oat milk",
            "Call mum",
            "Finish quarterly report",
        ];
        for (text, expected) in [
            ("task 3", "task-3"),
            ("#4", "task-4"),
            ("the task number 2", "task-2"),
            ("task-9", "none, 0 near"),
            ("buy milk", "task-1"),
            ("“Buy Milk”", "task-1"),
            ("the oat milk task", "task-2"),
            ("milk", "2 tasks"),
            ("the report", "task-4"),
            ("quartely reprot", "task-4?"),
            ("call dad", "none, 1 near"),
            ("everything", "none, 0 near"),
            ("not the report", "none, 1 near"),
            ("mums", "task-3"),
        ] {
            assert_eq!(found(text, &titles), expected, "{text}");
        }
    }

    #[test]
    fn several_at_once_and_none_at_all_are_told_apart() {
        let kind = |text| Reference::read(text, &words::tokens(text)).kind;
        for text in [
            "all",
            "all my tasks",
            "everything",
            "my whole list",
            "the milk tasks",
            "both",
        ] {
            assert_eq!(kind(text), ReferenceKind::Bulk, "{text}");
        }
        for text in ["", "it", "that one", "the task", "this task"] {
            assert_eq!(kind(text), ReferenceKind::Vague, "{text}");
        }
    }
}
