//! The one binary; each role is a subcommand.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use todo_backend::{config::Config, serve, telemetry};

/// A to-do assistant people talk to.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Hosts actors and answers people.
    Serve,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match telemetry::init() {
        Ok(()) => run(cli.role).await,
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
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a process, logging or not"
)]
fn report(error: &anyhow::Error) {
    eprintln!("todo-backend: {error:#}");
}
