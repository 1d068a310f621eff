//! Callers who call again as soon as they are answered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::samples::Samples;

/// When callers have called enough.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After so long.
    Time(Duration),
    /// After so many calls of them all.
    Calls(u64),
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Load {
    /// How long it went on, to the last answer.
    pub lasted: Duration,
    /// How long each caller waited for each answer, in milliseconds.
    pub waits: Samples,
}

impl Load {
    /// How many calls were answered.
    #[must_use]
    pub fn calls(&self) -> f64 {
        self.waits.runs().len() as f64
    }

    /// Answers a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.calls() / self.lasted.as_secs_f64()
    }
}

/// Has so many callers call at the same time. `call` is told which caller it is.
///
/// # Errors
/// The first call that fails ends it.
pub async fn load<C, F>(callers: usize, until: Until, call: C) -> Result<Load>
where
    C: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let began = Instant::now();
    let calls = Arc::new(AtomicU64::new(0));
    let mut running = JoinSet::new();
    for caller in 0..callers {
        let (call, calls) = (call.clone(), Arc::clone(&calls));
        running.spawn(async move {
            let mut waits = Vec::new();
            loop {
                let done = calls.fetch_add(1, Ordering::Relaxed);
                let enough = match until {
                    Until::Time(length) => began.elapsed() >= length,
                    Until::Calls(most) => done >= most,
                };
                if enough {
                    return anyhow::Ok(waits);
                }
                let asked = Instant::now();
                call(caller).await?;
                waits.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
        });
    }
    let mut waits = Vec::new();
    while let Some(caller) = running.join_next().await {
        waits.extend(caller??);
    }
    Ok(Load {
        lasted: began.elapsed(),
        waits: waits.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_calls_are_made_and_no_more() {
        let made = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&made);
        let load = load(8, Until::Calls(100), move |_| {
            let counting = Arc::clone(&counting);
            async move {
                counting.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(())
            }
        });
        assert_eq!(load.await.unwrap().calls(), 100.0);
        assert_eq!(made.load(Ordering::Relaxed), 100);
    }

    #[tokio::test]
    async fn a_call_that_fails_is_no_answer() {
        let load = load(2, Until::Calls(9), |_| async { anyhow::bail!("no") });
        assert_eq!(load.await.unwrap_err().to_string(), "no");
    }
}
