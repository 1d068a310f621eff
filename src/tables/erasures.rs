//! Table `erasures`: who asked to be erased, and what came of it.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{PgConnection, PgExecutor, Row, types::Json};

use super::time::Moment;

/// A person's last erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure<R> {
    /// When it was asked for; tells it from others of the same person.
    pub begun_at: Timestamp,
    /// When it was done, and what was removed; absent while something may be left.
    pub finished: Option<(Timestamp, R)>,
}

/// A person's last erasure, if they ever asked for one.
///
/// # Errors
/// The database does not answer.
pub async fn find<R: DeserializeOwned>(
    executor: impl PgExecutor<'_>,
    user_id: &str,
) -> sqlx::Result<Option<Erasure<R>>> {
    let row =
        sqlx::query("SELECT begun_at, finished_at, removed::text FROM erasures WHERE user_id = $1")
            .bind(user_id)
            .fetch_optional(executor)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let finished_at: Option<Moment> = row.try_get("finished_at")?;
    let removed: Option<String> = row.try_get("removed")?;
    let finished = match finished_at.zip(removed) {
        Some((at, removed)) => {
            let removed = serde_json::from_str(&removed)
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            Some((at.0, removed))
        }
        None => None,
    };
    Ok(Some(Erasure {
        begun_at: row.try_get::<Moment, _>("begun_at")?.0,
        finished,
    }))
}

/// Notes that a person is to be erased. One that is under way goes on as it is.
///
/// # Errors
/// The database does not take it.
pub async fn begin(
    executor: impl PgExecutor<'_>,
    user_id: &str,
    at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO erasures AS e (user_id, begun_at) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE
             SET begun_at = excluded.begun_at, finished_at = NULL, removed = NULL
             WHERE e.finished_at IS NOT NULL",
    )
    .bind(user_id)
    .bind(Moment(at))
    .execute(executor)
    .await?;
    Ok(())
}

/// Notes that the erasure begun then is done.
///
/// # Errors
/// The database does not take it.
pub async fn finish<R: Serialize + Sync>(
    connection: &mut PgConnection,
    user_id: &str,
    at: Timestamp,
    removed: &R,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE erasures SET finished_at = $2, removed = $3 WHERE user_id = $1")
        .bind(user_id)
        .bind(Moment(at))
        .bind(Json(removed))
        .execute(connection)
        .await?;
    Ok(())
}

/// Who has waited for the end of their erasure for longer than it takes.
///
/// # Errors
/// The database does not answer.
pub async fn left_unfinished(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT user_id FROM erasures
         WHERE finished_at IS NULL AND begun_at < clock_timestamp() - interval '30 seconds'
         ORDER BY begun_at LIMIT 20",
    )
    .fetch_all(executor)
    .await
}

/// Keeps everybody else out who erases this person, or writes down what they did, until the
/// transaction ends.
///
/// # Errors
/// The database does not answer, or somebody keeps us out for too long.
pub async fn lock(connection: &mut PgConnection, user_id: &str) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(user_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps these people from being erased until the transaction ends: what the next statements
/// read of their tombstones holds until then.
///
/// # Errors
/// As [`lock`].
pub async fn hold_off(connection: &mut PgConnection, user_ids: &[&str]) -> sqlx::Result<()> {
    sqlx::query(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended(u, 0))
         FROM (SELECT DISTINCT u FROM unnest($1::text[]) AS u ORDER BY u) AS users (u)",
    )
    .bind(user_ids)
    .execute(connection)
    .await?;
    Ok(())
}
