//! Sentences that put a task on the list: "add …", "remind me to …", "todo: …".

use super::{
    around::{is_recurring, priority_at_end, tag_at_end, without_list_name},
    intent::{Intent, NewTask},
    patterns::{from, starts, starts_with_any, trim_start, trimmed, until},
    repeating, reply,
    sentence::Scope,
};
use crate::assistant::{
    dates::{self, numbers::weekday},
    words::{self, Kind, Token},
};

/// The verbs that add.
pub const VERBS: &[&str] = &["add", "create", "remind"];

/// Verbs that start many a to-do. Said alone they are offered, not added.
#[rustfmt::skip]
pub const ERRANDS: &[&str] = &[
    "buy", "call", "email", "e-mail", "mail", "pay", "book", "send", "write", "clean", "wash",
    "fix", "pick", "get", "visit", "read", "water", "feed", "cook", "prepare", "submit", "order",
    "print", "bring", "phone", "text", "repair", "renew", "return", "study", "practice",
    "practise", "review", "walk", "meet", "ask", "organise", "organize", "plan", "pack", "cut",
    "collect", "fetch", "go", "iron", "vacuum", "install", "register", "apply", "sign", "take",
    "address", "ring", "finish",
];

/// The longest title, in characters.
pub const LONGEST_TITLE: usize = 200;

/// The most tags a task can have.
const MOST_TAGS: usize = 10;
#[rustfmt::skip]
const LINKS: &[&str] = &[
    "to", "called", "named", "titled", "for", "about", "of", "saying", "that says", "which says",
    "that", "with the title", "with title",
];
/// What "add" may be followed by without there being anything to add.
#[rustfmt::skip]
const NO_TITLE: &[&str] = &[
    "it", "that", "this", "one", "something", "anything", "nothing", "stuff", "things", "task",
    "tasks", "todo", "todos", "to-do", "to-dos", "reminder", "reminders", "item", "items", "them",
    "these", "those", "more", "another", "again", "later", "please", "some", "a", "an", "the",
    "new", "few", "following", "entry", "two", "three", "couple", "of", "my", "list", "to", "and",
];
const NUMBERS: &[&str] = &[
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
];
const SUM_WORDS: &[&str] = &[
    "and", "plus", "minus", "to", "from", "times", "by", "the", "numbers",
];

/// Reads an adding sentence; `lead` is a date phrase that stood before it.
pub fn read(clause: &[Token], lead: &[Token], scope: Scope) -> Option<Intent> {
    let words = words::patterns(clause);
    if let Some(count) = starts_with_any(&words, &["remind me", "remind us"]) {
        return Some(remind(from(clause, count), lead, scope));
    }
    if let Some(count) = starts_with_any(&words, &["note to self", "make a note to"]) {
        return Some(add(from(clause, count), lead, scope));
    }
    match words.as_slice() {
        ["add", "up" | "insult", ..] => Some(Intent::Unknown),
        ["add", rest @ ..] if is_sum(rest) => Some(Intent::Unknown),
        // Task 3 is on the list already.
        ["add", "task" | "item", number, ..]
            if number
                .trim_start_matches('#')
                .bytes()
                .all(|b| b.is_ascii_digit()) =>
        {
            Some(Intent::Unknown)
        }
        ["add", "me" | "you" | "him" | "her" | "us", ..] => Some(Intent::Unknown),
        [
            "add",
            "a" | "some" | "the",
            "note" | "notes" | "comment",
            "to" | "on" | "for",
            ..,
        ]
        | ["add", "note" | "notes", "to" | "on" | "for", ..] => {
            Some(Intent::Say(reply::NO_NOTES.to_owned()))
        }
        // A tag of a task that is there.
        ["add", "tag" | "tags", .., "to", _] | ["add", "tag" | "tags", _, "to", ..] => {
            Some(Intent::Unknown)
        }
        ["add", ..] => Some(body(from(clause, 1), lead, scope)),
        ["set", "up", ..] => noun(from(clause, 2)).map(|rest| named(rest, lead, scope)),
        ["create" | "make" | "set" | "new", ..] => {
            noun(from(clause, 1)).map(|rest| named(rest, lead, scope))
        }
        ["todo" | "to-do" | "task" | "reminder", ":" | "-", ..] => {
            Some(add(from(clause, 2), lead, scope))
        }
        ["to", "do", ":", ..] => Some(add(from(clause, 3), lead, scope)),
        ["put" | "stick" | "pop" | "place", ..] => {
            let (_, listed, _) = without_list_name(from(clause, 1));
            listed.then(|| add(from(clause, 1), lead, scope))
        }
        _ => None,
    }
}

