//! Role `migrate`: brings the database's schema up to this build's.

use std::{str::FromStr, time::Duration};

use anyhow::{Context, bail};
use sqlx::{
    Connection, PgConnection, SqlStr,
    migrate::{Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};
use tokio::time::{Instant, sleep, timeout_at};

/// What `migrations/` holds, part of the binary: number, name and text. sqlx has a macro that
/// lists the folder, for which its PostgreSQL driver and all below it would be compiled twice.
const MIGRATIONS: [(i64, &str, &str); 9] = [
    (
        1,
        "better_auth",
        include_str!("../migrations/0001_better_auth.sql"),
    ),
    (
        2,
        "journal_head",
        include_str!("../migrations/0002_journal_head.sql"),
    ),
    (
        3,
        "projection",
        include_str!("../migrations/0003_projection.sql"),
    ),
    (4, "tables", include_str!("../migrations/0004_tables.sql")),
    (
        5,
        "recurrence",
        include_str!("../migrations/0005_recurrence.sql"),
    ),
    (
        6,
        "audit_log",
        include_str!("../migrations/0006_audit_log.sql"),
    ),
    (7, "push", include_str!("../migrations/0007_push.sql")),
    (8, "erasure", include_str!("../migrations/0008_erasure.sql")),
    (
        9,
        "dapr_metadata",
        include_str!("../migrations/0009_dapr_metadata.sql"),
    ),
];

/// How long a database may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between tries.
const WAIT: Duration = Duration::from_millis(500);

/// Applies the migrations that the database does not have yet. Several at once are safe: each
/// waits for an advisory lock and finds nothing left to do.
///
/// Migrations of a newer build stay: an older one that is rolled back to runs on their schema,
/// because a migration never takes away what the build before it uses.
///
/// # Errors
/// The database does not answer within a minute, refuses us, is only a pooler, or has a migration
/// that this build knows differently.
pub async fn run(database_url: &str) -> anyhow::Result<()> {
    let mut connection = connect(database_url).await?;
    migrator()
        .run(&mut connection)
        .await
        .context("The database's schema could not be brought up to date.")?;
    let known = MIGRATIONS.map(|(number, ..)| number);
    let newer: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE version <> ALL($1)")
            .bind(known)
            .fetch_all(&mut connection)
            .await
            .context("The list of migrations could not be read.")?;
    connection.close().await.ok();
    if !newer.is_empty() {
        tracing::warn!(?newer, "the schema is of a newer build");
    }
    tracing::info!(migrations = MIGRATIONS.len(), "schema is up to date");
    Ok(())
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(number, name, text)| {
        Migration::new(
            number,
            name.replace('_', " ").into(),
            MigrationType::Simple,
            SqlStr::from_static(text),
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    migrator.set_ignore_missing(true);
    migrator
}

async fn connect(database_url: &str) -> anyhow::Result<PgConnection> {
    // The URL may hold a password: it stays out of the error.
    let options = PgConnectOptions::from_str(database_url)
        .ok()
        .context("DATABASE_URL is not a PostgreSQL URL.")?;
    let host = options.get_host();
    if host.contains("-pooler.") {
        bail!(
            "DATABASE_URL names {host}, Neon's pooler, which knows no sessions and refuses us. \
             Take the direct host, without -pooler."
        );
    }
    let place = format!("{host}:{}", options.get_port());
    let late = format!("PostgreSQL at {place} did not answer within 60 s.");
    let deadline = Instant::now() + PATIENCE;
    loop {
        // The kernel alone would wait longer for one that says nothing at all.
        let Ok(tried) = timeout_at(deadline, PgConnection::connect_with(&options)).await else {
            bail!(late);
        };
        match tried {
            Ok(connection) => return Ok(connection),
            // A wrong password or database name does not get better by waiting.
            Err(error @ sqlx::Error::Database(_)) if !starting(&error) => {
                return Err(error).with_context(|| format!("PostgreSQL at {place} refuses us."));
            }
            Err(error) if Instant::now() + WAIT >= deadline => return Err(error).context(late),
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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[tokio::test]
    async fn a_pooler_is_refused_before_it_refuses_us() {
        let url = "postgres://u:hush@ep-a-1-pooler.eu.aws.neon.tech/todo";
        let said = format!("{:#}", run(url).await.unwrap_err());
        assert!(said.contains("without -pooler"), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }

    /// The clock goes to the end of the wait as soon as there is nothing else to do.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_is_given_up_after_a_minute() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = silent.local_addr().unwrap();
        let began = Instant::now();
        let url = format!("postgres://u:hush@{place}/todo");
        let said = format!("{:#}", run(&url).await.unwrap_err());
        assert_eq!(
            said,
            format!("PostgreSQL at {place} did not answer within 60 s.")
        );
        assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
    }

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<(String, String)> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap())
            .map(|file| {
                let text = fs::read_to_string(file.path()).unwrap();
                (file.file_name().into_string().unwrap(), text)
            })
            .collect();
        files.sort();
        let listed =
            MIGRATIONS.map(|(number, name, text)| (format!("{number:04}_{name}.sql"), text.into()));
        assert_eq!(files, listed);
    }
}
