//! Benchmarks: what things cost on this machine, beside what their parts cost alone in the same
//! run, so that a figure is a ratio and says the same on another machine.
//!
//! Everything is measured in several runs that take turns with what they are compared with. The
//! median counts; the spread is shown. Consumers do not run, unless it is about what they share.
//!
//! | module | holds |
//! |---|---|
//! | `machine` | the floor that tells whether the machine changed meanwhile |
//! | `floors` | an upsert, an actor call, a publish call, alone |
//! | `turns`, `latency` | tasks and chat turns under load; one caller alone |
//! | `growth`, `activation`, `memory`, `storage` | what much data costs |
//! | `reminders`, `replicas` | many due at once; one replica more |
//! | `actors`, `chats`, `load` | whoever calls |
//! | `processes`, `samples` | what servers use; what several runs gave |
//! | `limits`, `report`, `plot` | what figures may be, and how they are shown |

mod activation;
mod actors;
mod chats;
mod floors;
mod growth;
mod latency;
mod limits;
mod load;
mod machine;
mod memory;
mod plot;
mod processes;
mod reminders;
mod replicas;
mod report;
mod samples;
mod storage;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::{Role, Stack, StackOptions};

pub use limits::{Bound, Limit};
pub use machine::{Drift, Floor};
pub use plot::{Line, Plot};
pub use report::{Figure, Findings, Report, Verdict};
pub use samples::Samples;

/// How many people there are, and how many call at the same time.
const USERS: usize = 1_000;
const CALLERS: usize = 64;

/// A group of figures that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Benchmark {
    /// Tasks and chat turns by 64 callers, and what they need of the processors.
    Turns,
    /// A task by one caller alone.
    Latency,
    /// A long list, and a long conversation.
    Growth,
    /// Loading an actor.
    Activation,
    /// Actors in memory.
    Memory,
    /// Many reminders due at once.
    Reminders,
    /// Two replicas instead of one.
    Replicas,
    /// What long work leaves in the database.
    Storage,
}

impl Benchmark {
    /// All there are, in the order they run.
    pub const ALL: [Self; 8] = [
        Self::Turns,
        Self::Latency,
        Self::Growth,
        Self::Activation,
        Self::Memory,
        Self::Reminders,
        Self::Replicas,
        Self::Storage,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turns => "turns",
            Self::Latency => "latency",
            Self::Growth => "growth",
            Self::Activation => "activation",
            Self::Memory => "memory",
            Self::Reminders => "reminders",
            Self::Replicas => "replicas",
            Self::Storage => "storage",
        }
    }

    /// The stack it needs: one replica, limits on people out of the way.
    #[must_use]
    pub fn prepared(self, options: StackOptions) -> StackOptions {
        let mut options = options
            .env("RATE_USER_PER_MINUTE", "0")
            .env("RATE_ADDRESS_PER_MINUTE", "0")
            // Nobody goes to sleep while somebody counts.
            .env("ACTOR_IDLE_SECONDS", "7200");
        options.roles = match self {
            // They have their own rows in the same database.
            Self::Reminders | Self::Storage => vec![Role::Projector],
            _ => Vec::new(),
        };
        options
    }
}

/// How thoroughly, and who hears how it goes.
#[derive(Clone)]
pub struct Options {
    /// Fewer and shorter runs, less data: for trying it out.
    pub quick: bool,
    /// Told what is going on.
    pub progress: Arc<dyn Fn(&str) + Send + Sync>,
}

/// A benchmark at work.
struct Bench<'a> {
    stack: &'a Stack,
    options: &'a Options,
}

impl Bench<'_> {
    /// The first, or the second if it must be quick.
    fn sized<T>(&self, full: T, quick: T) -> T {
        if self.options.quick { quick } else { full }
    }

    /// How often everything is measured.
    fn rounds(&self) -> usize {
        self.sized(5, 2)
    }

    /// How long one run is.
    fn run(&self) -> Duration {
        self.sized(Duration::from_secs(10), Duration::from_secs(3))
    }

    fn say(&self, what: impl AsRef<str>) {
        (self.options.progress)(what.as_ref());
    }
}

/// Measures on a stack that was [`Benchmark::prepared`] and is fresh.
///
/// # Errors
/// The stack does not do what it should.
pub async fn run(stack: &Stack, benchmark: Benchmark, options: &Options) -> Result<Findings> {
    let bench = Bench { stack, options };
    if !stack.names().iter().any(|name| name == "projector") {
        pretend_to_catch_up(stack).await?;
    }
    match benchmark {
        Benchmark::Turns => turns::run(&bench).await,
        Benchmark::Latency => latency::run(&bench).await,
        Benchmark::Growth => growth::run(&bench).await,
        Benchmark::Activation => activation::run(&bench).await,
        Benchmark::Memory => memory::run(&bench).await,
        Benchmark::Reminders => reminders::run(&bench).await,
        Benchmark::Replicas => replicas::run(&bench).await,
        Benchmark::Storage => storage::run(&bench).await,
    }
}

/// To the reconciler a projector that does not run looks like one that is catching up. Else it
/// would have everything published again.
async fn pretend_to_catch_up(stack: &Stack) -> Result<()> {
    let mut database = crate::evidence::database(stack).await?;
    let forever = "insert into projection_position (topic, partition, event_at, applied_at)
         select topic, 0, now() - interval '1 hour', now() + interval '1 day'
         from unnest(array['task-events', 'conversation-events']) as topic";
    sqlx::query(forever).execute(&mut database).await?;
    Ok(())
}
