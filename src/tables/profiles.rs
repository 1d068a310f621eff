//! Table `profiles`: one row per user who has a journal.

use jiff::Timestamp;
use sqlx::PgConnection;
use todo_actors::user::Profile;

use super::{storable, time::Moment};

/// Writes a profile; when the user must be woken is another matter.
///
/// # Errors
/// The database does not take it.
pub async fn put(
    connection: &mut PgConnection,
    user_id: &str,
    profile: &Profile,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO profiles (user_id, time_zone, time_zone_set, updated_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE SET time_zone = excluded.time_zone,
             time_zone_set = excluded.time_zone_set, updated_at = excluded.updated_at",
    )
    .bind(user_id)
    .bind(storable(&profile.time_zone))
    .bind(profile.time_zone_set)
    .bind(profile.updated_at.map(Moment))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes when users must next be woken; a user without a row gets the profile everybody
/// starts with.
///
/// # Errors
/// The database does not take it.
pub async fn put_wakes(
    connection: &mut PgConnection,
    wakes: &[(&str, Option<Timestamp>)],
) -> sqlx::Result<()> {
    if wakes.is_empty() {
        return Ok(());
    }
    let start = Profile::default();
    let users: Vec<&str> = wakes.iter().map(|(user_id, _)| *user_id).collect();
    let moments: Vec<Option<Moment>> = wakes.iter().map(|(_, wake)| wake.map(Moment)).collect();
    sqlx::query(
        "INSERT INTO profiles (user_id, time_zone, time_zone_set, updated_at, next_wake)
         SELECT w.user_id, $3, $4, $5, w.next_wake
         FROM unnest($1::text[], $2::timestamptz[]) AS w (user_id, next_wake)
         ORDER BY w.user_id
         ON CONFLICT (user_id) DO UPDATE SET next_wake = excluded.next_wake",
    )
    .bind(users)
    .bind(moments)
    .bind(start.time_zone)
    .bind(start.time_zone_set)
    .bind(start.updated_at.map(Moment))
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes a user's profile.
///
/// # Errors
/// The database does not answer.
pub async fn remove(connection: &mut PgConnection, user_id: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM profiles WHERE user_id = $1")
        .bind(user_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes the profiles of users that have no journal; answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn remove_orphans(connection: &mut PgConnection) -> sqlx::Result<u64> {
    let removed = sqlx::query(
        "DELETE FROM profiles p WHERE NOT EXISTS
             (SELECT FROM journal_head h WHERE h.actor = 'User/' || p.user_id)",
    )
    .execute(connection)
    .await?;
    Ok(removed.rows_affected())
}
