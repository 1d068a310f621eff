//! What a host counts and times, for Prometheus.
//!
//! Instruments belong to the process, as its log does: whatever happens in it is counted here, and
//! nothing decides by what is counted. Whoever runs the process registers them and serves them.
//! Labels have few values each, none of which a person chooses.

use std::{sync::LazyLock, time::Duration};

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::event::Topic;

/// A histogram for each set of labels.
pub type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The instruments of this process.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::default);

/// An actor type and one of its methods; the reminder's is called `remind`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Method {
    /// `User`, `Conversation` or `Reconciler`.
    pub actor: &'static str,
    /// As in the message's `METHOD`.
    pub method: String,
}

/// A turn by what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Turn {
    /// `User`, `Conversation` or `Reconciler`.
    pub actor: &'static str,
    /// As in the message's `METHOD`.
    pub method: String,
    /// `ok`, `refused` or `failed`.
    pub outcome: &'static str,
}

/// An actor type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Actor {
    /// `User` or `Conversation`.
    pub actor: &'static str,
}

/// A batch by its topic and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Batch {
    /// The topic's name in Kafka.
    pub topic: &'static str,
    /// `ok` once Kafka has all of it, else `failed`.
    pub outcome: &'static str,
}

/// A publisher's queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Queue {
    /// `journal` or `updates`.
    pub queue: &'static str,
}

/// A sweep by what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Sweep {
    /// `ok`, or `failed` if the tables could not be read.
    pub outcome: &'static str,
}

/// What the reconciler mended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Repair {
    /// `unapplied` events, or an `overdue` reminder.
    pub gap: &'static str,
}

/// Everything a host counts and times.
pub struct Metrics {
    /// Turns that ended.
    pub turns: Family<Turn, Counter>,
    /// How long callers waited for turns, for their place in line too.
    pub turn_seconds: Histograms<Method>,
    /// Actors in memory.
    pub active_actors: Family<Actor, Gauge>,
    /// How long journals took to load.
    pub activation_seconds: Histograms<Actor>,
    /// Entries in the store when a journal was loaded.
    pub journal_entries: Histograms<Actor>,
    /// Batches that were tried.
    pub batches: Family<Batch, Counter>,
    /// Events in a batch.
    pub batch_events: Histogram,
    /// Events that wait for Kafka or are in flight.
    pub queued_events: Family<Queue, Gauge>,
    /// From the turn's decision until Kafka had acknowledged its last event.
    pub publish_lag_seconds: Histogram,
    /// Sweeps of the reconciler.
    pub sweeps: Family<Sweep, Counter>,
    /// What it mended.
    pub repairs: Family<Repair, Counter>,
    /// From the moment something fell due until its turn.
    pub reminder_lag_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            turns: Family::default(),
            turn_seconds: Family::new_with_constructor(quick),
            active_actors: Family::default(),
            activation_seconds: Family::new_with_constructor(quick),
            journal_entries: Family::new_with_constructor(|| {
                Histogram::new([0, 1, 4, 16, 64, 128, 256, 512, 1024].map(f64::from))
            }),
            batches: Family::default(),
            batch_events: Histogram::new([1, 2, 4, 8, 16, 32, 64, 128, 256].map(f64::from)),
            queued_events: Family::default(),
            publish_lag_seconds: slow(),
            sweeps: Family::default(),
            repairs: Family::default(),
            reminder_lag_seconds: slow(),
        }
    }
}

/// For what a person waits for: from 5 ms to 10 s.
#[must_use]
pub fn quick() -> Histogram {
    Histogram::new([
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ])
}

/// For what goes on in the background and may lag behind: from 50 ms to an hour.
#[must_use]
pub fn slow() -> Histogram {
    Histogram::new([
        0.05, 0.25, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0,
    ])
}

/// From `then` to `now`, in seconds; nothing if the clocks disagree.
#[must_use]
pub fn seconds_between(then: Timestamp, now: Timestamp) -> f64 {
    let passed = Duration::try_from(now.duration_since(then)).unwrap_or_default();
    passed.as_secs_f64()
}

impl Metrics {
    /// Names every instrument. `registry` puts its prefix before the names.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "actor_turns",
            "Turns of actors by type, method and outcome",
            self.turns.clone(),
        );
        registry.register(
            "actor_turn_duration_seconds",
            "How long callers waited for a turn, in line and in it",
            self.turn_seconds.clone(),
        );
        registry.register(
            "actors_active",
            "Actors in memory",
            self.active_actors.clone(),
        );
        registry.register(
            "actor_activation_duration_seconds",
            "How long a journal took to load",
            self.activation_seconds.clone(),
        );
        registry.register(
            "actor_journal_entries",
            "Entries a journal had in the store when it was loaded",
            self.journal_entries.clone(),
        );
        registry.register(
            "publisher_batches",
            "Batches given to Kafka by topic and outcome",
            self.batches.clone(),
        );
        registry.register(
            "publisher_batch_events",
            "Events in a batch given to Kafka",
            self.batch_events.clone(),
        );
        registry.register(
            "publisher_queue_events",
            "Events that wait for Kafka or are in flight",
            self.queued_events.clone(),
        );
        registry.register(
            "publisher_lag_seconds",
            "Age of a journal entry when Kafka had acknowledged its events",
            self.publish_lag_seconds.clone(),
        );
        registry.register(
            "reconciler_sweeps",
            "Sweeps of the reconciler by outcome",
            self.sweeps.clone(),
        );
        registry.register(
            "reconciler_repairs",
            "Gaps that the reconciler closed by kind",
            self.repairs.clone(),
        );
        registry.register(
            "reminder_lag_seconds",
            "How late something that fell due had its turn",
            self.reminder_lag_seconds.clone(),
        );
    }
}

impl Metrics {
    /// Begins at zero what would otherwise begin at one, which looks like no change.
    pub(crate) fn begin(&self) {
        for gap in ["unapplied", "overdue"] {
            self.repairs.get_or_create(&Repair { gap }).inc_by(0);
        }
        for outcome in ["ok", "failed"] {
            self.sweeps.get_or_create(&Sweep { outcome }).inc_by(0);
            for topic in Topic::ALL {
                let topic = topic.name();
                self.batches
                    .get_or_create(&Batch { topic, outcome })
                    .inc_by(0);
            }
        }
    }

    /// Counts and times a turn.
    pub fn turn(&self, actor: &'static str, method: &str, outcome: &'static str, took: Duration) {
        let method = method.to_owned();
        let timed = Method { actor, method };
        self.turn_seconds
            .get_or_create(&timed)
            .observe(took.as_secs_f64());
        let Method { actor, method } = timed;
        let turn = Turn {
            actor,
            method,
            outcome,
        };
        self.turns.get_or_create(&turn).inc();
    }

    /// Times an activation, whose journal has `entries` in the store.
    pub fn activation(&self, actor: &'static str, entries: u64, took: Duration) {
        let actor = Actor { actor };
        self.activation_seconds
            .get_or_create(&actor)
            .observe(took.as_secs_f64());
        self.journal_entries
            .get_or_create(&actor)
            .observe(entries as f64);
    }

    /// Counts a batch that was given to Kafka.
    pub fn batch(&self, topic: &'static str, events: usize, sent: bool) {
        let outcome = if sent { "ok" } else { "failed" };
        self.batches.get_or_create(&Batch { topic, outcome }).inc();
        self.batch_events.observe(events as f64);
    }
}

/// A number that goes up while it lives and down when dropped.
pub struct Counted(Gauge);

impl Counted {
    /// One more.
    #[must_use]
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
