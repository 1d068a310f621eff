//! The way out to Kafka: turns hand over their events and share batches.
//!
//! Events of one key leave in the order they came, at most one batch of a key in flight; after
//! a partial failure the key resumes from the failed event. Keys are independent. While Kafka
//! is away nobody waits and the queue grows to a bound; past it events are refused here, stay
//! in their journals, and leave when their actor (or the reconciler) hands them over again.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use crate::{
    event::{Outgoing, Topic},
    metrics::{self, METRICS},
    sidecar::Sidecar,
};

/// Most events in one publish call.
const BATCH_EVENTS: usize = 256;
/// Most bytes in one publish call; a single larger event goes alone.
const BATCH_BYTES: usize = 768 << 10;
/// How much may wait, and how long for company.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Whose it is, to whoever watches.
    queue: &'static str,
    events: usize,
    bytes: usize,
    /// Time between two calls for a topic, in which what comes next gathers.
    gather: Duration,
}

impl Room {
    /// For events that their journals hold anyway.
    pub const JOURNAL: Self = Self {
        queue: "journal",
        events: 50_000,
        bytes: 64 << 20,
        // Turns wait for it.
        gather: Duration::ZERO,
    };
    /// For updates, which are dropped past it; see [`crate::updates`].
    pub const UPDATES: Self = Self {
        queue: "updates",
        events: 5_000,
        bytes: 8 << 20,
        // No eye sees the difference, and each call costs Kafka and every replica that reads.
        gather: Duration::from_millis(25),
    };
}

/// Waits between tries of a batch that failed.
const RETRY_WAITS: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];
/// A batch in flight for longer than this means Kafka is slow or away: nobody waits for it.
const SLOW: Duration = Duration::from_millis(250);

/// Publishes events in shared batches.
pub struct Publisher {
    room: Room,
    /// How many events it holds, to whoever watches.
    held: Gauge,
    queue: Mutex<Queue>,
    arrived: [Notify; Topic::ALL.len()],
}

/// The events of one journal entry, and what to run once Kafka has acknowledged them all.
pub struct Submission {
    /// The Kafka key.
    pub key: String,
    /// In the order they are to leave.
    pub events: Vec<Outgoing>,
    /// Runs once, when the last event is acknowledged.
    pub acknowledged: Box<dyn FnOnce() + Send>,
}

#[derive(Default)]
struct Queue {
    keys: HashMap<String, VecDeque<Item>>,
    /// Keys whose first event goes to that topic and that have nothing in flight.
    ready: [VecDeque<String>; Topic::ALL.len()],
    /// When each topic's batch in flight left, or began to fail.
    in_flight_since: [Option<Instant>; Topic::ALL.len()],
    events: usize,
    bytes: usize,
}

struct Item {
    event: Outgoing,
    /// On the last event of its submission.
    acknowledged: Option<Box<dyn FnOnce() + Send>>,
}

impl Publisher {
    /// Starts a publisher over `sidecar`; its tasks end when the publisher is dropped. Two
    /// publishers share nothing: what one cannot send holds nothing up in the other.
    #[must_use]
    pub fn start(sidecar: &Arc<dyn Sidecar>, room: Room) -> Arc<Self> {
        let publisher = Arc::new(Self {
            room,
            held: METRICS
                .queued_events
                .get_or_create(&metrics::Queue { queue: room.queue })
                .clone(),
            queue: Mutex::default(),
            arrived: Default::default(),
        });
        for topic in Topic::ALL {
            let publisher = Arc::downgrade(&publisher);
            let sidecar = Arc::clone(sidecar);
            tokio::spawn(async move {
                let mut failures = 0;
                loop {
                    let Some(strong) = publisher.upgrade() else {
                        return;
                    };
                    let sent = strong.publish_batch(topic, sidecar.as_ref()).await;
                    drop(strong);
                    match sent {
                        Sent::All => {
                            failures = 0;
                            if !room.gather.is_zero() {
                                tokio::time::sleep(room.gather).await;
                            }
                        }
                        Sent::Failed => {
                            let wait = RETRY_WAITS[failures.min(RETRY_WAITS.len() - 1)];
                            failures += 1;
                            tokio::time::sleep(wait).await;
                        }
                        Sent::Nothing => {
                            let Some(strong) = publisher.upgrade() else {
                                return;
                            };
                            // Wakes now and then so that a dropped publisher's task can end.
                            let arrived = strong.arrived[topic as usize].notified();
                            let _ = tokio::time::timeout(Duration::from_secs(5), arrived).await;
                        }
                    }
                }
            });
        }
        publisher
    }

    /// Queues an entry's events. Answers false, and drops them, when the queue is full: they
    /// stay in the journal and have to be handed over again, in order, later.
    pub fn submit(&self, submission: Submission) -> bool {
        let Submission {
            key,
            events,
            acknowledged,
        } = submission;
        let Some(first) = events.first().map(|event| event.topic) else {
            acknowledged();
            return true;
        };
        let bytes: usize = events.iter().map(|event| event.body.len()).sum();
        let mut queue = self.lock();
        if queue.events + events.len() > self.room.events || queue.bytes + bytes > self.room.bytes {
            return false;
        }
        queue.events += events.len();
        queue.bytes += bytes;
        self.held.inc_by(signed(events.len()));
        let waiting = queue.keys.contains_key(&key);
        let items = queue.keys.entry(key.clone()).or_default();
        let last = events.len() - 1;
        let mut acknowledged = Some(acknowledged);
        items.extend(events.into_iter().enumerate().map(|(n, event)| Item {
            event,
            acknowledged: if n == last { acknowledged.take() } else { None },
        }));
        if !waiting {
            queue.ready[first as usize].push_back(key);
            drop(queue);
            self.arrived[first as usize].notify_one();
        }
        true
    }

