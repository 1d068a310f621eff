//! `cargo stack bench`: figures beside the claims.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use todo_stack::bench::{self, Benchmark, Drift, Floor, Options, Report};
use todo_stack::{Stack, StackOptions};

use super::{backend, one_of};

/// Where everything is written.
const DIR: &str = "target/bench";

/// What is measured, and how.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// What is measured; everything if nothing is named.
    #[arg(value_parser = one_of(Benchmark::ALL, Benchmark::name))]
    name: Option<Benchmark>,
    /// Fail if a figure is not what it should be, or cannot be compared.
    #[arg(long)]
    check: bool,
    /// Fewer and shorter runs with less data, for trying it out; they decide nothing.
    #[arg(long, conflicts_with = "check")]
    quick: bool,
    /// Have the database wait for the disk, as in production. A rented disk may be three times as
    /// fast a minute later, and nothing here notices.
    #[arg(long)]
    durable: bool,
    /// Measure this backend instead of building one with optimisations.
    #[arg(long, value_name = "FILE")]
    backend: Option<PathBuf>,
}

/// Measures, says what came of it, and with `--check` fails if it is not as it should be.
pub async fn run(bench: Bench) -> Result<ExitCode> {
    let backend = backend(bench.backend.as_deref(), true)?;
    let chosen = match bench.name {
        Some(one) => vec![one],
        None => Benchmark::ALL.to_vec(),
    };
    let mut missed = Vec::new();
    for benchmark in chosen {
        let report = tokio::select! {
            report = measure(benchmark, &backend, &bench) => report?,
            // Dropping the stack ends every server.
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                anyhow::bail!("interrupted")
            }
        };
        report.write(Path::new(DIR))?;
        say!("{report}");
        missed.extend(report.objection());
        missed.extend(report.shortfalls());
    }
    complain!("the figures are in {DIR}, as JSON and as pictures");
    if !bench.check {
        return Ok(ExitCode::SUCCESS);
    }
    for missed in &missed {
        say!("{missed}");
    }
    if missed.is_empty() {
        say!("All figures are what they should be.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// On a stack of its own, which is fresh.
async fn measure(benchmark: Benchmark, backend: &Path, bench: &Bench) -> Result<Report> {
    let quick = bench.quick;
    let name = benchmark.name();
    // Kept, so that logs can be looked at; until the next.
    let dir = Path::new(DIR).join("stack");
    if dir.exists() {
        fs::remove_dir_all(&dir).context("the data of the last benchmark cannot be removed")?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    // While nothing of ours runs, before and after.
    complain!("{name}: measuring the machine");
    let first = floor().await?;
    let mut options = benchmark.prepared(StackOptions::new(backend));
    options.dir = Some(dir);
    options.durable = bench.durable;
    let stack = Stack::start(options).await?;
    let options = Options {
        quick,
        progress: Arc::new(move |what| complain!("{name}: {what}")),
    };
    let findings = bench::run(&stack, benchmark, &options).await?;
    stack.shutdown().await?;
    complain!("{name}: measuring the machine again");
    let last = floor().await?;
    Report::new(benchmark, quick, Drift { first, last }, findings)
}

async fn floor() -> Result<Floor> {
    Ok(tokio::task::spawn_blocking(Floor::measure).await?)
}
