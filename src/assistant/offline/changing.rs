//! Sentences about tasks that are on the list: done, not done, away, another title or date.

use super::{
    adding, around,
    intent::{Change, Intent},
    patterns::{from, until},
    reference::Reference,
    reply,
    sentence::{Scope, Wrapper},
};
use crate::assistant::words::{self, Token};

/// The verbs that open a sentence of this kind.
#[rustfmt::skip]
pub const VERBS: &[&str] = &[
    "complete", "mark", "check", "tick", "delete", "remove", "erase", "rename", "reopen",
    "re-open", "reschedule", "postpone", "undo", "uncheck", "untick", "list", "move", "snooze",
];

pub(super) const DONE: &[&str] = &["done", "complete", "completed", "finished", "ready"];
#[rustfmt::skip]
const UNDO_WORDS: &[&str] = &[
    "undo", "revert", "that", "it", "this", "the", "last", "my", "change", "action", "thing",
    "one", "previous", "deletion", "what", "i", "just", "did", "you", "most", "recent", "latest",
    "oops", "delete", "step", "command", "take", "back",
];

/// Reads a sentence about a task on the list.
pub fn read(clause: &[Token], wrapper: Wrapper, scope: Scope) -> Option<Intent> {
    let words = words::patterns(clause);
    let reader = Reader {
        clause,
        words: &words,
        wrapper,
        scope,
    };
    reader
        .undo()
        .or_else(|| reader.priority())
        .or_else(|| reader.clear_due())
        .or_else(|| reader.done())
        .or_else(|| reader.reopen())
        .or_else(|| reader.delete())
        .or_else(|| reader.reschedule())
        .or_else(|| reader.rename())
        .or_else(|| reader.report())
}

pub(super) struct Reader<'c> {
    pub(super) clause: &'c [Token],
    pub(super) words: &'c [&'c str],
    pub(super) wrapper: Wrapper,
    pub(super) scope: Scope<'c>,
}

