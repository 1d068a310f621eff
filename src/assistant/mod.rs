//! The chat turn: between `begin_turn` and `finish_turn` of the conversation's actor, a planner
//! decides and tools act.
//!
//! A turn survives whoever runs it. Its id derives from the user and their idempotency key; a
//! tool's key from the turn, the call and how often the turn has made it before; what was done
//! stands in the user actor's receipts. So whoever takes an open turn over reads the receipts,
//! goes on with what is missing, and repeats nothing.

mod account;
pub mod cohere;
mod confirm;
pub mod dates;
pub mod fallback;
mod hold;
pub mod offline;
pub mod planner;
pub mod progress;
mod records;
mod steps;
pub mod tools;
mod turn;
pub mod words;

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use serde_json::json;
use todo_actors::{
    client::ActorClient,
    conversation::{ChatMessage, StopTurn, TakeOver, TurnHeld, actor_id},
    message::{CallError, Failure, Refusal, Request},
    user::{Admit, Receipts, TurnReceipt},
};
use tokio::time::Instant;
use tracing::Instrument;

use self::{
    hold::{Hold, Opened},
    planner::{Planner, PlannerError, ToolCall, ToolOutcome},
    progress::{Follower, Running, Show},
    records::records,
    steps::Carried,
    turn::Turn,
};
use crate::{metrics::METRICS, shutdown::Lifecycle};

/// How long past its lease a turn is still waited for.
const GRACE: Duration = Duration::from_secs(10);

/// Runs chat turns.
pub struct Assistant {
    actors: ActorClient,
    planner: Arc<dyn Planner>,
    lease: Duration,
    life: Lifecycle,
    running: Running,
}

/// What a person says, and where.
#[derive(Debug, Clone)]
pub struct TurnRequest {
    /// The verified caller.
    pub user_id: String,
    /// The caller's idempotency key.
    pub key: String,
    /// 1 to 4,000 characters, trimmed.
    pub message: String,
    /// Absent to start a conversation.
    pub conversation_id: Option<String>,
    /// A known IANA zone.
    pub time_zone: Option<String>,
    /// W3C `traceparent`; the events the turn causes keep it.
    pub traceparent: String,
}

impl TurnRequest {
    /// A call on the turn's behalf, in its trace.
    fn call<M>(&self, message: M) -> Request<M> {
        in_trace(&self.traceparent, message)
    }
}

/// The end of a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnReply {
    /// The conversation, perhaps a new one.
    pub conversation_id: String,
    /// The assistant's message.
    pub message: ChatMessage,
}

/// Why a turn brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    /// The conversation's actor declined.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something broke; the turn stays open, and the same key goes on with it.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Another turn holds the conversation.
    #[error("another turn holds the conversation")]
    Busy {
        /// Seconds after which trying again makes sense.
        retry_after: u64,
    },
}

impl From<CallError> for TurnError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => refusal.into(),
            CallError::Failed(failure) => failure.into(),
        }
    }
}

impl From<PlannerError> for TurnError {
    fn from(PlannerError { message, retryable }: PlannerError) -> Self {
        Failure { message, retryable }.into()
    }
}

/// The IANA name of a zone, spelled as the time zone database has it.
///
/// # Errors
/// There is no such zone.
pub fn zone_name(name: &str) -> Result<String, Refusal> {
    let zone = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown());
    let known = zone.as_ref().and_then(|zone| zone.iana_name());
    known.map(ToOwned::to_owned).ok_or_else(|| {
        Refusal::invalid("This time zone is not known; use an IANA name, such as Europe/Berlin.")
    })
}

impl Assistant {
    /// An assistant that thinks with `planner`; a turn may take as long as `lease` before
    /// another attempt may take it over.
    #[must_use]
    pub fn new(
        actors: ActorClient,
        planner: Arc<dyn Planner>,
        lease: Duration,
        life: Lifecycle,
    ) -> Self {
        Self {
            actors,
            planner,
            lease,
            life,
            running: Running::default(),
        }
    }

