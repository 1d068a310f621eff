//! The tables that the projector keeps.

use sqlx::PgConnection;

/// How many of somebody's journals the tables have not caught up with; with an empty name, of all.
///
/// # Errors
/// The tables cannot be read.
pub async fn behind(database: &mut PgConnection, user: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "select count(*) from journal_head head left join projection_progress done using (actor)
         where ($1 = '' or head.actor = 'User/' || $1 or head.actor like 'Conversation/' || $1 || '~%')
           and (done.seq is distinct from head.seq or done.part + 1 < done.parts)",
    )
    .bind(user)
    .fetch_one(database)
    .await
}

/// Every projected row of the people whose ids begin like this, as a word that says what it is
/// and its JSON text; in order.
///
/// # Errors
/// The tables cannot be read.
pub async fn rows(database: &mut PgConnection, prefix: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select 'profile ' || to_jsonb(t)::text from profiles t where starts_with(user_id, $1)
         union all
         select 'task ' || to_jsonb(t)::text from tasks t where starts_with(user_id, $1)
         union all
         select 'conversation ' || to_jsonb(t)::text from conversations t
         where starts_with(user_id, $1)
         union all
         select 'message ' || to_jsonb(t)::text from messages t where starts_with(user_id, $1)
         union all
         select 'progress ' || (to_jsonb(t) - 'applied_at')::text from projection_progress t
         where starts_with(actor, 'User/' || $1) or starts_with(actor, 'Conversation/' || $1)
         order by 1",
    )
    .bind(prefix)
    .fetch_all(database)
    .await
}
