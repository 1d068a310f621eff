//! A turn: load, decide, store, arm the reminder, publish. The one place where they meet.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    clock::Clock,
    journal::{Entry, Journal, State},
    message::{ActorRef, CallError, Failure, Message, Refusal, Request},
    publisher::{Publisher, Submission, wait_acknowledged},
    sidecar::{ReminderTime, Sidecar, SidecarError, SidecarErrorKind},
    user::Republished,
};

/// The name of the one reminder an actor with due moments has.
pub const DUE: &str = "due";
/// Longest a turn waits for Kafka's acknowledgement.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(250);
/// How often a turn decides anew after another activation wrote first.
const FORK_TRIES: usize = 5;
/// Most entries one turn hands to the publisher again.
const CATCH_UP: u64 = 1_000;

/// What a command decides: the events that happen and the reply. No events, no entry.
#[derive(Debug)]
pub struct Decision<E, R> {
    /// What happens.
    pub events: Vec<E>,
    /// What the caller gets.
    pub reply: R,
}

/// A message that may change state `S`.
pub trait Command<S: State>: Message {
    /// Decides, by state and time alone.
    ///
    /// # Errors
    /// A refusal; nothing happens then.
    fn decide(&self, state: &S, now: Timestamp)
    -> Result<Decision<S::Event, Self::Reply>, Refusal>;
}

/// A message that only reads state `S`.
pub trait Query<S: State>: Message {
    /// Answers from the state.
    ///
    /// # Errors
    /// A refusal.
    fn answer(&self, state: &S, now: Timestamp) -> Result<Self::Reply, Refusal>;
}

/// What every activation of a host shares.
pub struct Services {
    /// The way to state, reminders and other actors.
    pub sidecar: Arc<dyn Sidecar>,
    /// The way to Kafka.
    pub publisher: Arc<Publisher>,
    /// The way to open pages: a queue of its own, for which no turn and no event waits.
    pub updates: Arc<Publisher>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// One activation of an event-sourced actor. Its caller sees to it that turns do not overlap.
pub struct Activation<S> {
    actor: ActorRef,
    services: Arc<Services>,
    /// Absent until the first turn, and after anything that leaves its truth in doubt.
    loaded: Option<Loaded<S>>,
}

struct Loaded<S> {
    journal: Journal<S>,
    armed: Armed,
    /// The highest sequence handed to the publisher.
    submitted: u64,
}

/// What is known about the actor's reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Armed {
    /// Set for this moment or an earlier one; not at all if `None`.
    At(Option<Timestamp>),
    /// Another activation may have moved it later.
    Unknown,
}

impl<S: State> Activation<S> {
    /// An activation that loads its journal on its first turn.
    #[must_use]
    pub fn new(actor: ActorRef, services: Arc<Services>) -> Self {
        Self {
            actor,
            services,
            loaded: None,
        }
    }

    /// Runs a command's turn.
    ///
    /// # Errors
    /// A refusal; or a failure, after which the command may or may not stand and can be sent
    /// again under its key.
    pub async fn command<C: Command<S>>(
        &mut self,
        request: Request<C>,
    ) -> Result<C::Reply, CallError> {
        let Request {
            key,
            traceparent,
            tool_call,
            message,
        } = request;
        let traceparent = traceparent.unwrap_or_else(new_traceparent);
        for _ in 0..FORK_TRIES {
            // Taken out, so that a turn that is cut short leaves nothing half done behind.
            let mut loaded = self.take_loaded().await?;
            let stored = key
                .as_ref()
                .and_then(|key| loaded.journal.state().receipts().find(key));
            if let Some(receipt) = stored {
                let reply = decode_reply(&receipt.reply);
                self.loaded = Some(loaded);
                return reply;
            }
            let now = self.services.clock.now();
            let decision = match message.decide(loaded.journal.state(), now) {
                Ok(decision) => decision,
                Err(refusal) => {
                    self.loaded = Some(loaded);
                    return Err(refusal.into());
                }
            };
            if decision.events.is_empty() {
                self.rearm(&mut loaded, now).await;
                self.loaded = Some(loaded);
                return Ok(decision.reply);
            }
            let entry = Entry {
                seq: 0,
                at: now,
                traceparent: traceparent.clone(),
                key: key.clone(),
                call: tool_call.clone(),
                wake: loaded.journal.state().wake_after(&decision.events),
                events: decision.events,
                // Without a key nobody can ask for it again.
                reply: match &key {
                    Some(_) => encode_reply(&decision.reply)?,
                    None => RawValue::NULL.to_owned(),
                },
                acked: 0,
            };
            if let Err(error) = self.arm_earlier(&mut loaded, entry.wake, now).await {
                return Err(self.lost(error).await);
            }
            match loaded
                .journal
                .append(self.services.sidecar.as_ref(), entry)
                .await
            {
                Ok(entry) => {
                    self.rearm(&mut loaded, now).await;
                    self.publish(&mut loaded, &entry).await;
                    self.loaded = Some(loaded);
                    return Ok(decision.reply);
                }
                Err(error) if error.kind == SidecarErrorKind::Forked => {
                    tracing::info!(actor = %self.actor, "another activation wrote first; reading its entry");
                    if let Err(failure) = self.reload().await {
                        return Err(failure.into());
                    }
                }
                Err(error) => return Err(self.lost(error).await),
            }
        }
        let message = format!("other activations of {} kept writing first", self.actor);
        Err(Failure::retryable(message).into())
    }

