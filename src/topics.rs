//! Role `topics`: creates the Kafka topics that do not exist yet.

use std::{collections::BTreeMap, time::Duration};

use anyhow::bail;
use jiff::SignedDuration;
use todo_actors::event::Topic;
use tokio::time::{sleep, timeout};

use crate::kafka::{
    self, Connection, ERROR_CODES, KafkaConfig,
    message::{CreateTopics, Created, Metadata},
};

/// Of every topic, unless another number is asked for. Fewer would not let three replicas share
/// the work.
pub const PARTITIONS: i32 = 3;
/// Events are kept for 7 days. A broker drops only segments that have ended, so one ends each day.
const SETTINGS: [(&str, &str); 2] = [("retention.ms", "604800000"), ("segment.ms", "86400000")];
/// How long Kafka may have an event: those seven days, the one until its segment ends, and some hours
/// until the broker has looked.
pub const KEPT_AT_MOST: SignedDuration = SignedDuration::from_hours(9 * 24);
/// Longest a broker may take to create the topics.
const CREATE_TIMEOUT_MS: i32 = 10_000;
/// How long all of it may take, a Kafka that comes up included. The chart's `jobs.deadlineSeconds`
/// has room for three times as much.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between tries, and until new topics are looked for.
const WAIT: Duration = Duration::from_millis(200);

// Kafka's numbers for what may come of a topic.
const CREATED: i16 = 0;
const REQUEST_TIMED_OUT: i16 = 7;
/// Somebody else was faster, or it was deleted just now and is not gone yet.
const ALREADY_EXISTS: i16 = 36;
/// Also while the cluster comes up, and has fewer brokers than it will.
const INVALID_REPLICATION_FACTOR: i16 = 38;
/// With ZooKeeper only the controller creates topics; it may be the next broker that is asked.
const NOT_CONTROLLER: i16 = 41;

/// Creates every topic, with 3 partitions or as many as asked for, to keep events for 7 days, and
/// returns when Kafka shows them all. Topics that exist are left alone, for somebody may have set
/// them otherwise; one with another number of partitions is reported, because changing it would
/// move keys between partitions.
///
/// # Errors
/// Not all topics are there within a minute, or a broker does not know us, is not the one we look
/// for, or refuses to create a topic.
pub async fn run(config: &KafkaConfig) -> anyhow::Result<()> {
    repeat(&config.brokers, async |broker| {
        let mut kafka = Connection::open(broker, config).await?;
        create_missing(&mut kafka, config.partitions).await
    })
    .await
}

/// Tries one broker after the other until one succeeds or fails for good.
async fn repeat(
    brokers: &[String],
    mut attempt: impl AsyncFnMut(&str) -> Result<(), Failure>,
) -> anyhow::Result<()> {
    let mut failures = BTreeMap::new();
    let trying = async {
        for broker in brokers.iter().cycle() {
            let Err(failure) = attempt(broker).await else {
                return Ok(());
            };
            let text = format!("Kafka at {broker} {failure}.");
            if !failure.may_pass() {
                bail!(text);
            }
            tracing::debug!(error = text, "waiting for Kafka");
            failures.insert(broker, text);
            sleep(WAIT).await;
        }
        bail!("KAFKA_BROKERS names no broker.")
    };
    if let Ok(ended) = timeout(PATIENCE, trying).await {
        return ended;
    }
    let failures: Vec<String> = failures.into_values().collect();
    bail!(
        "The topics could not be created within {} s. {}",
        PATIENCE.as_secs(),
        failures.join(" ")
    );
}

/// Why a broker does not show all topics. What it says follows "Kafka at HOST:PORT".
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
    /// They were asked for, and the answer has nothing against them.
    #[error("does not show {0} yet. They may still be being deleted, or our user may not see them")]
    Missing(String),
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
            Self::Missing(_) => true,
        }
    }
}

fn reason(error: i16, says: Option<&str>) -> String {
    let says = says.map_or(String::new(), |says| {
        format!("{} ", says.trim_end_matches('.'))
    });
    format!("{says}(error {error} of {ERROR_CODES})")
}