/// Offers to add what was only mentioned.
pub fn offer(clause: &[Token], scope: Scope) -> Intent {
    match add(clause, &[], scope) {
        Intent::Add(task) => Intent::Offer(task),
        other => other,
    }
}

/// "remind me", without those two words.
fn remind(rest: &[Token], lead: &[Token], scope: Scope) -> Intent {
    let mut rest = trim_start(rest);
    while let [please, after @ ..] = rest
        && please.is("please")
    {
        rest = trim_start(after);
    }
    let words = words::patterns(rest);
    if words.is_empty() || matches!(words.as_slice(), ["again" | "later" | "please", ..]) {
        return Intent::Say(reply::REMIND_OF_WHAT.to_owned());
    }
    if let Some(count) = starts_with_any(&words, &["not to forget to", "not to forget"]) {
        return add(from(rest, count), lead, scope);
    }
    if let Some(rest) = linked(rest) {
        return add(rest, lead, scope);
    }
    if let Some((phrase, rest)) = dates::split_leading(rest, scope.now) {
        if rest.is_empty() {
            return Intent::Say(reply::REMIND_OF_WHAT.to_owned());
        }
        if matches!(rest.first(), Some(next) if next.is("and") || next.is("or")) {
            return Intent::Say(reply::TWO_DATES.to_owned());
        }
        let lead: Vec<Token> = lead.iter().chain(phrase).cloned().collect();
        return add(linked(rest).unwrap_or(rest), &lead, scope);
    }
    // "weekly report to Bob" says no more than what.
    let timed = |when: &[Token]| when.is_empty() || dates::parse(when, scope.now).is_some();
    if let Some((repetition, when, what)) =
        repeating::split_leading(rest).filter(|(_, when, _)| timed(when))
    {
        let when = lead.iter().chain(&repetition.part_of_day).chain(when);
        let when: Vec<Token> = when.cloned().collect();
        return repeated(add(what, &when, scope), repetition.rule);
    }
    let odd = [
        "when", "if", "what", "what's", "how", "why", "who", "where", "before", "after", "every",
        "not", "never", "once", "whenever", "each", "which", "in", "at", "on", "daily", "as",
    ];
    let first = words.first().copied().unwrap_or_default();
    if odd.contains(&first) || first.starts_with(|c: char| c.is_ascii_digit()) {
        return if is_recurring(&words) {
            Intent::Say(reply::NO_RECURRENCE.to_owned())
        } else {
            Intent::Say(reply::REMIND_OF_WHAT.to_owned())
        };
    }
    add(rest, lead, scope)
}

/// What follows "to", "about" or "of".
fn linked(tokens: &[Token]) -> Option<&[Token]> {
    let tokens = trim_start(tokens);
    let words = words::patterns(tokens);
    match words.as_slice() {
        // "remind me 2 call mum"
        ["2", errand, ..] if ERRANDS.contains(errand) => Some(from(tokens, 1)),
        ["to" | "about" | "of" | "that", what, ..] => {
            let question = matches!(*what, "what" | "how" | "when" | "why" | "which" | "who");
            (!question).then(|| from(tokens, 1))
        }
        _ => None,
    }
}

