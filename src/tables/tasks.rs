//! Table `tasks`.

use sqlx::{PgConnection, PgExecutor};
use todo_actors::user::{Priority, Status, Task};

use super::{
    storable,
    time::{Day, Moment},
};

/// Writes a task as it is now.
///
/// # Errors
/// The database does not take it.
pub async fn put(connection: &mut PgConnection, user_id: &str, task: &Task) -> sqlx::Result<()> {
    let tags: Vec<_> = task.tags.iter().map(|tag| storable(tag)).collect();
    sqlx::query(
        "INSERT INTO tasks (user_id, id, title, notes, status, priority, tags, due_at, due_date,
             reminder_offset_minutes, reminded_for, created_at, updated_at, completed_at,
             recurrence_rule, recurrence_zone, follows, followed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (user_id, id) DO UPDATE SET
             title = excluded.title, notes = excluded.notes, status = excluded.status,
             priority = excluded.priority, tags = excluded.tags, due_at = excluded.due_at,
             due_date = excluded.due_date,
             reminder_offset_minutes = excluded.reminder_offset_minutes,
             reminded_for = excluded.reminded_for, created_at = excluded.created_at,
             updated_at = excluded.updated_at, completed_at = excluded.completed_at,
             recurrence_rule = excluded.recurrence_rule,
             recurrence_zone = excluded.recurrence_zone,
             follows = excluded.follows, followed_by = excluded.followed_by",
    )
    .bind(user_id)
    .bind(&task.id)
    .bind(storable(&task.title))
    .bind(task.notes.as_deref().map(storable))
    .bind(status(task.status))
    .bind(priority(task.priority))
    .bind(tags)
    .bind(task.due_at.map(Moment))
    .bind(task.due_date.map(Day))
    .bind(
        task.reminder_offset_minutes
            .map(|minutes| i32::try_from(minutes).unwrap_or(i32::MAX)),
    )
    .bind(task.reminded_for.map(Moment))
    .bind(Moment(task.created_at))
    .bind(Moment(task.updated_at))
    .bind(task.completed_at.map(Moment))
    .bind(
        task.recurrence
            .as_ref()
            .map(|series| series.rule.to_string()),
    )
    .bind(task.recurrence.as_ref().map(|series| series.zone.as_str()))
    .bind(task.follows.as_deref())
    .bind(task.followed_by.as_deref())
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes a task.
///
/// # Errors
/// The database does not answer.
pub async fn remove(connection: &mut PgConnection, user_id: &str, id: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM tasks WHERE user_id = $1 AND id = $2")
        .bind(user_id)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes every task of a user.
///
/// # Errors
/// The database does not answer.
pub async fn clear(connection: &mut PgConnection, user_id: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM tasks WHERE user_id = $1")
        .bind(user_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes the tasks of users that have no journal; answers how many.
///
/// # Errors
/// The database does not answer.
pub async fn remove_orphans(connection: &mut PgConnection) -> sqlx::Result<u64> {
    let removed = sqlx::query(
        "DELETE FROM tasks t WHERE NOT EXISTS
             (SELECT FROM journal_head h WHERE h.actor = 'User/' || t.user_id)",
    )
    .execute(connection)
    .await?;
    Ok(removed.rows_affected())
}

/// How many tasks a user has.
///
/// # Errors
/// The database does not answer.
pub async fn count(executor: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<u64> {
    super::count(
        executor,
        "SELECT count(*) FROM tasks WHERE user_id = $1",
        user_id,
    )
    .await
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Done => "done",
    }
}

const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    }
}
