//! Where messages go that can never succeed: the topic `dead-letters`, with origin and reason.
//!
//! The consumer writes them itself. The sidecar's own dead-letter topics take whatever was
//! refused once, an outage too, and say nothing of why.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use todo_actors::{
    clock::{Clock, SystemClock},
    event::{Outgoing, Topic},
    sidecar::Sidecar,
};

use super::{Bulk, BulkEntry, EntryStatus, Malformed, Verdict};
use crate::metrics::{Consumer, METRICS};

/// Longest message that is kept within its dead letter, in base64; a longer one is found where
/// it came from.
const LARGEST: usize = 512 << 10;

/// The way to the dead letters, for one consumer.
#[derive(Clone)]
pub struct DeadLetters {
    sidecar: Arc<dyn Sidecar>,
    consumer: &'static str,
    written: Arc<AtomicU64>,
}

impl DeadLetters {
    /// Those of `consumer`, such as `projector`.
    #[must_use]
    pub fn new(sidecar: Arc<dyn Sidecar>, consumer: &'static str) -> Self {
        // Zero from the start: a number that begins at one has not grown.
        METRICS
            .dead_letters
            .get_or_create(&Consumer { consumer })
            .inc_by(0);
        Self {
            sidecar,
            consumer,
            written: Arc::default(),
        }
    }

