//! Two replicas against one, on the same machine.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::actors::{Actors, TITLE};
use super::plot::{Line, Plot};
use super::report::{Figure, Findings};
use super::samples::Samples;
use super::{Bench, CALLERS, USERS};
use crate::evidence;

/// Longest a command is sent again before it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);
/// After a replica came or went, until its actors have settled.
const SETTLE: Duration = Duration::from_secs(5);

/// Callers who go on while replicas come and go.
struct Callers {
    through: RwLock<Vec<Actors>>,
    /// Turns acknowledged so far, by person.
    acknowledged: Vec<AtomicU64>,
    repeated: AtomicU64,
}

pub async fn run(bench: &Bench<'_>) -> Result<Findings> {
    let one = Actors::through(bench.stack, 1)?;
    let callers = Arc::new(Callers {
        through: RwLock::new(vec![one.clone()]),
        acknowledged: (0..USERS).map(|_| AtomicU64::default()).collect(),
        repeated: AtomicU64::default(),
    });
    let (stop, stopped) = watch::channel(false);
    let mut running = JoinSet::new();
    for caller in 0..CALLERS {
        let (callers, stopped) = (Arc::clone(&callers), stopped.clone());
        running.spawn(async move {
            while !*stopped.borrow() {
                callers.add(caller).await?;
            }
            anyhow::Ok(())
        });
    }
    let (watched, seen) = (Arc::clone(&callers), Arc::new(Mutex::new(Vec::new())));
    let watching = tokio::spawn(watch_rate(watched, Arc::clone(&seen)));
    let (mut alone, mut together) = <(Samples, Samples)>::default();
    bench.say("warming up");
    callers.rate(bench.run()).await;
    for round in 1..=bench.sized(3, 1) {
        bench.say(format!("round {round}: one replica, then two"));
        alone.push(callers.rate(bench.run()).await);
        bench.stack.scale(2).await?;
        callers.go_through(vec![one.clone(), Actors::through(bench.stack, 2)?]);
        callers.rate(SETTLE).await;
        together.push(callers.rate(bench.run()).await);
        callers.go_through(vec![one.clone()]);
        bench.stack.scale(1).await?;
        callers.rate(SETTLE).await;
    }
    watching.abort();
    stop.send_replace(true);
    while let Some(caller) = running.join_next().await {
        caller??;
    }
    let lost = callers.lost(bench).await?;
    let over = together.over(&alone);
    let acknowledged = callers.all() as f64;
    let repeated = callers.repeated.load(Ordering::Relaxed) as f64;
    Ok(Findings {
        figures: vec![
            Figure::new("add_task, one replica", "/s", alone),
            Figure::new("add_task, two replicas", "/s", together),
            Figure::new("two replicas over one", "", over),
            Figure::new("turns acknowledged", "", acknowledged),
            Figure::new("calls repeated while replicas came and went", "", repeated),
            Figure::new("turns lost", "", lost),
        ],
        plot: Plot {
            x: "seconds",
            y: "turns a second",
            lines: vec![Line {
                name: "while a second replica comes and goes".to_owned(),
                points: seen.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            }],
        },
    })
}

impl Callers {
    fn go_through(&self, actors: Vec<Actors>) {
        *self.through.write().unwrap_or_else(PoisonError::into_inner) = actors;
    }

    fn some(&self, caller: usize) -> Actors {
        let through = self.through.read().unwrap_or_else(PoisonError::into_inner);
        through[caller % through.len()].clone()
    }

    /// Adds a task to the next person's list, again and again under its key until it is there.
    async fn add(&self, caller: usize) -> Result<()> {
        let first = self.some(0);
        let user = first.next(USERS);
        let call = json!({ "key": first.key(), "message": { "title": TITLE } });
        let asked = Instant::now();
        loop {
            let actors = self.some(caller);
            let added = actors.call("User", &format!("u{user}"), "add", &call).await;
            let Err(error) = added else { break };
            if asked.elapsed() > PATIENCE {
                bail!(error);
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.acknowledged[user].fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn all(&self) -> u64 {
        let each = self.acknowledged.iter();
        each.map(|turns| turns.load(Ordering::Relaxed)).sum()
    }

    /// Turns a second over the next while.
    async fn rate(&self, length: Duration) -> f64 {
        let (start, before) = (Instant::now(), self.all());
        tokio::time::sleep(length).await;
        (self.all() - before) as f64 / start.elapsed().as_secs_f64()
    }

    /// How many turns that were acknowledged no journal has.
    async fn lost(&self, bench: &Bench<'_>) -> Result<f64> {
        let journals = evidence::journals(&mut evidence::database(bench.stack).await?).await?;
        let mut lost = 0;
        for (user, turns) in self.acknowledged.iter().enumerate() {
            let head = journals.get(&format!("User/u{user}"));
            let stored = head.map_or(0, |kept| kept.head.unsigned_abs());
            lost += turns.load(Ordering::Relaxed).saturating_sub(stored);
        }
        Ok(lost as f64)
    }
}

/// Notes each second after how many seconds there were how many turns a second. Never ends.
async fn watch_rate(callers: Arc<Callers>, seen: Arc<Mutex<Vec<(f64, f64)>>>) {
    let began = Instant::now();
    loop {
        let rate = callers.rate(Duration::from_secs(1)).await;
        let point = (began.elapsed().as_secs_f64(), rate);
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(point);
    }
}
