//! The tables, one file each: every statement on a table stands in its file.
//!
//! The projector and `rebuild` write the projected ones through the same functions, so that a
//! table built from events and one built from the journals have the same rows.

pub mod accounts;
pub mod audit_log;
pub mod conversations;
pub mod erasures;
pub mod journals;
pub mod messages;
pub mod profiles;
pub mod progress;
pub mod push_outbox;
pub mod push_subscriptions;
pub mod tasks;
pub mod time;

use std::{borrow::Cow, str::FromStr, time::Duration};

use anyhow::Context;
use serde_json::Value;
use sqlx::{
    PgExecutor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Longest wait for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a pool's statements may take: longest statement and longest wait for a row that
/// somebody else holds, in milliseconds; 0 for no limit.
#[derive(Debug, Clone, Copy)]
pub struct Limits(&'static str, &'static str);

impl Limits {
    /// Of work that is done again later rather than held up.
    pub const SHORT: Self = Self("10000", "5000");
    /// Of a job that reads whole tables and gives way to everybody.
    pub const LONG: Self = Self("0", "60000");
}

/// A pool that connects on first use, so that a process may start before its database.
///
/// # Errors
/// A URL that is none; the URL itself may hold a password and stays out of the error.
pub fn pool(database_url: &str, most: u32, limits: Limits) -> anyhow::Result<PgPool> {
    let options = PgConnectOptions::from_str(database_url)
        .ok()
        .context("DATABASE_URL is not a PostgreSQL URL.")?
        .application_name("todo-backend")
        .options([("statement_timeout", limits.0), ("lock_timeout", limits.1)]);
    Ok(PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options))
}

/// What a statement counts that asks for one user.
async fn count(
    executor: impl PgExecutor<'_>,
    statement: &'static str,
    user_id: &str,
) -> sqlx::Result<u64> {
    let count: i64 = sqlx::query_scalar(statement)
        .bind(user_id)
        .fetch_one(executor)
        .await?;
    Ok(count.unsigned_abs())
}

/// `text` as PostgreSQL can store it: it has no NUL character, which JSON does have.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same for every text in `value`.
fn storable_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(storable_json).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (storable(&name).into_owned(), storable_json(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Whether the database refuses the data itself, so that trying again cannot help.
#[must_use]
pub fn refuses_data(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) => true,
        // 21 cardinality, 22 data exception, 23 integrity constraint.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| matches!(code.get(..2), Some("21" | "22" | "23"))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_without_nul_is_left_alone() {
        assert!(matches!(storable("milk"), Cow::Borrowed("milk")));
        assert_eq!(storable("mi\0lk"), "mi\u{fffd}lk");
        let value = json!({"a\0": ["b\0", 1, null, {"c": "\0"}]});
        let expected = json!({"a\u{fffd}": ["b\u{fffd}", 1, null, {"c": "\u{fffd}"}]});
        assert_eq!(storable_json(value), expected);
    }

    #[tokio::test]
    async fn a_bad_url_is_not_repeated() {
        let error = pool("postgres://u:hush@[bad", 1, Limits::SHORT).unwrap_err();
        assert!(!format!("{error:?}").contains("hush"));
        assert!(pool("postgres://u@127.0.0.1/x", 1, Limits::LONG).is_ok());
    }
}
