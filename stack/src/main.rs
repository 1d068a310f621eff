//! `cargo stack`: the local stack from the command line.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to the person who called it"
)]

mod cli;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