/// What follows "add".
fn body(rest: &[Token], lead: &[Token], scope: Scope) -> Intent {
    let colon = rest.first().is_some_and(|token| token.is(":"));
    let rest = trim_start(rest);
    if let Some(rest) = noun(rest).filter(|_| !colon) {
        return named(rest, lead, scope);
    }
    let words = words::patterns(rest);
    if words.first() == Some(&"to") {
        // "add to my list: milk"
        let colon = words.iter().position(|word| *word == ":");
        let Some((to_list, items)) = colon.map(|at| (until(rest, at), from(rest, at + 1))) else {
            return Intent::Unknown;
        };
        let (left, listed, tag) = without_list_name(to_list);
        if !listed || !left.is_empty() {
            return Intent::Unknown;
        }
        return tagged(add(items, lead, scope), tag);
    }
    add(rest, lead, scope)
}

/// What follows "a new task", if the tokens start so.
fn noun(tokens: &[Token]) -> Option<&[Token]> {
    let words = words::patterns(tokens);
    let me = usize::from(words.first() == Some(&"me"));
    let article = words.iter().skip(me).take_while(|word| {
        matches!(
            **word,
            "a" | "an"
                | "another"
                | "the"
                | "new"
                | "one"
                | "more"
                | "following"
                | "these"
                | "some"
        )
    });
    let before = me + article.count();
    let after = match words.get(before..)? {
        [":", rest @ ..] if before > me => rest,
        ["to", "do", rest @ ..] if before > 0 => rest,
        [
            "task" | "tasks" | "todo" | "todos" | "to-do" | "to-dos",
            rest @ ..,
        ] => rest,
        // An item or a reminder may also be a thing to buy or to write.
        [
            "reminder" | "reminders" | "item" | "items" | "entry",
            rest @ ..,
        ] if rest.is_empty()
            || starts_with_any(rest, LINKS).is_some()
            || starts_with_any(
                rest,
                &[":", "-", words::QUOTED, "at", "on", "in", "tomorrow"],
            )
            .is_some() =>
        {
            rest
        }
        _ => return None,
    };
    let number = |word: &&str| {
        word.trim_start_matches('#')
            .bytes()
            .all(|b| b.is_ascii_digit())
    };
    if matches!(after.first(), Some(&"list" | &"lists")) || after.first().is_some_and(number) {
        return None;
    }
    Some(from(tokens, words.len() - after.len()))
}

/// What follows "add a task": a list name, a date, a link, then the title.
fn named(rest: &[Token], lead: &[Token], scope: Scope) -> Intent {
    let mut rest = trim_start(rest);
    let words = words::patterns(rest);
    if starts(&words, "to").is_some()
        && let Some(colon) = words.iter().position(|word| *word == ":")
    {
        let (left, listed, _) = without_list_name(until(rest, colon));
        if listed && left.is_empty() {
            rest = trim_start(from(rest, colon));
        }
    }
    let mut lead = lead.to_vec();
    if let Some((phrase, after)) = dates::split_leading(rest, scope.now) {
        lead.extend_from_slice(phrase);
        rest = after;
    }
    let words = words::patterns(rest);
    if let Some(count) = starts_with_any(&words, LINKS).filter(|_| !is_list_name(&words)) {
        rest = from(rest, count);
    }
    add(rest, &lead, scope)
}

fn is_list_name(words: &[&str]) -> bool {
    matches!(
        words,
        ["to", "my" | "the" | "our", .., "list"] | ["to", "my" | "the", "tasks" | "todos"]
    )
}

