//! Role `topics`: creates the Kafka topics that do not exist yet.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, bail};
use rskafka::{
    BackoffConfig,
    client::{Client, error::Error, error::ProtocolError},
};
use todo_actors::event::Topic;
use tokio::time::{Instant, sleep};

use crate::kafka::{self, KafkaConfig};

/// Of every topic, unless another number is asked for. Fewer would not let three replicas share
/// the work.
pub const PARTITIONS: i32 = 3;
/// The broker's own default, whatever the size of the cluster.
const DEFAULT_REPLICATION: i16 = -1;
/// Longest a broker may take to create a topic.
const CREATE_TIMEOUT_MS: i32 = 10_000;
/// How long Kafka may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between tries.
const WAIT: Duration = Duration::from_millis(500);
/// How rskafka, whose own error is out of reach behind its retries, says that we may not come in.
const REFUSED: &str = "Sasl handshake failed";

/// Creates every topic, with 3 partitions or as many as asked for. Topics that exist are left alone; one with another
/// number of partitions is reported, because changing it would move keys between partitions.
///
/// How long a topic keeps its events cannot be said here: rskafka sends no topic configuration.
/// It is the broker's default, `log.retention.hours=168`, which is 7 days.
///
/// # Errors
/// Kafka does not answer within a minute, does not know us, or refuses to create a topic.
pub async fn run(config: &KafkaConfig) -> anyhow::Result<()> {
    let place = config.brokers.join(", ");
    let client = connect(config, &place).await?;
    match tokio::time::timeout(PATIENCE, create_all(&client, config.partitions)).await {
        Ok(result) => {
            result.with_context(|| format!("The topics could not be created at {place}."))
        }
        Err(_) => bail!("Kafka at {place} took longer than 60 s to create the topics."),
    }
}

/// Connects, as soon as Kafka is up. A wrong password does not get better by waiting.
async fn connect(config: &KafkaConfig, place: &str) -> anyhow::Result<Client> {
    let backoff = |deadline| BackoffConfig {
        max_backoff: Duration::from_secs(2),
        deadline: Some(deadline),
        ..BackoffConfig::default()
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let once = kafka::client(config)?.backoff_config(backoff(Duration::ZERO));
        let error = match tokio::time::timeout_at(deadline, once.build()).await {
            Ok(Ok(_)) => break,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took the connection and was silent".to_owned(),
        };
        if error.contains(REFUSED) {
            bail!("Kafka at {place} does not accept our user name and password: {error}.");
        }
        if Instant::now() >= deadline {
            bail!("Kafka at {place} did not answer within 60 s: {error}.");
        }
        tracing::debug!(error, "waiting for Kafka");
        sleep(WAIT).await;
    }
    let client = kafka::client(config)?.backoff_config(backoff(PATIENCE));
    Ok(client.build().await?)
}

async fn create_all(client: &Client, wanted: i32) -> anyhow::Result<()> {
    let before = partitions(client).await?;
    let controller = client.controller_client()?;
    for topic in Topic::ALL {
        let name = topic.name();
        if before.contains_key(name) {
            continue;
        }
        match controller
            .create_topic(name, wanted, DEFAULT_REPLICATION, CREATE_TIMEOUT_MS)
            .await
        {
            Ok(()) => tracing::info!(topic = name, partitions = wanted, "topic created"),
            Err(Error::ServerError {
                protocol_error: ProtocolError::TopicAlreadyExists,
                ..
            }) => {}
            Err(error) => return Err(error).with_context(|| format!("Topic {name}")),
        }
    }
    for (name, found) in misfits(&partitions(client).await?, wanted) {
        tracing::warn!(
            topic = name,
            partitions = found,
            expected = wanted,
            "topic has another number of partitions"
        );
    }
    Ok(())
}

async fn partitions(client: &Client) -> anyhow::Result<BTreeMap<String, usize>> {
    let topics = client.list_topics().await?;
    Ok(topics
        .into_iter()
        .map(|topic| (topic.name, topic.partitions.len()))
        .collect())
}

/// Our topics whose number of partitions is not the one wanted.
fn misfits(found: &BTreeMap<String, usize>, wanted: i32) -> Vec<(&'static str, usize)> {
    Topic::ALL
        .into_iter()
        .filter_map(|topic| found.get(topic.name()).map(|count| (topic.name(), *count)))
        .filter(|(_, count)| i32::try_from(*count) != Ok(wanted))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_of_partitions_is_noticed_on_our_topics_only() {
        let found = BTreeMap::from([
            ("task-events".to_owned(), 3),
            ("reminders".to_owned(), 1),
            ("somebody-else".to_owned(), 12),
        ]);
        assert_eq!(misfits(&found, 3), [("reminders", 1)]);
    }
}
