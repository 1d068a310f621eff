//! Drills: servers fail by a seeded plan while people work, and then what must hold is looked up
//! in the database and in Kafka.
//!
//! | module | holds |
//! |---|---|
//! | `plan`, `random` | which faults when: a function of the seed |
//! | `faults` | carrying them out, and helping servers up |
//! | `people`, `wishes`, `lies` | the load: what people do, and what a bad model tells them |
//! | `diary` | what people were told |
//! | `invariants` | what must hold |
//! | `timeline` | what happened and what people saw, for reading |

mod diary;
mod faults;
mod invariants;
mod lies;
mod people;
mod plan;
mod random;
mod timeline;
mod wishes;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{Stack, StackOptions, evidence};

pub use diary::{CREATED, Deed, Diary, Promise, Wait};
pub use invariants::{
    Evidence, acknowledged_once, entries_and_events, equal_to_a_rebuild, own_data_only,
    reminded_once, whole_journals,
};
pub use people::{Crowd, CrowdOptions, Habits};
pub use plan::{Fault, Harm, Plan, Target};
pub use timeline::{Sight, Timeline};

/// How many replicas there are.
pub const REPLICAS: usize = 2;
/// How long a chat turn belongs to the edge that began it, which may have died.
const LEASE: Duration = Duration::from_secs(5);
/// How long consumers, outbox and reminders may take until all is as it must be.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);
/// How many violations a report shows.
const SHOWN: usize = 40;

/// The stack that drills are made for, from one of the binary under test: two replicas, a model,
/// limits on people out of the way, turns that are soon free when their edge died.
#[must_use]
pub fn prepared(options: StackOptions) -> StackOptions {
    options
        .replicas(REPLICAS)
        .with_model()
        .env("TURN_LEASE_MS", LEASE.as_millis().to_string())
        .env("RATE_USER_PER_MINUTE", "1000000")
        .env("RATE_ADDRESS_PER_MINUTE", "1000000")
}

/// What came of a drill.
#[derive(Debug)]
pub struct Report {
    /// What all followed from.
    pub seed: u64,
    /// How many faults there were.
    pub faults: usize,
    /// How many commands were acknowledged.
    pub acknowledged: usize,
    /// How many reminders were waited for.
    pub reminders: usize,
    /// What does not hold, in words.
    pub violations: Vec<String>,
    /// What happened when, as a table.
    pub timeline: String,
}

impl fmt::Display for Report {
    /// One line when all held, else the seed, what does not hold, and the timeline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {} faults, {} commands acknowledged, {} reminders, {} violations",
            self.seed,
            self.faults,
            self.acknowledged,
            self.reminders,
            self.violations.len()
        )?;
        if self.violations.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(f, "- {violation}")?;
        }
        if let Some(more) = self.violations.len().checked_sub(SHOWN)
            && more > 0
        {
            writeln!(f, "- and {more} more")?;
        }
        write!(f, "\n{}", self.timeline)
    }
}

/// Carries out a plan on a stack that was [`prepared`], while `crowd` is at work, and looks what
/// holds afterwards.
///
/// # Errors
/// The drill itself broke, such as by a server that did not come back.
pub async fn run(stack: &Stack, plan: &Plan, crowd: &CrowdOptions) -> Result<Report> {
    let model = stack.model().context("a drill needs a model")?;
    model.learn(lies::fixtures()).await?;
    let timeline = Arc::new(Timeline::begin());
    timeline.note("people", "begin");
    let people = Crowd::start(stack, crowd, &timeline)?;
    let breaker = faults::Breaker::new(stack, &timeline);
    let finish = async {
        breaker.carry_out(plan).await?;
        timeline.note("people", "finish what they have begun");
        let diaries = people.stop().await?;
        timeline.note("people", "have finished");
        let violations = settle(stack, &diaries).await?;
        timeline.note("everybody", "has looked at what there is");
        Ok((diaries, violations))
    };
    let finished = tokio::select! {
        finished = finish => finished,
        broken = breaker.watch_over() => Err(broken.err().unwrap_or_else(|| anyhow::anyhow!("nobody watches"))),
    };
    let (diaries, violations) = finished.with_context(|| {
        format!(
            "the drill with seed {} broke:\n{}",
            plan.seed,
            timeline.render()
        )
    })?;
    Ok(Report {
        seed: plan.seed,
        faults: plan.faults.len(),
        acknowledged: diaries.iter().map(|diary| diary.waits.len()).sum(),
        reminders: diaries.iter().map(|diary| diary.promises.len()).sum(),
        violations,
        timeline: timeline.render(),
    })
}

/// What does not hold once all has had time to come to rest.
///
/// # Errors
/// A server does not answer.
pub async fn settle(stack: &Stack, diaries: &[Diary]) -> Result<Vec<String>> {
    let mut database = evidence::database(stack).await?;
    let start = Instant::now();
    let (evidence, mut violations) = loop {
        let evidence = Evidence::gather(stack, &mut database).await?;
        let violations = evidence.violations(diaries);
        let odd: usize = diaries.iter().map(|diary| diary.oddities.len()).sum();
        if violations.len() == odd || start.elapsed() > SETTLED_WITHIN {
            break (evidence, violations);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    stack.job("rebuild").await?;
    let rebuilt = evidence::rows(&mut database, "").await?;
    violations.extend(equal_to_a_rebuild(&evidence.rows, &rebuilt));
    Ok(violations)
}
