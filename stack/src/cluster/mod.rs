//! A Kubernetes cluster on loopback: the real API server, controllers, scheduler and etcd, and
//! Dapr's real operator, injector and sentry. Nodes and pods are kwok's: they only say that they
//! run, so no image is pulled, and what a chart makes of them is seen within seconds.
//!
//! What is real: validation, admission (Pod Security, Dapr's webhook), RBAC, Deployments, Jobs,
//! autoscaling, disruption budgets, scheduling by requests, garbage collection. What is not: no
//! container runs, and nobody enforces NetworkPolicy or Ingress.

mod control_plane;
mod dapr;
mod sidecar;
mod tools;

use std::fs::{self, File};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

pub use self::sidecar::ClusterSidecar;
pub use self::tools::ClusterTools;
use crate::fleet::{Death, Fleet};
use crate::ports::{PortPlan, Ports};
use crate::process::on_path;

/// How long a server, or a controller, may take to do its part.
const PATIENCE: Duration = Duration::from_secs(60);
const PACE: Duration = Duration::from_millis(100);

/// A running cluster with Dapr's control plane. When it goes, so do its servers.
#[derive(Debug)]
pub struct Cluster {
    tools: ClusterTools,
    dir: PathBuf,
    fleet: Arc<Fleet>,
    plan: Mutex<PortPlan>,
    /// Keeps another cluster out of the folder.
    _lock: File,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.fleet.abandon();
    }
}

impl Cluster {
    /// Starts a cluster whose data lies in `dir`, which is emptied first; another cluster there
    /// is waited for. Ready when this returns.
    ///
    /// # Errors
    /// A program cannot be had, or does not become ready within a minute.
    pub async fn start(dir: &Path) -> Result<Self> {
        let place = dir.to_owned();
        let prepare = move || -> Result<_> { Ok((ClusterTools::get()?, emptied(&place)?)) };
        let (tools, lock) = tokio::task::spawn_blocking(prepare)
            .await
            .context("the preparation was cut short")??;
        let cluster = Self {
            tools,
            dir: dir.to_owned(),
            fleet: Arc::default(),
            plan: Mutex::new(PortPlan::new(Ports::Free)),
            _lock: lock,
        };
        control_plane::start(&cluster).await?;
        dapr::start(&cluster).await?;
        Ok(cluster)
    }

    /// The programs it is made of.
    #[must_use]
    pub fn tools(&self) -> &ClusterTools {
        &self.tools
    }

    /// What tells a client where the cluster is and lets it do everything.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// Runs kubectl and returns what it printed.
    ///
    /// # Errors
    /// It fails; the error is what it said.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.kubectl_with(args, "").await
    }

    /// The same, with a text for its standard input, which `-f -` reads.
    ///
    /// # Errors
    /// It fails; the error is what it said.
    pub async fn kubectl_with(&self, args: &[&str], input: &str) -> Result<String> {
        let mut command = self.command(&self.tools.kube);
        command.arg("kubectl").args(args);
        output(command, input).await
    }

    /// An object, or a list of them, by `kubectl get`.
    ///
    /// # Errors
    /// There is none.
    pub async fn get(&self, args: &[&str]) -> Result<Value> {
        let args = [&["get", "-o", "json"], args].concat();
        Ok(serde_json::from_str(&self.kubectl(&args).await?)?)
    }

    /// Runs helm and returns what it printed.
    ///
    /// # Errors
    /// It fails; the error is what it said.
    pub async fn helm(&self, args: &[&str]) -> Result<String> {
        let mut command = self.command(&self.tools.helm);
        command.args(args);
        output(command, "").await
    }

    /// Has every container use so much CPU, in thousandths of one.
    ///
    /// # Errors
    /// The file that says so cannot be written.
    pub fn set_cpu_usage(&self, thousandths: u32) -> Result<()> {
        // The reader must never see half a number.
        let (file, next) = (self.dir.join("cpu-usage"), self.dir.join("cpu-usage.next"));
        fs::write(&next, format!("{thousandths}m"))?;
        fs::rename(next, file)?;
        Ok(())
    }

    /// Waits until `condition` gives something.
    ///
    /// # Errors
    /// It gives nothing for a minute; the error says `what`.
    pub async fn until<T, F>(&self, what: &str, mut condition: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Option<T>>,
    {
        let start = Instant::now();
        loop {
            if let Some(found) = condition().await {
                return Ok(found);
            }
            if let Some(Death { name, how, log }) = self.fleet.take_death() {
                bail!("{name} ended ({how}) while waiting: {what}. Its last lines:\n{log}");
            }
            if start.elapsed() > PATIENCE {
                bail!("not within {} s: {what}", PATIENCE.as_secs());
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// A client's command that knows this cluster and no other.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .kill_on_drop(true)
            .env("KUBECONFIG", self.kubeconfig());
        for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(name, self.dir.join("helm"));
        }
        command
    }

    /// The first of some free ports.
    fn ports(&self, name: &str, used: u16) -> Result<u16> {
        let mut plan = self.plan.lock().map_err(|_| {
            anyhow::anyhow!("the ports are not to be had after a panic of who took some")
        })?;
        plan.block(name, used)
    }
}

/// An empty folder that is ours as long as the file is open.
fn emptied(dir: &Path) -> Result<File> {
    fs::create_dir_all(dir)
        .with_context(|| format!("the folder {} cannot be made", dir.display()))?;
    let lock = File::create(dir.with_extension("lock"))?;
    lock.lock()
        .with_context(|| format!("the folder {} cannot be locked", dir.display()))?;
    fs::remove_dir_all(dir)?;
    fs::create_dir_all(dir.join("logs"))?;
    if on_path("setpriv").is_none() {
        bail!("setpriv is needed, or servers would outlive the tests: install util-linux");
    }
    Ok(lock)
}

async fn output(mut command: Command, input: &str) -> Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("the command cannot be started")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}", said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
