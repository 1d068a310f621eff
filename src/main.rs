//! The one binary; each role is a subcommand.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use todo_backend::{
    config::{self, Config},
    consumers::{auditor, notifier, projector, recurrer},
    kafka::KafkaConfig,
    migrate, rebuild, serve, telemetry, topics,
};

/// A to-do assistant people talk to.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Clone, Copy, Subcommand)]
enum Role {
    /// Hosts actors and answers people.
    Serve,
    /// Keeps the tables up to date with the events.
    Project,
    /// Notifies people's browsers of what falls due.
    Notify,
    /// Adds the next occurrence of recurring tasks that were done.
    Recur,
    /// Writes down what happened to whom.
    Audit,
    /// Brings the database's schema up to date.
    Migrate,
    /// Creates the Kafka topics that are missing.
    Topics,
    /// Makes the projected tables anew from the journals, one actor at a time.
    Rebuild,
}

impl Role {
    /// What it is called in traces; the sidecars' names for those that have one.
    const fn service(self) -> &'static str {
        match self {
            Self::Serve => "backend",
            Self::Project => "projector",
            Self::Notify => "notifier",
            Self::Recur => "recurrer",
            Self::Audit => "auditor",
            Self::Migrate => "migrate",
            Self::Topics => "topics",
            Self::Rebuild => "rebuild",
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match telemetry::init(cli.role.service()) {
        Ok(telemetry) => {
            let outcome = run(cli.role).await;
            telemetry.end();
            outcome
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(role: Role) -> anyhow::Result<()> {
    match role {
        Role::Serve => serve::run(Config::from_env()?).await,
        Role::Project => {
            let config = Config::from_env()?;
            serve::beside_health(&config, |life| projector::run(&config, life)).await
        }
        Role::Notify => {
            let config = Config::from_env()?;
            serve::beside_health(&config, |life| notifier::run(&config, life)).await
        }
        Role::Recur => {
            let config = Config::from_env()?;
            serve::beside_health(&config, |life| recurrer::run(&config, life)).await
        }
        Role::Audit => {
            let config = Config::from_env()?;
            serve::beside_health(&config, |life| auditor::run(&config, life)).await
        }
        Role::Migrate => migrate::run(&config::database_url()?).await,
        Role::Topics => topics::run(&KafkaConfig::from_env()?).await,
        Role::Rebuild => rebuild::run(&config::database_url()?).await,
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a process, logging or not"
)]
fn report(error: &anyhow::Error) {
    eprintln!("todo-backend: {error:#}");
}
