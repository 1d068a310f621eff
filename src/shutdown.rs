//! Whether the process is ready, what it is still doing, and how it ends.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{Instant, sleep},
};

/// Between looks at what is still going on.
const LOOK: Duration = Duration::from_millis(50);

/// The life of the process, shared by all who report or await it.
#[derive(Clone, Default)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Default)]
struct Inner {
    ready: AtomicBool,
    stopping: watch::Sender<bool>,
    busy: AtomicUsize,
    called: Mutex<Option<Instant>>,
}

/// Work that the process finishes before it exits; ends when dropped.
pub struct Busy(Arc<Inner>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Lifecycle {
    /// Everything is open; from now on `/readyz` depends on the sidecar only.
    pub fn set_ready(&self) {
        self.0.ready.store(true, Ordering::Release);
    }

    /// Whether everything has been opened.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// The process is about to end: health checks fail from now on, work goes on.
    pub fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Whether the process is about to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.0.stopping.borrow()
    }

    /// Says true once the process is about to end.
    #[must_use]
    pub fn ending(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    /// Returns once the process is about to end.
    pub async fn stopping(&self) {
        let mut stopping = self.ending();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Marks work that the process finishes before it exits.
    #[must_use]
    pub fn busy(&self) -> Busy {
        self.0.busy.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(&self.0))
    }

    /// How much of it there is.
    #[must_use]
    pub fn busy_count(&self) -> usize {
        self.0.busy.load(Ordering::Acquire)
    }

    /// Notes a call of the sidecar.
    pub fn called(&self) {
        *self.last_call() = Some(Instant::now());
    }

    /// Returns once the sidecar has not called for `long`, counted from now at the earliest.
    pub async fn quiet(&self, long: Duration) {
        let since = Instant::now();
        loop {
            let last = self.last_call().map_or(since, |called| called.max(since));
            if last.elapsed() >= long {
                return;
            }
            sleep(LOOK).await;
        }
    }

    fn last_call(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once no work is left.
    pub async fn idle(&self) {
        while self.busy_count() > 0 {
            sleep(LOOK).await;
        }
    }
}

/// Returns at the first SIGTERM or SIGINT.
///
/// # Errors
/// The process cannot listen for signals.
pub async fn signalled() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn idle_when_the_last_work_ends_and_not_before() {
        let life = Lifecycle::default();
        let (one, other) = (life.busy(), life.busy());
        drop(one);
        let limit = Duration::from_millis(120);
        assert!(tokio::time::timeout(limit, life.idle()).await.is_err());
        drop(other);
        life.idle().await;
    }

    #[tokio::test(start_paused = true)]
    async fn every_call_of_the_sidecar_starts_the_quiet_anew() {
        let life = Lifecycle::default();
        life.called();
        let started = Instant::now();
        let caller = life.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                sleep(Duration::from_secs(2)).await;
                caller.called();
            }
        });
        life.quiet(Duration::from_secs(3)).await;
        assert!(started.elapsed().abs_diff(Duration::from_secs(9)) < Duration::from_millis(200));
    }

    #[tokio::test]
    async fn everyone_hears_of_the_end() {
        let life = Lifecycle::default();
        let waiting = tokio::spawn({
            let life = life.clone();
            async move { life.stopping().await }
        });
        assert!(!life.is_stopping());
        life.stop();
        waiting.await.unwrap();
        assert!(life.is_stopping());
    }
}
