//! An attempt's hold on a turn: how it is taken, and how it is let go.

use std::time::Duration;

use todo_actors::{
    conversation::{BeginTurn, ChatMessage, Pending, ReleaseTurn, Released, TurnState},
    message::{CallError, Refusal},
};
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    Assistant, TurnError, in_trace, planner::HistoryMessage, progress::Show, too_long, turn::Turn,
};

/// First wait while somebody else holds the conversation; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(25);
/// Longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// How long another turn of the conversation is waited for.
const OTHER_TURN: Duration = Duration::from_secs(15);
/// How long handing a turn back is tried, once something else has failed already: longer than
/// a call of ours may be on its way, so that it cannot arrive after the last try.
const RELEASE_WITHIN: Duration = Duration::from_secs(15);
/// Between those tries.
const RELEASE_WAIT: Duration = Duration::from_millis(500);

/// A turn that this attempt holds.
pub(super) struct Held<'a> {
    pub(super) hold: Hold<'a>,
    /// Counted from before the actor was asked, so it never ends later than the actor's.
    pub(super) until: Instant,
    pub(super) history: Vec<HistoryMessage>,
    pub(super) resumed: bool,
    pub(super) started: bool,
    pub(super) said: ChatMessage,
    /// What this message may confirm.
    pub(super) pending: Option<Pending>,
}

pub(super) enum Opened<'a> {
    Held(Held<'a>),
    Done(ChatMessage),
}

impl Assistant {
    /// Opens the turn, or waits for whoever holds it. Told to stop meanwhile, it stops their
    /// work on this turn; a turn that waits for another never begins then.
    pub(super) async fn open<'a>(
        &'a self,
        turn: &'a Turn<'_>,
        show: &Show,
        give_up: Instant,
    ) -> Result<Opened<'a>, TurnError> {
        let trace = &turn.request.traceparent;
        let mut hold = Hold::new(self, &turn.actor, &turn.id, trace);
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
                    pending,
                } => {
                    show.begun();
                    return Ok(Opened::Held(Held {
                        hold,
                        until: asked + self.lease,
                        history,
                        resumed,
                        started,
                        said,
                        pending,
                    }));
                }
                TurnState::Done { reply } => return Ok(Opened::Done(reply)),
                TurnState::Busy { age_ms, same_turn } => (age_ms, same_turn),
            };
            if show.is_stopped() {
                return if same_turn {
                    self.stop_elsewhere(turn).await.map(Opened::Done)
                } else {
                    Err(Refusal::conflict(
                        "This message was stopped before the assistant began with it.",
                    )
                    .into())
                };
            }
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
            tokio::select! {
                () = show.stopped() => {}
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// An attempt's hold on a turn, to carry it out or to stop it. Dropped before it is over, because
/// something broke or the turn panicked, it hands the turn back, so that a repeat of the request goes on at once instead of
/// waiting for the lease to end.
pub(super) struct Hold<'a> {
    assistant: &'a Assistant,
    actor: String,
    turn_id: String,
    traceparent: String,
    pub(super) attempt: String,
    /// Whether the actor has this hold, or may have it.
    pub(super) may_stand: bool,
}

impl<'a> Hold<'a> {
    /// An attempt that nobody has been told of yet.
    pub(super) fn new(
        assistant: &'a Assistant,
        actor: &str,
        turn_id: &str,
        traceparent: &str,
    ) -> Self {
        Self {
            assistant,
            actor: actor.to_owned(),
            turn_id: turn_id.to_owned(),
            traceparent: traceparent.to_owned(),
            attempt: Uuid::new_v4().simple().to_string(),
            may_stand: false,
        }
    }

    /// The turn is done, or another attempt's.
    pub(super) fn over(mut self) {
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
        let (actors, actor) = (self.assistant.actors.clone(), self.actor.clone());
        let release = ReleaseTurn {
            turn_id: self.turn_id.clone(),
            attempt: self.attempt.clone(),
        };
        let call = in_trace(&self.traceparent, release);
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

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