    /// Runs a read's turn.
    ///
    /// # Errors
    /// A refusal, or a failure to load.
    pub async fn query<Q: Query<S>>(&mut self, request: Request<Q>) -> Result<Q::Reply, CallError> {
        let loaded = self.take_loaded().await?;
        let reply = request
            .message
            .answer(loaded.journal.state(), self.services.clock.now());
        self.loaded = Some(loaded);
        Ok(reply?)
    }

    /// The journal, loaded, for reads that need its lazy pages; hand it back with
    /// [`Activation::put_back`].
    ///
    /// # Errors
    /// A failure to load.
    pub async fn journal(&mut self) -> Result<&mut Journal<S>, Failure> {
        let loaded = self.take_loaded().await?;
        Ok(&mut self.loaded.insert(loaded).journal)
    }

    /// The sidecar, for those reads.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Hands the events after `applied` to the publisher again, unless they are on their way.
    ///
    /// # Errors
    /// A failure to load.
    pub async fn republish(&mut self, applied: u64) -> Result<Republished, Failure> {
        let mut loaded = self.take_loaded().await?;
        let acked = loaded.journal.acked().load(Ordering::Relaxed);
        if acked >= loaded.submitted {
            loaded.submitted = loaded.submitted.min(applied);
        }
        let before = loaded.submitted;
        self.catch_up(&mut loaded).await;
        let entries = loaded.submitted - before;
        self.loaded = Some(loaded);
        Ok(Republished { entries })
    }

    async fn take_loaded(&mut self) -> Result<Loaded<S>, Failure> {
        match self.loaded.take() {
            Some(loaded) => Ok(loaded),
            None => {
                let journal = self.load_journal().await?;
                // The reminder was set for this moment or an earlier one before the entry that
                // asked for it was stored.
                let armed = Armed::At(journal.state().wake_after(&[]));
                let submitted = journal.acked().load(Ordering::Relaxed);
                let mut loaded = Loaded {
                    journal,
                    armed,
                    submitted,
                };
                self.catch_up(&mut loaded).await;
                Ok(loaded)
            }
        }
    }

    async fn load_journal(&self) -> Result<Journal<S>, Failure> {
        let activation = Uuid::new_v4().simple().to_string();
        let activation = activation.get(..12).unwrap_or(&activation).to_owned();
        let reader = self.services.sidecar.as_ref();
        Journal::load(reader, &self.actor, activation)
            .await
            .map_err(|error| self.failure(&error))
    }

    /// Loads what another activation wrote, and rearms: this one may have moved the reminder
    /// to a moment that its refused entry asked for.
    async fn reload(&mut self) -> Result<(), Failure> {
        self.loaded = None;
        let mut loaded = self.take_loaded().await?;
        loaded.armed = Armed::Unknown;
        let now = self.services.clock.now();
        self.rearm(&mut loaded, now).await;
        self.loaded = Some(loaded);
        Ok(())
    }

    /// After a write that may or may not stand.
    async fn lost(&mut self, error: SidecarError) -> CallError {
        if let Err(failure) = self.reload().await {
            tracing::debug!(actor = %self.actor, %failure, "not reloaded yet");
        }
        self.failure(&error).into()
    }

    fn failure(&self, error: &SidecarError) -> Failure {
        let retryable = error.kind != SidecarErrorKind::Rejected;
        Failure {
            message: format!("the state of {}: {error}", self.actor),
            retryable,
        }
    }

    /// Before an entry is stored the reminder may only move earlier.
    async fn arm_earlier(
        &self,
        loaded: &mut Loaded<S>,
        wake: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), SidecarError> {
        let Some(wake) = wake else { return Ok(()) };
        match loaded.armed {
            Armed::At(Some(at)) if at <= wake => Ok(()),
            Armed::At(_) | Armed::Unknown => {
                self.register(wake, now).await?;
                loaded.armed = Armed::At(Some(wake));
                Ok(())
            }
        }
    }