    /// Whose they are.
    #[must_use]
    pub fn consumer(&self) -> &'static str {
        self.consumer
    }

    /// How many this process has written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Writes the dead letters of what was dropped; answers what the sidecar is to hear.
    ///
    /// A bulk with anything to be tried again comes back whole, so its dead letters wait until
    /// nothing else is left: an outage does not write them over and over.
    pub(super) async fn settle(
        &self,
        bulk: &Bulk,
        reasons: &[Option<Malformed>],
        mut statuses: Vec<EntryStatus>,
    ) -> Vec<EntryStatus> {
        let dropped: HashSet<&str> = statuses
            .iter()
            .filter(|entry| entry.status == Verdict::Drop)
            .map(|entry| entry.entry_id.as_str())
            .collect();
        if dropped.is_empty() {
            return statuses;
        }
        let again = statuses.iter().any(|entry| entry.status == Verdict::Retry);
        if !again {
            let entries = bulk.entries.iter().zip(reasons);
            let letters: Vec<(String, Outgoing)> = entries
                .filter(|(entry, _)| dropped.contains(entry.entry_id.as_str()))
                .map(|(entry, reason)| self.letter(&bulk.topic, entry, *reason))
                .collect();
            if self.write(&letters).await {
                return statuses;
            }
        }
        for entry in &mut statuses {
            if entry.status == Verdict::Drop {
                entry.status = Verdict::Retry;
            }
        }
        statuses
    }

    async fn write(&self, letters: &[(String, Outgoing)]) -> bool {
        let consumer = self.consumer;
        match self.sidecar.publish(Topic::DeadLetters, letters).await {
            Ok(failed) if failed.is_empty() => {
                let count = letters.len() as u64;
                let written = self.written.fetch_add(count, Ordering::Relaxed) + count;
                METRICS
                    .dead_letters
                    .get_or_create(&Consumer { consumer })
                    .inc_by(count);
                tracing::error!(consumer, count, written, "messages given up: dead letters");
                true
            }
            Ok(failed) => {
                let failed = failed.len();
                tracing::warn!(consumer, failed, "dead letters wait for Kafka");
                false
            }
            Err(error) => {
                tracing::warn!(consumer, %error, "dead letters wait for Kafka");
                false
            }
        }
    }

    fn letter(
        &self,
        topic: &str,
        entry: &BulkEntry,
        reason: Option<Malformed>,
    ) -> (String, Outgoing) {
        let told = |name: &str| {
            let metadata = entry.metadata.as_ref();
            metadata.and_then(|metadata| metadata.get(name)?.as_str())
        };
        let place = [
            topic,
            told("__partition").unwrap_or("?"),
            told("__offset").unwrap_or("?"),
        ];
        let origin = place.join("/");
        // The same message given up again is the same letter.
        let id = format!("{}/{origin}", self.consumer);
        let message = entry
            .event
            .as_str()
            .filter(|message| message.len() <= LARGEST);
        let reason = reason.map_or("its consumer cannot take it in", |Malformed(why)| why);
        let letter: Value = json!({
            "specversion": "1.0",
            "id": id,
            "source": self.consumer,
            "type": "com.todo.dead_letter",
            "subject": origin,
            "time": SystemClock.now(),
            "datacontenttype": "application/json",
            "data": {
                "consumer": self.consumer,
                "reason": reason,
                "topic": topic,
                "partition": told("__partition"),
                "offset": told("__offset"),
                "message": message,
            },
        });
        let outgoing = Outgoing {
            topic: Topic::DeadLetters,
            id,
            body: letter.to_string().into_bytes(),
        };
        (told("__key").unwrap_or(&origin).to_owned(), outgoing)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use todo_actors::testkit::World;

    use super::*;

    fn bulk() -> Bulk {
        serde_json::from_value(json!({
            "topic": "task-events",
            "entries": [
                { "entryId": "0", "event": "bm8=", "metadata":
                    { "__key": "ann", "__partition": "2", "__offset": "7" } },
                { "entryId": "1", "event": "e30=" },
            ],
        }))
        .unwrap()
    }

    fn answers(verdicts: [Verdict; 2]) -> Vec<EntryStatus> {
        let entries = verdicts.into_iter().enumerate();
        entries
            .map(|(n, status)| EntryStatus {
                entry_id: n.to_string(),
                status,
            })
            .collect()
    }

    const REASONS: [Option<Malformed>; 2] = [Some(Malformed("not a CloudEvent")), None];

    #[tokio::test]
    async fn what_can_never_succeed_is_written_with_its_reason_and_origin() {
        let world = World::at("2026-11-23T10:00:00Z".parse().unwrap());
        // Counted under a name of its own, as the numbers belong to the process
        let consumer = "a test";
        let letters = DeadLetters::new(world.sidecar.clone(), consumer);
        let told = answers([Verdict::Drop, Verdict::Success]);
        let statuses = letters.settle(&bulk(), &REASONS, told.clone()).await;
        assert_eq!(statuses, told);
        assert_eq!(letters.written(), 1);
        let counted = METRICS
            .dead_letters
            .get_or_create(&Consumer { consumer })
            .get();
        assert_eq!(counted, 1);
        let published = world.sidecar.published();
        let (topic, key, letter) = &published[0];
        assert_eq!((*topic, key.as_str()), (Topic::DeadLetters, "ann"));
        let letter: Value = serde_json::from_slice(&letter.body).unwrap();
        assert_eq!(letter["id"], "a test/task-events/2/7");
        assert_eq!(letter["data"]["reason"], "not a CloudEvent");
        assert_eq!(letter["data"]["message"], "bm8=");
    }

    #[tokio::test]
    async fn dead_letters_wait_for_the_rest_of_their_bulk_and_for_kafka() {
        let world = World::at("2026-11-23T10:00:00Z".parse().unwrap());
        let letters = DeadLetters::new(world.sidecar.clone(), "auditor");
        let retry = answers([Verdict::Retry, Verdict::Retry]);
        // Given an outage, nothing is written
        let during = answers([Verdict::Drop, Verdict::Retry]);
        assert_eq!(letters.settle(&bulk(), &REASONS, during).await, retry);
        assert!(world.sidecar.published().is_empty());
        // Nor is anything given up while Kafka does not take the letter
        world.sidecar.kafka_away(true);
        let both = answers([Verdict::Drop, Verdict::Drop]);
        assert_eq!(letters.settle(&bulk(), &REASONS, both.clone()).await, retry);
        // Then, with Kafka back, both are
        world.sidecar.kafka_away(false);
        tokio::time::sleep(Duration::ZERO).await;
        assert_eq!(letters.settle(&bulk(), &REASONS, both.clone()).await, both);
        assert_eq!(letters.written(), 2);
    }
}
