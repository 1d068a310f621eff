//! The end of everything that is known of a person, and what may happen after it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Admit, Admitted, Erase, Removed, commands::Decided, event::Event, state::User};
use crate::{
    journal::Undecided,
    message::Refusal,
    turn::{Command, Decision, Query},
};

/// The last erasure, which is all that it has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Erasure {
    /// When the person asked for it.
    pub(super) asked_at: Timestamp,
    /// Until then nothing may happen.
    pub(super) until: Timestamp,
    /// Whether anything has happened since.
    pub(super) over: bool,
}

impl Erasure {
    pub(super) fn refusal(self, now: Timestamp) -> Option<Refusal> {
        (now < self.until).then(|| {
            Refusal::conflict(
                "Everything about you has just been erased. You can begin anew in a minute or two.",
            )
        })
    }
}

impl Command<User> for Erase {
    const ANY_TIME: bool = true;

    fn decide(&self, state: &User, now: Timestamp) -> Decided<Removed> {
        let last = state.erasure().map(|erasure| erasure.asked_at);
        if last == Some(self.asked_at) {
            // So long ago that the receipt is gone.
            return Ok(Decision {
                events: Vec::new(),
                reply: Removed::default(),
            });
        }
        let quiet = SignedDuration::from_millis(i64::try_from(self.quiet_ms).unwrap_or(i64::MAX));
        let until = now.checked_add(quiet).unwrap_or(Timestamp::MAX);
        let removed = Removed {
            tasks: state.tasks().len() as u64,
            reminders: state.reminders() as u64,
        };
        Ok(Decision {
            events: vec![Event::Erased {
                at: now,
                asked_at: self.asked_at,
                until,
            }],
            reply: removed,
        })
    }
}

impl Query<User> for Admit {
    fn answer(&self, state: &User, now: Timestamp) -> Result<Admitted, Undecided> {
        match state.erasure().and_then(|erasure| erasure.refusal(now)) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(Admitted {}),
        }
    }
}
