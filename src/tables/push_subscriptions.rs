//! Table `push_subscriptions`: the browsers that take notifications.

use jiff::Timestamp;
use sqlx::{PgConnection, PgExecutor, PgPool, Row, postgres::PgRow};

use super::time::Moment;

/// Most browsers one person may have; the oldest makes way.
const MOST: i64 = 20;

/// How to reach one browser.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The address its push service gave it. Whoever knows it can send there.
    pub endpoint: String,
    /// The browser's public key, base64url.
    pub p256dh: String,
    /// The secret it shares with us, base64url.
    pub auth: String,
}

/// Keeps a browser's subscription. One that was another person's before, on the same machine,
/// is theirs no more, and what waits for them there is dropped.
///
/// # Errors
/// The database does not take it.
pub async fn put(pool: &PgPool, user_id: &str, browser: &Subscription) -> sqlx::Result<()> {
    let mut transaction = pool.begin().await?;
    sqlx::query("DELETE FROM push_subscriptions WHERE endpoint = $1 AND user_id <> $2")
        .bind(&browser.endpoint)
        .bind(user_id)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO push_subscriptions (endpoint, user_id, p256dh, auth) VALUES ($1, $2, $3, $4)
         ON CONFLICT (endpoint) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth",
    )
    .bind(&browser.endpoint)
    .bind(user_id)
    .bind(&browser.p256dh)
    .bind(&browser.auth)
    .execute(&mut *transaction)
    .await?;
    drop_oldest(&mut transaction, user_id).await?;
    transaction.commit().await
}

async fn drop_oldest(connection: &mut PgConnection, user_id: &str) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM push_subscriptions WHERE endpoint IN (
             SELECT endpoint FROM push_subscriptions WHERE user_id = $1
             ORDER BY created_at DESC, endpoint OFFSET $2)",
    )
    .bind(user_id)
    .bind(MOST)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a browser of this person.
///
/// # Errors
/// The database does not answer.
pub async fn remove(
    database: impl PgExecutor<'_>,
    user_id: &str,
    endpoint: &str,
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM push_subscriptions WHERE endpoint = $1 AND user_id = $2")
        .bind(endpoint)
        .bind(user_id)
        .execute(database)
        .await?;
    Ok(())
}

/// Forgets a browser that its push service no longer knows.
///
/// # Errors
/// The database does not answer.
pub async fn remove_gone(database: impl PgExecutor<'_>, endpoint: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM push_subscriptions WHERE endpoint = $1")
        .bind(endpoint)
        .execute(database)
        .await?;
    Ok(())
}

/// The browsers of a person: where each takes notifications, and since when. The keys are the
/// browsers' own.
///
/// # Errors
/// The database does not answer.
pub async fn of(
    executor: impl PgExecutor<'_>,
    user_id: &str,
) -> sqlx::Result<Vec<(String, Timestamp)>> {
    sqlx::query(
        "SELECT endpoint, created_at FROM push_subscriptions WHERE user_id = $1
         ORDER BY created_at, endpoint",
    )
    .bind(user_id)
    .try_map(|row: PgRow| {
        let created_at: Moment = row.try_get("created_at")?;
        Ok((row.try_get("endpoint")?, created_at.0))
    })
    .fetch_all(executor)
    .await
}

/// Forgets every browser of a person, and what waits to be sent there. Answers how many browsers,
/// and how many notifications, sent or not.
///
/// # Errors
/// The database does not answer.
pub async fn clear(connection: &mut PgConnection, user_id: &str) -> sqlx::Result<(u64, u64)> {
    // Taken first: what is being queued for them is there then, and nothing more comes.
    let browsers = sqlx::query("SELECT FROM push_subscriptions WHERE user_id = $1 FOR UPDATE")
        .bind(user_id)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    let notifications = sqlx::query(
        "DELETE FROM push_outbox o USING push_subscriptions s
         WHERE s.user_id = $1 AND o.endpoint = s.endpoint",
    )
    .bind(user_id)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    sqlx::query("DELETE FROM push_subscriptions WHERE user_id = $1")
        .bind(user_id)
        .execute(connection)
        .await?;
    Ok((browsers, notifications))
}

/// How many browsers a person has.
///
/// # Errors
/// The database does not answer.
pub async fn count(executor: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<u64> {
    let statement = "SELECT count(*) FROM push_subscriptions WHERE user_id = $1";
    super::count(executor, statement, user_id).await
}
