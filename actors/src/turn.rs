//! A turn: load, decide, store, arm the reminder, publish. The one place where they meet.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use tokio::{sync::oneshot, time::Instant};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    clock::Clock,
    event::Announce,
    journal::{Entry, Journal, State, Undecided},
    message::{ActorRef, CallError, Failure, Message, Request},
    metrics::{Actor, Counted, METRICS, seconds_between},
    publisher::{Publisher, Submission, wait_acknowledged},
    receipts::Reply,
    sidecar::{ReminderTime, Sidecar, SidecarError, SidecarErrorKind},
    trace,
    updates::Updates,
    user::Republished,
};

/// The name of the one reminder an actor with due moments has.
pub const DUE: &str = "due";
/// Longest a turn waits for Kafka's acknowledgement.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(250);
/// How often a turn decides anew after another activation wrote first.
const FORK_TRIES: usize = 5;
/// A store that has just said nothing is not asked again for this long: what has queued up
/// behind the turn that found out would wait as long, one after the other.
const LEAVE_ALONE: Duration = Duration::from_millis(500);
/// How long memory is good for after the store last showed that nobody else had written. A host
/// is not always told that an actor has left it, nor that it has come back.
const TRUST_MEMORY: Duration = Duration::from_secs(1);
/// What Kafka has acknowledged goes out a second time only after this long, when it is asked for
/// from the same place: nobody may be reading, or nobody be able to.
const REPUBLISH_EVERY: Duration = Duration::from_secs(30 * 60);
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
    /// Whether it is decided even while the state is [closed](State::closed).
    const ANY_TIME: bool = false;

    /// Decides, by state and time alone.
    ///
    /// # Errors
    /// A refusal; nothing happens then. Or pages that have to be read before it can decide.
    fn decide(
        &self,
        state: &S,
        now: Timestamp,
    ) -> Result<Decision<S::Event, Self::Reply>, Undecided>;
}

/// A message that only reads state `S`.
pub trait Query<S: State>: Message {
    /// Answers from the state.
    ///
    /// # Errors
    /// A refusal, or pages that have to be read before it can answer.
    fn answer(&self, state: &S, now: Timestamp) -> Result<Self::Reply, Undecided>;
}

/// What every activation of a host shares.
pub struct Services {
    /// The way to state, reminders and other actors.
    pub sidecar: Arc<dyn Sidecar>,
    /// The way to Kafka.
    pub publisher: Arc<Publisher>,
    /// The way to open pages.
    pub updates: Arc<Updates>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// One activation of an event-sourced actor. Its caller sees to it that turns do not overlap.
pub struct Activation<S> {
    actor: ActorRef,
    services: Arc<Services>,
    /// Absent until the first turn, and after anything that leaves its truth in doubt.
    loaded: Option<Loaded<S>>,
    /// When the store last said nothing for as long as it is waited for.
    silent_at: Option<Instant>,
    _active: Counted,
}

struct Loaded<S> {
    journal: Journal<S>,
    armed: Armed,
    /// The highest sequence handed to the publisher.
    submitted: u64,
    /// Up to where the projector had come when acknowledged events last went out again, and when.
    republished: Option<(u64, Instant)>,
    /// When the store last showed that no other activation had written.
    current_at: Instant,
}

/// What a command comes to.
enum Decided<E, R> {
    /// It came before and was answered this.
    Before(Result<R, CallError>),
    /// What happens, and the reply.
    Now(Decision<E, R>),
}

/// What is known about the actor's reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Armed {
    /// Set for this moment or an earlier one; not at all if `None`.
    At(Option<Timestamp>),
    /// Not set: it has just fired. What comes next has nothing to do with whoever set it.
    Fired,
    /// Another activation may have moved it later.
    Unknown,
}

