//! The way to open pages: updates leave by a queue of their own, for which nobody waits.
//!
//! While Kafka is away the queue fills, and what finds no room in it is dropped. Whose updates
//! those were is remembered; once there is room again these people's pages are told to read
//! anew. Past a bound nobody is told apart: then everybody's pages are.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use crate::{
    event::Outgoing,
    publisher::{Publisher, Room, Submission},
    sidecar::Sidecar,
    update,
};

/// Most people remembered one by one. Their resyncs fit into half a queue.
const MOST_MISSED: usize = 1_000;
/// The Kafka key of what is for everybody; no user id has a tilde.
const EVERYBODY: &str = "~";

/// Tells open pages what happened, or that they have to read anew.
pub struct Updates {
    publisher: Arc<Publisher>,
    missed: Mutex<Missed>,
    /// For acknowledgements, which wait in the queue.
    this: Weak<Self>,
}

/// Whose updates were dropped.
enum Missed {
    By(HashSet<String>),
    Everybody,
}

impl Updates {
    /// Starts the queue over `sidecar`.
    #[must_use]
    pub fn start(sidecar: &Arc<dyn Sidecar>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            publisher: Publisher::start(sidecar, Room::UPDATES),
            missed: Mutex::new(Missed::nobody()),
            this: this.clone(),
        })
    }

    /// Queues a user's updates. Those that find no room are dropped, and the user's pages read
    /// anew later.
    pub fn tell(&self, user_id: &str, updates: Vec<Outgoing>) {
        if !self.submit(user_id, updates) {
            tracing::debug!(user_id, "update dropped: too many wait for Kafka");
            self.missed().add(user_id);
            // Those that made room may be gone by now, and nobody else would come by.
            self.tell_missed();
        }
    }

    /// How many updates wait or are in flight.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.publisher.backlog()
    }

    fn submit(&self, key: &str, events: Vec<Outgoing>) -> bool {
        let this = self.this.clone();
        self.publisher.submit(Submission {
            key: key.to_owned(),
            events,
            acknowledged: Box::new(move || {
                if let Some(this) = this.upgrade() {
                    this.tell_missed();
                }
            }),
        })
    }

    /// Tells those who missed something, not before half the queue is free: while it is about
    /// full, more is dropped at once.
    fn tell_missed(&self) {
        let missed = {
            let mut missed = self.missed();
            if missed.is_empty() || !self.publisher.is_half_free() {
                return;
            }
            std::mem::replace(&mut *missed, Missed::nobody())
        };
        let told = match &missed {
            Missed::By(users) => {
                tracing::info!(users = users.len(), "pages that missed updates read anew");
                let mut users = users.iter();
                users.all(|user_id| self.submit(user_id, vec![update::resync(Some(user_id))]))
            }
            Missed::Everybody => {
                tracing::info!("updates were missed: everybody's pages read anew");
                self.submit(EVERYBODY, vec![update::resync(None)])
            }
        };
        if !told {
            // The queue filled up meanwhile. To tell somebody twice costs a read.
            self.missed().merge(missed);
        }
    }

    fn missed(&self) -> MutexGuard<'_, Missed> {
        // A panic elsewhere leaves it as it was.
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Missed {
    fn nobody() -> Self {
        Self::By(HashSet::new())
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::By(users) if users.is_empty())
    }

    fn add(&mut self, user_id: &str) {
        let Self::By(users) = self else { return };
        users.insert(user_id.to_owned());
        if users.len() > MOST_MISSED {
            *self = Self::Everybody;
        }
    }

    fn merge(&mut self, other: Self) {
        match other {
            Self::By(users) => users.iter().for_each(|user_id| self.add(user_id)),
            Self::Everybody => *self = Self::Everybody,
        }
    }
}
