//! The servers of a stack by name: started, told, stopped, and reported when
//! one ends that should not have.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures::future::try_join_all;
use tokio::sync::Notify;

use crate::process::{Process, Signal, Spec, describe, last_words, tail};
use crate::ready::{self, NotReady, Ready};

/// A server that ended although nobody had told it to.
#[derive(Debug, Clone)]
pub struct Death {
    /// Its name.
    pub name: String,
    /// "exit status 1" or "signal 9".
    pub how: String,
    /// The last lines it logged.
    pub log: String,
}

/// Generous, because machines are slow when everything starts at once; what is
/// broken is noticed sooner, by its process ending.
const READY_WITHIN: Duration = Duration::from_secs(120);
const SHOWN_LINES: usize = 15;

#[derive(Debug, Default)]
pub(crate) struct Fleet {
    servers: Mutex<Vec<Server>>,
    deaths: Mutex<VecDeque<Death>>,
    died: Notify,
}

#[derive(Debug)]
struct Server {
    spec: Spec,
    ready: Vec<Ready>,
    process: Option<Process>,
    /// Counts the starts, so that a late report about a former process is told
    /// from one about the present.
    generation: u64,
    /// Whether its end would be news.
    should_run: bool,
}

impl Fleet {
    fn servers(&self) -> MutexGuard<'_, Vec<Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deaths(&self) -> MutexGuard<'_, VecDeque<Death>> {
        self.deaths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Server) -> T) -> Result<T> {
        let mut servers = self.servers();
        let names = || {
            let names: Vec<_> = servers
                .iter()
                .map(|server| server.spec.name.as_str())
                .collect();
            names.join(", ")
        };
        let Some(place) = servers.iter().position(|server| server.spec.name == name) else {
            bail!("there is no server {name}; there are {}", names());
        };
        Ok(act(&mut servers[place]))
    }

    /// Makes a server known; does not start it.
    pub fn add(&self, spec: Spec, ready: Vec<Ready>) {
        self.servers().push(Server {
            spec,
            ready,
            process: None,
            generation: 0,
            should_run: false,
        });
    }

    /// Forgets a server that has been stopped.
    pub fn remove(&self, name: &str) {
        self.servers().retain(|server| server.spec.name != name);
    }

    /// All names, in the order they were added.
    pub fn names(&self) -> Vec<String> {
        let servers = self.servers();
        servers
            .iter()
            .map(|server| server.spec.name.clone())
            .collect()
    }

    /// Starts the servers named that do not run, at the same time, and waits
    /// until all of `names` are ready.
    pub async fn start(self: &Arc<Self>, names: &[&str]) -> Result<()> {
        for name in names {
            if !self.is_running(name) {
                self.begin(name)?;
            }
        }
        try_join_all(names.iter().map(|name| self.until_ready(name))).await?;
        Ok(())
    }

    fn begin(self: &Arc<Self>, name: &str) -> Result<()> {
        let fleet = Arc::downgrade(self);
        self.with(name, |server| {
            server.generation += 1;
            server.should_run = false;
            let generation = server.generation;
            let name = name.to_owned();
            let process = Process::start(&server.spec, move |status| {
                if let Some(fleet) = fleet.upgrade() {
                    fleet.ended(&name, generation, status);
                }
            })?;
            server.process = Some(process);
            Ok(())
        })?
    }

    fn ended(&self, name: &str, generation: u64, status: ExitStatus) {
        let log = self.with(name, |server| {
            let news = server.generation == generation && server.should_run;
            server.should_run &= server.generation != generation;
            news.then(|| server.spec.log.clone())
        });
        if let Ok(Some(log)) = log {
            self.deaths().push_back(Death {
                name: name.to_owned(),
                how: describe(status),
                log: last_words(&log, SHOWN_LINES),
            });
            self.died.notify_waiters();
        }
    }

    async fn until_ready(self: &Arc<Self>, name: &str) -> Result<()> {
        // After a kill -9 PostgreSQL's children take a moment to go, and it
        // will not start beside them.
        let until = Instant::now() + Duration::from_secs(15);
        loop {
            let (process, conditions, log) = self.with(name, |server| {
                (
                    server.process.clone(),
                    server.ready.clone(),
                    server.spec.log.clone(),
                )
            })?;
            let process = process.ok_or_else(|| anyhow!("{name} was not started"))?;
            let said = || last_words(&log, SHOWN_LINES);
            match ready::wait(&process, &conditions, READY_WITHIN).await {
                Ok(()) => return self.with(name, |server| server.should_run = true),
                Err(NotReady::Ended) if name == "postgres" && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    self.begin(name)?;
                }
                Err(NotReady::Ended) => {
                    let how = process.exited().map(describe).unwrap_or_default();
                    bail!(
                        "{name} ended ({how}) before it was ready. Its last lines:\n{}",
                        said()
                    );
                }
                Err(NotReady::Late(found)) => bail!(
                    "{name} is not ready after {} s: {found}. Its last lines:\n{}",
                    READY_WITHIN.as_secs(),
                    said()
                ),
            }
        }
    }

    /// Waits until the servers named, which run already, are ready (again).
    pub async fn ready(self: &Arc<Self>, names: &[&str]) -> Result<()> {
        try_join_all(names.iter().map(|name| self.until_ready(name))).await?;
        Ok(())
    }

    /// Asks the servers named to stop, all at the same time, and waits; one
    /// that does not stop in time is killed.
    pub async fn stop(&self, names: &[&str]) -> Result<()> {
        let mut stops = Vec::new();
        for name in names {
            let stop = self.with(name, |server| {
                server.should_run = false;
                server
                    .process
                    .clone()
                    .map(|process| (process, server.spec.clone()))
            })?;
            stops.extend(stop);
        }
        try_join_all(stops.iter().map(|(process, spec)| process.stop(spec))).await?;
        Ok(())
    }

    /// Sends a signal; waits for the end after one that cannot be resisted.
    pub async fn signal(&self, name: &str, signal: Signal) -> Result<()> {
        let process = self.with(name, |server| {
            if matches!(
                signal,
                Signal::Kill | Signal::Term | Signal::Int | Signal::Quit
            ) {
                server.should_run = false;
            }
            server.process.clone()
        })?;
        let process = process
            .filter(|process| process.exited().is_none())
            .with_context(|| format!("{name} is not running"))?;
        process.signal(signal)?;
        if signal == Signal::Kill {
            process.wait().await;
        }
        Ok(())
    }

    pub fn is_running(&self, name: &str) -> bool {
        self.pid(name).is_some()
    }

    /// The process id while it runs.
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.with(name, |server| {
            let process = server.process.as_ref()?;
            process.exited().is_none().then_some(process.pid)
        })
        .ok()?
    }

    pub fn log_path(&self, name: &str) -> Result<std::path::PathBuf> {
        self.with(name, |server| server.spec.log.clone())
    }

    pub fn log_tail(&self, name: &str, lines: usize) -> Result<String> {
        Ok(tail(&self.log_path(name)?, lines))
    }

    /// Takes the next unexpected death, if there was one.
    pub fn take_death(&self) -> Option<Death> {
        self.deaths().pop_front()
    }

    /// Waits for the next unexpected death.
    pub async fn next_death(&self) -> Death {
        loop {
            let told = self.died.notified();
            if let Some(death) = self.take_death() {
                return death;
            }
            told.await;
        }
    }

    /// Ends everything at once, for when nobody is left to wait politely.
    pub fn abandon(&self) {
        let processes: Vec<_> = self
            .servers()
            .iter_mut()
            .filter_map(|server| {
                server.should_run = false;
                Some((server.process.clone()?, server.spec.abandon))
            })
            .collect();
        for (process, signal) in &processes {
            let _ = process.signal(*signal);
            let _ = process.signal(Signal::Cont);
        }
        let until = Instant::now() + Duration::from_secs(3);
        for (process, _) in &processes {
            if !process.wait_blocking(until.saturating_duration_since(Instant::now())) {
                let _ = process.signal(Signal::Kill);
                process.wait_blocking(Duration::from_secs(2));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(script: &str) -> (tempfile::TempDir, Arc<Fleet>) {
        let dir = tempfile::tempdir().unwrap();
        let fleet = Arc::new(Fleet::default());
        fleet.add(
            Spec::new("one", "/bin/sh", dir.path()).args(["-c", script]),
            Vec::new(),
        );
        (dir, fleet)
    }

    #[tokio::test]
    async fn an_unexpected_end_is_reported_and_an_asked_for_one_is_not() {
        let (_dir, fleet) = fleet("echo last words; exec sleep 60");
        fleet.start(&["one"]).await.unwrap();
        let pid = fleet.pid("one").unwrap();
        fleet.signal("one", Signal::Kill).await.unwrap();
        assert!(!fleet.is_running("one"));
        fleet.start(&["one"]).await.unwrap();
        assert_ne!(fleet.pid("one"), Some(pid));
        while !fleet.log_tail("one", 1).unwrap().contains("last words") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Behind the fleet's back.
        let process = fleet
            .with("one", |server| server.process.clone())
            .unwrap()
            .unwrap();
        process.signal(Signal::Kill).unwrap();
        let death = fleet.next_death().await;
        assert_eq!(
            (death.name.as_str(), death.how.as_str()),
            ("one", "signal 9")
        );
        assert!(death.log.contains("last words"), "{}", death.log);
        assert!(fleet.take_death().is_none());
    }

    #[tokio::test]
    async fn one_that_ends_at_once_is_an_error_with_its_last_lines() {
        let (_dir, fleet) = fleet("echo no such option; exit 2");
        fleet
            .with("one", |server| server.ready.push(Ready::Postgres(1)))
            .unwrap();
        let error = fleet.start(&["one"]).await.unwrap_err().to_string();
        assert!(error.contains("exit status 2"), "{error}");
        assert!(error.contains("no such option"), "{error}");
    }

    #[tokio::test]
    async fn an_unknown_name_is_answered_with_the_known_ones() {
        let (_dir, fleet) = fleet("true");
        let error = fleet.stop(&["two"]).await.unwrap_err().to_string();
        assert_eq!(error, "there is no server two; there are one");
    }
}