impl<S: State> Activation<S> {
    /// An activation that loads its journal on its first turn.
    #[must_use]
    pub fn new(actor: ActorRef, services: Arc<Services>) -> Self {
        let of_its_type = Actor { actor: S::TYPE };
        Self {
            actor,
            services,
            loaded: None,
            silent_at: None,
            _active: Counted::new(&METRICS.active_actors.get_or_create(&of_its_type)),
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
        let traceparent = trace::current()
            .or(traceparent)
            .unwrap_or_else(trace::begin);
        for _ in 0..FORK_TRIES {
            // Taken out, so that a turn that is cut short leaves nothing half done behind.
            let mut loaded = self.take_loaded().await?;
            let now = self.services.clock.now();
            let decide = |state: &S| {
                if let Some(key) = &key
                    && let Some(reply) = state.receipts().find(key)?
                {
                    return Ok(Decided::Before(decode_reply(reply)));
                }
                match state.closed(now) {
                    Some(refusal) if !C::ANY_TIME => Err(refusal.into()),
                    _ => message.decide(state, now).map(Decided::Now),
                }
            };
            let reader = self.services.sidecar.as_ref();
            let decided = match loaded.journal.ask(reader, decide).await {
                Ok(Ok(Decided::Before(reply))) => {
                    self.keep(loaded);
                    return reply;
                }
                Ok(Ok(Decided::Now(decision))) => Ok(decision),
                Ok(Err(refusal)) => Err(refusal),
                Err(error) => {
                    self.overtaken(error).await?;
                    continue;
                }
            };
            // An entry meets the fence; what memory alone says must be shown to be current.
            let changes = matches!(&decided, Ok(decision) if !decision.events.is_empty());
            if !changes && !self.is_current(&mut loaded).await? {
                self.reload().await?;
                continue;
            }
            let decision = match decided {
                Ok(decision) => decision,
                Err(refusal) => {
                    self.keep(loaded);
                    return Err(refusal.into());
                }
            };
            if decision.events.is_empty() {
                let alone = self.rearm(&mut loaded, Some(&traceparent)).await;
                self.keep(loaded);
                if !alone {
                    self.follow().await;
                }
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
            let armed = self.arm_earlier(&mut loaded, entry.wake, &traceparent);
            if let Err(error) = armed.await {
                return Err(self.lost(error).await);
            }
            let writing_at = Instant::now();
            let span = tracing::info_span!("journal commit", seq = loaded.journal.seq() + 1);
            match loaded
                .journal
                .append(self.services.sidecar.as_ref(), entry)
                .instrument(span)
                .await
            {
                Ok(entry) => {
                    loaded.current_at = writing_at;
                    let alone = self.rearm(&mut loaded, Some(&traceparent)).await;
                    self.publish(&mut loaded, &entry).await;
                    self.keep(loaded);
                    if !alone {
                        self.follow().await;
                    }
                    return Ok(decision.reply);
                }
                Err(error) if error.kind == SidecarErrorKind::Forked => {
                    self.overtaken(error).await?;
                }
                Err(error) => return Err(self.lost(error).await),
            }
        }
        Err(self.too_often().into())
    }

    /// Runs a read's turn.
    ///
    /// # Errors
    /// A refusal, or a failure to load.
    pub async fn query<Q: Query<S>>(&mut self, request: Request<Q>) -> Result<Q::Reply, CallError> {
        for _ in 0..FORK_TRIES {
            let mut loaded = self.take_current().await?;
            let now = self.services.clock.now();
            let answer = |state: &S| request.message.answer(state, now);
            let reader = self.services.sidecar.as_ref();
            match loaded.journal.ask(reader, answer).await {
                Ok(reply) => {
                    self.keep(loaded);
                    return Ok(reply?);
                }
                Err(error) => self.overtaken(error).await?,
            }
        }
        Err(self.too_often().into())
    }

    /// The journal, loaded, for reads that need its lazy pages; hand it back with
    /// [`Activation::put_back`].
    ///
    /// # Errors
    /// A failure to load.
    pub async fn journal(&mut self) -> Result<&mut Journal<S>, Failure> {
        let loaded = self.take_current().await?;
        Ok(&mut self.loaded.insert(loaded).journal)
    }

    /// The sidecar, for those reads.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Hands the events after `applied` to the publisher again, unless they are on their way or
    /// have gone out again for the same `applied` within [`REPUBLISH_EVERY`].
    ///
    /// # Errors
    /// A failure to load.
    pub async fn republish(&mut self, applied: u64) -> Result<Republished, Failure> {
        let mut loaded = self.take_current().await?;
        let acked = loaded.journal.acked().load(Ordering::Relaxed);
        let just_done = loaded
            .republished
            .is_some_and(|(from, at)| from == applied && at.elapsed() < REPUBLISH_EVERY);
        if acked >= loaded.submitted && applied < loaded.submitted && !just_done {
            loaded.submitted = applied;
            loaded.republished = Some((applied, Instant::now()));
        }
        let before = loaded.submitted;
        self.catch_up(&mut loaded).await;
        let entries = loaded.submitted - before;
        self.loaded = Some(loaded);
        Ok(Republished { entries })
    }

    /// Removes what is left of what was ended.
    ///
    /// # Errors
    /// A failure to load or to remove; calling again can help.
    pub async fn remove_ended(&mut self) -> Result<(), Failure> {
        let mut loaded = self.take_loaded().await?;
        let sidecar = self.services.sidecar.as_ref();
        let removed = loaded.journal.remove_ended(sidecar).await;
        self.loaded = Some(loaded);
        removed.map_err(|error| self.failure(&error))
    }

    /// The same, and removes the reminder of an actor that wants none: whether it was removed
    /// before is not known to an activation that took over half way.
    ///
    /// # Errors
    /// A failure to load or to remove; calling again can help.
    pub async fn leave_nothing(&mut self) -> Result<(), Failure> {
        let mut loaded = self.take_loaded().await?;
        let sidecar = self.services.sidecar.as_ref();
        let mut removed = loaded.journal.remove_ended(sidecar).await;
        if removed.is_ok() && loaded.journal.state().wake_after(&[]).is_none() {
            loaded.armed = Armed::Unknown;
            removed = sidecar.unregister_reminder(&self.actor, DUE).await;
            if removed.is_ok() {
                loaded.armed = Armed::At(None);
            }
        }
        self.loaded = Some(loaded);
        removed.map_err(|error| self.failure(&error))
    }

    async fn take_loaded(&mut self) -> Result<Loaded<S>, Failure> {
        match self.loaded.take() {
            Some(loaded) => Ok(loaded),
            None => {
                let current_at = Instant::now();
                let journal = self.load_journal().await?;
                // The reminder was set for this moment or an earlier one before the entry that
                // asked for it was stored.
                let armed = Armed::At(journal.state().wake_after(&[]));
                let submitted = journal.acked().load(Ordering::Relaxed);
                let mut loaded = Loaded {
                    journal,
                    armed,
                    submitted,
                    republished: None,
                    current_at,
                };
                self.catch_up(&mut loaded).await;
                if loaded.journal.has_remains() {
                    self.go_on_removing(&mut loaded).await;
                }
                Ok(loaded)
            }
        }
    }

    /// Whoever began it may have died. Should it fail, the next to load goes on with it.
    async fn go_on_removing(&self, loaded: &mut Loaded<S>) {
        let sidecar = self.services.sidecar.as_ref();
        if let Err(error) = loaded.journal.remove_ended(sidecar).await {
            tracing::debug!(actor = %self.actor, %error, "what was ended is not removed yet");
        }
    }

    /// As [`Activation::take_loaded`], for whoever answers from it: nobody has written since.
    async fn take_current(&mut self) -> Result<Loaded<S>, Failure> {
        let mut loaded = self.take_loaded().await?;
        if self.is_current(&mut loaded).await? {
            return Ok(loaded);
        }
        self.reload().await?;
        self.take_loaded().await
    }

    /// Whether what is in memory stands: asked of the store at most once in [`TRUST_MEMORY`].
    async fn is_current(&mut self, loaded: &mut Loaded<S>) -> Result<bool, Failure> {
        let asking_at = Instant::now();
        if asking_at.duration_since(loaded.current_at) < TRUST_MEMORY {
            return Ok(true);
        }
        let reader = self.services.sidecar.as_ref();
        let overtaken = match loaded.journal.overtaken(reader).await {
            Ok(overtaken) => overtaken,
            Err(error) => return Err(self.unread(&error)),
        };
        if overtaken {
            tracing::info!(actor = %self.actor, "another activation has written meanwhile; reading its entries");
            return Ok(false);
        }
        loaded.current_at = asking_at;
        Ok(true)
    }

    async fn load_journal(&mut self) -> Result<Journal<S>, Failure> {
        if self.silent_at.is_some_and(|at| at.elapsed() < LEAVE_ALONE) {
            let message = format!(
                "the state of {}: the store has just said nothing",
                self.actor
            );
            return Err(Failure::retryable(message));
        }
        let activation = Uuid::new_v4().simple().to_string();
        let activation = activation.get(..12).unwrap_or(&activation).to_owned();
        let reader = self.services.sidecar.as_ref();
        let started = Instant::now();
        let span = tracing::info_span!("journal load");
        match Journal::load(reader, &self.actor, activation)
            .instrument(span)
            .await
        {
            Ok(journal) => {
                let entries = (journal.seq() + 1).saturating_sub(journal.first());
                METRICS.activation(S::TYPE, entries, started.elapsed());
                Ok(journal)
            }
            Err(error) => Err(self.unread(&error)),
        }
    }

    /// The failure of a turn whose state cannot be read.
    fn unread(&mut self, error: &SidecarError) -> Failure {
        self.note_silence(error);
        self.failure(error)
    }

    fn note_silence(&mut self, error: &SidecarError) {
        if error.kind == SidecarErrorKind::Silent {
            self.silent_at = Some(Instant::now());
        }
    }

    /// Loads what another activation wrote, and rearms: this one may have moved the reminder
    /// to a moment that its refused entry asked for.
    async fn reload(&mut self) -> Result<(), Failure> {
        for _ in 0..FORK_TRIES {
            self.loaded = None;
            let mut loaded = self.take_loaded().await?;
            loaded.armed = Armed::Unknown;
            let alone = self.rearm(&mut loaded, None).await;
            self.loaded = Some(loaded);
            if alone {
                break;
            }
        }
        Ok(())
    }

    /// Arms what another activation stored while this one moved the reminder.
    async fn follow(&mut self) {
        tracing::info!(actor = %self.actor, "another activation wrote while the reminder moved; arming anew");
        if let Err(failure) = self.reload().await {
            tracing::debug!(actor = %self.actor, %failure, "not reloaded yet");
        }
    }

    /// After another activation has written; any other error is a failure.
    async fn overtaken(&mut self, error: SidecarError) -> Result<(), Failure> {
        if error.kind != SidecarErrorKind::Forked {
            return Err(self.unread(&error));
        }
        tracing::info!(actor = %self.actor, "another activation wrote first; reading its entry");
        self.reload().await
    }

    fn too_often(&self) -> Failure {
        let message = format!("other activations of {} kept writing first", self.actor);
        Failure::retryable(message)
    }

    /// A turn is over and nothing is in doubt.
    fn keep(&mut self, mut loaded: Loaded<S>) {
        loaded.journal.state_mut().rest();
        self.loaded = Some(loaded);
    }

    /// After a write that may or may not stand. Of a store that says nothing the next turn
    /// reads what stands: the caller has waited long enough.
    async fn lost(&mut self, error: SidecarError) -> CallError {
        self.note_silence(&error);
        if error.kind != SidecarErrorKind::Silent
            && let Err(failure) = self.reload().await
        {
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
        traceparent: &str,
    ) -> Result<(), SidecarError> {
        let Some(wake) = wake else { return Ok(()) };
        if matches!(loaded.armed, Armed::At(Some(at)) if at <= wake) {
            return Ok(());
        }
        let traceparent = Some(traceparent).filter(|_| loaded.armed != Armed::Fired);
        self.register(wake, traceparent).await?;
        loaded.armed = Armed::At(Some(wake));
        Ok(())
    }

    /// After an entry is stored the reminder moves to where the state wants it. The entry
    /// stands whatever comes of this; the next turn tries again, and the reconciler looks too.
    ///
    /// The fence does not guard reminders: one that another activation has just set for its own
    /// entry may be what was moved away. `false` if such an entry is there. One that is stored
    /// only after this has looked is left to the reconciler.
    async fn rearm(&self, loaded: &mut Loaded<S>, traceparent: Option<&str>) -> bool {
        let wake = loaded.journal.state().wake_after(&[]);
        if loaded.armed == Armed::At(wake) || (wake.is_none() && loaded.armed == Armed::Fired) {
            loaded.armed = Armed::At(wake);
            return true;
        }
        let traceparent = traceparent.filter(|_| loaded.armed != Armed::Fired);
        let sidecar = self.services.sidecar.as_ref();
        let moved = match wake {
            Some(wake) => self.register(wake, traceparent).await,
            None => sidecar.unregister_reminder(&self.actor, DUE).await,
        };
        let overtaken = match moved {
            Ok(()) => loaded.journal.overtaken(sidecar).await,
            Err(error) => Err(error),
        };
        match overtaken {
            Ok(overtaken) => {
                loaded.armed = Armed::At(wake);
                !overtaken
            }
            Err(error) => {
                tracing::warn!(actor = %self.actor, %error, "the reminder may be wrong; the next turn sets it again");
                loaded.armed = Armed::Unknown;
                true
            }
        }
    }

    /// The turn of the reminder then belongs to the trace of `traceparent`.
    async fn register(
        &self,
        wake: Timestamp,
        traceparent: Option<&str>,
    ) -> Result<(), SidecarError> {
        // Dapr counts from now, and the turn's own moment may be seconds past: the write was slow.
        let now = self.services.clock.now();
        let micros = wake.as_microsecond().saturating_sub(now.as_microsecond());
        // Rounded up: a reminder a millisecond early would find nothing due.
        let after = Duration::from_millis(u64::try_from(micros).unwrap_or(0).div_ceil(1000));
        let time = ReminderTime { after, every: None };
        self.services
            .sidecar
            .register_reminder(&self.actor, DUE, time, traceparent)
            .await
    }

    /// A reminder that fired is gone: whatever was armed has to be armed again.
    pub async fn reminder_fired(&mut self) -> Result<(), Failure> {
        let mut loaded = self.take_loaded().await?;
        loaded.armed = Armed::Fired;
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
        let (seq, at, clock) = (entry.seq, entry.at, Arc::clone(&self.services.clock));
        // From now until Kafka has the entry's events, whichever batches they share with others,
        // and in its own trace even if a later turn hands it over.
        let span = tracing::info_span!(
            "publish",
            otel.kind = "producer",
            messaging.system = "kafka",
            messaging.destination.name = S::Event::HOME.name(),
            seq,
        );
        trace::follow(&span, Some(&entry.traceparent));
        let queued = self.services.publisher.submit(Submission {
            key: self.actor.user_id().to_owned(),
            events: entry.outgoing(&self.actor),
            acknowledged: Box::new(move || {
                drop(span);
                // What is published again for the projector's sake was there in time.
                if acked.fetch_max(seq, Ordering::Relaxed) < seq {
                    let lag = seconds_between(at, clock.now());
                    METRICS.publish_lag_seconds.observe(lag);
                }
                if let Some(done) = done {
                    let _ = done.send(());
                }
            }),
        });
        if queued {
            loaded.submitted = seq;
            let updates = entry.updates(&self.actor);
            self.services.updates.tell(self.actor.user_id(), updates);
        }
        queued
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

fn decode_reply<R: serde::de::DeserializeOwned>(reply: &Reply) -> Result<R, CallError> {
    let json = reply.json();
    let reply = json.and_then(|json| serde_json::from_str(json.get()).ok());
    reply.ok_or_else(|| {
        Failure::terminal("this idempotency key was used for a command of another kind").into()
    })
}
