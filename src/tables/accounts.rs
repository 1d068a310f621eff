//! Better Auth's tables `users`, `sessions`, `accounts` and `verifications`. It writes them; here
//! they are read and removed for a person whose id is one of its own.

use jiff::Timestamp;
use sqlx::{PgConnection, PgExecutor, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::time::Moment;

/// What is known of a person who signed up here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What they call themselves.
    pub name: String,
    /// Their address.
    pub email: String,
    /// When they signed up.
    pub created_at: Timestamp,
    /// Where they are signed in.
    pub sessions: Vec<Session>,
}

/// A browser somebody is signed in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// From where, as far as known.
    pub ip_address: Option<String>,
    /// What the browser says it is.
    pub user_agent: Option<String>,
}

/// The account of that id.
///
/// # Errors
/// The database does not answer.
pub async fn find(pool: &PgPool, user_id: &str) -> sqlx::Result<Option<Account>> {
    let Some(id) = own_id(user_id) else {
        return Ok(None);
    };
    let row = sqlx::query("SELECT name, email, created_at FROM users WHERE id = $1::uuid")
        .bind(id)
        .fetch_optional(pool)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let sessions = sqlx::query(
        "SELECT created_at, expires_at, ip_address, user_agent FROM sessions
         WHERE user_id = $1::uuid ORDER BY created_at",
    )
    .bind(id)
    .try_map(|row: PgRow| {
        Ok(Session {
            created_at: row.try_get::<Moment, _>("created_at")?.0,
            expires_at: row.try_get::<Moment, _>("expires_at")?.0,
            ip_address: row.try_get("ip_address")?,
            user_agent: row.try_get("user_agent")?,
        })
    })
    .fetch_all(pool)
    .await?;
    Ok(Some(Account {
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        created_at: row.try_get::<Moment, _>("created_at")?.0,
        sessions,
    }))
}

/// How many accounts (one or none) and sessions a person has.
///
/// # Errors
/// The database does not answer.
pub async fn count(executor: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<(u64, u64)> {
    let Some(id) = own_id(user_id) else {
        return Ok((0, 0));
    };
    let (accounts, sessions): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM users WHERE id = $1::uuid),
                (SELECT count(*) FROM sessions WHERE user_id = $1::uuid)",
    )
    .bind(id)
    .fetch_one(executor)
    .await?;
    Ok((accounts.unsigned_abs(), sessions.unsigned_abs()))
}

/// Removes the account of that id and all that hangs on it; answers as [`count`] does.
///
/// # Errors
/// The database does not answer.
pub async fn remove(connection: &mut PgConnection, user_id: &str) -> sqlx::Result<(u64, u64)> {
    let Some(id) = own_id(user_id) else {
        return Ok((0, 0));
    };
    let counted = count(&mut *connection, user_id).await?;
    // A verification names its person by id or by address, in no column of its own.
    sqlx::query(
        "DELETE FROM verifications v USING users u
         WHERE u.id = $1::uuid AND (v.value = u.id::text OR v.identifier = u.email)",
    )
    .bind(id)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM users WHERE id = $1::uuid")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(counted)
}

/// Better Auth's ids are UUIDs, written in one way only.
fn own_id(user_id: &str) -> Option<&str> {
    let id = Uuid::parse_str(user_id).ok()?;
    (id.hyphenated().to_string() == user_id).then_some(user_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_as_better_auth_writes_it_is_an_account() {
        assert!(own_id("9f0c5a2e-3b1d-4c6f-8a7e-1d2c3b4a5f60").is_some());
        for other in [
            "ann",
            "9F0C5A2E-3B1D-4C6F-8A7E-1D2C3B4A5F60",
            "9f0c5a2e3b1d4c6f8a7e1d2c3b4a5f60",
        ] {
            assert_eq!(own_id(other), None);
        }
    }
}
