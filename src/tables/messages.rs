//! Table `messages`.

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, types::Json};
use todo_actors::conversation::{ChatMessage, Role};

use super::{storable, storable_json, time::Moment};

/// Writes a message.
///
/// # Errors
/// The database does not take it.
pub async fn put(
    connection: &mut PgConnection,
    user_id: &str,
    conversation_id: &str,
    message: &ChatMessage,
) -> sqlx::Result<()> {
    let tool_calls = serde_json::to_value(&message.tool_calls)
        .map(storable_json)
        .unwrap_or_else(|_| Value::Array(Vec::new()));
    sqlx::query(
        "INSERT INTO messages (user_id, conversation_id, index, turn_id, role, text, tool_calls,
             provider, interrupted, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (user_id, conversation_id, index) DO UPDATE SET
             turn_id = excluded.turn_id, role = excluded.role, text = excluded.text,
             tool_calls = excluded.tool_calls, provider = excluded.provider,
             interrupted = excluded.interrupted, created_at = excluded.created_at",
    )
    .bind(user_id)
    .bind(conversation_id)
    .bind(i64::try_from(message.index).unwrap_or(i64::MAX))
    .bind(storable(&message.turn_id))
    .bind(role(message.role))
    .bind(storable(&message.text))
    .bind(Json(tool_calls))
    .bind(message.provider.as_deref().map(storable))
    .bind(message.interrupted)
    .bind(Moment(message.created_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes every message of a conversation.
///
/// # Errors
/// The database does not answer.
pub async fn clear(
    connection: &mut PgConnection,
    user_id: &str,
    conversation_id: &str,
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM messages WHERE user_id = $1 AND conversation_id = $2")
        .bind(user_id)
        .bind(conversation_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes every message of some conversations of a user.
///
/// # Errors
/// The database does not answer.
pub async fn clear_all(
    connection: &mut PgConnection,
    user_id: &str,
    conversation_ids: &[&str],
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM messages WHERE user_id = $1 AND conversation_id = ANY($2)")
        .bind(user_id)
        .bind(conversation_ids)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes the messages of conversations that have no journal; answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn remove_orphans(connection: &mut PgConnection) -> sqlx::Result<u64> {
    let removed = sqlx::query(
        "DELETE FROM messages m WHERE NOT EXISTS (SELECT FROM journal_head h
             WHERE h.actor = 'Conversation/' || m.user_id || '~' || m.conversation_id)",
    )
    .execute(connection)
    .await?;
    Ok(removed.rows_affected())
}

/// How many messages a user has.
///
/// # Errors
/// The database does not answer.
pub async fn count(executor: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<u64> {
    super::count(
        executor,
        "SELECT count(*) FROM messages WHERE user_id = $1",
        user_id,
    )
    .await
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}