/// Looks for the topics, and asks for those that are missing. Only the next look tells whether
/// they came: an answer may leave one out, or say that one exists which is about to go.
async fn create_missing(kafka: &mut Connection, partitions: i32) -> Result<(), Failure> {
    let mut missing = Topic::ALL.map(Topic::name).to_vec();
    let found = kafka.call(&Metadata(&missing)).await?;
    missing.retain(|name| found.get(*name).is_none_or(|count| *count == 0));
    if missing.is_empty() {
        for (name, count) in misfits(&found, partitions) {
            tracing::warn!(
                topic = name,
                partitions = count,
                expected = partitions,
                "topic has another number of partitions"
            );
        }
        return Ok(());
    }
    let request = CreateTopics {
        names: &missing,
        partitions,
        settings: &SETTINGS,
        within_ms: CREATE_TIMEOUT_MS,
    };
    for Created { name, error, says } in kafka.call(&request).await? {
        match error {
            CREATED => tracing::info!(topic = name, partitions, "topic created"),
            ALREADY_EXISTS => {}
            _ => return Err(Failure::Topic { name, error, says }),
        }
    }
    Err(Failure::Missing(missing.join(", ")))
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
    use std::io;

    use bytes::BufMut;
    use tokio::time::Instant;

    use super::*;
    use crate::kafka::{
        fake,
        message::{Request, put_string},
    };

    /// Partitions of each of our topics; the rest there is not.
    type Shown = &'static [usize];

    /// An answer to [`Metadata`].
    fn shown(counts: Shown) -> Vec<u8> {
        let mut answer = vec![0; 4 + 4]; // not throttled, no brokers
        answer.put_slice(b"\xff\xff\0\0\0\x01"); // no name of the cluster, its controller
        answer.put_i32(counts.len() as i32);
        for (topic, count) in Topic::ALL.iter().zip(counts) {
            answer.put_i16(0);
            put_string(&mut answer, topic.name());
            answer.put_u8(0);
            answer.put_i32(*count as i32);
            answer.put_bytes(0, count * (2 + 4 + 4 + 4 + 4));
        }
        answer
    }

    /// An answer to [`CreateTopics`] with this about the last topic, and nothing of the others.
    fn answered(error: i16) -> Vec<u8> {
        let mut answer = vec![0; 4];
        answer.put_i32(1);
        put_string(&mut answer, "dead-letters");
        answer.put_i16(error);
        answer.put_i16(-1);
        answer
    }

    /// Meets a broker that shows these, and answers a wish for topics with this.
    async fn meet(counts: Shown, error: i16) -> Result<(), String> {
        let mut broker = fake::broker(move |key, _| match key {
            Metadata::KEY => shown(counts),
            _ => answered(error),
        });
        let created = create_missing(&mut broker, 3).await;
        created.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn only_topics_that_are_shown_count_as_created() {
        meet(&[3, 3, 3, 3, 1], 29).await.unwrap();
        for error in [CREATED, ALREADY_EXISTS] {
            let error = meet(&[3, 3, 3, 0], error).await.unwrap_err();
            let [.., fourth, fifth] = Topic::ALL.map(Topic::name);
            let expected = format!("does not show {fourth}, {fifth} yet. ");
            assert!(error.starts_with(&expected), "{error}");
        }
        let error = meet(&[], 29).await.unwrap_err();
        let expected = "does not create topic dead-letters: (error 29 of";
        assert!(error.starts_with(expected), "{error}");
    }

    fn brokers() -> Vec<String> {
        vec!["one:9092".to_owned(), "two:9092".to_owned()]
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_a_minute() {
        let start = Instant::now();
        let (brokers, mut first) = (brokers(), true);
        let tried = repeat(&brokers, async |_| {
            sleep(Duration::from_secs(45)).await;
            assert!(std::mem::take(&mut first), "the second try was too long");
            Err(Failure::Missing("reminders".to_owned()))
        });
        let error = tried.await.unwrap_err().to_string();
        assert_eq!(start.elapsed(), PATIENCE);
        let expected = "The topics could not be created within 60 s. Kafka at one:9092 does not \
                        show reminders yet. ";
        assert!(error.starts_with(expected), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_broker_is_asked_until_one_succeeds_or_fails_for_good() {
        let (brokers, mut asked) = (brokers(), Vec::new());
        let tried = repeat(&brokers, async |broker| {
            asked.push(broker.to_owned());
            let away = io::Error::from(io::ErrorKind::ConnectionRefused);
            match asked.len() {
                3 => Ok(()),
                _ => Err(kafka::Error::Away(away).into()),
            }
        });
        tried.await.unwrap();
        assert_eq!(asked, ["one:9092", "two:9092", "one:9092"]);

        let tried = repeat(&brokers, async |_| Err(kafka::Error::WantsTls.into()));
        let error = tried.await.unwrap_err().to_string();
        assert_eq!(error, "Kafka at one:9092 wants TLS: say KAFKA_TLS=true.");
    }

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
