//! Reads of the table `conversations`, which the projector writes.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgPool;
use todo_actors::message::valid_conversation_id;
use utoipa::ToSchema;

/// Times travel as microseconds since 1970, which is all that PostgreSQL keeps.
const PAGE: &str = "\
    select id, title, \
        (extract(epoch from created_at) * 1000000)::bigint, \
        (extract(epoch from updated_at) * 1000000)::bigint, \
        message_count::bigint \
    from conversations \
    where user_id = $1 and ($2::bigint is null or (updated_at, id) \
        < (timestamptz 'epoch' + $2 * interval '1 microsecond', $3)) \
    order by updated_at desc, id desc \
    limit $4";

/// A conversation as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conversation {
    /// Its id.
    pub conversation_id: String,
    /// Its title.
    pub title: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When something was last said in it, or it was renamed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// How many messages it has.
    pub message_count: i64,
}

impl Conversation {
    /// Where the page after this one starts.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            updated_at: self.updated_at.as_microsecond(),
            id: self.conversation_id.clone(),
        }
    }
}

/// A place in the list; its text is a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    updated_at: i64,
    id: String,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.updated_at, self.id)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(cursor: &str) -> Result<Self, ()> {
        let (updated_at, id) = cursor.split_once('~').ok_or(())?;
        let updated_at = updated_at.parse().map_err(drop)?;
        // Outside this PostgreSQL has no such time.
        Timestamp::from_microsecond(updated_at).map_err(drop)?;
        valid_conversation_id(id)
            .then(|| Self {
                updated_at,
                id: id.to_owned(),
            })
            .ok_or(())
    }
}

/// At most `limit` conversations of a user, newest first, after a place in the list.
///
/// # Errors
/// The database did not answer.
pub async fn page(
    pool: &PgPool,
    user_id: &str,
    after: Option<&Position>,
    limit: u32,
) -> Result<Vec<Conversation>, sqlx::Error> {
    let rows: Vec<(String, String, i64, i64, i64)> = sqlx::query_as(PAGE)
        .bind(user_id)
        .bind(after.map(|position| position.updated_at))
        .bind(after.map(|position| position.id.as_str()))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    let time = |micros| Timestamp::from_microsecond(micros).unwrap_or_default();
    Ok(rows
        .into_iter()
        .map(
            |(conversation_id, title, created_at, updated_at, message_count)| Conversation {
                conversation_id,
                title,
                created_at: time(created_at),
                updated_at: time(updated_at),
                message_count,
            },
        )
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let position = Position {
            updated_at: 1_700_000_000_123_456,
            id: "c-1".to_owned(),
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["", "~", "1", "x~c", "1~a b", "9223372036854775807~c", "1~"] {
            assert_eq!(bad.parse::<Position>(), Err(()), "{bad}");
        }
    }
}
