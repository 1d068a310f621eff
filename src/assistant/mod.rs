//! The chat turn: between `begin_turn` and `finish_turn` of the conversation's actor, a planner
//! decides and tools act.
//!
//! A turn survives whoever runs it. Its id derives from the user and their idempotency key; a
//! tool's key from the turn, the call and how often the turn has made it before; what was done
//! stands in the user actor's receipts. So whoever takes an open turn over reads the receipts,
//! goes on with what is missing, and repeats nothing.

pub mod cohere;
pub mod dates;
pub mod fallback;
pub mod offline;
mod outcomes;
pub mod planner;
pub mod tools;
pub mod words;

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use todo_actors::{
    client::ActorClient,
    conversation::{
        BeginTurn, ChatMessage, FinishTurn, ReleaseTurn, Released, ToolCallRecord, TurnState,
        actor_id,
    },
    message::{CallError, Failure, Message, Refusal, RefusalCode, Request, ToolCall},
    user::{GetProfile, Receipts, SetProfile},
};
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use self::{
    planner::{Context, HistoryMessage, Planner, PlannerError, Step, ToolOutcome},
    tools::Scope,
};
use crate::shutdown::Lifecycle;

/// First wait while somebody else holds the conversation; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(25);
/// Longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// How long past its lease a turn is still waited for.
const GRACE: Duration = Duration::from_secs(10);
/// How long another turn of the conversation is waited for.
const OTHER_TURN: Duration = Duration::from_secs(15);
/// How long one actor call of a turn keeps trying; less when the lease ends sooner.
const PATIENCE: Duration = Duration::from_secs(12);
/// How long handing a turn back is tried, once something else has failed already: longer than
/// a call of ours may be on its way, so that it cannot arrive after the last try.
const RELEASE_WITHIN: Duration = Duration::from_secs(15);
/// Between those tries.
const RELEASE_WAIT: Duration = Duration::from_millis(500);
/// How often a planner may ask for tools in one turn.
const MOST_ROUNDS: usize = 8;
/// What all results of a turn may take in the stored reply, in bytes: eight replies share a
/// snapshot page of 256 KiB with what the person said.
const MOST_RESULT_BYTES: usize = 20 << 10;

/// Runs chat turns.
pub struct Assistant {
    actors: ActorClient,
    planner: Arc<dyn Planner>,
    lease: Duration,
    life: Lifecycle,
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

/// What names a turn on every try.
struct Turn<'a> {
    request: &'a TurnRequest,
    id: String,
    conversation_id: String,
    actor: String,
}

/// A turn that this attempt holds.
struct Held<'a> {
    hold: Hold<'a>,
    /// Counted from before the actor was asked, so it never ends later than the actor's.
    until: Instant,
    history: Vec<HistoryMessage>,
    resumed: bool,
    started: bool,
    said: ChatMessage,
}

enum Opened<'a> {
    Held(Held<'a>),
    Done(ChatMessage),
}

