//! What happened and what people saw, for reading.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// What came of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It was answered.
    Answered,
    /// The person was told to try again.
    Later,
    /// No answer came.
    CutOff,
}

/// What people saw in a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sights {
    answered: u32,
    later: u32,
    cut_off: u32,
    longest: Duration,
}

impl std::ops::AddAssign for Sights {
    fn add_assign(&mut self, more: Self) {
        self.answered += more.answered;
        self.later += more.later;
        self.cut_off += more.cut_off;
        self.longest = self.longest.max(more.longest);
    }
}

/// A line of what happened to servers.
#[derive(Debug, Clone)]
struct Note {
    at: Duration,
    server: String,
    what: String,
}

/// Kept while a drill runs, by everybody in it.
#[derive(Debug)]
pub struct Timeline {
    began: Instant,
    began_at: Timestamp,
    notes: Mutex<Vec<Note>>,
    /// By second.
    sights: Mutex<BTreeMap<u64, Sights>>,
}

impl Timeline {
    /// One that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            began_at: Timestamp::now(),
            notes: Mutex::default(),
            sights: Mutex::default(),
        }
    }

    /// How long it has been.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Something happened to a server.
    pub fn note(&self, server: &str, what: impl Into<String>) {
        let note = Note {
            at: self.elapsed(),
            server: server.to_owned(),
            what: what.into(),
        };
        lock(&self.notes).push(note);
    }

    /// A request that took so long came to this.
    pub fn saw(&self, sight: Sight, took: Duration) {
        let one = |is| u32::from(sight == is);
        let saw = Sights {
            answered: one(Sight::Answered),
            later: one(Sight::Later),
            cut_off: one(Sight::CutOff),
            longest: took,
        };
        let mut sights = lock(&self.sights);
        *sights.entry(self.elapsed().as_secs()).or_default() += saw;
    }

    /// A line for each thing that happened, with what people saw from that second up to the next
    /// line's.
    #[must_use]
    pub fn render(&self) -> String {
        let mut notes = lock(&self.notes).clone();
        notes.sort_by_key(|note| note.at);
        let sights = lock(&self.sights);
        let mut text = format!(
            "{:<9} {:>8}  {:<12} {:<44} {:>8} {:>6} {:>8} {:>9}\n",
            "UTC", "after", "server", "what happened", "answered", "later", "cut off", "longest"
        );
        for (n, note) in notes.iter().enumerate() {
            let from = note.at.as_secs();
            let to = notes.get(n + 1).map_or(u64::MAX, |next| next.at.as_secs());
            let mut saw = Sights::default();
            for (_, more) in sights.range(from..to.max(from)) {
                saw += *more;
            }
            let clock = self.began_at.checked_add(note.at).unwrap_or(self.began_at);
            let _ = write!(
                text,
                "{:<9} {:>6.1} s  {:<12} {:<44}",
                clock.strftime("%H:%M:%S"),
                note.at.as_secs_f32(),
                note.server,
                note.what
            );
            // Of several lines in one second the last one tells.
            if saw == Sights::default() {
                text.truncate(text.trim_end().len());
                text.push('\n');
                continue;
            }
            let _ = writeln!(
                text,
                " {:>8} {:>6} {:>8} {:>7.1} s",
                saw.answered,
                saw.later,
                saw.cut_off,
                saw.longest.as_secs_f32()
            );
        }
        text
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_says_what_people_saw_until_the_next() {
        let timeline = Timeline::begin();
        let at = |seconds: u64| Note {
            at: Duration::from_millis(seconds * 1000 + 250),
            server: format!("server-{seconds}"),
            what: "killed, for 2.0 s".to_owned(),
        };
        *timeline.notes.lock().unwrap() = vec![at(7), at(2), at(2)];
        let saw = |answered| Sights {
            answered,
            later: 3,
            cut_off: 1,
            longest: Duration::from_millis(1_300),
        };
        let seconds = [(1, saw(99)), (2, saw(40)), (6, saw(2)), (8, saw(7))];
        timeline.sights.lock().unwrap().extend(seconds);
        let text = timeline.render();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].ends_with("killed, for 2.0 s"), "{text}");
        let ends = |line: &str| {
            line.split_whitespace()
                .rev()
                .take(5)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(ends(lines[2]), "s 1.3 2 6 42", "{text}");
        assert_eq!(ends(lines[3]), "s 1.3 1 3 7", "{text}");
        assert!(lines[3].contains("7.2 s  server-7"), "{text}");
    }
}
