//! How fast the machine itself is, so that figures of a machine that changed meanwhile are not
//! compared.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::samples::Samples;

/// Largest change of the floor, as a part of it, at which figures can still be compared.
const MOST_MOVED: f64 = 0.3;
/// How often it is measured, for how long.
const RUNS: usize = 5;
const RUN: Duration = Duration::from_millis(400);

/// What all cores together hash in a second while nothing else is to be done, in MiB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor(f64);

impl Floor {
    /// Measures it. Blocks for two seconds.
    #[must_use]
    pub fn measure() -> Self {
        let runs: Samples = (0..RUNS).map(|_| hash_on_all_cores()).collect();
        Self(runs.median())
    }
}

/// The floor before and after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Before everything.
    pub first: Floor,
    /// After it.
    pub last: Floor,
}

impl Drift {
    /// How far the floor moved, as a part of the lower one.
    #[must_use]
    pub fn moved(&self) -> f64 {
        let (Floor(first), Floor(last)) = (self.first, self.last);
        first.max(last) / first.min(last) - 1.0
    }

    /// Why the figures cannot be compared with anything, if they cannot.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        if self.moved() <= MOST_MOVED {
            return None;
        }
        Some(format!(
            "No comparison: the machine itself changed by {:.0} % meanwhile, and {:.0} % is the most \
             (it hashed {:.0} MiB/s at first and {:.0} at last). Run it again while nothing else does.",
            self.moved() * 100.0,
            MOST_MOVED * 100.0,
            self.first.0,
            self.last.0,
        ))
    }

    /// For a report.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "first_mib_per_second": self.first.0,
            "last_mib_per_second": self.last.0,
            "moved": self.moved(),
        })
    }
}

fn hash_on_all_cores() -> f64 {
    const BLOCK: usize = 1 << 20;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let hash = || {
        let block = vec![7; BLOCK];
        let (began, mut blocks) = (Instant::now(), 0);
        while began.elapsed() < RUN {
            std::hint::black_box(Sha256::digest(&block));
            blocks += 1;
        }
        f64::from(blocks) / began.elapsed().as_secs_f64()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(hash)).collect();
        let each = threads.into_iter().filter_map(|thread| thread.join().ok());
        each.sum()
    })
}

#[cfg(test)]
impl Drift {
    /// For tests that want to say what was measured.
    pub(super) fn of(first: f64, last: f64) -> Self {
        let [first, last] = [first, last].map(Floor);
        Self { first, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_changed_little_can_be_compared() {
        assert_eq!(Drift::of(1000.0, 1000.0).moved(), 0.0);
        assert_eq!(Drift::of(1000.0, 1290.0).objection(), None);
        assert_eq!(Drift::of(1000.0, 780.0).objection(), None);
    }

    #[test]
    fn one_that_became_slower_or_faster_cannot() {
        assert!(Drift::of(1000.0, 1310.0).objection().is_some());
        let objection = Drift::of(1000.0, 500.0).objection().unwrap();
        assert!(objection.contains("changed by 100 %"), "{objection}");
        assert!(objection.contains("1000 MiB/s at first and 500 at last"));
    }
}
