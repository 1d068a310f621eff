//! Reports that something is done: "I finished the report", "the report is done".

use super::{
    changing::{DONE, Reader},
    intent::{Change, Intent},
    patterns::{starts_with_any, trimmed},
    reference::Reference,
    sentence::Scope,
};
use crate::assistant::{dates, words::Token};

/// What a report of something done cannot start with.
#[rustfmt::skip]
const NO_REPORT: &[&str] = &[
    "i", "i'm", "you", "he", "she", "we", "they", "there", "everyone", "nothing", "none", "half",
    "most", "some", "if", "when", "once", "after", "before", "until", "unless", "because",
    "maybe", "perhaps", "hopefully", "almost", "nearly", "think", "get", "getting", "consider",
    "not", "who", "nobody", "no", "as", "so", "while", "since", "please", "make", "add",
];
/// Words that leave open whether it was done.
#[rustfmt::skip]
const HEDGES: &[&str] = &[
    "not", "never", "isn't", "almost", "nearly", "will", "should", "be", "until", "if", "when",
    "hardly", "half", "partly", "once", "would", "could", "can", "might", "must", "want", "need",
    "wish", "hope", "think", "getting", "being", "gets", "says", "said", "n't", "barely",
];

impl Reader<'_> {
    /// "I finished the report", "the report is done", "done with the report".
    pub(super) fn report(&self) -> Option<Intent> {
        if self.wrapper.own || self.wrapper.asked {
            return None;
        }
        let mut words = self.words;
        while let [rest @ .., last] = words
            && matches!(
                *last,
                "now" | "already" | "finally" | "yesterday" | "today" | "yet" | "too"
            )
        {
            words = rest;
        }
        let end = words.len();
        let complete = |target: &[Token]| {
            let target = without_date(trimmed(target), self.scope);
            let target = Reference::read(self.scope.message, target);
            let target = Reference {
                reported: true,
                ..target
            };
            Some(Intent::Change {
                change: Change::Complete,
                target,
            })
        };
        if let Some(count) = starts_with_any(
            words,
            &["i", "i've", "i have", "we", "we've", "i'm", "i am"],
        ) {
            let skip = words
                .get(count..)?
                .iter()
                .take_while(|word| matches!(**word, "just" | "already" | "finally" | "now"))
                .count();
            let at = count + skip;
            let taken = starts_with_any(
                words.get(at..)?,
                &[
                    "finished with",
                    "done",
                    "done with",
                    "finished",
                    "completed",
                    "ticked off",
                    "checked off",
                ],
            )?;
            return complete(self.span(at + taken, end));
        }
        if words.iter().any(|word| HEDGES.contains(word)) {
            return None;
        }
        match words {
            ["done" | "finished", "with" | ":", ..] => complete(self.span(2, end)),
            ["finished" | "completed", ..] => complete(self.span(1, end)),
            ["done"] => complete(&[]),
            [first, ..] if NO_REPORT.contains(first) => None,
            [
                _,
                ..,
                "is" | "are",
                "now" | "all" | "already" | "finally",
                state,
            ] if DONE.contains(state) => complete(self.span(0, end - 3)),
            [_, .., "is" | "are", state] if DONE.contains(state) => complete(self.span(0, end - 2)),
            [_, .., "done"]
                if Reference::read(self.scope.message, self.span(0, end - 1)).explicit =>
            {
                complete(self.span(0, end - 1))
            }
            [_, .., ":", "done"] => complete(self.span(0, end - 2)),
            _ => None,
        }
    }
}

/// Without a day or time at the end: when it was done is not part of which task it was.
fn without_date<'t>(tokens: &'t [Token], scope: Scope) -> &'t [Token] {
    dates::split_trailing(tokens, scope.now).map_or(tokens, |(target, _)| target)
}
