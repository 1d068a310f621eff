//! The end of everything that is known of a person.
//!
//! What is to happen is written down first (`erasures`), so that whoever comes across an erasure
//! that was cut short goes on with it: the person who asks again, or any replica, which looks
//! every 15 s. Every step may be repeated. Their order, and what is left where it is cut:
//!
//! 1. **The person's actor** stores its tombstone, in one entry that takes its state along, and
//!    refuses commands for a while. Cut after it: their tasks are gone, their conversations and
//!    the rows of the tables are not. Whatever was stored before the tombstone has gone with it,
//!    whatever another activation would store after it on older knowledge the fence refuses.
//! 2. **Every conversation that has a journal** does the same and is closed for good. Those that
//!    began meanwhile are found by looking again until there are no more.
//! 3. **The rows**, all in one transaction, together with the word that it is done and how much
//!    it was: cut before its end, all of them are still there.
//!
//! A tombstone stands in `journal_head` from the moment it is stored. The projector, the auditor
//! and the notifier take no event up to it; the recurrer asks the actor, which knows no such
//! task. The actors announce their tombstones as any event, so the topics, read from the start,
//! bring back nobody. What the person does after their tombstone is a new beginning.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use todo_actors::{
    client::ActorClient,
    clock::{Clock, SystemClock},
    conversation::{self, EraseConversation},
    message::{CallError, Failure, Request},
    user::{self, Erase},
};
use tokio::time::sleep;
use utoipa::ToSchema;

use crate::tables::{
    accounts, audit_log, conversations,
    erasures::{self, Erasure},
    journals::{self, Head},
    messages, profiles,
    progress::{self, Place},
    push_subscriptions, tasks,
};

/// Conversations erased at once.
const CONCURRENT: usize = 8;
/// How often conversations that began meanwhile are looked for.
const ROUNDS: usize = 10;
/// Between looks at erasures that were cut short.
const LOOK: Duration = Duration::from_secs(15);

/// Erases people.
#[derive(Clone)]
pub struct Eraser {
    actors: ActorClient,
    pool: PgPool,
    quiet: Duration,
}

/// How much there is, or was, of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Tasks.
    pub tasks: u64,
    /// Reminders still to be given; only known once they are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminders: Option<u64>,
    /// Conversations.
    pub conversations: u64,
    /// Their messages.
    pub messages: u64,
    /// What was written down for `activity`.
    pub activity: u64,
    /// Browsers that take notifications.
    pub push_subscriptions: u64,
    /// Notifications for them, sent or not; only known once they are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<u64>,
    /// The account: 1, or 0 if the person signed up elsewhere.
    pub accounts: u64,
    /// Browsers signed in with it.
    pub sessions: u64,
}

/// Where a person stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// They are here; they were last erased then, if ever.
    Present(Option<Timestamp>),
    /// They are being erased.
    Leaving,
    /// They were erased then, this much went, and nothing has happened since.
    Gone(Timestamp, Counts),
}

/// Why an erasure is not done. It goes on by itself.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The database does not answer.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// An actor does not.
    #[error(transparent)]
    Actor(#[from] CallError),
}

impl Eraser {
    /// Erases with the help of `actors`; for as long as `quiet` nothing may happen to a person
    /// after it: as long as what was under way can take.
    #[must_use]
    pub fn new(actors: ActorClient, pool: PgPool, quiet: Duration) -> Self {
        Self {
            actors,
            pool,
            quiet,
        }
    }

