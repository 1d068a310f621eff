//! Reading a whole topic, for tests that say what must be in Kafka.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use rskafka::client::Client;
use rskafka::client::partition::{OffsetAt, UnknownTopicHandling};

use crate::kafka::Broker;

/// One record as it lies in Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaRecord {
    /// The partition it is in.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// The key, which decides the partition.
    pub key: Option<Vec<u8>>,
    /// The value; the events are JSON.
    pub value: Vec<u8>,
    /// What travels beside the value.
    pub headers: BTreeMap<String, Vec<u8>>,
    /// When the producer made it.
    pub timestamp: SystemTime,
}

impl KafkaRecord {
    /// The value as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.value).unwrap_or_default()
    }

    /// The key as text; empty if there is none.
    #[must_use]
    pub fn key_text(&self) -> String {
        String::from_utf8_lossy(self.key.as_deref().unwrap_or_default()).into_owned()
    }
}

/// Everything in `topic` from its beginning to its present end, partition by
/// partition, in order within each.
pub(crate) async fn read(broker: &Broker, topic: &str) -> Result<Vec<KafkaRecord>> {
    const PATIENCE: Duration = Duration::from_secs(60);
    tokio::time::timeout(PATIENCE, read_all(broker, topic))
        .await
        .with_context(|| format!("the topic {topic} could not be read within a minute"))?
}

async fn read_all(broker: &Broker, topic: &str) -> Result<Vec<KafkaRecord>> {
    let client = broker.client()?.build().await;
    let client = client.context("Kafka cannot be reached")?;
    let known = client.list_topics().await?;
    let known = known
        .into_iter()
        .find(|known| known.name == topic)
        .with_context(|| format!("Kafka has no topic {topic}"))?;
    let mut records = Vec::new();
    for partition in known.partitions {
        read_partition(&client, topic, partition, &mut records).await?;
    }
    Ok(records)
}

async fn read_partition(
    client: &Client,
    topic: &str,
    partition: i32,
    into: &mut Vec<KafkaRecord>,
) -> Result<()> {
    const MOST_BYTES: i32 = 8 * 1024 * 1024;
    let reader = client
        .partition_client(topic, partition, UnknownTopicHandling::Retry)
        .await?;
    let mut next = reader.get_offset(OffsetAt::Earliest).await?;
    let end = reader.get_offset(OffsetAt::Latest).await?;
    while next < end {
        let (records, _) = reader.fetch_records(next, 1..MOST_BYTES, 1_000).await?;
        let Some(last) = records.last() else {
            // Only markers of transactions are left, and they are no records.
            break;
        };
        next = last.offset + 1;
        into.extend(records.into_iter().map(|record| KafkaRecord {
            partition,
            offset: record.offset,
            key: record.record.key,
            value: record.record.value.unwrap_or_default(),
            headers: record.record.headers,
            timestamp: UNIX_EPOCH
                + Duration::from_millis(record.record.timestamp.timestamp_millis().unsigned_abs()),
        }));
    }
    Ok(())
}
