//! Role `topics`: creates the Kafka topics that do not exist yet.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, bail};
use rskafka::{
    BackoffConfig,
    client::{Client, ClientBuilder, error::Error, error::ProtocolError},
};
use todo_actors::event::Topic;

/// Of every topic. More would need the same number in every consumer's arithmetic of lag, and
/// fewer would not let three replicas share the work.
pub const PARTITIONS: i32 = 3;
/// The broker's own default, whatever the size of the cluster.
const DEFAULT_REPLICATION: i16 = -1;
/// Longest a broker may take to create a topic.
const CREATE_TIMEOUT_MS: i32 = 10_000;
/// How long Kafka may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Creates every topic with 3 partitions. Topics that exist are left alone; one with another
/// number of partitions is reported, because changing it would move keys between partitions.
///
/// How long a topic keeps its events cannot be said here: rskafka sends no topic configuration.
/// It is the broker's default, `log.retention.hours=168`, which is 7 days.
///
/// # Errors
/// Kafka does not answer within a minute, or refuses to create a topic.
pub async fn run(brokers: &str) -> anyhow::Result<()> {
    let brokers: Vec<String> = brokers
        .split(',')
        .map(|broker| broker.trim().to_owned())
        .filter(|broker| !broker.is_empty())
        .collect();
    if brokers.is_empty() {
        bail!("KAFKA_BROKERS names no broker; expected host:port, separated by commas.");
    }
    let place = brokers.join(", ");
    match tokio::time::timeout(PATIENCE, create_all(brokers)).await {
        Ok(result) => {
            result.with_context(|| format!("The topics could not be created at {place}."))
        }
        Err(_) => bail!("Kafka at {place} did not answer within 60 s."),
    }
}

async fn create_all(brokers: Vec<String>) -> anyhow::Result<()> {
    let patience = BackoffConfig {
        max_backoff: Duration::from_secs(2),
        deadline: Some(PATIENCE),
        ..BackoffConfig::default()
    };
    let client = ClientBuilder::new(brokers)
        .backoff_config(patience)
        .build()
        .await?;
    let before = partitions(&client).await?;
    let controller = client.controller_client()?;
    for topic in Topic::ALL {
        let name = topic.name();
        if before.contains_key(name) {
            continue;
        }
        match controller
            .create_topic(name, PARTITIONS, DEFAULT_REPLICATION, CREATE_TIMEOUT_MS)
            .await
        {
            Ok(()) => tracing::info!(topic = name, partitions = PARTITIONS, "topic created"),
            Err(Error::ServerError {
                protocol_error: ProtocolError::TopicAlreadyExists,
                ..
            }) => {}
            Err(error) => return Err(error).with_context(|| format!("Topic {name}")),
        }
    }
    for (name, found) in misfits(&partitions(&client).await?) {
        tracing::warn!(
            topic = name,
            partitions = found,
            expected = PARTITIONS,
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

/// Our topics whose number of partitions is not ours.
fn misfits(found: &BTreeMap<String, usize>) -> Vec<(&'static str, usize)> {
    Topic::ALL
        .into_iter()
        .filter_map(|topic| found.get(topic.name()).map(|count| (topic.name(), *count)))
        .filter(|(_, count)| i32::try_from(*count) != Ok(PARTITIONS))
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
        assert_eq!(misfits(&found), [("reminders", 1)]);
    }

    #[tokio::test]
    async fn no_broker_is_one_sentence() {
        let error = run(" , ").await.unwrap_err().to_string();
        assert!(
            error.starts_with("KAFKA_BROKERS names no broker"),
            "{error}"
        );
    }
}
