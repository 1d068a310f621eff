//! Sentences that give a task another date or another title.

use super::{
    adding,
    changing::Reader,
    intent::{Change, Intent},
    patterns::{from, starts_with_any, trimmed, until},
    reference::Reference,
    reply,
};
use crate::assistant::{
    dates::{self, DateProblem, When},
    words::{self, Kind, Token},
};

/// When a verb is about the date of a task. "Move call mum to friday" is; "make dinner at 7" is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// With or without a date.
    Always,
    /// If "to", "until" or "for" leads to a date.
    Linked,
    /// If "to" leads to a date.
    To,
    /// If "due" does.
    IfDue,
}

const DATE_VERBS: &[(&str, Says)] = &[
    ("reschedule", Says::Always),
    ("re-schedule", Says::Always),
    ("schedule", Says::Always),
    ("postpone", Says::Always),
    ("delay", Says::Always),
    ("defer", Says::Always),
    ("snooze", Says::Always),
    ("put off", Says::Always),
    ("push back", Says::Always),
    ("bring forward", Says::Linked),
    ("push", Says::Linked),
    ("move", Says::Linked),
    ("move up", Says::Linked),
    ("move back", Says::Linked),
    ("shift", Says::Linked),
    ("set", Says::Linked),
    ("change", Says::To),
    ("edit", Says::To),
    ("update", Says::To),
    ("make", Says::IfDue),
];

/// The most places at which a title is told from the new one.
const MOST_SPLITS: usize = 6;

const DUE_NOUNS: &[&str] = &[
    "due date",
    "due time",
    "due date and time",
    "deadline",
    "date",
    "time",
    "due day",
    "duedate",
];

impl Reader<'_> {
    /// "remove the due date of …".
    pub(super) fn clear_due(&self) -> Option<Intent> {
        let rest = match self.words {
            [
                "remove" | "delete" | "clear" | "drop" | "cancel" | "unset",
                rest @ ..,
            ] => rest,
            _ => return None,
        };
        let rest = match rest {
            ["the" | "its", rest @ ..] => rest,
            _ => rest,
        };
        let count = starts_with_any(rest, DUE_NOUNS)?;
        match rest.get(count..)? {
            ["of" | "from" | "for" | "on", target @ ..] => {
                Some(self.change(Change::ClearDue, self.rest(self.words.len() - target.len())))
            }
            _ => None,
        }
    }

    pub(super) fn reschedule(&self) -> Option<Intent> {
        let (count, mut says) = DATE_VERBS
            .iter()
            .filter_map(|(verb, says)| Some((starts_with_any(self.words, &[verb])?, *says)))
            .max_by_key(|(count, _)| *count)?;
        let mut target = self.rest(count);
        let words = words::patterns(target);
        let the = usize::from(words.first() == Some(&"the"));
        if let Some(noun) = words
            .get(the..)
            .and_then(|words| starts_with_any(words, DUE_NOUNS))
            && matches!(words.get(the + noun), Some(&("of" | "for" | "on")))
        {
            target = from(target, the + noun + 1);
            says = Says::Always;
        }
        let adds = self.words.first() == Some(&"schedule");
        match self.new_date(target, says) {
            Some((target, Ok(when))) if adds => {
                let named = Reference::read(self.scope.message, target).explicit;
                if named {
                    return Some(self.change(Change::Reschedule(when), target));
                }
                Some(adding::add(self.rest(1), &[], self.scope))
            }
            Some((target, Ok(when))) => Some(self.change(Change::Reschedule(when), target)),
            Some((_, Err(problem))) => Some(Intent::Say(reply::date_problem(&problem))),
            None if says == Says::Always && !adds => Some(Intent::Say(reply::TO_WHEN.to_owned())),
            None => None,
        }
    }

    /// Tells the task from its new date: "… to friday", "… until friday", "… friday".
    fn new_date<'t>(
        &self,
        tokens: &'t [Token],
        says: Says,
    ) -> Option<(&'t [Token], Result<When, DateProblem>)> {
        let words = words::patterns(tokens);
        let first = words.len().saturating_sub(16);
        for (at, word) in words.iter().enumerate().skip(first) {
            let links = match *word {
                "to" => says != Says::IfDue,
                "until" | "till" | "for" => matches!(says, Says::Always | Says::Linked),
                _ => false,
            };
            if !links {
                continue;
            }
            // After "to" a bare number is an hour and a bare ordinal a day, as after "by".
            let by = Token {
                kind: Kind::Word,
                start: 0,
                end: 0,
                text: "by".to_owned(),
            };
            let mut phrase = vec![by];
            phrase.extend_from_slice(from(tokens, at + 1));
            let mut read = dates::parse(&phrase, self.scope.now);
            if read.is_none() || matches!(read, Some(Err(DateProblem::NoSuchTime(_)))) {
                read = dates::parse(from(tokens, at + 1), self.scope.now).or(read);
            }
            if let Some(read) = read {
                return Some((without_due(until(tokens, at)), read));
            }
        }
        let (target, phrase) = dates::split_trailing(tokens, self.scope.now)?;
        let due = phrase.first().is_some_and(|token| token.is("due"));
        if says != Says::Always && !due {
            return None;
        }
        Some((without_due(target), dates::parse(phrase, self.scope.now)?))
    }

    pub(super) fn rename(&self) -> Option<Intent> {
        let (start, sure) = match self.words {
            ["rename" | "retitle" | "re-title", ..] => (1, true),
            ["change" | "edit" | "update" | "set", rest @ ..] => {
                let the = usize::from(rest.first() == Some(&"the"));
                let noun = rest.get(the..).and_then(|rest| {
                    starts_with_any(
                        rest,
                        &["title of", "name of", "wording of", "text of", "title for"],
                    )
                });
                match noun {
                    Some(count) => (1 + the + count, true),
                    None if self.words.first() == Some(&"set") => return None,
                    None => (1, false),
                }
            }
            _ => return None,
        };
        let rest = self.rest(start);
        let words = words::patterns(rest);
        let splits: Vec<_> = (1..words.len())
            .filter(|at| {
                matches!(words.get(*at), Some(&("to" | "into" | "->" | "→")))
                    || (sure && words.get(*at) == Some(&"as"))
            })
            .take(MOST_SPLITS)
            .filter_map(|at| {
                let target = Reference::read(self.scope.message, until(rest, at));
                let title = adding::title(trimmed(from(rest, at + 1)), self.scope);
                (!title.is_empty()).then_some((target, title))
            })
            .collect();
        if splits.is_empty() {
            return sure.then(|| Intent::Say(reply::RENAME_TO_WHAT.to_owned()));
        }
        if self.wrapper.own && splits.iter().all(|(target, _)| !target.explicit) {
            return Some(adding::offer(self.clause, self.scope));
        }
        let long = |title: &String| title.chars().count() > adding::LONGEST_TITLE;
        if let Some((_, title)) = splits.iter().find(|(_, title)| long(title)) {
            return Some(Intent::Say(reply::title_too_long(title.chars().count())));
        }
        Some(Intent::Rename(splits))
    }
}

/// Without "due", "is due" or "back" at the end.
fn without_due(tokens: &[Token]) -> &[Token] {
    let mut tokens = trimmed(tokens);
    while let [rest @ .., last] = tokens
        && ["due", "back", "forward", "deadline", "to"]
            .iter()
            .any(|word| last.is(word))
        && !rest.is_empty()
    {
        tokens = rest;
    }
    tokens
}
