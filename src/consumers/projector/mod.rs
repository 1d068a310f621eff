//! Role `project`: keeps the tables by the events of the home topics.
//!
//! An event takes effect when its turn in its actor's journal has come, in the transaction that
//! moves the actor's progress: once, and in order, however often it is delivered. One that comes
//! before its turn is left: the reconciler asks its actor to publish from the gap on again. Only
//! the end of a person or a conversation waits for nothing: what came before it may be gone.
//!
//! An event that can never be taken in is given up, and its turn passes: what its actor does later
//! still shows. Not so an event of a kind that this build does not know: a newer one may, and the
//! reconciler brings it back.

pub mod change;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum::Router;
use jiff::Timestamp;
use sqlx::{PgConnection, PgPool};
use todo_actors::{
    event::Topic,
    sidecar::{DaprSidecar, Sidecar},
};
use tokio::net::TcpListener;

use self::change::{Change, Effect, Owner, UNKNOWN_TYPE};
use super::{EntryStatus, Incoming, Verdict, dead_letters::DeadLetters};
use crate::{
    config::Config,
    secrets,
    shutdown::Lifecycle,
    tables::{
        self, Limits, conversations, messages, profiles, progress,
        progress::{Place, Turn},
        tasks,
    },
};

/// What the projector reads.
const TOPICS: [Topic; 2] = [Topic::TaskEvents, Topic::ConversationEvents];
/// The sidecar delivers one bulk at a time.
const CONNECTIONS: u32 = 4;
/// Longest one bulk may take before it is given back.
const LIMIT: Duration = Duration::from_secs(8);

/// Runs the projector until it is told to stop.
///
/// # Errors
/// The secrets cannot be read or the port is taken.
pub async fn run(config: &Config, life: Lifecycle) -> anyhow::Result<()> {
    let sidecar: Arc<dyn Sidecar> = Arc::new(DaprSidecar::connect(
        &config.dapr.grpc_endpoint,
        config.dapr.api_token.as_deref(),
    )?);
    let secrets = tokio::select! {
        secrets = secrets::read(sidecar.as_ref(), &config.secret_store) => secrets?,
        () = life.stopping() => return Ok(()),
    };
    let pool = tables::pool(&secrets.database_url, CONNECTIONS, Limits::SHORT)?;
    let listener = TcpListener::bind(config.app_addr)
        .await
        .with_context(|| format!("{} cannot be listened on.", config.app_addr))?;
    tracing::info!(address = %config.app_addr, "projector listens for its sidecar");
    let dead_letters = DeadLetters::new(sidecar, "projector");
    axum::serve(listener, router(pool, &config.app_api_token, dead_letters))
        .with_graceful_shutdown(async move { life.stopping().await })
        .await?;
    Ok(())
}

/// The projector's routes.
pub fn router(pool: PgPool, app_token: &str, dead_letters: DeadLetters) -> Router {
    super::router(&TOPICS, app_token, dead_letters, move |incoming| {
        let pool = pool.clone();
        async move { apply(&pool, incoming).await }
    })
}

/// Takes a bulk of events into the tables, in one transaction, and answers for each. When the
/// database is in trouble all are to be delivered again.
pub async fn apply(pool: &PgPool, incoming: Vec<Incoming>) -> Vec<EntryStatus> {
    let read: Vec<Read> = incoming.into_iter().map(Read::new).collect();
    let verdicts = match tokio::time::timeout(LIMIT, project(pool, &read)).await {
        Ok(Ok(verdicts)) => verdicts,
        Ok(Err(error)) => {
            tracing::warn!(%error, events = read.len(), "events wait for the database");
            vec![Verdict::Retry; read.len()]
        }
        Err(_) => {
            tracing::warn!(
                events = read.len(),
                "events wait for the database, which is slow"
            );
            vec![Verdict::Retry; read.len()]
        }
    };
    let entries = read.into_iter().zip(verdicts);
    entries
        .map(|(read, status)| EntryStatus {
            entry_id: read.entry_id,
            status,
        })
        .collect()
}

/// An event that arrived, and what it means.
struct Read {
    entry_id: String,
    topic: String,
    partition: Option<i32>,
    /// Absent if it can never be taken in.
    change: Option<Change>,
    /// Whose it is; empty if it does not say.
    actor: String,
    /// Its place in the actor's journal, where its turn may come and pass.
    place: Option<Place>,
}

impl Read {
    fn new(incoming: Incoming) -> Self {
        let Incoming {
            entry_id,
            topic,
            partition,
            event,
        } = incoming;
        let origin = event
            .as_ref()
            .ok()
            .and_then(|event| change::origin(event).ok());
        let change = event.and_then(|event| Change::read(&event));
        let (actor, mut place) = match origin {
            Some((owner, place)) => (owner.to_string(), Some(place)),
            None => (String::new(), None),
        };
        if let Err(error) = change {
            let seq = place.map(|place| place.seq);
            tracing::error!(%topic, ?partition, actor, seq, wrong = %error, "event dropped: malformed");
            place = place.filter(|_| error != UNKNOWN_TYPE);
        }
        Self {
            entry_id,
            topic,
            partition,
            change: change.ok(),
            actor,
            place,
        }
    }

    /// The same, given up.
    fn without_change(&self) -> Self {
        Self {
            entry_id: self.entry_id.clone(),
            topic: self.topic.clone(),
            partition: self.partition,
            change: None,
            actor: self.actor.clone(),
            place: self.place,
        }
    }
}

/// How many events of a bulk met which fate.
#[derive(Debug, Default)]
struct Tally {
    applied: usize,
    repeated: usize,
    ahead: usize,
    dropped: usize,
}

