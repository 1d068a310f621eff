//! How fast the machine itself is, so that figures of a machine that changed meanwhile are not
//! compared.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::samples::Samples;

/// Largest change of the floor, as a part of it, at which figures can still be compared.
const MOST_MOVED: f64 = 0.3;
/// How often each is measured, for how long.
const RUNS: usize = 5;
const RUN: Duration = Duration::from_millis(400);

/// What the machine can do when it does nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Floor {
    /// What all cores together hash, in MiB/s.
    pub hashing: f64,
    /// Writes of a page to the disk that are waited for, per second.
    pub syncing: f64,
}

impl Floor {
    /// Measures it, on the disk that has `dir`. Blocks for a few seconds.
    ///
    /// # Errors
    /// There cannot be a file.
    pub fn measure(dir: &Path) -> Result<Self> {
        let hashing: Samples = (0..RUNS).map(|_| hash_on_all_cores()).collect();
        let mut syncing = Samples::default();
        let mut file = tempfile::tempfile_in(dir)
            .with_context(|| format!("there cannot be a file in {}", dir.display()))?;
        for _ in 0..RUNS {
            syncing.push(sync(&mut file).context("the disk cannot be measured")?);
        }
        Ok(Self {
            hashing: hashing.median(),
            syncing: syncing.median(),
        })
    }

    /// For a report.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "hashing_mib_per_second": self.hashing, "synced_writes_per_second": self.syncing })
    }
}

/// The floor before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Before everything.
    pub first: Floor,
    /// After it.
    pub last: Floor,
}

impl Drift {
    /// How far the floor moved, as a part of it: of the processor or of the disk, whichever more.
    #[must_use]
    pub fn moved(&self) -> f64 {
        let part = |first: f64, last: f64| (first.max(last) / first.min(last)) - 1.0;
        let hashing = part(self.first.hashing, self.last.hashing);
        hashing.max(part(self.first.syncing, self.last.syncing))
    }

    /// Why the figures cannot be compared with anything, if they cannot.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        if self.moved() <= MOST_MOVED {
            return None;
        }
        let Self { first, last } = self;
        Some(format!(
            "No comparison: the machine itself changed by {:.0} % meanwhile, and {:.0} % is the most \
             (hashing {:.0} MiB/s at first, {:.0} at last; {:.0} and {:.0} synced writes a second). \
             Run it again while nothing else does.",
            self.moved() * 100.0,
            MOST_MOVED * 100.0,
            first.hashing,
            last.hashing,
            first.syncing,
            last.syncing,
        ))
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

fn sync(file: &mut File) -> std::io::Result<f64> {
    let (began, mut writes) = (Instant::now(), 0);
    while began.elapsed() < RUN {
        file.rewind()?;
        file.write_all(&[7; 8192])?;
        file.sync_data()?;
        writes += 1;
    }
    Ok(f64::from(writes) / began.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(hashing: f64, syncing: f64) -> Drift {
        let first = Floor {
            hashing: 1000.0,
            syncing: 500.0,
        };
        let last = Floor { hashing, syncing };
        Drift { first, last }
    }

    #[test]
    fn a_machine_that_changed_little_can_be_compared() {
        assert_eq!(drift(1000.0, 500.0).moved(), 0.0);
        assert_eq!(drift(1290.0, 400.0).objection(), None);
    }

    #[test]
    fn one_that_became_slower_or_faster_cannot() {
        for changed in [(700.0, 500.0), (1310.0, 500.0), (1000.0, 300.0)] {
            let objection = drift(changed.0, changed.1).objection();
            assert!(objection.is_some(), "{changed:?}");
        }
        let objection = drift(500.0, 500.0).objection().unwrap();
        assert!(objection.contains("100 %"), "{objection}");
        assert!(objection.contains("1000 MiB/s at first, 500 at last"));
    }
}
