//! Role `rebuild`: makes the projected tables anew from the journals.
//!
//! Each actor's rows are replaced in one transaction that holds its progress, the very row the
//! projector takes before it writes: it may run beside the projector, and readers never see an
//! empty table. Of a person who was erased the journal has nothing, so neither have the tables.
//! Rows of actors without a journal go last. `projection_position` stays: it says
//! how far Kafka was read, which no journal knows.

use anyhow::{Context, bail};
use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream};
use sqlx::{PgConnection, PgPool};
use todo_actors::{
    conversation::{self, ChatMessage, state::Conversation},
    event::Announce,
    journal::{Journal, State},
    message::ActorRef,
    sidecar::{SidecarError, SidecarErrorKind, StateReader},
    user::{self, Export, Task, state::User},
};

use crate::{
    consumers::projector::change::Owner,
    tables::{
        self, Limits, conversations, messages, profiles,
        progress::{self, Place},
        tasks,
    },
};

/// Actors rebuilt at once.
const WORKERS: usize = 4;
/// A worker's transaction holds one connection while its reads share the rest.
const CONNECTIONS: u32 = 12;
/// How often an actor is begun again because its journal moved on while it was read.
const TRIES: usize = 5;

/// Rebuilds every projected table of the database.
///
/// # Errors
/// The database does not answer, or journals cannot be read; the tables of all others are
/// rebuilt nevertheless.
pub async fn run(database_url: &str) -> anyhow::Result<()> {
    let pool = tables::pool(database_url, CONNECTIONS, Limits::LONG)?;
    let actors = rebuild(&pool).await?;
    tracing::info!(actors, "tables rebuilt");
    Ok(())
}

/// The same on a pool of at least 5 connections; answers how many actors there are.
///
/// # Errors
/// As [`run`].
pub async fn rebuild(pool: &PgPool) -> anyhow::Result<usize> {
    let owners = owners(pool)
        .await
        .context("The journals could not be listed.")?;
    let app_id = app_id(pool, owners.is_empty()).await?;
    let actors = owners.len();
    let failed = stream::iter(owners)
        .map(|owner| {
            let store = Store {
                pool,
                app_id: &app_id,
            };
            async move {
                let outcome = rebuild_actor(&store, &owner).await;
                if let Err(error) = &outcome {
                    tracing::error!(actor = %owner, error = format!("{error:#}"), "not rebuilt");
                }
                usize::from(outcome.is_err())
            }
        })
        .buffer_unordered(WORKERS)
        .fold(0, |failed, one| async move { failed + one })
        .await;
    remove_orphans(pool)
        .await
        .context("Rows without a journal could not be removed.")?;
    if failed > 0 {
        bail!("{failed} of {actors} actors could not be rebuilt; the log names them.");
    }
    Ok(actors)
}

/// Everybody with a journal.
async fn owners(pool: &PgPool) -> sqlx::Result<Vec<Owner>> {
    let actors: Vec<String> = sqlx::query_scalar("SELECT actor FROM journal_head ORDER BY actor")
        .fetch_all(pool)
        .await?;
    Ok(actors
        .iter()
        .filter_map(|actor| Owner::parse(actor))
        .collect())
}

/// The Dapr app id that the journals' keys begin with.
async fn app_id(pool: &PgPool, no_heads: bool) -> anyhow::Result<String> {
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT split_part(key, '||', 1) FROM dapr_state WHERE key LIKE '%||e:%' LIMIT 2",
    )
    .fetch_all(pool)
    .await
    .context("The journals could not be found: has the backend run on this database?")?;
    match found.as_slice() {
        [] if no_heads => Ok(String::new()),
        [] => bail!("There are heads but no journals: is the state store's table another one?"),
        [_] if no_heads => {
            bail!("There are journals but no heads: start the backend once, it makes them.")
        }
        [app_id] => Ok(app_id.clone()),
        _ => bail!(
            "The journals are of more than one Dapr app: {}.",
            found.join(", ")
        ),
    }
}

async fn remove_orphans(pool: &PgPool) -> sqlx::Result<()> {
    let mut transaction = pool.begin().await?;
    let removed = messages::remove_orphans(&mut transaction).await?
        + conversations::remove_orphans(&mut transaction).await?
        + tasks::remove_orphans(&mut transaction).await?
        + profiles::remove_orphans(&mut transaction).await?
        + progress::remove_orphans(&mut transaction).await?;
    transaction.commit().await?;
    if removed > 0 {
        tracing::info!(rows = removed, "rows without a journal removed");
    }
    Ok(())
}

async fn rebuild_actor(store: &Store<'_>, owner: &Owner) -> anyhow::Result<()> {
    let actor = owner.to_string();
    let mut transaction = store.pool.begin().await?;
    progress::lock(&mut transaction, &[&actor]).await?;
    let place = match owner {
        Owner::User { user_id } => user_rows(&mut transaction, store, user_id).await?,
        Owner::Conversation { user_id, id } => {
            conversation_rows(&mut transaction, store, user_id, id).await?
        }
    };
    progress::advance(&mut transaction, &[(&actor, place)]).await?;
    transaction.commit().await?;
    Ok(())
}

