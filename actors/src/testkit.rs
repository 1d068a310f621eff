//! Fast tests without servers: a memory twin of the sidecar, a clock to turn by hand, and
//! writes that fail before or after they take effect.
//!
//! The twin keeps Dapr's promises (a transaction is whole, a reminder fires once due) and the
//! database's (the fence); what it cannot show is shown on the real servers.

pub mod stored;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    client::ActorClient,
    clock::Clock,
    event::{Outgoing, Topic},
    host::{Answer, Host, HostOptions},
    message::ActorRef,
    sidecar::{
        ReminderTime, STATE_TIMEOUT, Sidecar, SidecarError, SidecarErrorKind, StateOp, StateReader,
    },
};

/// A clock that moves only when told to.
pub struct VirtualClock(Mutex<Timestamp>);

impl VirtualClock {
    /// A clock standing at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new(now)))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let mut now = lock(&self.0);
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}

/// When a write that is to fail does so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Nothing was written.
    Before,
    /// It was written; only the answer is lost.
    After,
}

/// The sidecar's twin.
pub struct MemorySidecar {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    host: OnceLock<Weak<Host>>,
    /// Whether writes wait, as they do at a sidecar that is being told of new placements.
    writes_held: watch::Sender<bool>,
    /// Whether the state store says nothing, as one that is frozen.
    store_silent: watch::Sender<bool>,
    /// Whether removals of reminders wait.
    removals_held: watch::Sender<bool>,
}

#[derive(Clone, PartialEq)]
struct Reminder {
    at: Timestamp,
    every: Option<Duration>,
    /// Tells it from one set later for the same moment.
    number: usize,
    traceparent: Option<String>,
}

#[derive(Default)]
struct Inner {
    state: BTreeMap<(String, String), Bytes>,
    heads: BTreeMap<String, u64>,
    reminders: BTreeMap<(String, String), Reminder>,
    /// How many reminders were ever set.
    reminders_set: usize,
    published: Vec<(Topic, String, Outgoing)>,
    publish_calls: usize,
    writes: usize,
    crash: Option<(usize, Crash)>,
    store_away: bool,
    kafka_away: bool,
    topics_away: BTreeSet<Topic>,
    cut_next_reply: bool,
    largest_write: usize,
    bytes_read: usize,
    reads: usize,
    calls: Vec<String>,
}