    /// Whether acknowledgements come promptly; while they do not, nobody should wait for one.
    #[must_use]
    pub fn is_prompt(&self) -> bool {
        let since = self.lock().in_flight_since;
        since.iter().flatten().all(|since| since.elapsed() < SLOW)
    }

    /// How many events wait or are in flight.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.lock().events
    }

    /// Whether no more than half of its room is taken.
    #[must_use]
    pub fn is_half_free(&self) -> bool {
        let queue = self.lock();
        queue.events <= self.room.events / 2 && queue.bytes <= self.room.bytes / 2
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A panic elsewhere leaves the queue as consistent as before it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn publish_batch(&self, topic: Topic, sidecar: &dyn Sidecar) -> Sent {
        let batch = self.lock().take_batch(topic);
        if batch.is_empty() {
            return Sent::Nothing;
        }
        let failed: HashSet<usize> = match sidecar.publish(topic, &batch).await {
            Ok(failed) => failed.into_iter().collect(),
            Err(error) => {
                tracing::warn!(topic = topic.name(), events = batch.len(), %error, "publish failed; trying again");
                (0..batch.len()).collect()
            }
        };
        METRICS.batch(topic.name(), batch.len(), failed.is_empty());
        let (acknowledged, woken) = {
            let mut queue = self.lock();
            let before = queue.events;
            let settled = queue.settle(topic, &batch, &failed);
            self.held.dec_by(signed(before - queue.events));
            settled
        };
        for acknowledge in acknowledged {
            acknowledge();
        }
        for topic in woken {
            self.arrived[topic as usize].notify_one();
        }
        if failed.is_empty() {
            Sent::All
        } else {
            Sent::Failed
        }
    }
}

/// A publisher that ends takes its queue with it.
impl Drop for Publisher {
    fn drop(&mut self) {
        let left = self.lock().events;
        self.held.dec_by(signed(left));
    }
}

fn signed(events: usize) -> i64 {
    i64::try_from(events).unwrap_or(i64::MAX)
}

enum Sent {
    All,
    Failed,
    Nothing,
}

impl Queue {
    /// The next batch for `topic`: of each ready key, its leading events on that topic.
    fn take_batch(&mut self, topic: Topic) -> Vec<(String, Outgoing)> {
        let mut batch: Vec<(String, Outgoing)> = Vec::new();
        let mut bytes = 0;
        'keys: while let Some(key) = self.ready[topic as usize].pop_front() {
            let items = self.keys.get(&key).into_iter().flatten();
            let leading = items.take_while(|item| item.event.topic == topic);
            for (taken, item) in leading.enumerate() {
                let size = item.event.body.len();
                if batch.len() == BATCH_EVENTS || (!batch.is_empty() && bytes + size > BATCH_BYTES)
                {
                    if taken == 0 {
                        self.ready[topic as usize].push_front(key);
                    }
                    break 'keys;
                }
                bytes += size;
                batch.push((key.clone(), item.event.clone()));
            }
        }
        if !batch.is_empty() {
            self.in_flight_since[topic as usize].get_or_insert_with(Instant::now);
        }
        batch
    }

    /// Drops what was acknowledged, makes the batch's keys ready again, and answers the
    /// callbacks to run and the topics that have work.
    #[expect(
        clippy::type_complexity,
        reason = "two lists, both used up at once by the caller"
    )]
    fn settle(
        &mut self,
        topic: Topic,
        batch: &[(String, Outgoing)],
        failed: &HashSet<usize>,
    ) -> (Vec<Box<dyn FnOnce() + Send>>, HashSet<Topic>) {
        let mut acknowledged = Vec::new();
        let mut stopped: HashSet<&str> = HashSet::new();
        let mut touched: Vec<&str> = Vec::new();
        for (position, (key, _)) in batch.iter().enumerate() {
            if touched.last() != Some(&key.as_str()) {
                touched.push(key);
            }
            if failed.contains(&position) {
                stopped.insert(key);
            }
            if stopped.contains(key.as_str()) {
                continue;
            }
            if let Some(item) = self.keys.get_mut(key).and_then(VecDeque::pop_front) {
                self.events -= 1;
                self.bytes -= item.event.body.len();
                acknowledged.extend(item.acknowledged);
            }
        }
        let mut woken = HashSet::new();
        for key in touched {
            match self
                .keys
                .get(key)
                .and_then(VecDeque::front)
                .map(|item| item.event.topic)
            {
                Some(next) => {
                    self.ready[next as usize].push_back(key.to_owned());
                    woken.insert(next);
                }
                None => {
                    self.keys.remove(key);
                }
            }
        }
        if failed.is_empty() {
            self.in_flight_since[topic as usize] = None;
        }
        (acknowledged, woken)
    }
}

/// Waits for an acknowledgement, for `bound` at most, or not at all while they are slow.
pub async fn wait_acknowledged(
    publisher: &Publisher,
    bound: Duration,
    done: oneshot::Receiver<()>,
) {
    if publisher.is_prompt() {
        let _ = tokio::time::timeout(bound, done).await;
    }
}
