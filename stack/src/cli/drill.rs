//! `cargo stack drill`: faults by a seeded plan under load, then a look at what holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use todo_stack::drill::{self, CrowdOptions, Habits, Plan, Target};
use todo_stack::{Stack, StackOptions};

use super::{backend, one_of};

/// What is drilled, and how.
#[derive(Debug, clap::Args)]
pub struct Drill {
    /// What fails: every server, every server once in every way, or only those of one kind.
    #[arg(value_parser = one_of(Name::all(), Name::name), default_value = "all")]
    name: Name,
    /// What all chance follows from; a new one if none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// How long servers fail and people work; `once` takes two minutes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=24 * 60))]
    minutes: u64,
    /// How many people work.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=2000))]
    people: u16,
    /// Build the backend with optimisations.
    #[arg(long)]
    release: bool,
    /// Drill this backend instead of building one.
    #[arg(long, value_name = "FILE")]
    backend: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
enum Name {
    All,
    Once,
    Only(Target),
}

impl Name {
    fn all() -> impl Iterator<Item = Self> {
        let servers = Target::ALL.into_iter().map(Self::Only);
        [Self::All, Self::Once].into_iter().chain(servers)
    }

    fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Once => "once",
            Self::Only(target) => target.name(),
        }
    }

    fn plan(self, seed: u64, length: Duration) -> Plan {
        match self {
            Self::All => Plan::random(seed, length, &Target::ALL),
            Self::Once => Plan::once(seed),
            Self::Only(target) => Plan::random(seed, length, &[target]),
        }
    }
}

/// Drills, says what came of it, and fails if something does not hold.
pub async fn run(drill: Drill) -> Result<ExitCode> {
    let seed = match drill.seed {
        Some(seed) => seed,
        None => u64::from(getrandom::u32().context("no randomness for a seed")?),
    };
    let backend = backend(drill.backend.as_deref(), drill.release)?;
    // Kept, so that logs and data can be looked at; until the next drill.
    let dir = Path::new("target/drill");
    if dir.exists() {
        fs::remove_dir_all(dir).context("the data of the last drill cannot be removed")?;
    }
    let plan = drill
        .name
        .plan(seed, Duration::from_secs(60 * drill.minutes));
    complain!(
        "seed {seed}: {} faults in {} s, {} people; data and logs in {} …",
        plan.faults.len(),
        plan.length.as_secs(),
        drill.people,
        dir.display()
    );
    let mut options = drill::prepared(StackOptions::new(backend));
    options.dir = Some(dir.to_owned());
    let people = CrowdOptions {
        people: drill.people.into(),
        seed,
        habits: Habits::Everything,
        pace: Duration::from_secs(2),
    };
    let drilled = async {
        let stack = Stack::start(options).await?;
        let report = drill::run(&stack, &plan, &people).await?;
        stack.shutdown().await?;
        anyhow::Ok(report)
    };
    let report = tokio::select! {
        report = drilled => report?,
        // Dropping the stack ends every server.
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            anyhow::bail!("interrupted; the seed was {seed}")
        }
    };
    say!("{report}");
    let file = dir.join("timeline.txt");
    fs::write(&file, format!("{report}\n\n{}", report.timeline))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(if report.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
