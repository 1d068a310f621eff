//! The planner that works without a model: fixed sentence patterns, no guesses.
//!
//! A message goes through
//! [`clauses`] (where one request ends and the next starts) → [`sentence`] (wrappers and guards)
//! → [`adding`], [`changing`] with [`moving`] and [`reporting`], [`listing`], [`zones`] (patterns,
//! verb first) → [`intent`]
//! → [`run`] (tasks looked up and resolved by [`reference`], calls, outcomes) → [`reply`].
//!
//! What it promises:
//! - It is a pure function of its [`Context`]; asked again with more outcomes it goes on with the
//!   calls that are missing.
//! - What it does not understand, and every question, negation and report, changes nothing.
//! - Of several requests in one message either all are understood and settled, or none is run.
//! - Several tasks at once are never changed by one word ("all"), except that they are deleted:
//!   the chat loop then asks the person before any of them goes.
//! - Words in quotes are a title and nothing else. The text of tasks is never read as a request.
//! - A reply claims a change only if an outcome shows it.

mod adding;
mod around;
mod bulk;
mod changing;
mod clauses;
mod followup;
mod intent;
mod listing;
mod moving;
mod patterns;
mod reference;
mod repeating;
mod reply;
mod reporting;
mod run;
mod sentence;
mod similar;
mod zones;

#[cfg(test)]
mod phrases;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use futures::future::BoxFuture;

use super::{
    planner::{Context, Planner, PlannerError, Step},
    words,
};
use clauses::Clause;
use followup::{Answer, AnswerKind};
use intent::Intent;
use run::Pick;
use sentence::Scope;

pub use reference::TaskView;

/// The longest message read, in characters.
const LONGEST_MESSAGE: usize = 4_000;
/// The most things done for one message.
const MOST_CLAUSES: usize = 10;

/// [`plan`] as the chat loop wants it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offline;

impl Planner for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn plan<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>> {
        Box::pin(std::future::ready(Ok(plan(&context))))
    }
}

/// The next step of the turn: calls to make, or the reply.
#[must_use]
pub fn plan(ctx: &Context) -> Step {
    if ctx.message.chars().count() > LONGEST_MESSAGE {
        return Step::Say(reply::TOO_LONG.to_owned());
    }
    match followup::answer(ctx) {
        Some(Answer {
            message,
            kind: AnswerKind::Pick { said, ids },
        }) => respond(&message, Some(&Pick { said, ids }), None, ctx),
        Some(Answer {
            message,
            kind: AnswerKind::Yes { offer },
        }) => respond(&message, None, Some(&offer), ctx),
        None => respond(ctx.message, None, None, ctx),
    }
}

fn respond(message: &str, pick: Option<&Pick>, accepted: Option<&str>, ctx: &Context) -> Step {
    let tokens = words::tokens(message);
    if tokens.is_empty() {
        return Step::Say(reply::EMPTY.to_owned());
    }
    let mut clauses = clauses::read(
        &tokens,
        Scope {
            message,
            now: &ctx.now,
        },
    );
    if let Some(accepted) = accepted {
        for clause in &mut clauses {
            if let Intent::Offer(task) = &clause.intent
                && accepted.starts_with(&format!("{}{}", reply::OFFER, reply::quote(&task.title)))
            {
                clause.intent = Intent::Add(task.clone());
            }
        }
    }
    match objection(&mut clauses, message, ctx) {
        Some(reply) => Step::Say(reply),
        None => run::step(&clauses, pick, ctx.outcomes, &ctx.now),
    }
}

/// Why nothing is run, if so. Greetings beside something else are dropped.
fn objection(clauses: &mut Vec<Clause>, message: &str, ctx: &Context) -> Option<String> {
    if clauses.iter().any(|clause| clause.intent == Intent::Cancel) {
        return Some(reply::NOTHING_CHANGED.to_owned());
    }
    let social = |clause: &Clause| match clause.intent {
        Intent::Social(answer) => Some(answer),
        _ => None,
    };
    if clauses.iter().all(|clause| social(clause).is_some()) {
        return Some(
            clauses
                .first()
                .and_then(social)
                .unwrap_or(reply::EMPTY)
                .to_owned(),
        );
    }
    clauses.retain(|clause| social(clause).is_none());
    if clauses.len() > MOST_CLAUSES {
        return Some(reply::TOO_MANY.to_owned());
    }
    let alone = clauses.len() == 1;
    if !alone
        && clauses
            .iter()
            .all(|clause| matches!(clause.intent, Intent::Offer(_)))
    {
        return Some(reply::ADD_THESE.to_owned());
    }
    clauses.iter().find_map(|clause| match &clause.intent {
        Intent::Offer(task) if alone => Some(reply::offer(task, &ctx.now)),
        Intent::Unknown if alone && followup::is_yes(message) => {
            Some(reply::YES_TO_WHAT.to_owned())
        }
        Intent::Unknown if alone => Some(reply::UNKNOWN.to_owned()),
        Intent::Say(text) => Some(text.clone()),
        Intent::Unknown | Intent::Offer(_) => Some(reply::not_understood(&clause.text)),
        _ => None,
    })
}