impl MemorySidecar {
    /// An empty one.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            inner: Mutex::default(),
            host: OnceLock::new(),
            writes_held: watch::Sender::default(),
            store_silent: watch::Sender::default(),
            removals_held: watch::Sender::default(),
        })
    }

    /// Lets calls to actors reach `host`.
    pub fn connect(&self, host: &Arc<Host>) {
        let _ = self.host.set(Arc::downgrade(host));
    }

    /// Lets write number `n` from now on (0 is the next) fail, and the one that repeats it.
    pub fn crash_at_write(&self, n: usize, crash: Crash) {
        let mut inner = self.lock();
        inner.crash = Some((inner.writes + n, crash));
    }

    /// The calls to actors so far, as `{type}/{id}/{method}`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// How many writes there have been.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    /// How many keys have been asked for.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.lock().reads
    }

    /// Bytes of the largest write so far.
    #[must_use]
    pub fn largest_write(&self) -> usize {
        self.lock().largest_write
    }

    /// Bytes of state read so far.
    #[must_use]
    pub fn bytes_read(&self) -> usize {
        self.lock().bytes_read
    }

    /// Makes writes wait, or lets those that wait go on.
    pub fn hold_writes(&self, held: bool) {
        self.writes_held.send_replace(held);
    }

    /// How many writes wait.
    #[must_use]
    pub fn writes_waiting(&self) -> usize {
        self.writes_held.receiver_count()
    }

    /// Makes removals of reminders wait, or lets those that wait go on.
    pub fn hold_removals(&self, held: bool) {
        self.removals_held.send_replace(held);
    }

    /// How many removals of reminders wait.
    #[must_use]
    pub fn removals_waiting(&self) -> usize {
        self.removals_held.receiver_count()
    }

    /// Cuts the next reply of an actor short, as when its host dies while it answers.
    pub fn cut_next_reply(&self) {
        self.lock().cut_next_reply = true;
    }

    /// Takes the state store away, or brings it back.
    pub fn store_away(&self, away: bool) {
        self.lock().store_away = away;
    }

    /// Makes the state store say nothing, or lets it speak again: a call that it does not answer
    /// in time fails then and has no effect.
    pub fn store_silent(&self, silent: bool) {
        self.store_silent.send_replace(silent);
    }

    /// Waits for the state store to say anything at all.
    async fn hear_store(&self) -> Result<(), SidecarError> {
        let mut silent = self.store_silent.subscribe();
        let speaks = silent.wait_for(|silent| !silent);
        match tokio::time::timeout(STATE_TIMEOUT, speaks).await {
            Ok(_) => Ok(()),
            Err(_) => {
                let message = "the state store says nothing";
                Err(SidecarError::new(SidecarErrorKind::Silent, message))
            }
        }
    }

    /// Takes Kafka away, or brings it back.
    pub fn kafka_away(&self, away: bool) {
        self.lock().kafka_away = away;
    }

    /// Takes one topic away, or brings it back.
    pub fn topic_away(&self, topic: Topic, away: bool) {
        let mut inner = self.lock();
        if away {
            inner.topics_away.insert(topic);
        } else {
            inner.topics_away.remove(&topic);
        }
    }

    /// Everything in Kafka, in the order it came: topic, key, event.
    #[must_use]
    pub fn published(&self) -> Vec<(Topic, String, Outgoing)> {
        self.lock().published.clone()
    }

    /// How many publish calls succeeded, those of updates aside.
    #[must_use]
    pub fn publish_calls(&self) -> usize {
        self.lock().publish_calls
    }

    /// The keys of an actor's state.
    #[must_use]
    pub fn keys(&self, actor: &ActorRef) -> Vec<String> {
        let actor = actor.to_string();
        self.lock()
            .state
            .keys()
            .filter(|(of, _)| *of == actor)
            .map(|(_, key)| key.clone())
            .collect()
    }

    /// When an actor's reminder fires next.
    #[must_use]
    pub fn reminder(&self, actor: &ActorRef, name: &str) -> Option<Timestamp> {
        self.lock()
            .reminders
            .get(&(actor.to_string(), name.to_owned()))
            .map(|reminder| reminder.at)
    }

    /// Fires every reminder that is due, until none is. A firing that fails stays due.
    pub async fn fire_due_reminders(&self, host: &Arc<Host>) {
        loop {
            let now = self.clock.now();
            let due = {
                let inner = self.lock();
                inner
                    .reminders
                    .iter()
                    .find(|(_, due)| due.at <= now)
                    .map(|(k, due)| (k.clone(), due.clone()))
            };
            let Some((key, due)) = due else { return };
            let Some((kind, id)) = key.0.split_once('/') else {
                return;
            };
            let traceparent = due.traceparent.as_deref();
            if host.remind(kind, id, &key.1, traceparent).await.is_err() {
                return;
            }
            // Dapr forgets a reminder only after it was taken; one set meanwhile stays.
            let mut inner = self.lock();
            if inner.reminders.get(&key) == Some(&due) {
                match due.every.and_then(|every| due.at.checked_add(every).ok()) {
                    Some(at) => inner.reminders.insert(key, Reminder { at, ..due }),
                    None => inner.reminders.remove(&key),
                };
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

/// A host over memory, with its client: everything a test of the actors needs.
pub struct World {
    /// The time.
    pub clock: Arc<VirtualClock>,
    /// State, reminders and Kafka.
    pub sidecar: Arc<MemorySidecar>,
    /// The host; [`World::restart`] replaces it.
    pub host: Arc<Host>,
    /// Calls to actors on the host.
    pub client: ActorClient,
}

impl World {
    /// An empty world at `now`, such as `2026-11-23T10:00:00Z`. Needs a Tokio runtime.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        let clock = VirtualClock::at(now);
        let sidecar = MemorySidecar::new(Arc::clone(&clock) as Arc<dyn Clock>);
        Self::over(clock, sidecar)
    }

    /// Another host on the same state, as a second replica would be.
    #[must_use]
    pub fn second_host(&self) -> Arc<Host> {
        let sidecar = Arc::clone(&self.sidecar) as Arc<dyn Sidecar>;
        Host::new(
            sidecar,
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            None,
            HostOptions::new("token"),
        )
    }

    /// The process dies and another takes its place: state, reminders and Kafka stay.
    #[must_use]
    pub fn restart(self) -> Self {
        let state = std::mem::take(&mut *self.sidecar.lock());
        let sidecar = MemorySidecar::new(Arc::clone(&self.clock) as Arc<dyn Clock>);
        *sidecar.lock() = state;
        Self::over(self.clock, sidecar)
    }

    fn over(clock: Arc<VirtualClock>, sidecar: Arc<MemorySidecar>) -> Self {
        let as_sidecar = Arc::clone(&sidecar) as Arc<dyn Sidecar>;
        let as_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let host = Host::new(
            Arc::clone(&as_sidecar),
            as_clock,
            None,
            HostOptions::new("token"),
        );
        sidecar.connect(&host);
        let client = ActorClient::new(as_sidecar).with_patience(Duration::ZERO);
        Self {
            clock,
            sidecar,
            host,
            client,
        }
    }
}

impl StateReader for MemorySidecar {
    fn get<'a>(
        &'a self,
        actor: &'a ActorRef,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Bytes>, SidecarError>> {
        Box::pin(async move {
            self.hear_store().await?;
            let mut inner = self.lock();
            inner.reads += 1;
            if inner.store_away {
                return Err(away("the state store"));
            }
            let key = (actor.to_string(), key.to_owned());
            let value = inner.state.get(&key).cloned();
            inner.bytes_read += value.as_ref().map_or(0, Bytes::len);
            Ok(value)
        })
    }
}

impl Sidecar for MemorySidecar {
    fn transact<'a>(
        &'a self,
        actor: &'a ActorRef,
        ops: Vec<StateOp>,
    ) -> BoxFuture<'a, Result<(), SidecarError>> {
        Box::pin(async move {
            let mut held = self.writes_held.subscribe();
            // The sender lives as long as `self`, so the wait cannot fail.
            let _ = held.wait_for(|held| !held).await;
            self.hear_store().await?;
            let mut inner = self.lock();
            let number = inner.writes;
            inner.writes += 1;
            if inner.store_away {
                return Err(away("the state store"));
            }
            // The repeat that follows a lost answer is lost as well.
            let crash = inner
                .crash
                .filter(|(at, _)| number == *at || number == at + 1);
            if let Some((_, Crash::Before)) = crash {
                return Err(away("the state store"));
            }
            inner.write(actor, ops)?;
            if crash.is_some() {
                Err(away("the state store"))
            } else {
                Ok(())
            }
        })
    }

    fn register_reminder<'a>(
        &'a self,
        actor: &'a ActorRef,
        name: &'a str,
        time: ReminderTime,
        traceparent: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), SidecarError>> {
        Box::pin(async move {
            let at = self
                .clock
                .now()
                .checked_add(time.after)
                .unwrap_or(Timestamp::MAX);
            let traceparent = traceparent.map(str::to_owned);
            self.lock()
                .set_reminder(actor, name, at, time.every, traceparent);
            Ok(())
        })
    }

    fn unregister_reminder<'a>(
        &'a self,
        actor: &'a ActorRef,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), SidecarError>> {
        Box::pin(async move {
            let mut held = self.removals_held.subscribe();
            // The sender lives as long as `self`, so the wait cannot fail.
            let _ = held.wait_for(|held| !held).await;
            self.lock()
                .reminders
                .remove(&(actor.to_string(), name.to_owned()));
            Ok(())
        })
    }

    fn publish<'a>(
        &'a self,
        topic: Topic,
        events: &'a [(String, Outgoing)],
    ) -> BoxFuture<'a, Result<Vec<usize>, SidecarError>> {
        Box::pin(async move {
            // Yields, so that turns can join the next batch as they do on the wire.
            tokio::task::yield_now().await;
            let mut inner = self.lock();
            if inner.kafka_away || inner.topics_away.contains(&topic) {
                return Err(away("Kafka"));
            }
            inner.publish_calls += usize::from(topic != Topic::TaskUpdates);
            inner.published.extend(
                events
                    .iter()
                    .map(|(key, event)| (topic, key.clone(), event.clone())),
            );
            Ok(Vec::new())
        })
    }

    fn invoke<'a>(
        &'a self,
        kind: &'a str,
        id: &'a str,
        method: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, SidecarError>> {
        Box::pin(async move {
            self.lock().calls.push(format!("{kind}/{id}/{method}"));
            let host = self
                .host
                .get()
                .and_then(Weak::upgrade)
                .ok_or_else(|| away("the host"))?;
            match host.call(kind, id, method, body).await {
                Answer::Json(..) if std::mem::take(&mut self.lock().cut_next_reply) => {
                    Ok(Bytes::new())
                }
                Answer::Json(reply, _) => Ok(reply.into()),
                Answer::NoSuchMethod => {
                    let message = format!("{kind} has no method {method}");
                    Err(SidecarError::new(SidecarErrorKind::Rejected, message))
                }
            }
        })
    }

    fn secret<'a>(
        &'a self,
        _store: &'a str,
        _name: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, SidecarError>> {
        Box::pin(async { Ok(BTreeMap::new()) })
    }
}

