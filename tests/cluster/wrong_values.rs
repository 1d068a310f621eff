//! Wrong values end in a sentence, before anything changes.

use serde_json::json;

use crate::world::{DATABASE_URL, Place, run, template};

/// What is set, beside the values for OKE, and what helm answers.
const WRONG: [(&str, &str); 17] = [
    (
        "kafka.partition=3",
        "at '/kafka': additional properties 'partition' not allowed",
    ),
    (
        "backened.image.tag=x",
        "additional properties 'backened' not allowed",
    ),
    (
        "kafka.partitions=0",
        "kafka.partitions is 0: a topic has from 1 to 6 partitions",
    ),
    (
        "kafka.brokers=",
        "kafka.brokers is not set: it names the brokers",
    ),
    (
        "kafka.brokers=kafka",
        "at '/kafka/brokers': 'kafka' does not match pattern",
    ),
    (
        "kafka.auth=none",
        "Dapr's Kafka component encrypts only connections that log in",
    ),
    (
        "image.owner=",
        "image.owner is not set: it names the account",
    ),
    (
        "frontend.image.tag=",
        "frontend.image.tag is not set: it says which build to run",
    ),
    (
        "backend.image.tag=latest",
        "backend.image.tag is latest: it must name one build",
    ),
    (
        "consumers.projector.replicas=4",
        "a replica beyond the partitions reads nothing",
    ),
    (
        "backend.autoscaling.minReplicas=3,backend.autoscaling.maxReplicas=2",
        "must not be above the largest",
    ),
    (
        "backend.autoscaling.maxReplicas=4",
        "at '/backend/autoscaling/maxReplicas': maximum",
    ),
    ("secrets.create=true", "secrets.app.DATABASE_URL is not set"),
    (
        "secrets.create=true,secrets.app.DATABASE_URL=postgres://x/todo",
        "secrets.app.DATABASE_URL has no sslmode=verify-full",
    ),
    (
        "secrets.create=true,secrets.app.DATABASE_URL=postgres://x/todo?sslmode=require",
        "secrets.app.DATABASE_URL has no sslmode=verify-full",
    ),
    ("global.kafka=x", "at '/global': maxProperties"),
    ("backend.env.lower=x", "'lower' does not match pattern"),
];

#[test]
fn each_is_told_what_is_wrong_with_it() {
    for (set, sentence) in WRONG {
        let said = template("values-oke.yaml", &["--set", set]).expect_err(set);
        assert!(said.contains(sentence), "{set}: {said}");
    }
}

#[test]
fn a_missing_or_careless_secret_is_named_before_anything_is_installed() {
    run(async {
        // Given a namespace without secrets.
        let place = Place::bare("no-secrets").await;
        // When the release is installed, then the first one missing is named.
        let said = place.upgrade("sha-1", &[]).await.unwrap_err().to_string();
        let sentence = "the secret app-secrets is missing in the namespace no-secrets: create it with the keys DATABASE_URL, BETTER_AUTH_SECRET";
        assert!(said.contains(sentence), "{said}");
        // When one is there but lacks a value, then the value is named.
        let half = json!({ "DATABASE_URL": DATABASE_URL });
        place.secret("app-secrets", &half).await;
        let said = place.upgrade("sha-1", &[]).await.unwrap_err().to_string();
        let sentence =
            "the secret app-secrets in the namespace no-secrets has no BETTER_AUTH_SECRET";
        assert!(said.contains(sentence), "{said}");
        // When the database would be reached in clear text, then that is said.
        let clear = json!({ "DATABASE_URL": "postgres://x/todo", "BETTER_AUTH_SECRET": "y" });
        place.secret("app-secrets", &clear).await;
        let said = place.upgrade("sha-1", &[]).await.unwrap_err().to_string();
        let sentence = "DATABASE_URL in the secret app-secrets of the namespace no-secrets has no sslmode=verify-full";
        assert!(said.contains(sentence), "{said}");
        // And nothing of the release is there.
        assert_eq!(place.items(&["deployments,jobs,configmaps"]).await.len(), 1);
    });
}
