//! Role `topics`: creates the Kafka topics that do not exist yet.

use std::{collections::BTreeMap, time::Duration};

use anyhow::bail;
use todo_actors::event::Topic;
use tokio::time::{Instant, sleep};

use crate::kafka::{
    self, Connection, KafkaConfig,
    message::{CreateTopics, Created, Metadata},
};

/// Of every topic, unless another number is asked for. Fewer would not let three replicas share
/// the work.
pub const PARTITIONS: i32 = 3;
/// Events are kept for 7 days. A broker drops only segments that have ended, so one ends each day.
const SETTINGS: [(&str, &str); 2] = [("retention.ms", "604800000"), ("segment.ms", "86400000")];
/// Longest a broker may take to create the topics.
const CREATE_TIMEOUT_MS: i32 = 10_000;
/// How long Kafka may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between tries.
const WAIT: Duration = Duration::from_millis(500);

// Kafka's numbers for what may come of a topic.
const CREATED: i16 = 0;
const REQUEST_TIMED_OUT: i16 = 7;
const ALREADY_EXISTS: i16 = 36;
/// Also while the cluster comes up, and has fewer brokers than it will.
const INVALID_REPLICATION_FACTOR: i16 = 38;
const NOT_CONTROLLER: i16 = 41;

/// Creates every topic, with 3 partitions or as many as asked for, to keep events for 7 days.
/// Topics that exist are left alone, for somebody may have set them otherwise; one with another
/// number of partitions is reported, because changing it would move keys between partitions.
///
/// # Errors
/// No broker answers within a minute, one does not know us, or refuses to create a topic.
pub async fn run(config: &KafkaConfig) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut failures = BTreeMap::new();
    for broker in config.brokers.iter().cycle() {
        let Err(failure) = create_missing(broker, config).await else {
            return Ok(());
        };
        let text = format!("Kafka at {broker} {failure}.");
        if !failure.may_pass() {
            bail!(text);
        }
        tracing::debug!(error = text, "waiting for Kafka");
        failures.insert(broker, text);
        if Instant::now() >= deadline {
            break;
        }
        sleep(WAIT).await;
    }
    let failures: Vec<String> = failures.into_values().collect();
    bail!(
        "The topics could not be created within 60 s. {}",
        failures.join(" ")
    );
}

/// Why a broker created no topics. What it says follows "Kafka at HOST:PORT".
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    #[error("does not create topic {name}: {}", reason(*error, says.as_deref()))]
    Topic {
        name: String,
        error: i16,
        says: Option<String>,
    },
}

impl Failure {
    /// Whether another try could have another end.
    fn may_pass(&self) -> bool {
        match self {
            Self::Kafka(error) => error.may_pass(),
            Self::Topic { error, .. } => [
                REQUEST_TIMED_OUT,
                INVALID_REPLICATION_FACTOR,
                NOT_CONTROLLER,
            ]
            .contains(error),
        }
    }
}

fn reason(error: i16, says: Option<&str>) -> String {
    let says = says.map_or(String::new(), |says| {
        format!("{} ", says.trim_end_matches('.'))
    });
    format!("{says}(error {error} of https://kafka.apache.org/protocol#protocol_error_codes)")
}

async fn create_missing(broker: &str, config: &KafkaConfig) -> Result<(), Failure> {
    let mut kafka = Connection::open(broker, config).await?;
    let ours = Topic::ALL.map(Topic::name);
    let found = kafka.call(&Metadata(&ours)).await?;
    for (name, count) in misfits(&found, config.partitions) {
        tracing::warn!(
            topic = name,
            partitions = count,
            expected = config.partitions,
            "topic has another number of partitions"
        );
    }
    let mut missing = ours.to_vec();
    missing.retain(|name| !found.contains_key(*name));
    if missing.is_empty() {
        return Ok(());
    }
    let request = CreateTopics {
        names: &missing,
        partitions: config.partitions,
        settings: &SETTINGS,
        within_ms: CREATE_TIMEOUT_MS,
    };
    for Created { name, error, says } in kafka.call(&request).await? {
        match error {
            CREATED => tracing::info!(
                topic = name,
                partitions = config.partitions,
                "topic created"
            ),
            // Somebody else was faster.
            ALREADY_EXISTS => {}
            _ => return Err(Failure::Topic { name, error, says }),
        }
    }
    Ok(())
}

/// Our topics whose number of partitions is not the one wanted.
fn misfits(found: &BTreeMap<String, usize>, wanted: i32) -> Vec<(&str, usize)> {
    let topics = found.iter().map(|(name, count)| (name.as_str(), *count));
    topics
        .filter(|(_, count)| i32::try_from(*count) != Ok(wanted))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_of_partitions_is_noticed() {
        let found = BTreeMap::from([("task-events".to_owned(), 3), ("reminders".to_owned(), 1)]);
        assert_eq!(misfits(&found, 3), [("reminders", 1)]);
    }

    #[test]
    fn what_stays_forbidden_is_not_tried_again_and_says_why() {
        let failure = |error, says: Option<&str>| Failure::Topic {
            name: "reminders".to_owned(),
            error,
            says: says.map(str::to_owned),
        };
        let forbidden = failure(29, Some("Authorization failed."));
        assert!(!forbidden.may_pass());
        assert_eq!(
            forbidden.to_string(),
            "does not create topic reminders: Authorization failed (error 29 of \
             https://kafka.apache.org/protocol#protocol_error_codes)"
        );
        assert!(failure(NOT_CONTROLLER, None).may_pass());
    }
}
