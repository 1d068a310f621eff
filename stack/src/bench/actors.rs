//! Calls to actors, and events for Kafka, through a replica's sidecar.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::Stack;
use crate::ports::url;

/// Longer than a sidecar lets anybody wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// A task of usual length.
pub const TITLE: &str = "a title of about forty characters, yes";

/// Whoever calls actors of the stack.
#[derive(Debug, Clone)]
pub struct Actors {
    client: reqwest::Client,
    sidecar: String,
    sidecar_token: String,
    app: String,
    app_token: String,
    commands: Arc<AtomicU64>,
    turns: Arc<AtomicUsize>,
}

impl Actors {
    /// Calls through the sidecar of a replica.
    ///
    /// # Errors
    /// There is no such replica.
    pub fn through(stack: &Stack, replica: usize) -> Result<Self> {
        let dapr = stack.dapr(replica)?;
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        Ok(Self {
            client: client.build().context("there can be no HTTP client")?,
            sidecar: url(dapr.http_port),
            sidecar_token: dapr.api_token,
            app: url(dapr.app_port),
            app_token: dapr.app_token,
            commands: Arc::default(),
            turns: Arc::default(),
        })
    }

    /// A key that no other command has, of this or any clone.
    #[must_use]
    pub fn key(&self) -> String {
        format!("bench-{}", self.commands.fetch_add(1, Ordering::Relaxed))
    }

    /// Which of so many people is next, each in their turn: nobody is called twice at once.
    #[must_use]
    pub fn next(&self, people: usize) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed) % people
    }

    /// Sends a command to a person's actor, under a key of its own.
    ///
    /// # Errors
    /// It was refused, or failed.
    pub async fn command(&self, user: &str, method: &str, message: Value) -> Result<Vec<u8>> {
        let call = json!({ "key": self.key(), "message": message });
        self.call("User", user, method, &call).await
    }

    /// Adds a task and answers once the actor has.
    ///
    /// # Errors
    /// As [`Actors::command`].
    pub async fn add(&self, user: &str) -> Result<()> {
        let task = json!({ "title": TITLE });
        self.command(user, "add", task).await.map(drop)
    }

    /// Has a person's actor do nothing.
    ///
    /// # Errors
    /// It failed.
    pub async fn ping(&self, user: &str) -> Result<()> {
        let call = json!({ "message": {} });
        self.call("User", user, "ping", &call).await.map(drop)
    }

    /// Calls an actor's method; answers the outcome.
    ///
    /// # Errors
    /// It was refused, failed, or is not to be reached.
    pub async fn call(&self, kind: &str, id: &str, method: &str, call: &Value) -> Result<Vec<u8>> {
        let url = format!("{}/v1.0/actors/{kind}/{id}/method/{method}", self.sidecar);
        let request = self.client.put(url).json(call);
        let answer = request.header("dapr-api-token", &self.sidecar_token);
        let answer = answer.send().await?;
        let status = answer.status();
        let outcome = answer.bytes().await?;
        // Looking closer would cost more than the call that does nothing.
        if !status.is_success() || !outcome.starts_with(br#"{"ok""#) {
            let outcome = String::from_utf8_lossy(&outcome);
            bail!("{kind}/{id}/{method} was answered {status} {outcome}");
        }
        Ok(outcome.into())
    }

    /// Has the actor forget what it has in memory, as when it moves; its next turn loads it.
    ///
    /// # Errors
    /// Its host is not to be reached.
    pub async fn deactivate(&self, user: &str) -> Result<()> {
        let url = format!("{}/actors/User/{user}", self.app);
        let request = self.client.delete(url);
        let answer = request.header("dapr-api-token", &self.app_token);
        answer.send().await?.error_for_status()?;
        Ok(())
    }

    /// Publishes the same event so many times with one call. `topic` should be one that nobody
    /// reads.
    ///
    /// # Errors
    /// Kafka has not got all of them.
    pub async fn publish(&self, topic: &str, event: &Value, times: usize) -> Result<()> {
        let entry = |n: usize| {
            json!({
                "entryId": n.to_string(),
                "event": event,
                "contentType": "application/cloudevents+json",
                "metadata": { "partitionKey": format!("u{n}") },
            })
        };
        let entries: Vec<Value> = (0..times).map(entry).collect();
        let url = format!(
            "{}/v1.0/publish/bulk/kafka-pubsub/{topic}?metadata.rawPayload=true",
            self.sidecar
        );
        let request = self.client.post(url).json(&entries);
        let answer = request.header("dapr-api-token", &self.sidecar_token);
        let answer = answer.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(
            status.is_success(),
            "publishing was answered {status} {text}"
        );
        Ok(())
    }
}
