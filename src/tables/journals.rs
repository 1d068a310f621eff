//! Table `journal_head`, which the fence keeps, and what Dapr's state table holds besides.

use sqlx::{PgExecutor, Row, postgres::PgRow};

/// How far an actor's journal has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Such as `User/alice` or `Conversation/alice~c1`.
    pub actor: String,
    /// Its last entry.
    pub seq: i64,
    /// The last entry that erased all before it; 0 if none did.
    pub tombstone: i64,
}

impl Head {
    /// The conversation's id, if it is one's.
    #[must_use]
    pub fn conversation_id(&self) -> Option<&str> {
        let (_, id) = self.actor.strip_prefix("Conversation/")?.split_once('~')?;
        Some(id)
    }

    /// Whether nothing has happened since it was erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.tombstone == self.seq
    }
}

/// The heads of all actors of a user who have ever written, in the order of their names.
///
/// # Errors
/// The database does not answer.
pub async fn of(executor: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<Vec<Head>> {
    // The operators compare bytes, as the index does. DEL comes right after the tilde.
    sqlx::query(
        "SELECT actor, seq, tombstone FROM journal_head
         WHERE actor = 'User/' || $1
            OR (actor ~>=~ ('Conversation/' || $1 || '~')
                AND actor ~<~ ('Conversation/' || $1 || chr(127)))
         ORDER BY actor",
    )
    .bind(user_id)
    .try_map(|row: PgRow| {
        Ok(Head {
            actor: row.try_get("actor")?,
            seq: row.try_get("seq")?,
            tombstone: row.try_get("tombstone")?,
        })
    })
    .fetch_all(executor)
    .await
}

/// Removes snapshot pages from before the tombstones of these actors. Those that a manifest
/// named went with it; these were written ahead by activations that died before they could
/// name them. Answers how many there were.
///
/// # Errors
/// The database does not answer.
pub async fn remove_nameless_pages(
    executor: impl PgExecutor<'_>,
    actors: &[&str],
) -> sqlx::Result<u64> {
    // A key is `{app}||{type}||{id}||p:{seq}:{activation}:{n}`; older builds left the seq out.
    let removed = sqlx::query(
        "DELETE FROM dapr_state s USING journal_head h
         WHERE s.key LIKE '%||p:%'
           AND split_part(s.key, '||', 2) || '/' || split_part(s.key, '||', 3) = h.actor
           AND h.actor = ANY($1)
           AND h.tombstone >= CASE
               WHEN split_part(split_part(s.key, '||', 4), ':', 4) = '' THEN 1
               ELSE split_part(split_part(s.key, '||', 4), ':', 2)::bigint
           END",
    )
    .bind(actors)
    .execute(executor)
    .await?;
    Ok(removed.rows_affected())
}

/// Removes the snapshot pages of an actor that has ended for good. Those that its manifest named
/// went with its last entry; see [`remove_nameless_pages`]. Answers how many there were.
///
/// # Errors
/// The database does not answer.
pub async fn remove_pages(executor: impl PgExecutor<'_>, actor: &str) -> sqlx::Result<u64> {
    let removed = sqlx::query(
        "DELETE FROM dapr_state WHERE key LIKE '%||p:%'
         AND split_part(key, '||', 2) || '/' || split_part(key, '||', 3) = $1",
    )
    .bind(actor)
    .execute(executor)
    .await?;
    Ok(removed.rows_affected())
}