    /// How long a turn may take, in milliseconds.
    #[must_use]
    pub fn lease_ms(&self) -> u64 {
        hold::millis(self.lease)
    }

    /// Follows a turn from its beginning: one that runs in this process already, or else one
    /// that starts now, in a task of its own. It goes on whether anybody follows it or not, and
    /// the process finishes it before it ends.
    #[must_use]
    pub fn start(self: &Arc<Self>, request: TurnRequest) -> Started {
        let turn = Turn::of(&request);
        let (show, entry) = self.running.join(&turn.actor, &turn.id);
        let started = Started {
            turn_id: turn.id,
            conversation_id: turn.conversation_id,
            follower: show.follow(),
        };
        if let Some(entry) = entry {
            let (assistant, busy) = (Arc::clone(self), self.life.busy());
            let run = async move {
                let _busy = busy;
                let started = Instant::now();
                let end = match assistant.admit(&request).await {
                    Ok(()) => assistant.turn(&request, &show).await,
                    Err(error) => Err(error),
                };
                METRICS.chat_turn(outcome_name(&end), started.elapsed());
                entry.end(end);
            };
            tokio::spawn(run.in_current_span());
        }
        started
    }

    /// Asks whether the person may begin a conversation; one that is there knows by itself
    /// whether it may go on.
    async fn admit(&self, request: &TurnRequest) -> Result<(), TurnError> {
        if request.conversation_id.is_none() {
            let admit = request.call(Admit {});
            self.actors.send(&request.user_id, admit).await?;
        }
        Ok(())
    }

    /// Takes a turn to its end, whoever began it, and shows how it goes.
    ///
    /// # Errors
    /// See [`TurnError`]. After [`TurnError::Failed`] the same request, with the same key,
    /// goes on where this one stopped.
    pub async fn turn(&self, request: &TurnRequest, show: &Show) -> Result<TurnReply, TurnError> {
        let turn = Turn::of(request);
        let give_up = Instant::now() + self.lease + GRACE;
        loop {
            let message = match self.open(&turn, show, give_up).await? {
                Opened::Done(message) => message,
                Opened::Held(held) => {
                    let carried = self.carry_out(&turn, &held, show).await?;
                    held.hold.over();
                    match carried {
                        Carried::Done(message) => message,
                        Carried::Superseded if Instant::now() < give_up => {
                            tracing::info!(turn = turn.id, "the turn was taken over; following it");
                            continue;
                        }
                        Carried::Superseded => return Err(too_long()),
                    }
                }
            };
            show.settle(&message.text, &named_calls(&turn, &message));
            return Ok(turn.reply(message));
        }
    }

    /// Stops a turn: no further tool runs, and the reply says what was done. One that runs here
    /// stops at once, after the tool that is under way; one that runs on another replica before
    /// its next tool, or within a second while it thinks. A turn that is finished already
    /// answers with its reply.
    ///
    /// # Errors
    /// [`TurnError::Refused`] when there is no such turn.
    pub async fn stop(&self, stop: &StopRequest) -> Result<TurnReply, TurnError> {
        let actor = actor_id(&stop.user_id, &stop.conversation_id);
        if let Some(show) = self.running.find(&actor, &stop.turn_id) {
            show.stop();
            match show.follow().end().await {
                // Whoever failed to finish it may have failed to stop it.
                Err(TurnError::Failed(_) | TurnError::Busy { .. }) => {}
                ended => return ended,
            }
        }
        let message = self.stop_stored(stop).await?;
        Ok(TurnReply {
            conversation_id: stop.conversation_id.clone(),
            message,
        })
    }

