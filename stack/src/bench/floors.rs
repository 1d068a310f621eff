//! What the parts of a turn cost alone: an upsert, an actor call, a publish call.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;

use super::actors::Actors;
use super::load::{Load, Until, load};
use crate::{Stack, evidence};

/// A topic that nobody reads here.
const TOPIC: &str = "dead-letters";
/// Whose task shows what a turn stores and tells.
const MODEL: &str = "floor";

/// A table like Dapr's, without the fence; and the very statement that Dapr sends.
const TABLE: &str = "create table bench_state (like dapr_state including all)";
const UPSERT: &str = "
    insert into bench_state as t (key, value, etag, expires_at)
    values ($1, $2, gen_random_uuid(), null)
    on conflict (key) do update
    set value = $2, updated_at = now(), etag = gen_random_uuid(), expires_at = null";

/// What is needed to measure them.
#[derive(Debug, Clone)]
pub struct Floors {
    actors: Actors,
    users: usize,
    /// The entry that adding a task stores.
    entry: Vec<u8>,
    /// The event that it tells Kafka.
    event: Value,
    database_url: String,
}

impl Floors {
    /// Adds a task and looks at what that wrote, so that the floors write the same bytes. Actors
    /// of `users` people are called.
    ///
    /// # Errors
    /// The stack does not work.
    pub async fn prepare(stack: &Stack, actors: &Actors, users: usize) -> Result<Self> {
        actors.add(MODEL).await?;
        let mut database = evidence::database(stack).await?;
        let entry = "select value from dapr_state where key = 'backend||User||' || $1 || '||e:1'";
        let entry = sqlx::query_scalar(entry).bind(MODEL);
        let entry = entry.fetch_one(&mut database).await?;
        sqlx::query(TABLE).execute(&mut database).await?;
        Ok(Self {
            actors: actors.clone(),
            users,
            entry,
            event: told(stack).await?,
            database_url: stack.database_url().to_owned(),
        })
    }

    /// Upserts straight to PostgreSQL, of new keys as in a journal, by so many connections.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn upserts(&self, connections: usize, until: Until) -> Result<Load> {
        let open = (0..connections).map(|_| PgConnection::connect(&self.database_url));
        let open = try_join_all(open).await?;
        let open: Arc<[_]> = open.into_iter().map(Mutex::new).collect();
        let (entry, actors) = (self.entry.clone(), self.actors.clone());
        let upsert = move |caller: usize| {
            let (open, entry) = (Arc::clone(&open), entry.clone());
            let key = format!("backend||User||u{caller}||e:{}", actors.key());
            async move {
                let connection = &mut *open[caller].lock().await;
                let upsert = sqlx::query(UPSERT).bind(key).bind(entry);
                upsert.execute(connection).await?;
                Ok(())
            }
        };
        load(connections, until, upsert).await
    }

    /// Calls of actors that do nothing.
    ///
    /// # Errors
    /// One is not answered.
    pub async fn pings(&self, callers: usize, until: Until) -> Result<Load> {
        let (actors, users) = (self.actors.clone(), self.users);
        let ping = move |_| {
            let actors = actors.clone();
            async move { actors.ping(&format!("u{}", actors.next(users))).await }
        };
        load(callers, until, ping).await
    }

    /// Publish calls, one after the other, each with so many events.
    ///
    /// # Errors
    /// Kafka has not got all of them.
    pub async fn publishes(&self, events: usize, until: Until) -> Result<Load> {
        let (actors, event) = (self.actors.clone(), Arc::new(self.event.clone()));
        let publish = move |_| {
            let (actors, event) = (actors.clone(), Arc::clone(&event));
            async move { actors.publish(TOPIC, &event, events).await }
        };
        load(1, until, publish).await
    }
}

/// The event of the task that was added; it may be there a moment after the answer.
async fn told(stack: &Stack) -> Result<Value> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let found = async {
        loop {
            let records = stack.read_topic("task-events").await?;
            if let Some(record) = records.iter().find(|record| record.key_text() == MODEL) {
                return anyhow::Ok(record.json());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    found.context("Kafka has no event of a task that was added")?
}
