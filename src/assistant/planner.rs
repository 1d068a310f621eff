//! What the chat loop and a planner say to each other.
//!
//! Within a turn the loop asks the planner for its next [`Step`] until that is [`Step::Say`]. A
//! planner keeps nothing from turn to turn: all it needs is in the [`Context`], so another
//! replica can take a turn over half way.

use futures::future::BoxFuture;
use serde_json::Value;
pub use todo_actors::{
    conversation::{HistoryMessage, Role},
    message::ToolCall,
};
use tokio::time::Instant;

/// Decides what to do about a message.
pub trait Planner: Send + Sync {
    /// Its name, as replies give it: `offline`, `cohere`. The planner of one attempt names who
    /// made its latest step.
    fn name(&self) -> &'static str;

    /// The next step of a turn. Calls that `context.outcomes` shows as done are not asked for
    /// again: after a takeover they come from the receipts of an earlier attempt.
    fn plan<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>>;

    /// The planner of one attempt at a turn, whose lease ends at `until`, where something must be
    /// remembered from step to step, such as that a model has failed; `None` where this planner
    /// itself will do.
    fn for_turn(&self, until: Instant) -> Option<Box<dyn Planner>> {
        let _ = until;
        None
    }
}

/// A call already made in this turn and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolOutcome {
    /// The call.
    pub call: ToolCall,
    /// `{"ok": …}` or `{"refused": {"code", "message"}}`.
    pub result: Value,
}

/// What to do next in a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Run these in order, then ask again with their outcomes.
    Call(Vec<ToolCall>),
    /// The reply; the turn is over.
    Say(String),
}

/// Everything a planner may look at, and where it may already speak.
#[derive(Clone)]
pub struct Context<'a> {
    /// The person's message of this turn.
    pub message: &'a str,
    /// The moment the person said it, in their zone.
    pub now: jiff::ZonedDateTime,
    /// Earlier messages, oldest first.
    pub history: &'a [HistoryMessage],
    /// The calls made in this turn so far, in the order in which they were made.
    pub outcomes: &'a [ToolOutcome],
    /// Takes the pieces of the reply as they come. Put together they are the beginning of the
    /// [`Step::Say`] that follows; a planner that has its reply at once leaves this alone.
    pub speak: &'a (dyn Fn(&str) + Send + Sync),
}

/// A planner could not decide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlannerError {
    /// For operators; no message text, no secrets.
    pub message: String,
    /// Whether asking again may help.
    pub retryable: bool,
}