/// The title with what stands around it: dates, priority, tags, the list's name.
pub fn add(rest: &[Token], lead: &[Token], scope: Scope) -> Intent {
    let mut rest = trim_start(rest);
    let mut phrase: &[Token] = &[];
    let mut part_of_day = Vec::new();
    let mut task = NewTask {
        title: String::new(),
        due: None,
        priority: None,
        tags: Vec::new(),
        recurrence: None,
    };
    loop {
        let (unlisted, listed, tag) = without_list_name(rest);
        if listed {
            rest = unlisted;
            task.tags.extend(tag);
        } else if let Some((before, tag)) = tag_at_end(rest).filter(|_| task.tags.len() < MOST_TAGS)
        {
            rest = before;
            task.tags.insert(0, tag);
        } else if let Some((before, priority)) =
            priority_at_end(rest).filter(|_| task.priority.is_none())
        {
            rest = before;
            task.priority = Some(priority);
        } else if let Some((before, repetition)) =
            repeating::split_trailing(rest).filter(|_| task.recurrence.is_none())
        {
            rest = before;
            task.recurrence = Some(repetition.rule);
            part_of_day = repetition.part_of_day;
        } else if let Some((before, found)) =
            dates::split_trailing(rest, scope.now).filter(|_| phrase.is_empty())
        {
            rest = before;
            phrase = found;
            // "the rent is due on the 1st"
            if found.first().is_some_and(|token| token.is("due"))
                && let [start @ .., verb] = rest
                && (verb.is("is") || verb.is("are"))
            {
                rest = start;
            }
        } else {
            break;
        }
    }
    let rest = trimmed(rest);
    // "mon wed fri": the last is no more meant than the others.
    let dated = phrase.iter().chain(&part_of_day).next().is_some();
    if dated
        && rest
            .last()
            .is_some_and(|last| last.kind == Kind::Word && weekday(&last.text).is_some())
    {
        return Intent::Say(reply::TWO_DATES.to_owned());
    }
    if is_recurring(&words::patterns(rest)) {
        return Intent::Say(reply::NO_RECURRENCE.to_owned());
    }
    task.tags.dedup();
    task.title = title(rest, scope);
    let words = words::patterns(rest);
    if words.iter().all(|word| NO_TITLE.contains(word)) || task.title.is_empty() {
        return Intent::Say(reply::ADD_WHAT.to_owned());
    }
    let length = task.title.chars().count();
    if length > LONGEST_TITLE {
        return Intent::Say(reply::title_too_long(length));
    }
    let when = lead.iter().chain(&part_of_day).chain(phrase);
    let when: Vec<Token> = when.cloned().collect();
    if !when.is_empty() {
        match dates::parse(&when, scope.now) {
            Some(Ok(found)) => task.due = Some(found.due),
            Some(Err(problem)) => return Intent::Say(reply::date_problem(&problem)),
            None => return Intent::Say(reply::TWO_DATES.to_owned()),
        }
    }
    Intent::Add(task)
}

/// With the rule that stood before the title, unless another stands after it.
fn repeated(intent: Intent, rule: String) -> Intent {
    match intent {
        Intent::Add(task) if task.recurrence.is_some() => {
            Intent::Say(reply::NO_RECURRENCE.to_owned())
        }
        Intent::Add(task) => Intent::Add(NewTask {
            recurrence: Some(rule),
            ..task
        }),
        other => other,
    }
}

fn tagged(intent: Intent, tag: Option<String>) -> Intent {
    match intent {
        Intent::Add(mut task) => {
            task.tags.extend(tag);
            Intent::Add(task)
        }
        other => other,
    }
}

/// The tokens as a title: literally if in quotes, else as written, on one line.
pub fn title(tokens: &[Token], scope: Scope) -> String {
    let text = match tokens {
        [token] if token.kind == Kind::Quoted => token.text.as_str(),
        _ => words::source(scope.message, tokens),
    };
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().map(blank).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_sum(words: &[&str]) -> bool {
    let number = |word: &str| {
        word.chars()
            .all(|c| c.is_ascii_digit() || ".,+-*/=%".contains(c))
    };
    !words.is_empty()
        && words
            .iter()
            .any(|word| number(word) || NUMBERS.contains(word))
        && words
            .iter()
            .all(|w| number(w) || NUMBERS.contains(w) || SUM_WORDS.contains(w))
}
