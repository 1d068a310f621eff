//! The commands, one line each, and where the checkout is.

mod bench;
mod control;
mod drill;
mod logs;
mod testrun;
mod up;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
use todo_stack::Signal;

use control::{Request, ask};

/// Gets, starts, scales, breaks and stops the servers the backend runs on.
#[derive(Debug, Parser)]
#[command(name = "cargo stack", bin_name = "cargo stack")]
struct Args {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Build the backend and start everything; Ctrl-C stops it.
    Up(up::Up),
    /// Stop the stack that runs.
    Down,
    /// Say what runs and where.
    Status,
    /// Print shell lines with addresses: `eval "$(cargo stack env)"`.
    Env,
    /// Print a token for a user, valid for 15 minutes.
    Token {
        /// The user's id.
        user: String,
    },
    /// Run this many replicas of the backend.
    Scale {
        /// How many.
        #[arg(value_parser = clap::value_parser!(u8).range(1..=50))]
        replicas: u8,
    },
    /// Send a signal to one server.
    Kill {
        /// Its name, as `status` shows it.
        name: String,
        /// Which signal: TERM, KILL, INT, QUIT, HUP, STOP or CONT.
        #[arg(long, default_value = "KILL")]
        signal: Signal,
    },
    /// Start a server that was stopped or killed.
    Start {
        /// Its name, as `status` shows it.
        name: String,
    },
    /// Show what a server logged.
    Logs(logs::Logs),
    /// Run every test: format, lints, unit tests, and the integration tests on a real stack.
    Test(testrun::Test),
    /// Measure what things cost, as parts of what the machine, the database and the sidecar can
    /// do; writes to target/bench.
    Bench(bench::Bench),
    /// Let servers fail while people work, then check that nothing was lost, doubled or shown to
    /// others.
    Drill(drill::Drill),
}

/// Runs the command the program was called with.
pub async fn run() -> Result<ExitCode> {
    let args = Args::parse();
    // Everything below uses paths relative to the checkout; above all the
    // control socket, whose path may not be long.
    std::env::set_current_dir(root()).context("the checkout this was built from is gone")?;
    match args.command {
        Subcommands::Up(up) => up::run(up).await?,
        Subcommands::Down => {
            ask(&Request::Down).await?;
            say!("Everything is stopped.");
        }
        Subcommands::Status => print_lines(&ask(&Request::Status).await?),
        Subcommands::Env => print_lines(&ask(&Request::Env).await?),
        Subcommands::Token { user } => print_lines(&ask(&Request::Token { user }).await?),
        Subcommands::Scale { replicas } => {
            let replicas = replicas.into();
            print_lines(&ask(&Request::Scale { replicas }).await?);
        }
        Subcommands::Kill { name, signal } => {
            let signal = signal.name().to_owned();
            print_lines(&ask(&Request::Kill { name, signal }).await?);
        }
        Subcommands::Start { name } => print_lines(&ask(&Request::Start { name }).await?),
        Subcommands::Logs(logs) => logs::run(&logs)?,
        Subcommands::Test(test) => return testrun::run(&test),
        Subcommands::Bench(bench) => return bench::run(bench).await,
        Subcommands::Drill(drill) => return drill::run(drill).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads one of `all` from the command line by its name.
fn one_of<T: Copy + Send + Sync + 'static>(
    all: impl IntoIterator<Item = T>,
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let all: Vec<T> = all.into_iter().collect();
    let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
    PossibleValuesParser::new(names).try_map(move |given| {
        let found = all.iter().find(|one| name(**one) == given);
        found.copied().context("that is none of them")
    })
}

fn print_lines(lines: &[String]) {
    for line in lines {
        say!("{line}");
    }
}

/// The checkout.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where the stack of `up` keeps its data, from the root of the checkout, and what any stack is
/// found by: the environment's `STACK_DATA`, or the usual place.
fn data_dir() -> PathBuf {
    let named = std::env::var_os("STACK_DATA").filter(|named| !named.is_empty());
    named.map_or_else(|| PathBuf::from("target/stack"), PathBuf::from)
}

/// Where the data of a secured stack is instead: neither can use the other's.
fn secure_data_dir() -> PathBuf {
    let mut name = data_dir().into_os_string();
    name.push("-secure");
    name.into()
}

/// The cargo that runs us, else the one on PATH, without what `cargo run` has told us about our
/// own package: build scripts would see it change and compile what is compiled already.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let ours = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if ours {
            command.env_remove(name);
        }
    }
    command
}

/// The backend to run: the one that is given, else one that is built.
fn backend(given: Option<&Path>, release: bool) -> Result<PathBuf> {
    match given {
        Some(file) => std::fs::canonicalize(file)
            .with_context(|| format!("there is no file {}", file.display())),
        None => build_backend(release),
    }
}

/// Builds the backend, showing what cargo shows, and says where the binary is.
fn build_backend(release: bool) -> Result<PathBuf> {
    let mut command = cargo();
    command.args([
        "build",
        "--bin=todo-backend",
        "--message-format=json-render-diagnostics",
    ]);
    if release {
        command.arg("--release");
    }
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("the backend does not compile; cargo's messages are above");
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "todo-backend")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo built the backend and does not say where it is")
}
