//! Table `conversations`.

use jiff::Timestamp;
use sqlx::{PgConnection, PgExecutor, Row, postgres::PgRow};

use super::{storable, time::Moment};

/// A conversation without its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Unique within its user.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last started, renamed or added to, in the order of its journal.
    pub updated_at: Timestamp,
    /// How many messages it has.
    pub message_count: i64,
}

/// Writes a conversation as it is now.
///
/// # Errors
/// The database does not take it.
pub async fn put(
    connection: &mut PgConnection,
    user_id: &str,
    conversation: &Conversation,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO conversations (user_id, id, title, created_at, updated_at, message_count)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (user_id, id) DO UPDATE SET title = excluded.title,
             created_at = excluded.created_at, updated_at = excluded.updated_at,
             message_count = excluded.message_count",
    )
    .bind(user_id)
    .bind(&conversation.id)
    .bind(storable(&conversation.title))
    .bind(Moment(conversation.created_at))
    .bind(Moment(conversation.updated_at))
    .bind(conversation.message_count)
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a conversation its new title.
///
/// # Errors
/// The database does not take it.
pub async fn rename(
    connection: &mut PgConnection,
    user_id: &str,
    id: &str,
    title: &str,
    at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE conversations SET title = $3, updated_at = $4
         WHERE user_id = $1 AND id = $2",
    )
    .bind(user_id)
    .bind(id)
    .bind(storable(title))
    .bind(Moment(at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a conversation now has `count` messages, the last of them from `at`.
///
/// # Errors
/// The database does not take it.
pub async fn grow(
    connection: &mut PgConnection,
    user_id: &str,
    id: &str,
    count: i64,
    at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE conversations SET message_count = $3, updated_at = $4
         WHERE user_id = $1 AND id = $2",
    )
    .bind(user_id)
    .bind(id)
    .bind(count)
    .bind(Moment(at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes a conversation; its messages are another table's.
///
/// # Errors
/// The database does not answer.
pub async fn remove(connection: &mut PgConnection, user_id: &str, id: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM conversations WHERE user_id = $1 AND id = $2")
        .bind(user_id)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes some conversations of a user; their messages are another table's.
///
/// # Errors
/// The database does not answer.
pub async fn remove_all(
    connection: &mut PgConnection,
    user_id: &str,
    ids: &[&str],
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM conversations WHERE user_id = $1 AND id = ANY($2)")
        .bind(user_id)
        .bind(ids)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes the conversations that have no journal; answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn remove_orphans(connection: &mut PgConnection) -> sqlx::Result<u64> {
    let removed = sqlx::query(
        "DELETE FROM conversations c WHERE NOT EXISTS (SELECT FROM journal_head h
             WHERE h.actor = 'Conversation/' || c.user_id || '~' || c.id)",
    )
    .execute(connection)
    .await?;
    Ok(removed.rows_affected())
}

/// A user's conversations, newest first, at most `limit`; those after `last` when given the
/// `updated_at` and id of the last one of the page before. Each word of `search` is in the title
/// or in a message of those that are found, in any case.
///
/// # Errors
/// The database does not answer.
pub async fn newest(
    executor: impl PgExecutor<'_>,
    user_id: &str,
    search: &str,
    last: Option<(Timestamp, &str)>,
    limit: i64,
) -> sqlx::Result<Vec<Conversation>> {
    let words: Vec<String> = search.split_whitespace().map(containing).collect();
    sqlx::query(
        "SELECT id, title, created_at, updated_at, message_count FROM conversations c
         WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (updated_at, id) < ($2, $3))
             AND NOT EXISTS (SELECT FROM unnest($5::text[]) AS words(word)
                 WHERE title NOT ILIKE word AND NOT EXISTS (SELECT FROM messages m
                     WHERE m.user_id = c.user_id AND m.conversation_id = c.id
                         AND m.text ILIKE word))
         ORDER BY updated_at DESC, id DESC LIMIT $4",
    )
    .bind(user_id)
    .bind(last.map(|(at, _)| Moment(at)))
    .bind(last.map(|(_, id)| id))
    .bind(limit)
    .bind(words)
    .try_map(|row: PgRow| {
        Ok(Conversation {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            created_at: row.try_get::<Moment, _>("created_at")?.0,
            updated_at: row.try_get::<Moment, _>("updated_at")?.0,
            message_count: row.try_get("message_count")?,
        })
    })
    .fetch_all(executor)
    .await
}

/// How many conversations a user has.
///
/// # Errors
/// The database does not answer.
pub async fn count(executor: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<u64> {
    super::count(
        executor,
        "SELECT count(*) FROM conversations WHERE user_id = $1",
        user_id,
    )
    .await
}

/// The `LIKE` pattern of texts that contain this word, whatever characters it has.
fn containing(word: &str) -> String {
    let word = storable(word)
        .replace('\\', r"\\")
        .replace('%', r"\%")
        .replace('_', r"\_");
    format!("%{word}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_each_character_for_itself() {
        assert_eq!(containing("milk"), "%milk%");
        assert_eq!(containing(r"100%_\"), r"%100\%\_\\%");
        assert_eq!(containing("a\0"), "%a\u{fffd}%");
    }
}
