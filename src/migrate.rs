//! Role `migrate`: brings the database's schema up to this build's.

use std::{str::FromStr, time::Duration};

use anyhow::Context;
use sqlx::{Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep};

/// The migrations in `migrations/`, part of the binary.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// How long a database may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between tries.
const WAIT: Duration = Duration::from_millis(500);

/// Applies the migrations that the database does not have yet. Several at once are safe: each
/// waits for an advisory lock and finds nothing left to do.
///
/// # Errors
/// The database does not answer within a minute, refuses us, or has a migration that this build
/// does not know or knows differently.
pub async fn run(database_url: &str) -> anyhow::Result<()> {
    let mut connection = connect(database_url).await?;
    MIGRATOR
        .run(&mut connection)
        .await
        .context("The database's schema could not be brought up to date.")?;
    connection.close().await.ok();
    tracing::info!(migrations = MIGRATOR.iter().count(), "schema is up to date");
    Ok(())
}

async fn connect(database_url: &str) -> anyhow::Result<PgConnection> {
    // The URL may hold a password: it stays out of the error.
    let options = PgConnectOptions::from_str(database_url)
        .ok()
        .context("DATABASE_URL is not a PostgreSQL URL.")?;
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let deadline = Instant::now() + PATIENCE;
    loop {
        match PgConnection::connect_with(&options).await {
            Ok(connection) => return Ok(connection),
            // A wrong password or database name does not get better by waiting.
            Err(error @ sqlx::Error::Database(_)) if !starting(&error) => {
                return Err(error).with_context(|| format!("PostgreSQL at {place} refuses us."));
            }
            Err(error) if Instant::now() >= deadline => {
                let message = format!("PostgreSQL at {place} did not answer within 60 s.");
                return Err(error).context(message);
            }
            Err(error) => {
                tracing::debug!(%error, "waiting for PostgreSQL");
                sleep(WAIT).await;
            }
        }
    }
}

/// Whether the server says that it is still coming up, going down, or full.
fn starting(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("57P01" | "57P02" | "57P03" | "53300"))
}