impl Inner {
    fn set_reminder(
        &mut self,
        actor: &ActorRef,
        name: &str,
        at: Timestamp,
        every: Option<Duration>,
        traceparent: Option<String>,
    ) {
        self.reminders_set += 1;
        let reminder = Reminder {
            at,
            every,
            number: self.reminders_set,
            traceparent,
        };
        self.reminders
            .insert((actor.to_string(), name.to_owned()), reminder);
    }

    fn write(&mut self, actor: &ActorRef, ops: Vec<StateOp>) -> Result<(), SidecarError> {
        let actor = actor.to_string();
        for op in &ops {
            let StateOp::Put(key, value) = op else {
                continue;
            };
            let Some(seq) = key
                .strip_prefix("e:")
                .and_then(|seq| seq.parse::<u64>().ok())
            else {
                continue;
            };
            let head = self.heads.get(&actor).copied().unwrap_or(0);
            let repeat =
                head == seq && self.state.get(&(actor.clone(), key.clone())) == Some(value);
            if head + 1 != seq && !repeat {
                let message = format!("journal fork at {actor} {seq}");
                return Err(SidecarError::new(SidecarErrorKind::Forked, message));
            }
            self.heads.insert(actor.clone(), seq);
        }
        let size = ops
            .iter()
            .map(|op| {
                if let StateOp::Put(_, value) = op {
                    value.len()
                } else {
                    0
                }
            })
            .sum();
        self.largest_write = self.largest_write.max(size);
        for op in ops {
            match op {
                StateOp::Put(key, value) => self.state.insert((actor.clone(), key), value),
                StateOp::Delete(key) => self.state.remove(&(actor.clone(), key)),
            };
        }
        Ok(())
    }
}

fn away(what: &str) -> SidecarError {
    SidecarError::new(SidecarErrorKind::Unavailable, format!("{what} is away"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
