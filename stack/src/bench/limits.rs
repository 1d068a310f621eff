//! What the figures may be.

use std::fmt;

use super::Benchmark;

/// The side of a number that is good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Bound {
    /// Whether a figure is on the good side; one that is no number is not.
    #[must_use]
    pub fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

/// What a benchmark's figure may be.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Which benchmark has it.
    pub benchmark: Benchmark,
    /// The figure's name.
    pub figure: &'static str,
    /// What it may be.
    pub bound: Bound,
}

const fn limit(benchmark: Benchmark, figure: &'static str, bound: Bound) -> Limit {
    Limit {
        benchmark,
        figure,
        bound,
    }
}

/// All limits. A figure without one is only reported.
pub const LIMITS: &[Limit] = {
    use Benchmark::{Activation, Growth, Latency, Memory, Reminders, Replicas, Storage, Turns};
    use Bound::{AtLeast, AtMost};
    &[
        limit(Turns, "add_task over pings", AtLeast(0.4)),
        limit(Turns, "add_task over upserts", AtLeast(0.2)),
        limit(Turns, "chat turns over pings", AtLeast(0.12)),
        limit(Turns, "events per publish call", AtLeast(8.0)),
        limit(Turns, "backend's share of the CPU, add_task", AtMost(0.25)),
        limit(
            Latency,
            "add_task over upsert + ping + publish",
            AtMost(2.0),
        ),
        limit(Growth, "add_task, long list over short", AtMost(1.2)),
        limit(Growth, "chat turn, long talk over short", AtMost(1.2)),
        limit(Activation, "long list over empty actor", AtMost(30.0)),
        limit(Activation, "long list", AtMost(100.0)),
        limit(Memory, "per 10,000 actors, after writing", AtMost(100.0)),
        limit(Memory, "per 10,000 actors, after loading", AtMost(100.0)),
        limit(Reminders, "few due: latest", AtMost(1.0)),
        limit(Reminders, "many due: p99", AtMost(20.0)),
        limit(Reminders, "lost", AtMost(0.0)),
        limit(Reminders, "given twice", AtMost(0.0)),
        limit(Replicas, "turns lost", AtMost(0.0)),
        limit(Storage, "size, end over half way", AtMost(1.1)),
        limit(Storage, "vacuums in the second half", AtLeast(1.0)),
    ]
};

/// The limits of one benchmark.
pub fn of(benchmark: Benchmark) -> impl Iterator<Item = &'static Limit> {
    LIMITS
        .iter()
        .filter(move |limit| limit.benchmark == benchmark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_includes_itself_and_excludes_what_is_no_number() {
        assert!(Bound::AtLeast(0.4).holds(0.4) && !Bound::AtLeast(0.4).holds(0.39));
        assert!(Bound::AtMost(1.2).holds(1.2) && !Bound::AtMost(1.2).holds(1.21));
        assert!(!Bound::AtMost(1.2).holds(f64::NAN) && !Bound::AtLeast(0.4).holds(f64::NAN));
    }

    #[test]
    fn every_benchmark_has_a_limit() {
        for benchmark in Benchmark::ALL {
            assert!(of(benchmark).next().is_some(), "{benchmark:?}");
        }
    }
}
