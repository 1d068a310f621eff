//! Where turns read the time.

use jiff::Timestamp;

/// A source of the current instant; a parameter wherever time matters.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, to the microsecond: what PostgreSQL can keep.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        to_microseconds(Timestamp::now())
    }
}

/// Drops what PostgreSQL cannot keep, so that a table row equals the state it mirrors.
#[must_use]
pub fn to_microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