async fn user_rows(
    connection: &mut PgConnection,
    store: &Store<'_>,
    user_id: &str,
) -> anyhow::Result<Place> {
    let actor = ActorRef::new(user::TYPE, user_id);
    for _ in 0..TRIES {
        let mut journal = load::<User>(store, &actor).await?;
        tasks::clear(connection, user_id).await?;
        profiles::remove(connection, user_id).await?;
        let state = journal.state();
        if journal.seq() == 0 || state.is_erased() {
            return place(store, &journal).await;
        }
        profiles::put(connection, user_id, state.profile()).await?;
        profiles::put_wakes(connection, &[(user_id, state.next_wake())]).await?;
        let mut after = None;
        while let Some(batch) = read_tasks(store, &mut journal, after.take()).await? {
            for task in &batch {
                tasks::put(connection, user_id, task).await?;
            }
            let Some(last) = batch.last() else {
                return place(store, &journal).await;
            };
            after = Some(last.id.clone());
        }
        // A snapshot has replaced a page between the load and here.
    }
    bail!("The journal changed {TRIES} times while its tasks were read.")
}

/// The tasks that stand together behind that one, none at the end; `None` when a page has been
/// replaced meanwhile.
async fn read_tasks(
    store: &Store<'_>,
    journal: &mut Journal<User>,
    after: Option<String>,
) -> anyhow::Result<Option<Vec<Task>>> {
    let export = Export { after };
    let page = match journal.ask(store, |state| export.page(state)).await {
        Err(error) if error.kind == SidecarErrorKind::Forked => return Ok(None),
        page => page??,
    };
    journal.state_mut().rest();
    Ok(Some(page.tasks))
}

async fn conversation_rows(
    connection: &mut PgConnection,
    store: &Store<'_>,
    user_id: &str,
    id: &str,
) -> anyhow::Result<Place> {
    let actor = ActorRef::new(conversation::TYPE, conversation::actor_id(user_id, id));
    for _ in 0..TRIES {
        let journal = load::<Conversation>(store, &actor).await?;
        messages::clear(connection, user_id, id).await?;
        conversations::remove(connection, user_id, id).await?;
        let state = journal.state();
        let heading = state.heading().filter(|_| state.exists());
        let Some((title, created_at, updated_at)) = heading else {
            return place(store, &journal).await;
        };
        let row = conversations::Conversation {
            id: id.to_owned(),
            title: title.to_owned(),
            created_at,
            updated_at,
            message_count: i64::try_from(state.count())?,
        };
        conversations::put(connection, user_id, &row).await?;
        let mut next = 0;
        while let Some(batch) = read_messages(store, &journal, next).await? {
            for message in &batch {
                messages::put(connection, user_id, id, message).await?;
            }
            next += batch.len() as u64;
        }
        if next == state.count() {
            return place(store, &journal).await;
        }
        // A snapshot has replaced a page between the load and here.
    }
    bail!("The journal changed {TRIES} times while its messages were read.")
}

/// The messages from `next` on that stand together; `None` at the end, or when their page has
/// been replaced meanwhile.
async fn read_messages(
    store: &Store<'_>,
    journal: &Journal<Conversation>,
    next: u64,
) -> anyhow::Result<Option<Vec<ChatMessage>>> {
    let state = journal.state();
    if next >= state.count() {
        return Ok(None);
    }
    if let Some(message) = state.recent(next) {
        return Ok(Some(vec![message.clone()]));
    }
    let Some(page) = journal.page(store, &Conversation::page_of(next)).await? else {
        return Ok(None);
    };
    let page = Conversation::read_page(&page)
        .map_err(|error| anyhow::anyhow!("a page of messages: line {}", error.line()))?;
    let batch: Vec<ChatMessage> = page
        .into_iter()
        .skip_while(|message| message.index < next)
        .zip(next..state.count())
        .take_while(|(message, index)| message.index == *index)
        .map(|(message, _)| message)
        .collect();
    Ok((!batch.is_empty()).then_some(batch))
}

async fn load<S: State>(store: &Store<'_>, actor: &ActorRef) -> anyhow::Result<Journal<S>> {
    // Nothing is ever written under this activation's name.
    Ok(Journal::load(store, actor, "rebuild".to_owned()).await?)
}

/// The place of the last event on the home topic that `journal` holds.
async fn place<S: State>(store: &Store<'_>, journal: &Journal<S>) -> anyhow::Result<Place> {
    if journal.seq() == 0 {
        return Ok(Place::START);
    }
    let seq = i64::try_from(journal.seq())?;
    // An entry that a later snapshot has deleted meanwhile is as done as one with a single part.
    let parts = match journal.entry(store, journal.seq()).await? {
        Some(entry) => {
            let home = <S::Event as Announce>::HOME;
            let events = entry.outgoing(journal.actor());
            i32::try_from(events.iter().filter(|event| event.topic == home).count())?.max(1)
        }
        None => 1,
    };
    Ok(Place {
        seq,
        part: parts - 1,
        parts,
    })
}

/// Dapr's state table, read directly: this job has no sidecar.
struct Store<'p> {
    pool: &'p PgPool,
    app_id: &'p str,
}

impl StateReader for Store<'_> {
    fn get<'a>(
        &'a self,
        actor: &'a ActorRef,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Bytes>, SidecarError>> {
        Box::pin(async move {
            let key = format!("{}||{}||{}||{key}", self.app_id, actor.kind, actor.id);
            let value: Option<Vec<u8>> =
                sqlx::query_scalar("SELECT value FROM dapr_state WHERE key = $1")
                    .bind(key)
                    .fetch_optional(self.pool)
                    .await
                    .map_err(|error| {
                        SidecarError::new(SidecarErrorKind::Unavailable, error.to_string())
                    })?;
            Ok(value.map(Bytes::from))
        })
    }
}