    /// Where a person stands.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn standing(&self, user_id: &str) -> sqlx::Result<Standing> {
        let Some(Erasure { finished, .. }) = erasures::find(&self.pool, user_id).await? else {
            return Ok(Standing::Present(None));
        };
        let Some((at, removed)) = finished else {
            return Ok(Standing::Leaving);
        };
        let heads = journals::of(&self.pool, user_id).await?;
        let came_back = !heads.iter().all(Head::is_erased)
            || push_subscriptions::count(&self.pool, user_id).await? > 0
            || accounts::count(&self.pool, user_id).await?.0 > 0;
        Ok(if came_back {
            Standing::Present(Some(at))
        } else {
            Standing::Gone(at, removed)
        })
    }

    /// How much there is of a person, as far as the tables know.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count(&self, user_id: &str) -> sqlx::Result<Counts> {
        let (accounts, sessions) = accounts::count(&self.pool, user_id).await?;
        Ok(Counts {
            tasks: tasks::count(&self.pool, user_id).await?,
            reminders: None,
            conversations: conversations::count(&self.pool, user_id).await?,
            messages: messages::count(&self.pool, user_id).await?,
            activity: audit_log::count(&self.pool, user_id).await?,
            push_subscriptions: push_subscriptions::count(&self.pool, user_id).await?,
            notifications: None,
            accounts,
            sessions,
        })
    }

    /// Writes down that a person is to be erased. From here on it happens, whatever breaks.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn begin(&self, user_id: &str) -> sqlx::Result<()> {
        erasures::begin(&self.pool, user_id, SystemClock.now()).await
    }

    /// Takes an erasure that was begun to its end; answers when it was done and what went.
    ///
    /// # Errors
    /// See [`Unfinished`].
    pub async fn finish(&self, user_id: &str) -> Result<(Timestamp, Counts), Unfinished> {
        let Some(erasure) = erasures::find::<Counts>(&self.pool, user_id).await? else {
            return Err(CallError::from(Failure::terminal("no erasure was begun")).into());
        };
        if let Some(done) = erasure.finished {
            return Ok(done);
        }
        // The same for all who work on this erasure, and for no other.
        let key = format!("erase/{}", erasure.begun_at.as_microsecond());
        let quiet_ms = u64::try_from(self.quiet.as_millis()).unwrap_or(u64::MAX);
        let erase = Erase {
            asked_at: erasure.begun_at,
            quiet_ms,
        };
        let erase = Request::command(&key, erase);
        let person = self.actors.send(user_id, erase).await?;
        let mut closed = Closed::new();
        for _ in 0..ROUNDS {
            let heads = journals::of(&self.pool, user_id).await?;
            let open = heads.iter().filter_map(Head::conversation_id);
            let open: Vec<String> = open
                .filter(|id| !closed.contains_key(*id))
                .map(str::to_owned)
                .collect();
            let replies: Vec<_> = stream::iter(open)
                .map(|id| self.close(user_id, id, &key))
                .buffer_unordered(CONCURRENT)
                .try_collect()
                .await?;
            closed.extend(replies);
            let asked_at = erasure.begun_at;
            let done = self.remove_rows(user_id, asked_at, &person, &closed);
            if let Some(done) = done.await? {
                return Ok(done);
            }
        }
        Err(CallError::from(Failure::retryable("conversations kept beginning")).into())
    }

    async fn close(
        &self,
        user_id: &str,
        id: String,
        key: &str,
    ) -> Result<(String, conversation::Removed), CallError> {
        let actor = conversation::actor_id(user_id, &id);
        let erase = Request::command(key, EraseConversation {});
        Ok((id, self.actors.send(&actor, erase).await?))
    }

    /// The last step. `None` when a conversation has begun that is not among the closed ones, or
    /// another erasure.
    async fn remove_rows(
        &self,
        user_id: &str,
        asked_at: Timestamp,
        person: &user::Removed,
        closed: &Closed,
    ) -> sqlx::Result<Option<(Timestamp, Counts)>> {
        let mut transaction = self.pool.begin().await?;
        let connection = &mut *transaction;
        erasures::lock(connection, user_id).await?;
        match erasures::find::<Counts>(&mut *connection, user_id).await? {
            Some(known) if known.begun_at == asked_at => {
                if known.finished.is_some() {
                    // Somebody else was here meanwhile.
                    return Ok(known.finished);
                }
            }
            _ => return Ok(None),
        }
        let heads = journals::of(&mut *connection, user_id).await?;
        let mut open = heads.iter().filter_map(Head::conversation_id);
        if !open.all(|id| closed.contains_key(id)) {
            return Ok(None);
        }
        let actors: Vec<&str> = heads.iter().map(|head| head.actor.as_str()).collect();
        let places = progress::lock(connection, &actors).await?;
        let before: Vec<&Head> = heads
            .iter()
            .filter(|head| {
                let place = places.get(&head.actor);
                place.is_some_and(|place| place.seq < head.tombstone)
            })
            .collect();
        if before.iter().any(|head| head.conversation_id().is_none()) {
            tasks::clear(connection, user_id).await?;
            profiles::remove(connection, user_id).await?;
        }
        let ids: Vec<&str> = closed.keys().map(String::as_str).collect();
        messages::clear_all(connection, user_id, &ids).await?;
        conversations::remove_all(connection, user_id, &ids).await?;
        // The tombstone itself is still to come, so that the reconciler sees to it that Kafka
        // has it.
        let next = before.iter().map(|head| {
            let seq = head.tombstone - 1;
            (
                head.actor.as_str(),
                Place {
                    seq,
                    ..Place::START
                },
            )
        });
        progress::advance(connection, &next.collect::<Vec<_>>()).await?;
        journals::remove_nameless_pages(&mut *connection, &actors).await?;
        let activity = audit_log::erase(connection, user_id).await?;
        let (push_subscriptions, notifications) =
            push_subscriptions::clear(connection, user_id).await?;
        let (accounts, sessions) = accounts::remove(connection, user_id).await?;
        let removed = Counts {
            tasks: person.tasks,
            reminders: Some(person.reminders),
            conversations: closed.values().map(|one| one.conversations).sum(),
            messages: closed.values().map(|one| one.messages).sum(),
            activity,
            push_subscriptions,
            notifications: Some(notifications),
            accounts,
            sessions,
        };
        let at = todo_actors::clock::to_microseconds(SystemClock.now());
        erasures::finish(connection, user_id, at, &removed).await?;
        transaction.commit().await?;
        tracing::info!(user_id, "a person was erased");
        Ok(Some((at, removed)))
    }

    /// Goes on with erasures that were cut short. Never ends.
    pub async fn keep_finishing(&self) {
        loop {
            sleep(LOOK).await;
            let left = match erasures::left_unfinished(&self.pool).await {
                Ok(left) => left,
                Err(error) => {
                    tracing::debug!(%error, "unfinished erasures cannot be looked for yet");
                    continue;
                }
            };
            for user_id in left {
                if let Err(error) = self.finish(&user_id).await {
                    tracing::warn!(user_id, %error, "an erasure is still not finished");
                }
            }
        }
    }
}

/// The conversations that are closed for good, and what they had.
type Closed = BTreeMap<String, conversation::Removed>;
