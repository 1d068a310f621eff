//! The topics have the partitions and settings asked for, as other clients read them.

use std::collections::BTreeMap;

use rskafka::client::ClientBuilder;
use todo_actors::event::Topic;
use todo_backend::{
    kafka::{Connection, KafkaConfig},
    topics,
};
use todo_stack::{Servers, Stack};
use tokio::process::Command;

use crate::{
    restore::forget_topics,
    world::{options, own, run},
};

const RETENTION: &str = "retention.ms=604800000";
const SEGMENT: &str = "segment.ms=86400000";
/// What an operator may have wanted.
const LONGER: &str = "retention.ms=1209600000";
/// A port at which nobody listens.
const AWAY: &str = "127.0.0.1:1";

#[test]
fn new_topics_keep_seven_days_and_others_stay_as_they_are() {
    run(async {
        let stack = own(options()).await;
        let ours =
            BTreeMap::from(Topic::ALL.map(|topic| (topic.name().to_owned(), set(RETENTION))));
        assert_eq!(settings(&stack).await, ours);

        // Given a topic somebody has set otherwise, and one that is missing
        let reminders = ["--entity-type", "topics", "--entity-name", "reminders"];
        let change = ["--alter", "--add-config", LONGER];
        config_command(&stack, &[&reminders[..], &change].concat()).await;
        forget_topics(&stack, &[Topic::DeadLetters]).await;
        assert!(!settings(&stack).await.contains_key("dead-letters"));

        // When the job runs, with more partitions, and the first broker it knows is away
        let config = KafkaConfig {
            brokers: vec![AWAY.to_owned(), stack.kafka_brokers().to_owned()],
            credentials: None,
            tls: false,
            ca: None,
            partitions: 5,
        };
        topics::run(&config).await.unwrap();

        // Then only the missing one was made
        let mut expected = ours;
        expected.insert("reminders".to_owned(), set(LONGER));
        assert_eq!(settings(&stack).await, expected);
        let mut expected = BTreeMap::from(Topic::ALL.map(|topic| (topic.name().to_owned(), 3)));
        expected.insert("dead-letters".to_owned(), 5);
        assert_eq!(partitions(&stack).await, expected);

        // And a broker that asks nobody who they are is not told
        let named = KafkaConfig {
            credentials: Some(("todo".to_owned(), "hush".to_owned())),
            ..config.clone()
        };
        let error = topics::run(&named).await.unwrap_err().to_string();
        let expected = format!("Kafka at {} asks nobody", stack.kafka_brokers());
        assert!(error.starts_with(&expected), "{error}");
        // Nor is one without TLS talked to with it
        let tls = KafkaConfig {
            tls: true,
            ..config
        };
        let opened = Connection::open(stack.kafka_brokers(), &tls).await;
        let error = opened.map(drop).unwrap_err().to_string();
        assert!(
            error.starts_with("does not agree with us on TLS"),
            "{error}"
        );
        stack.shutdown().await.unwrap();
    });
}

fn set(retention: &str) -> Vec<String> {
    vec![retention.to_owned(), SEGMENT.to_owned()]
}

/// What is set on each of our topics itself, sorted.
async fn settings(stack: &Stack) -> BTreeMap<String, Vec<String>> {
    let said = config_command(stack, &["--entity-type", "topics", "--describe"]).await;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut topic = "";
    for line in said.lines() {
        if let Some(heading) = line.strip_prefix("Dynamic configs for topic ") {
            topic = heading.split(' ').next().unwrap();
        } else if let Some(setting) = line.trim().split(' ').next() {
            let settings = found.entry(topic.to_owned()).or_default();
            settings.push(setting.to_owned());
            settings.sort();
        }
    }
    found.retain(|name, _| Topic::ALL.iter().any(|topic| topic.name() == name));
    found
}

/// How many partitions each topic has.
async fn partitions(stack: &Stack) -> BTreeMap<String, usize> {
    let brokers = vec![stack.kafka_brokers().to_owned()];
    let client = ClientBuilder::new(brokers).build().await.unwrap();
    let topics = client.list_topics().await.unwrap();
    let counts = topics
        .into_iter()
        .map(|topic| (topic.name, topic.partitions.len()));
    let ours = |name: &String| Topic::ALL.iter().any(|topic| topic.name() == name);
    counts.filter(|(name, _)| ours(name)).collect()
}

/// Runs Kafka's own `kafka-configs` and returns what it printed.
async fn config_command(stack: &Stack, arguments: &[&str]) -> String {
    let servers = tokio::task::spawn_blocking(Servers::get).await.unwrap();
    let servers = servers.unwrap();
    let output = Command::new(&servers.java)
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .args(["-cp", &format!("{}/*", servers.kafka_jars.display())])
        .args(["kafka.admin.ConfigCommand", "--bootstrap-server"])
        .arg(stack.kafka_brokers())
        .args(arguments)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}
