//! Table `push_outbox`: notifications on their way to browsers, and those that have arrived.

use jiff::Timestamp;
use sqlx::{PgExecutor, Row};

use super::{push_subscriptions::Subscription, storable, time::Moment};
use crate::topics::KEPT_AT_MOST;

/// What is to be sent to every browser of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The event it tells of; each browser gets each event once.
    pub event_id: String,
    /// Whose browsers.
    pub user_id: String,
    /// The entry of their journal it tells of.
    pub sequence: i64,
    /// What the page's service worker is given.
    pub payload: String,
    /// After this it is not worth sending.
    pub expires_at: Timestamp,
}

/// One notification to one browser.
#[derive(Clone)]
pub struct Delivery {
    /// The event it tells of.
    pub event_id: String,
    /// The browser.
    pub to: Subscription,
    /// What the page's service worker is given.
    pub payload: String,
    /// After this it is not worth sending.
    pub expires_at: Timestamp,
}

/// Queues notifications for every browser their people have; those queued before stay as they
/// are, and those from before their person was erased are left.
///
/// # Errors
/// The database does not take them.
pub async fn queue(
    database: impl PgExecutor<'_>,
    notifications: &[Notification],
) -> sqlx::Result<()> {
    fn column<'a, T>(all: &'a [Notification], of: impl Fn(&'a Notification) -> T) -> Vec<T> {
        all.iter().map(of).collect()
    }
    sqlx::query(
        "INSERT INTO push_outbox (event_id, endpoint, payload, expires_at)
         SELECT n.event_id, s.endpoint, n.payload, n.expires_at
         FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[])
             AS n (event_id, user_id, payload, expires_at, sequence)
         JOIN push_subscriptions s USING (user_id)
         LEFT JOIN journal_head h ON h.actor = 'User/' || n.user_id
         WHERE n.sequence > coalesce(h.tombstone, 0)
         ON CONFLICT DO NOTHING",
    )
    .bind(column(notifications, |n| storable(&n.event_id)))
    .bind(column(notifications, |n| storable(&n.user_id)))
    .bind(column(notifications, |n| storable(&n.payload)))
    .bind(column(notifications, |n| Moment(n.expires_at)))
    .bind(column(notifications, |n| n.sequence))
    .execute(database)
    .await?;
    Ok(())
}

/// Takes what is due, at most `most`, and puts its next try off: by 30 s, twice as long each time,
/// up to an hour. So a delivery whose sender dies is tried again.
///
/// # Errors
/// The database does not answer.
pub async fn claim(database: impl PgExecutor<'_>, most: usize) -> sqlx::Result<Vec<Delivery>> {
    let rows = sqlx::query(
        "UPDATE push_outbox o
         SET tries = o.tries + 1,
             next_try = clock_timestamp() + least(3600, 30 * 2 ^ least(o.tries, 12)) * interval '1 second'
         FROM (SELECT event_id, endpoint FROM push_outbox
               WHERE done_at IS NULL AND next_try <= clock_timestamp()
               ORDER BY next_try LIMIT $1 FOR UPDATE SKIP LOCKED) due
         JOIN push_subscriptions s USING (endpoint)
         WHERE o.event_id = due.event_id AND o.endpoint = due.endpoint
         RETURNING o.event_id, o.endpoint, o.payload, o.expires_at, s.p256dh, s.auth",
    )
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(database)
    .await?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(Delivery {
            event_id: row.try_get("event_id")?,
            to: Subscription {
                endpoint: row.try_get("endpoint")?,
                p256dh: row.try_get("p256dh")?,
                auth: row.try_get("auth")?,
            },
            payload: row.try_get("payload")?,
            expires_at: row.try_get::<Moment, _>("expires_at")?.0,
        })
    };
    rows.iter().map(read).collect()
}

/// Notes that a delivery needs no more tries.
///
/// # Errors
/// The database does not answer.
pub async fn done(database: impl PgExecutor<'_>, delivery: &Delivery) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE push_outbox SET done_at = clock_timestamp()
         WHERE event_id = $1 AND endpoint = $2",
    )
    .bind(&delivery.event_id)
    .bind(&delivery.to.endpoint)
    .execute(database)
    .await?;
    Ok(())
}

/// Notes that a push service wants to be asked again after `seconds`, an hour at most: sooner than
/// it would have been only the first time.
///
/// # Errors
/// The database does not answer.
pub async fn put_off(
    database: impl PgExecutor<'_>,
    delivery: &Delivery,
    seconds: u64,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE push_outbox SET next_try = greatest(
             CASE WHEN tries > 1 THEN next_try END,
             clock_timestamp() + $3 * interval '1 second')
         WHERE event_id = $1 AND endpoint = $2",
    )
    .bind(&delivery.event_id)
    .bind(&delivery.to.endpoint)
    .bind(i32::try_from(seconds.min(3600)).unwrap_or(3600))
    .execute(database)
    .await?;
    Ok(())
}

/// Forgets deliveries of events that Kafka no longer has.
///
/// # Errors
/// The database does not answer.
pub async fn forget_old(database: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let forgotten = sqlx::query(
        "DELETE FROM push_outbox WHERE done_at < clock_timestamp() - $1 * interval '1 hour'",
    )
    .bind(KEPT_AT_MOST.as_hours())
    .execute(database)
    .await?;
    Ok(forgotten.rows_affected())
}
