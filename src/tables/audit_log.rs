//! Table `audit_log`: append-only, which the database itself sees to.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, PgPool, Row, postgres::PgRow};

use super::{erasures, storable, storable_json, time::Moment};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The CloudEvent's id; the same event is recorded once.
    pub event_id: String,
    /// To whom.
    pub user_id: String,
    /// Such as `com.todo.task.created`.
    pub ty: String,
    /// Whose journal it is from, such as `User/alice`.
    pub actor: String,
    /// The entry there.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// What it is about.
    pub subject: Option<String>,
    /// What the person may see.
    pub data: Value,
}

/// Adds records; those already there stay as they are, and those from before their person was
/// erased are left. Answers how many are new.
///
/// # Errors
/// The database does not take them.
pub async fn append(pool: &PgPool, records: &[Record]) -> sqlx::Result<u64> {
    let mut transaction = pool.begin().await?;
    let users: Vec<&str> = records
        .iter()
        .map(|record| record.user_id.as_str())
        .collect();
    erasures::hold_off(&mut transaction, &users).await?;
    let added = insert(&mut transaction, records).await?;
    transaction.commit().await?;
    Ok(added)
}

async fn insert(connection: &mut PgConnection, records: &[Record]) -> sqlx::Result<u64> {
    let texts = |field: fn(&Record) -> &str| -> Vec<String> {
        let fields = records.iter().map(field);
        fields.map(|text| storable(text).into_owned()).collect()
    };
    let sequences: Vec<i64> = records.iter().map(|record| record.sequence).collect();
    let moments: Vec<Moment> = records.iter().map(|record| Moment(record.at)).collect();
    let subjects: Vec<Option<String>> = records
        .iter()
        .map(|record| {
            record
                .subject
                .as_deref()
                .map(|text| storable(text).into_owned())
        })
        .collect();
    let data: Vec<Value> = records
        .iter()
        .map(|record| storable_json(record.data.clone()))
        .collect();
    let added = sqlx::query(
        "INSERT INTO audit_log (event_id, user_id, type, actor, sequence, at, subject, data)
         SELECT n.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
             $6::timestamptz[], $7::text[], $8::jsonb[])
             AS n (event_id, user_id, type, actor, sequence, at, subject, data)
         LEFT JOIN journal_head h ON h.actor = n.actor
         WHERE n.sequence > coalesce(h.tombstone, 0)
         ON CONFLICT (event_id) DO NOTHING",
    )
    .bind(texts(|record| &record.event_id))
    .bind(texts(|record| &record.user_id))
    .bind(texts(|record| &record.ty))
    .bind(texts(|record| &record.actor))
    .bind(sequences)
    .bind(moments)
    .bind(subjects)
    .bind(data)
    .execute(connection)
    .await?;
    Ok(added.rows_affected())
}

/// What happened to a user, newest first, at most `limit`; what comes after `last` when given
/// the moment and event id of the last one of the page before.
///
/// # Errors
/// The database does not answer.
pub async fn newest(
    executor: impl PgExecutor<'_>,
    user_id: &str,
    last: Option<(Timestamp, &str)>,
    limit: i64,
) -> sqlx::Result<Vec<Record>> {
    sqlx::query(
        "SELECT event_id, user_id, type, actor, sequence, at, subject, data FROM audit_log
         WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (at, event_id) < ($2, $3))
         ORDER BY at DESC, event_id DESC LIMIT $4",
    )
    .bind(user_id)
    .bind(last.map(|(at, _)| Moment(at)))
    .bind(last.map(|(_, id)| id))
    .bind(limit)
    .try_map(|row: PgRow| {
        Ok(Record {
            event_id: row.try_get("event_id")?,
            user_id: row.try_get("user_id")?,
            ty: row.try_get("type")?,
            actor: row.try_get("actor")?,
            sequence: row.try_get("sequence")?,
            at: row.try_get::<Moment, _>("at")?.0,
            subject: row.try_get("subject")?,
            data: row.try_get("data")?,
        })
    })
    .fetch_all(executor)
    .await
}

/// Removes what happened to a user before they were erased; answers how many records.
///
/// # Errors
/// The database does not answer.
pub async fn erase(connection: &mut PgConnection, user_id: &str) -> sqlx::Result<u64> {
    let removed: i64 = sqlx::query_scalar("SELECT erase_audit($1)")
        .bind(user_id)
        .fetch_one(connection)
        .await?;
    Ok(removed.unsigned_abs())
}

/// How many records there are of a user.
///
/// # Errors
/// The database does not answer.
pub async fn count(executor: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<u64> {
    super::count(
        executor,
        "SELECT count(*) FROM audit_log WHERE user_id = $1",
        user_id,
    )
    .await
}