    /// Stops a turn that runs elsewhere, if anywhere: what it did is in the user's receipts. They
    /// are read once the turn is taken from whoever ran it and their last tool has had its time
    /// to begin, as whatever came after them would be missing in the reply.
    async fn stop_stored(&self, stop: &StopRequest) -> Result<ChatMessage, TurnError> {
        let actor = actor_id(&stop.user_id, &stop.conversation_id);
        let mut hold = Hold::new(self, &actor, &stop.turn_id, &stop.traceparent);
        let take = TakeOver {
            turn_id: stop.turn_id.clone(),
            attempt: hold.attempt.clone(),
        };
        hold.may_stand = true;
        let TurnHeld { held } = self.actors.send(&actor, stop.call(take)).await?;
        hold.may_stand = held;
        if held {
            tokio::time::sleep(steps::FRESH).await;
        }
        let receipts = Receipts {
            turn_id: stop.turn_id.clone(),
        };
        let call = stop.call(receipts);
        let made = self.actors.send(&stop.user_id, call).await?;
        let made: Vec<ToolOutcome> = made.into_iter().map(outcome).collect();
        let message = StopTurn {
            turn_id: stop.turn_id.clone(),
            text: account::stopped_elsewhere(&made),
            tool_calls: records(made),
        };
        let reply = self.actors.send(&actor, stop.call(message)).await?;
        hold.over();
        Ok(reply)
    }

    /// Stops this turn where another process holds it.
    async fn stop_elsewhere(&self, turn: &Turn<'_>) -> Result<ChatMessage, TurnError> {
        let stop = StopRequest {
            user_id: turn.request.user_id.clone(),
            conversation_id: turn.conversation_id.clone(),
            turn_id: turn.id.clone(),
            traceparent: turn.request.traceparent.clone(),
        };
        self.stop_stored(&stop).await
    }
}

/// A turn that is under way, seen from its beginning.
pub struct Started {
    /// The turn; the same for every repeat of the request under its key.
    pub turn_id: String,
    /// The conversation, perhaps a new one.
    pub conversation_id: String,
    /// What it shows.
    pub follower: Follower,
}

/// Which turn to stop.
#[derive(Debug, Clone)]
pub struct StopRequest {
    /// The verified caller.
    pub user_id: String,
    /// The conversation it belongs to.
    pub conversation_id: String,
    /// The turn.
    pub turn_id: String,
    /// W3C `traceparent`.
    pub traceparent: String,
}

impl StopRequest {
    fn call<M>(&self, message: M) -> Request<M> {
        in_trace(&self.traceparent, message)
    }
}

/// A call without a key that goes on with a trace.
fn in_trace<M>(traceparent: &str, message: M) -> Request<M> {
    Request {
        traceparent: Some(traceparent.to_owned()),
        ..Request::read(message)
    }
}

/// What a receipt says of a call, as a planner sees it.
fn outcome(receipt: TurnReceipt) -> ToolOutcome {
    let result = json!({ "ok": tools::present(&receipt.call.tool, receipt.reply) });
    ToolOutcome {
        call: receipt.call,
        result,
    }
}

/// The calls of a reply with their ids and results.
fn named_calls(
    turn: &Turn<'_>,
    message: &ChatMessage,
) -> Vec<(String, ToolCall, serde_json::Value)> {
    let records = &message.tool_calls;
    let named = records.iter().enumerate().map(|(n, record)| {
        let call = ToolCall {
            tool: record.tool.clone(),
            arguments: record.arguments.clone(),
        };
        let before = records.iter().take(n);
        let before = before.map(|record| (record.tool.as_str(), &record.arguments));
        let id = turn.call_id(&call, before);
        (id, call, record.result.clone())
    });
    named.collect()
}

fn outcome_name(end: &Result<TurnReply, TurnError>) -> &'static str {
    match end {
        Ok(_) => "ok",
        Err(TurnError::Refused(_)) => "refused",
        Err(TurnError::Busy { .. }) => "busy",
        Err(TurnError::Failed(_)) => "failed",
    }
}

fn too_long() -> TurnError {
    Failure::retryable("the turn was not done within its lease").into()
}

#[cfg(test)]
mod tests;