impl Reader<'_> {
    /// The tokens between two places.
    pub(super) fn span(&self, start: usize, end: usize) -> &[Token] {
        from(until(self.clause, end), start)
    }

    pub(super) fn rest(&self, start: usize) -> &[Token] {
        from(self.clause, start)
    }

    pub(super) fn change(&self, change: Change, target: &[Token]) -> Intent {
        let target = Reference::read(self.scope.message, target);
        // "I need to delete the old photos" may be a plan of theirs; "the photos task" is ours.
        if self.wrapper.own && !target.explicit {
            return adding::offer(self.clause, self.scope);
        }
        Intent::Change { change, target }
    }

    /// Only if the task is named beyond doubt: the verb has other uses.
    fn change_explicit(&self, change: Change, target: &[Token]) -> Option<Intent> {
        let named = Reference::read(self.scope.message, target).explicit;
        named.then(|| self.change(change, target))
    }

    fn undo(&self) -> Option<Intent> {
        match self.words {
            ["undo" | "revert", rest @ ..] => {
                // "undo the undo" is no undo.
                let known = rest
                    .iter()
                    .all(|word| UNDO_WORDS.contains(word) && *word != "undo");
                Some(if known {
                    Intent::Undo
                } else {
                    Intent::Say(reply::UNDO_LAST.to_owned())
                })
            }
            ["take", "that" | "it", "back"] => Some(Intent::Undo),
            _ => None,
        }
    }

    fn done(&self) -> Option<Intent> {
        let end = self.words.len();
        let complete = |target| Some(self.change(Change::Complete, target));
        match self.words {
            // "I want to complete task 3" is a plan.
            ["complete" | "finish", ..] if self.wrapper.own => {
                Some(adding::offer(self.clause, self.scope))
            }
            ["complete", ..] => complete(self.rest(1)),
            ["check" | "tick" | "cross", "off", ..] => complete(self.rest(2)),
            ["check" | "tick" | "cross", .., "off"] => complete(self.span(1, end - 1)),
            ["check" | "tick" | "cross", .., "off", "my" | "the", "list"] => {
                complete(self.span(1, end - 3))
            }
            ["mark", "as", state, ..] if DONE.contains(state) => complete(self.rest(3)),
            ["mark" | "set" | "move", .., "not" | "never", state] if DONE.contains(state) => None,
            ["mark" | "set" | "move", .., "as" | "to", state] if DONE.contains(state) => {
                complete(self.span(1, end - 2))
            }
            ["mark", .., state] if DONE.contains(state) => complete(self.span(1, end - 1)),
            ["finish"] | ["finish", "it" | "that" | "this"] => complete(self.rest(1)),
            ["finish" | "close" | "resolve", ..] => {
                self.change_explicit(Change::Complete, self.rest(1))
            }
            _ => None,
        }
    }

    fn reopen(&self) -> Option<Intent> {
        let end = self.words.len();
        let reopen = |target| Some(self.change(Change::Reopen, target));
        let open = |word: &str| {
            matches!(
                word,
                "undone" | "open" | "incomplete" | "unfinished" | "pending" | "uncompleted"
            )
        };
        match self.words {
            [
                "reopen" | "re-open" | "uncomplete" | "uncheck" | "untick" | "unmark",
                ..,
            ] => reopen(self.rest(1)),
            ["open", .., "again"] => reopen(self.span(1, end - 1)),
            ["mark" | "set", .., "as", "not", state] if DONE.contains(state) => {
                reopen(self.span(1, end - 3))
            }
            ["mark" | "set", .., "not", state] if DONE.contains(state) => {
                reopen(self.span(1, end - 2))
            }
            ["mark" | "set", .., "as" | "to", state] if open(state) => {
                reopen(self.span(1, end - 2))
            }
            ["mark", .., state] if open(state) => reopen(self.span(1, end - 1)),
            _ => None,
        }
    }

    fn delete(&self) -> Option<Intent> {
        let end = self.words.len();
        match self.words {
            ["delete" | "remove" | "erase", ..] => Some(self.change(Change::Delete, self.rest(1))),
            ["get", "rid", "of", ..] => self.change_explicit(Change::Delete, self.rest(3)),
            [
                "cancel" | "drop" | "scrap" | "discard" | "trash" | "dismiss",
                ..,
            ] => self.change_explicit(Change::Delete, self.rest(1)),
            ["clear" | "empty" | "wipe", ..] => {
                let target = Reference::read(self.scope.message, self.rest(1));
                let bulk = target.kind == super::reference::ReferenceKind::Bulk;
                (bulk || target.explicit).then_some(Intent::Change {
                    change: Change::Delete,
                    target,
                })
            }
            ["take", .., "off", "my" | "the", "list"] => {
                Some(self.change(Change::Delete, self.span(1, end - 3)))
            }
            _ => None,
        }
    }

    fn priority(&self) -> Option<Intent> {
        let end = self.words.len();
        let change = |level: &str, target| {
            Some(self.change(Change::Prioritise(around::priority(level)?), target))
        };
        match self.words {
            [
                "set" | "change",
                "the",
                "priority",
                "of" | "for" | "on",
                ..,
                "to" | "as",
                level,
            ] => change(level, self.span(4, end - 2)),
            [
                "set" | "change",
                "priority",
                "of" | "for" | "on",
                ..,
                "to" | "as",
                level,
            ] => change(level, self.span(3, end - 2)),
            [
                "set" | "make" | "mark" | "give" | "change",
                ..,
                "as" | "to" | "a",
                level,
                "priority",
            ] => change(level, self.span(1, end - 3)),
            ["set" | "make" | "mark" | "give", .., level, "priority"] => {
                change(level, self.span(1, end - 2))
            }
            ["set", .., "priority", "to", level] => change(level, self.span(1, end - 3)),
            ["mark", .., "as", level @ ("urgent" | "important")] => {
                change(level, self.span(1, end - 2))
            }
            _ => None,
        }
    }
}
