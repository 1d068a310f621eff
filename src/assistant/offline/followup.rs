//! Answers to our own questions: "yes" to an offer, "the second one" to a list of candidates.
//!
//! Nothing is kept between turns. The question is recognised in the conversation by its wording,
//! and the message it was about is read again.

use super::{
    reference::{Listed, Matches, Reference, TaskView},
    reply,
};
use crate::assistant::{
    planner::{Context, Role},
    words::{self, Kind},
};

/// A message read in the light of the question before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The earlier message that the question was about.
    pub message: String,
    /// What was answered.
    pub kind: AnswerKind,
}

/// The kinds of [`Answer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerKind {
    /// Yes, add it.
    Yes {
        /// The offer.
        offer: String,
    },
    /// These tasks, where the words were ambiguous.
    Pick {
        /// The ambiguous words.
        said: String,
        /// The tasks' ids; several only if that was asked for.
        ids: Vec<String>,
    },
}

#[rustfmt::skip]
const YES: &[&str] = &[
    "yes", "yes please", "yeah", "yep", "yup", "sure", "ok", "okay", "please", "please do",
    "do it", "yes add it", "add it", "y", "of course", "yes do it", "go ahead", "yes do",
    "sure add it",
];

/// Whether the message, without punctuation, is a plain yes.
pub fn is_yes(message: &str) -> bool {
    YES.contains(&bare(message).as_str())
}

/// The answer this message gives to our last question; `None` if it gives none.
pub fn answer(ctx: &Context) -> Option<Answer> {
    if ctx.message.len() > 400 {
        return None;
    }
    let history = match ctx.history {
        [before @ .., last] if last.role == Role::User && last.text == ctx.message => before,
        all => all,
    };
    let [before @ .., question] = history else {
        return None;
    };
    let asked = before.last().filter(|message| message.role == Role::User)?;
    if question.role != Role::Assistant {
        return None;
    }
    if question.text.starts_with(reply::OFFER) {
        let offer = question.text.clone();
        let kind = AnswerKind::Yes { offer };
        return is_yes(ctx.message).then(|| Answer {
            message: asked.text.clone(),
            kind,
        });
    }
    let (said, candidates) = candidates(&question.text)?;
    let ids = match pick(ctx.message, &candidates) {
        Some(id) => vec![id],
        None => every(ctx.message, &question.text, &candidates)?,
    };
    Some(Answer {
        message: asked.text.clone(),
        kind: AnswerKind::Pick { said, ids },
    })
}

/// The words in question and the tasks that were listed.
fn candidates(question: &str) -> Option<(String, Vec<Listed>)> {
    let start = question.find(reply::WHICH)?;
    let mut lines = question.get(start..)?.lines();
    let (_, said) = lines.next()?.split_once('“')?;
    let said = said.strip_suffix("”?")?.to_owned();
    let candidates: Vec<_> = lines.filter_map(candidate).map(Listed::from).collect();
    (!candidates.is_empty()).then_some((said, candidates))
}

/// `1. “buy milk” (task-1)`
fn candidate(line: &str) -> Option<TaskView> {
    let (_, rest) = line.split_once(". “")?;
    let (title, id) = rest.rsplit_once("” (")?;
    Some(TaskView {
        id: id.strip_suffix(')')?.to_owned(),
        title: title.to_owned(),
        status: String::new(),
        due_at: None,
        due_date: None,
        priority: String::new(),
        tags: Vec::new(),
        recurrence: None,
    })
}

fn pick(message: &str, candidates: &[Listed]) -> Option<String> {
    let bare = bare(message);
    let tokens = words::tokens(message);
    let reference = Reference::read(message, &tokens);
    if let Matches::One(task) = reference.resolve(candidates) {
        return Some(task.id.clone());
    }
    let words: Vec<_> = bare.split(' ').collect();
    let words = match words.as_slice() {
        ["the", rest @ ..] | ["number" | "option" | "no", rest @ ..] => rest,
        rest => rest,
    };
    let words = match words {
        [rest @ .., "one" | "please" | "task"] if !rest.is_empty() => rest,
        rest => rest,
    };
    let [word] = words else { return None };
    let position = match *word {
        "first" | "one" => 1,
        "second" | "two" => 2,
        "third" | "three" => 3,
        "fourth" | "four" => 4,
        "fifth" | "five" => 5,
        "last" => candidates.len(),
        number => {
            let number = number.trim_start_matches('#');
            let ending = |end| number.strip_suffix(end);
            let number = ending("st")
                .or(ending("nd"))
                .or(ending("rd"))
                .or(ending("th"));
            number
                .unwrap_or(word.trim_start_matches('#'))
                .parse()
                .ok()?
        }
    };
    Some(candidates.get(position.checked_sub(1)?)?.task.id.clone())
}

/// All candidates, for "both" and "all of them", if the question showed all there are.
fn every(message: &str, question: &str, candidates: &[Listed]) -> Option<Vec<String>> {
    let bare = bare(message);
    let words: Vec<_> = bare.split(' ').collect();
    let words = match words.as_slice() {
        ["delete" | "remove" | "erase", rest @ ..] => rest,
        rest => rest,
    };
    let words = match words {
        [rest @ .., "please"] | [rest @ .., "of", "them" | "these"] => rest,
        rest => rest,
    };
    let all = match words {
        ["both"] => candidates.len() == 2,
        ["all"] | ["all", "three" | "four" | "five"] => true,
        _ => false,
    };
    let complete = !question.contains("\n… and ");
    (all && complete).then(|| candidates.iter().map(|c| c.task.id.clone()).collect())
}

fn bare(message: &str) -> String {
    let tokens = words::tokens(message);
    let words = tokens
        .iter()
        .filter(|t| t.kind == Kind::Word && t.text.chars().any(char::is_alphanumeric));
    words
        .map(|token| token.text.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}