enum Carried {
    Done(ChatMessage),
    /// The lease ran out, or somebody else holds the turn now.
    Superseded,
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
        }
    }

    /// Takes a turn to its end, whoever began it.
    ///
    /// # Errors
    /// See [`TurnError`]. After [`TurnError::Failed`] the same request, with the same key,
    /// goes on where this one stopped.
    pub async fn turn(&self, request: &TurnRequest) -> Result<TurnReply, TurnError> {
        let turn = Turn::of(request);
        let give_up = Instant::now() + self.lease + GRACE;
        loop {
            let held = match self.open(&turn, give_up).await? {
                Opened::Done(message) => return Ok(turn.reply(message)),
                Opened::Held(held) => held,
            };
            let carried = self.carry_out(&turn, &held).await?;
            held.hold.over();
            match carried {
                Carried::Done(message) => return Ok(turn.reply(message)),
                Carried::Superseded if Instant::now() < give_up => {
                    tracing::info!(turn = turn.id, "the turn was taken over; following it");
                }
                Carried::Superseded => return Err(too_long()),
            }
        }
    }

    /// Opens the turn, or waits for whoever holds it.
    async fn open<'a>(
        &'a self,
        turn: &'a Turn<'_>,
        give_up: Instant,
    ) -> Result<Opened<'a>, TurnError> {
        let mut hold = Hold::new(self, turn);
        let begin = BeginTurn {
            turn_id: turn.id.clone(),
            attempt: hold.attempt.clone(),
            text: turn.request.message.clone(),
            create: turn.request.conversation_id.is_none(),
            lease_ms: millis(self.lease),
        };
        let patience = Instant::now() + OTHER_TURN;
        let mut wait = FIRST_WAIT;
        loop {
            let asked = Instant::now();
            let call = turn.call(begin.clone());
            // A call that failed may have been stored all the same, or may be yet.
            hold.may_stand = true;
            let state = self.actors.send(&turn.actor, call).await;
            hold.may_stand = matches!(
                state,
                Ok(TurnState::Begun { .. }) | Err(CallError::Failed(_))
            );
            let (age_ms, same_turn) = match state? {
                TurnState::Begun {
                    history,
                    resumed,
                    started,
                    said,
                } => {
                    return Ok(Opened::Held(Held {
                        hold,
                        until: asked + self.lease,
                        history: history.into_iter().map(remembered).collect(),
                        resumed,
                        started,
                        said,
                    }));
                }
                TurnState::Done { reply } => return Ok(Opened::Done(reply)),
                TurnState::Busy { age_ms, same_turn } => (age_ms, same_turn),
            };
            let limit = if same_turn {
                give_up
            } else {
                patience.min(give_up)
            };
            if Instant::now() + wait > limit {
                let left = millis(self.lease).saturating_sub(age_ms).div_ceil(1000);
                return Err(if same_turn {
                    too_long()
                } else {
                    TurnError::Busy {
                        retry_after: left.clamp(1, 15),
                    }
                });
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Plans and acts until there is something to say.
    async fn carry_out(&self, turn: &Turn<'_>, held: &Held<'_>) -> Result<Carried, TurnError> {
        let user_id = &turn.request.user_id;
        let mut outcomes = Vec::new();
        if held.resumed {
            let receipts = Receipts {
                turn_id: turn.id.clone(),
            };
            for receipt in self.send(held, user_id, turn.call(receipts)).await? {
                let result = json!({ "ok": tools::present(&receipt.call.tool, receipt.reply) });
                outcomes.push(ToolOutcome {
                    call: receipt.call,
                    result,
                });
            }
        }
        let zone = self.zone(turn, held).await?;
        let now = held.said.created_at.to_zoned_datetime(zone);
        let own = self.planner.for_turn(held.until);
        let planner = own.as_deref().unwrap_or(self.planner.as_ref());
        for _ in 0..MOST_ROUNDS {
            let context = Context {
                message: &held.said.text,
                now: now.clone(),
                history: &held.history,
                outcomes: &outcomes,
                speak: &|_| {},
            };
            let calls = match planner.plan(context).await? {
                Step::Say(text) => {
                    let provider = planner.name();
                    return self.finish(turn, held, provider, text, outcomes).await;
                }
                Step::Call(calls) => calls,
            };
            for call in calls {
                if Instant::now() >= held.until {
                    return Ok(Carried::Superseded);
                }
                let key = turn.step_key(&call, &outcomes);
                let actors = self.patient(held);
                let traceparent = &turn.request.traceparent;
                let scope = Scope {
                    actors: &actors,
                    user_id,
                    traceparent,
                    key: &key,
                    call: &call,
                };
                let result = tools::run(&scope).await?;
                outcomes.push(ToolOutcome { call, result });
            }
        }
        let text = "That was too much for one go, so I stopped. What I did until then is done.";
        let provider = planner.name();
        self.finish(turn, held, provider, text.to_owned(), outcomes)
            .await
    }

    /// The zone the message is read in; the first zone a person's browser names becomes theirs.
    async fn zone(&self, turn: &Turn<'_>, held: &Held<'_>) -> Result<TimeZone, TurnError> {
        let user_id = &turn.request.user_id;
        let name = match &turn.request.time_zone {
            Some(name) => {
                if held.started {
                    let message = SetProfile {
                        time_zone: name.clone(),
                        only_if_unset: true,
                    };
                    let mut call = turn.call(message);
                    call.key = Some(format!("{}/zone", turn.id));
                    self.send(held, user_id, call).await?;
                }
                name.clone()
            }
            None => {
                self.send(held, user_id, turn.call(GetProfile {}))
                    .await?
                    .time_zone
            }
        };
        // The profile was checked when it was set; an image with an older database of zones is
        // no reason to fail.
        Ok(TimeZone::get(&name).unwrap_or(TimeZone::UTC))
    }

    async fn finish(
        &self,
        turn: &Turn<'_>,
        held: &Held<'_>,
        provider: &str,
        text: String,
        outcomes: Vec<ToolOutcome>,
    ) -> Result<Carried, TurnError> {
        let finish = FinishTurn {
            turn_id: turn.id.clone(),
            attempt: held.hold.attempt.clone(),
            text,
            tool_calls: records(outcomes),
            provider: provider.to_owned(),
        };
        match self.send(held, &turn.actor, turn.call(finish)).await {
            Ok(message) => Ok(Carried::Done(message)),
            Err(CallError::Refused(refusal)) => match refusal.code {
                RefusalCode::Conflict | RefusalCode::NotFound => Ok(Carried::Superseded),
                RefusalCode::Invalid | RefusalCode::LimitReached => {
                    let message = format!("the reply cannot be stored: {refusal}");
                    Err(Failure::terminal(message).into())
                }
            },
            Err(CallError::Failed(failure)) => Err(failure.into()),
        }
    }

    async fn send<M: Message>(
        &self,
        held: &Held<'_>,
        actor: &str,
        call: Request<M>,
    ) -> Result<M::Reply, CallError> {
        self.patient(held).send(actor, call).await
    }

    /// A client that does not keep trying past the lease.
    fn patient(&self, held: &Held<'_>) -> ActorClient {
        let left = held.until.saturating_duration_since(Instant::now());
        self.actors.clone().with_patience(left.min(PATIENCE))
    }
}

/// An attempt's hold on a turn. Dropped before it is over, because something broke or the turn
/// panicked, it hands the turn back, so that a repeat of the request goes on at once instead of
/// waiting for the lease to end.
struct Hold<'a> {
    assistant: &'a Assistant,
    turn: &'a Turn<'a>,
    attempt: String,
    /// Whether the actor has this hold, or may have it.
    may_stand: bool,
}

