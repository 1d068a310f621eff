//! The actor that closes gaps: events the projector has not got, reminders that did not fire.
//!
//! It has no state. Its own periodic reminder wakes it; every replica keeps that reminder
//! standing. What it asks of other actors changes nothing when it was not needed.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use sqlx::{PgPool, Row};
use tokio::time::Instant;

use crate::{
    client::ActorClient,
    clock::Clock,
    conversation::{self, RepublishConversation},
    message::{ActorRef, CallError, Failure, Request},
    metrics::{METRICS, Repair, Sweep},
    sidecar::{ReminderTime, Sidecar},
    user::{self, FireDue, Republish},
};

/// The actor type in Dapr.
pub const TYPE: &str = "Reconciler";
/// The id of the only one.
const ID: &str = "main";
const REMINDER: &str = "sweep";
/// Between sweeps.
const PERIOD: Duration = Duration::from_secs(15);
/// Between looks at whether the reminder stands.
const KEEP_AWAKE: Duration = Duration::from_secs(60);
/// Between tries while it cannot be set, as at every start, when the sidecar is not ready yet.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// So many tries in vain are worth a warning, and so many more another.
const LASTING: u32 = 30;
/// A sweep stops here; the next goes on. So many of each kind of gap.
const MOST_ACTORS: i64 = 200;
const LONGEST_SWEEP: Duration = Duration::from_secs(1);
/// Calls of one sweep in flight.
const CONCURRENT: usize = 8;

/// Registers the sweep's reminder, now and each minute: each time is a sweep. Never ends.
pub(crate) async fn keep_awake(sidecar: &dyn Sidecar) {
    let actor = ActorRef::new(TYPE, ID);
    let mut in_vain: u32 = 0;
    loop {
        let time = ReminderTime {
            // At once: it starts anew with every replica's minute, and with enough replicas
            // would never fire if it waited.
            after: Duration::ZERO,
            every: Some(PERIOD),
        };
        let wait = match sidecar
            .register_reminder(&actor, REMINDER, time, None)
            .await
        {
            Ok(()) => {
                in_vain = 0;
                KEEP_AWAKE
            }
            Err(error) => {
                in_vain += 1;
                if in_vain.is_multiple_of(LASTING) {
                    tracing::warn!(%error, "the reconciler's reminder cannot be set");
                }
                TRY_AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Compares what actors have written with what the tables show.
pub struct Reconciler {
    pool: PgPool,
    client: ActorClient,
    clock: Arc<dyn Clock>,
}

/// One thing to mend.
enum Gap {
    /// The projector has applied this much of the actor's journal, which goes on.
    Unapplied { actor: String, applied: u64 },
    /// The user's reminder should have fired.
    Overdue { user_id: String },
}

impl Gap {
    fn repair(&self) -> Repair {
        let gap = match self {
            Self::Unapplied { .. } => "unapplied",
            Self::Overdue { .. } => "overdue",
        };
        Repair { gap }
    }
}

impl Reconciler {
    pub(crate) fn new(pool: PgPool, client: ActorClient, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool,
            client,
            clock,
        }
    }

    /// One sweep: at most 200 reminders and 200 journals, or one second.
    pub(crate) async fn sweep(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + LONGEST_SWEEP;
        let gaps = self.gaps().await;
        let outcome = if gaps.is_ok() { "ok" } else { "failed" };
        METRICS.sweeps.get_or_create(&Sweep { outcome }).inc();
        let gaps = gaps.map_err(|error| {
            Failure::retryable(format!("the reconciler cannot read the tables: {error}"))
        })?;
        if gaps.is_empty() {
            return Ok(());
        }
        tracing::info!(gaps = gaps.len(), "the reconciler found work");
        let mends =
            stream::iter(gaps.into_iter().map(|gap| self.mend(gap))).buffer_unordered(CONCURRENT);
        let all = mends.for_each(|mended| async move {
            if let Err(error) = mended {
                tracing::debug!(%error, "the reconciler tries again in the next sweep");
            }
        });
        let _ = tokio::time::timeout_at(deadline, all).await;
        Ok(())
    }

    async fn mend(&self, gap: Gap) -> Result<(), CallError> {
        let repair = gap.repair();
        match gap {
            Gap::Overdue { user_id } => {
                self.client
                    .send(&user_id, Request::read(FireDue {}))
                    .await?;
            }
            Gap::Unapplied { actor, applied } => match actor.split_once('/') {
                Some((user::TYPE, id)) => {
                    self.client
                        .send(id, Request::read(Republish { applied }))
                        .await?;
                }
                Some((conversation::TYPE, id)) => {
                    let republish = RepublishConversation(Republish { applied });
                    self.client.send(id, Request::read(republish)).await?;
                }
                _ => {}
            },
        }
        METRICS.repairs.get_or_create(&repair).inc();
        Ok(())
    }

    async fn gaps(&self) -> Result<Vec<Gap>, sqlx::Error> {
        let mut gaps = Vec::new();
        // First, so that a sweep that ends early has seen to people.
        let late = Timestamp::from_second(self.clock.now().as_second() - 30).unwrap_or_default();
        let overdue = sqlx::query(OVERDUE)
            .bind(late.to_string())
            .bind(MOST_ACTORS);
        for row in overdue.fetch_all(&self.pool).await? {
            gaps.push(Gap::Overdue {
                user_id: row.try_get("user_id")?,
            });
        }
        let unapplied = sqlx::query(UNAPPLIED).bind(MOST_ACTORS);
        for row in unapplied.fetch_all(&self.pool).await? {
            let applied: i64 = row.try_get("applied")?;
            gaps.push(Gap::Unapplied {
                actor: row.try_get("actor")?,
                applied: u64::try_from(applied).unwrap_or(0),
            });
        }
        Ok(gaps)
    }
}

/// Journals ahead of the tables for 30 s, but for topics on which the projector has just
/// applied something old: it is catching up and will get there by itself. In no order: many that
/// cannot be helped must not stand before others for ever.
const UNAPPLIED: &str = "
    with catching_up as (
        select distinct topic from projection_position
        where applied_at > clock_timestamp() - interval '10 seconds'
          and event_at < applied_at - interval '30 seconds'
    )
    select head.actor,
           coalesce(case when done.part + 1 < done.parts then done.seq - 1 else done.seq end, 0) as applied
    from journal_head head
    left join projection_progress done using (actor)
    where head.moved_at < clock_timestamp() - interval '30 seconds'
      and (done.actor is null or head.seq > done.seq or done.part + 1 < done.parts)
      and (case when head.actor like 'User/%' then 'task-events' else 'conversation-events' end)
          not in (select topic from catching_up)
    order by random()
    limit $1";

const OVERDUE: &str = "
    select user_id from profiles where next_wake < $1::timestamptz order by random() limit $2";
