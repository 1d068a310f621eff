//! The events, as they lie in Kafka.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{KafkaRecord, Stack};

/// The topics whose events announce entries of journals. `task-updates` is apart: what is on it
/// is derived, and may be lost.
pub const TOPICS: [&str; 3] = ["task-events", "conversation-events", "reminders"];

/// An event that announces (part of) an entry of an actor's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorEvent {
    /// The topic it is on.
    pub topic: &'static str,
    /// The record's key: whom it belongs to.
    pub key: String,
    /// Such as `User/ann/7/0`; the same for every repeat.
    pub id: String,
    /// Such as `com.todo.task.created`.
    pub kind: String,
    /// Whose journal, such as `User/ann`.
    pub actor: String,
    /// The entry.
    pub sequence: i64,
    /// Its place among the entry's events on the actor's home topic, and how many those are;
    /// `None` on other topics.
    pub part: Option<(i64, i64)>,
    /// When the turn decided.
    pub time: String,
    /// What it says.
    pub data: Value,
}

impl ActorEvent {
    /// Reads a record.
    ///
    /// # Errors
    /// It is no such event.
    pub fn read(topic: &'static str, record: &KafkaRecord) -> Result<Self> {
        let event = record.json();
        let place = || format!("{topic}/{}/{}", record.partition, record.offset);
        let text = |name: &str| {
            let text = event[name].as_str().map(str::to_owned);
            text.with_context(|| format!("the event at {} has no {name}", place()))
        };
        let sequence = text("sequence")?;
        let number = |name: &str| event[name].as_i64();
        Ok(Self {
            topic,
            key: record.key_text(),
            id: text("id")?,
            kind: text("type")?,
            actor: text("actor")?,
            sequence: sequence
                .parse()
                .with_context(|| format!("the event at {} has no sequence", place()))?,
            part: number("part").zip(number("parts")),
            time: text("time")?,
            data: event["data"].clone(),
        })
    }
}

/// Every event of the topics [`TOPICS`], repeats included, in the order of each partition.
///
/// # Errors
/// Kafka does not answer, or something else is on a topic.
pub async fn read_events(stack: &Stack) -> Result<Vec<ActorEvent>> {
    let mut events = Vec::new();
    for topic in TOPICS {
        let mut records = stack.read_topic(topic).await?;
        records.sort_by_key(|record| (record.partition, record.offset));
        for record in &records {
            events.push(ActorEvent::read(topic, record)?);
        }
    }
    Ok(events)
}

/// The events by id, each once.
#[must_use]
pub fn distinct(events: &[ActorEvent]) -> BTreeMap<&str, &ActorEvent> {
    let mut by_id = BTreeMap::new();
    for event in events {
        by_id.entry(event.id.as_str()).or_insert(event);
    }
    by_id
}