impl<'a> Hold<'a> {
    fn new(assistant: &'a Assistant, turn: &'a Turn<'_>) -> Self {
        Self {
            assistant,
            turn,
            attempt: Uuid::new_v4().simple().to_string(),
            may_stand: false,
        }
    }

    /// The turn is done, or another attempt's.
    fn over(mut self) {
        self.may_stand = false;
    }
}

impl Drop for Hold<'_> {
    /// Whatever broke may still be broken, and the call that took the hold may still be on its
    /// way, so this goes on while the caller already has their answer. Only this attempt's own
    /// hold is let go, however late.
    fn drop(&mut self) {
        if !self.may_stand {
            return;
        }
        let busy = self.assistant.life.busy();
        let call = self.turn.call(ReleaseTurn {
            turn_id: self.turn.id.clone(),
            attempt: self.attempt.clone(),
        });
        let (actors, actor) = (self.assistant.actors.clone(), self.turn.actor.clone());
        let release = async move {
            let _busy = busy;
            let until = Instant::now() + RELEASE_WITHIN;
            while Instant::now() < until {
                let released = actors.send(&actor, call.clone()).await;
                if matches!(
                    released,
                    Ok(Released { held: true }) | Err(CallError::Refused(_))
                ) {
                    return;
                }
                tokio::time::sleep(RELEASE_WAIT).await;
            }
        };
        // A runtime that is going down takes its turns with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(release.in_current_span());
        }
    }
}

impl<'a> Turn<'a> {
    fn of(request: &'a TurnRequest) -> Self {
        let id = |purpose: &str| derived_id(purpose, &request.user_id, &request.key);
        let fresh = id("conversation");
        let conversation_id = request.conversation_id.as_ref().unwrap_or(&fresh).clone();
        // One key in two conversations is two turns, or the second would get the receipts of
        // the first; a repeat that has learnt the new conversation's id is still the same turn.
        let turn_id = if conversation_id == fresh {
            id("turn")
        } else {
            id(&format!("turn\0{conversation_id}"))
        };
        let actor = actor_id(&request.user_id, &conversation_id);
        Self {
            request,
            id: turn_id,
            conversation_id,
            actor,
        }
    }

    /// A call that belongs to this turn. Turn messages carry no key: the turn and attempt in
    /// them do what a key does for other commands.
    fn call<M>(&self, message: M) -> Request<M> {
        let traceparent = Some(self.request.traceparent.clone());
        Request {
            traceparent,
            ..Request::read(message)
        }
    }

    /// The key of a call after `made` in this turn: whoever makes the same call at the same
    /// point of the same turn does it once, and another call never gets its reply.
    fn step_key(&self, call: &ToolCall, made: &[ToolOutcome]) -> String {
        let before = made.iter().filter(|outcome| outcome.call == *call).count();
        let call = json!([call.tool, call.arguments, before]).to_string();
        format!("{}/{}", self.id, derived_id("call", &self.id, &call))
    }

    fn reply(&self, message: ChatMessage) -> TurnReply {
        TurnReply {
            conversation_id: self.conversation_id.clone(),
            message,
        }
    }
}

/// The first 32 hex digits of a hash; the NULs keep the parts apart, as none can have one.
fn derived_id(purpose: &str, user_id: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{purpose}\0{user_id}\0{key}"));
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn too_long() -> TurnError {
    Failure::retryable("the turn was not done within its lease").into()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn remembered(ChatMessage { role, text, .. }: ChatMessage) -> HistoryMessage {
    HistoryMessage { role, text }
}

/// What the stored reply shows of the calls; a conversation keeps its messages small.
fn records(outcomes: Vec<ToolOutcome>) -> Vec<ToolCallRecord> {
    let mut room = MOST_RESULT_BYTES;
    outcomes
        .into_iter()
        .map(|ToolOutcome { call, result }| {
            let (result, size) = fitted(result, room);
            room = room.saturating_sub(size);
            ToolCallRecord {
                tool: call.tool,
                arguments: call.arguments,
                result,
            }
        })
        .collect()
}

/// A result that takes at most `room` bytes, and what it takes: a list loses its end, which its
/// `total` tells; anything else that is too long is left out.
fn fitted(mut result: Value, room: usize) -> (Value, usize) {
    let mut size = result.to_string().len();
    if size > room
        && let Some(tasks) = result
            .pointer_mut("/ok/tasks")
            .and_then(Value::as_array_mut)
    {
        while size > room
            && let Some(last) = tasks.pop()
        {
            // The element and the comma before it.
            size = size.saturating_sub(last.to_string().len() + 1);
        }
    }
    if size > room {
        result = json!({ "ok": { "omitted": "too long to keep" } });
    }
    (result, size.min(room))
}

#[cfg(test)]
mod tests;