    /// After an entry is stored the reminder moves to where the state wants it. The entry
    /// stands whatever comes of this; the next turn tries again, and the reconciler looks too.
    async fn rearm(&self, loaded: &mut Loaded<S>, now: Timestamp) {
        let wake = loaded.journal.state().wake_after(&[]);
        if loaded.armed == Armed::At(wake) {
            return;
        }
        let moved = match wake {
            Some(wake) => self.register(wake, now).await,
            None => {
                self.services
                    .sidecar
                    .unregister_reminder(&self.actor, DUE)
                    .await
            }
        };
        loaded.armed = match moved {
            Ok(()) => Armed::At(wake),
            Err(error) => {
                tracing::warn!(actor = %self.actor, %error, "the reminder could not be moved");
                Armed::Unknown
            }
        };
    }

    async fn register(&self, wake: Timestamp, now: Timestamp) -> Result<(), SidecarError> {
        let micros = wake.as_microsecond().saturating_sub(now.as_microsecond());
        // Rounded up: a reminder a millisecond early would find nothing due.
        let after = Duration::from_millis(u64::try_from(micros).unwrap_or(0).div_ceil(1000));
        let time = ReminderTime { after, every: None };
        self.services
            .sidecar
            .register_reminder(&self.actor, DUE, time)
            .await
    }

    /// A reminder that fired is gone: whatever was armed has to be armed again.
    pub async fn reminder_fired(&mut self) -> Result<(), Failure> {
        let mut loaded = self.take_loaded().await?;
        loaded.armed = Armed::At(None);
        self.loaded = Some(loaded);
        Ok(())
    }

    async fn publish(&self, loaded: &mut Loaded<S>, entry: &Entry<S::Event>) {
        if loaded.submitted + 1 != entry.seq {
            // Older entries go first; this one is among those read back.
            self.catch_up(loaded).await;
            return;
        }
        let (sender, done) = oneshot::channel();
        if self.submit(loaded, entry, Some(sender)) {
            wait_acknowledged(&self.services.publisher, ACKNOWLEDGE_WITHIN, done).await;
        }
    }

    fn submit(
        &self,
        loaded: &mut Loaded<S>,
        entry: &Entry<S::Event>,
        done: Option<oneshot::Sender<()>>,
    ) -> bool {
        let acked = Arc::clone(loaded.journal.acked());
        let seq = entry.seq;
        let queued = self.services.publisher.submit(Submission {
            key: self.actor.user_id().to_owned(),
            events: entry.outgoing(&self.actor),
            acknowledged: Box::new(move || {
                acked.fetch_max(seq, Ordering::Relaxed);
                if let Some(done) = done {
                    let _ = done.send(());
                }
            }),
        });
        if queued {
            loaded.submitted = seq;
            self.tell_pages(entry);
        }
        queued
    }

    /// Pages may miss updates and are told to read anew when they might have, so nothing is
    /// made of one that finds no room.
    fn tell_pages(&self, entry: &Entry<S::Event>) {
        let told = self.services.updates.submit(Submission {
            key: self.actor.user_id().to_owned(),
            events: entry.updates(&self.actor),
            acknowledged: Box::new(|| {}),
        });
        if !told {
            tracing::debug!(actor = %self.actor, "update dropped: too many wait for Kafka");
        }
    }

    /// Hands entries that the publisher has not got yet to it, oldest first, reading them back.
    async fn catch_up(&self, loaded: &mut Loaded<S>) {
        let missing = loaded.journal.first().saturating_sub(1);
        if loaded.submitted < missing {
            // They were acknowledged before they were deleted.
            loaded.submitted = missing;
        }
        let last = loaded.journal.seq().min(loaded.submitted + CATCH_UP);
        while loaded.submitted < last {
            let next = loaded.submitted + 1;
            match loaded
                .journal
                .entry(self.services.sidecar.as_ref(), next)
                .await
            {
                Ok(Some(entry)) => {
                    if !self.submit(loaded, &entry, None) {
                        return;
                    }
                }
                Ok(None) => {
                    tracing::error!(actor = %self.actor, seq = next, "an entry that should be there is missing");
                    return;
                }
                Err(error) => {
                    tracing::debug!(actor = %self.actor, %error, "entries to publish cannot be read yet");
                    return;
                }
            }
        }
    }
}

fn encode_reply<R: serde::Serialize>(reply: &R) -> Result<Box<RawValue>, Failure> {
    to_raw_value(reply)
        .map_err(|error| Failure::terminal(format!("a reply cannot be encoded: {error}")))
}

fn decode_reply<R: serde::de::DeserializeOwned>(reply: &RawValue) -> Result<R, CallError> {
    serde_json::from_str(reply.get()).map_err(|_| {
        Failure::terminal("this idempotency key was used for a command of another kind").into()
    })
}

fn new_traceparent() -> String {
    let trace = Uuid::new_v4().simple().to_string();
    let span = Uuid::new_v4().simple().to_string();
    format!("00-{trace}-{}-01", span.get(..16).unwrap_or_default())
}
