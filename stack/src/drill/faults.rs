//! Carries out a plan, and helps up whatever ends by itself, as Kubernetes would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use super::plan::{self, Fault, Harm, Plan};
use super::timeline::Timeline;
use crate::{Signal, Stack};

/// Longest a server is tried to be started: it may wait for another that is away.
const PATIENCE: Duration = Duration::from_secs(150);

/// Whoever breaks and helps up, one at each place at a time.
#[derive(Debug, Clone)]
pub struct Breaker {
    stack: Stack,
    timeline: Arc<Timeline>,
    places: Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Breaker {
    /// Somebody who has not done anything yet.
    pub fn new(stack: &Stack, timeline: &Arc<Timeline>) -> Self {
        Self {
            stack: stack.clone(),
            timeline: Arc::clone(timeline),
            places: Arc::default(),
        }
    }

    /// Carries the plan out; every server is ready when this returns.
    ///
    /// # Errors
    /// A server did not come back.
    pub async fn carry_out(&self, plan: &Plan) -> Result<()> {
        let mut running = JoinSet::new();
        for fault in &plan.faults {
            let (breaker, fault) = (self.clone(), fault.clone());
            running.spawn(async move {
                let rest = fault.at.saturating_sub(breaker.timeline.elapsed());
                tokio::time::sleep(rest).await;
                breaker.one(&fault).await
            });
        }
        let rest = plan.length.saturating_sub(self.timeline.elapsed());
        tokio::time::sleep(rest).await;
        while let Some(done) = running.join_next().await {
            done??;
        }
        Ok(())
    }

    async fn one(&self, fault: &Fault) -> Result<()> {
        let server = fault.server.as_str();
        let place = self.place(&plan::place(server));
        let _alone = place.lock().await;
        self.timeline.note(server, fault.to_string());
        let done = match fault.harm {
            Harm::Kill => self.stack.kill(server, Signal::Kill).await,
            Harm::Freeze => self.stack.pause(server).await,
            Harm::Restart => self.stack.stop(server).await,
        };
        if done.is_err() {
            // It has just ended by itself.
            self.timeline.note(server, "was away already");
            return self.start(server).await;
        }
        tokio::time::sleep(fault.lasts).await;
        if fault.harm == Harm::Freeze && self.stack.resume(server).await.is_ok() {
            self.timeline.note(server, "carries on");
            return self.until_ready(server).await;
        }
        self.start(server).await
    }

    /// Helps up what ends by itself, until it is dropped.
    ///
    /// # Errors
    /// A server did not come back.
    pub async fn watch_over(&self) -> Result<()> {
        // Each alone: one may wait for another.
        let mut helping = JoinSet::new();
        loop {
            tokio::select! {
                death = self.stack.next_death() => {
                    let what = format!("ended by itself ({})", death.how);
                    self.timeline.note(&death.name, what);
                    let breaker = self.clone();
                    helping.spawn(async move { breaker.help_up(&death.name).await });
                }
                Some(helped) = helping.join_next() => helped??,
            }
        }
    }

    async fn help_up(&self, server: &str) -> Result<()> {
        let place = self.place(&plan::place(server));
        let _alone = place.lock().await;
        self.start(server).await
    }

    /// Starts a server, again and again while it ends for want of another.
    async fn start(&self, server: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let started = self.stack.start_server(server).await;
            match started {
                Ok(()) => break,
                Err(error) if began.elapsed() > PATIENCE => {
                    return Err(error).with_context(|| format!("{server} does not come back"));
                }
                Err(_) => self
                    .timeline
                    .note(server, "did not start, and is started again"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let took = began.elapsed().as_secs_f32();
        self.timeline
            .note(server, format!("is ready again after {took:.1} s"));
        Ok(())
    }

    /// One that carried on may have found that its time was over meanwhile.
    async fn until_ready(&self, server: &str) -> Result<()> {
        match self.stack.until_ready(server).await {
            Ok(()) => Ok(()),
            Err(_) => self.start(server).await,
        }
    }

    fn place(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(name.to_owned()).or_default())
    }
}