async fn project(pool: &PgPool, read: &[Read]) -> sqlx::Result<Vec<Verdict>> {
    match transact(pool, read).await {
        // One event that the database will never take must not hold up the others.
        Err(error) if tables::refuses_data(&error) => {
            let mut verdicts = Vec::with_capacity(read.len());
            for one in read {
                match transact(pool, std::slice::from_ref(one)).await {
                    Ok(verdict) => verdicts.extend(verdict),
                    Err(error) if tables::refuses_data(&error) => {
                        // The database's message may quote the data.
                        let code = error.as_database_error().and_then(|error| error.code());
                        let seq = one.place.map(|place| place.seq);
                        tracing::error!(
                            actor = one.actor,
                            seq,
                            ?code,
                            "event dropped: cannot be stored"
                        );
                        verdicts.extend(transact(pool, &[one.without_change()]).await?);
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(verdicts)
        }
        outcome => outcome,
    }
}

async fn transact(pool: &PgPool, read: &[Read]) -> sqlx::Result<Vec<Verdict>> {
    let actors: BTreeSet<&str> = read
        .iter()
        .filter(|read| read.place.is_some())
        .map(|read| read.actor.as_str())
        .collect();
    if actors.is_empty() {
        return Ok(vec![Verdict::Drop; read.len()]);
    }
    let mut tally = Tally::default();
    let mut verdicts = Vec::with_capacity(read.len());
    let mut moved = BTreeMap::new();
    let mut wakes: BTreeMap<&str, Option<Timestamp>> = BTreeMap::new();
    let mut newest: BTreeMap<(&str, i32), Timestamp> = BTreeMap::new();

    let mut transaction = pool.begin().await?;
    let actors: Vec<&str> = actors.into_iter().collect();
    let mut places = progress::lock(&mut transaction, &actors).await?;
    for Read {
        topic,
        partition,
        change,
        actor,
        place: given_up,
        ..
    } in read
    {
        let Some(change) = change else {
            tally.dropped += 1;
            verdicts.push(Verdict::Drop);
            if let Some(given_up) = given_up
                && let Some(place) = places.get_mut(actor)
                && place.turn(*given_up) == Turn::Now
            {
                *place = *given_up;
                moved.insert(actor.as_str(), *given_up);
            }
            continue;
        };
        verdicts.push(Verdict::Success);
        if let Some(partition) = partition {
            let at = newest.entry((topic, *partition)).or_insert(change.at);
            *at = change.at.max(*at);
        }
        let place = places.entry(actor.clone()).or_insert(Place::START);
        let erased = change.effect == Effect::Erased;
        let ends = erased || change.effect == Effect::Deleted;
        match place.turn(change.place) {
            Turn::Past => tally.repeated += 1,
            Turn::Ahead if !ends => {
                tally.ahead += 1;
                let (seq, applied) = (change.place.seq, place.seq);
                tracing::info!(actor, seq, applied, "event left: one before it is missing");
            }
            Turn::Now | Turn::Ahead => {
                tally.applied += 1;
                write(&mut transaction, change).await?;
                *place = change.place;
                moved.insert(actor.as_str(), change.place);
                match &change.owner {
                    // Their profile has gone with the rest.
                    Owner::User { user_id } if erased => drop(wakes.remove(user_id.as_str())),
                    Owner::User { user_id } => drop(wakes.insert(user_id, change.wake)),
                    Owner::Conversation { .. } => {}
                }
            }
        }
    }
    profiles::put_wakes(&mut transaction, &wakes.into_iter().collect::<Vec<_>>()).await?;
    progress::advance(&mut transaction, &moved.into_iter().collect::<Vec<_>>()).await?;
    progress::reach(&mut transaction, &newest).await?;
    transaction.commit().await?;
    let Tally {
        applied,
        repeated,
        ahead,
        dropped,
    } = tally;
    tracing::debug!(applied, repeated, ahead, dropped, "events taken in");
    Ok(verdicts)
}

/// Writes what a change does.
async fn write(connection: &mut PgConnection, change: &Change) -> sqlx::Result<()> {
    match (&change.owner, &change.effect) {
        (Owner::User { user_id }, effect) => match effect {
            Effect::Task(task) => tasks::put(connection, user_id, task).await,
            Effect::TaskDeleted { task_id } => tasks::remove(connection, user_id, task_id).await,
            Effect::Profile(profile) => profiles::put(connection, user_id, profile).await,
            Effect::Erased => {
                tasks::clear(connection, user_id).await?;
                profiles::remove(connection, user_id).await
            }
            _ => Ok(()),
        },
        (Owner::Conversation { user_id, id }, effect) => match effect {
            Effect::Started { title, created_at } => {
                let conversation = conversations::Conversation {
                    id: id.clone(),
                    title: title.clone(),
                    created_at: *created_at,
                    updated_at: *created_at,
                    message_count: 0,
                };
                conversations::put(connection, user_id, &conversation).await
            }
            Effect::Renamed { title, updated_at } => {
                conversations::rename(connection, user_id, id, title, *updated_at).await
            }
            Effect::Message(message) => {
                messages::put(connection, user_id, id, message).await?;
                let count = i64::try_from(message.index).map_or(i64::MAX, |index| index + 1);
                conversations::grow(connection, user_id, id, count, message.created_at).await
            }
            Effect::Deleted | Effect::Erased => {
                messages::clear(connection, user_id, id).await?;
                conversations::remove(connection, user_id, id).await
            }
            _ => Ok(()),
        },
    }
}
