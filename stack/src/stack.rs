//! A whole running stack.

mod inner;
mod options;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use tempfile::TempDir;

use crate::app::{Kind, Pair, job};
use crate::fleet::{Death, Fleet};
use crate::issuer::Issuer;
use crate::kafka::{Broker, KafkaAccess};
use crate::model::{self, Model};
use crate::ports::{PortPlan, url};
use crate::process::Signal;
use crate::sentry::{self, Proof, Sentry};
use crate::servers::Servers;
use crate::topic::{self, KafkaRecord};
use crate::{frontend, nginx};

pub use options::StackOptions;

/// Where a replica's sidecar and callbacks are, and what opens them.
#[derive(Debug, Clone)]
pub struct DaprAccess {
    /// The sidecar's HTTP API.
    pub http_port: u16,
    /// The sidecar's gRPC API.
    pub grpc_port: u16,
    /// Where other sidecars call it.
    pub internal_port: u16,
    /// The `dapr-api-token` both APIs ask for.
    pub api_token: String,
    /// The port on which the app takes the sidecar's calls.
    pub app_port: u16,
    /// The `dapr-api-token` the app asks for there.
    pub app_token: String,
}

/// A running stack. Clones are the same stack; when the last one goes, every
/// server is ended at once.
#[derive(Debug, Clone)]
pub struct Stack {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: StackOptions,
    servers: Servers,
    dir: PathBuf,
    issuer: Issuer,
    database_url: String,
    broker: Broker,
    sentry: Option<Sentry>,
    model: Option<Model>,
    /// The folder of the built page, if one is wanted.
    page: Option<PathBuf>,
    fleet: Arc<Fleet>,
    plan: Mutex<PortPlan>,
    pairs: Mutex<Vec<Pair>>,
    /// Held while replicas come or go.
    scaling: tokio::sync::Mutex<()>,
    temporary: Option<TempDir>,
}

const PLACEMENT: &str = "placement";
/// The replica that is always there.
const FIRST_BACKEND: &str = "backend-1";

impl Stack {
    /// Starts everything; it is ready when this returns.
    pub async fn start(options: StackOptions) -> Result<Self> {
        if options.replicas == 0 {
            bail!("a stack needs at least one replica");
        }
        let inner = tokio::task::spawn_blocking(move || Inner::prepare(options))
            .await
            .context("the preparation was cut short")??;
        let stack = Self {
            inner: Arc::new(inner),
        };
        let fleet = &stack.inner.fleet;
        if stack.inner.sentry.is_some() {
            // Without certificates placement and scheduler would not start.
            fleet.start(&[sentry::NAME]).await?;
        }
        let mut first = vec!["postgres", "kafka", PLACEMENT, "scheduler"];
        if stack.inner.model.is_some() {
            first.push(model::NAME);
        }
        fleet.start(&first).await?;
        let (migrated, topics) = tokio::join!(stack.job("migrate"), stack.job("topics"));
        migrated?;
        topics?;

        let mut pairs = Vec::new();
        for number in 1..=stack.inner.options.replicas {
            pairs.push(stack.inner.add_backend(number, PLACEMENT)?);
        }
        for role in stack.inner.options.roles.clone() {
            pairs.push(
                stack
                    .inner
                    .add_pair(Kind::Role(role), role.name(), PLACEMENT)?,
            );
        }
        if stack.inner.page.is_some() {
            pairs.push(
                stack
                    .inner
                    .add_pair(Kind::Frontend, frontend::NAME, PLACEMENT)?,
            );
        }
        try_join_all(pairs.iter().map(|pair| stack.start_pair(pair))).await?;
        if stack.inner.options.ingress {
            stack.inner.fleet.start(&[nginx::NAME]).await?;
        }
        Ok(stack)
    }

    async fn start_pair(&self, pair: &Pair) -> Result<()> {
        // Together: the sidecar waits for the app's port, and the app for the
        // sidecar's components.
        self.inner.fleet.start(&[&pair.sidecar, &pair.app]).await
    }

    /// The address of a replica's API. Replicas count from 1.
    #[must_use]
    pub fn base_url(&self, replica: usize) -> String {
        let port = self.backend(replica).map_or(0, |pair| pair.api_port());
        url(port)
    }

    /// The address of the page, if there is one.
    #[must_use]
    pub fn page_url(&self) -> Option<String> {
        let pair = self.pair(frontend::NAME)?;
        Some(url(pair.api_port()))
    }

    /// The address of nginx, if it stands before page and backends.
    #[must_use]
    pub fn ingress_url(&self) -> Option<String> {
        let ingress = self.inner.options.ingress;
        let port = ingress.then(|| self.inner.block(nginx::NAME, 1).ok());
        Some(url(port??))
    }

    /// The address of an app's metrics, such as `backend-1`'s.
    #[must_use]
    pub fn metrics_url(&self, app: &str) -> Option<String> {
        let port = self.pair(app)?.metrics_port();
        Some(format!("{}/metrics", url(port)))
    }

    /// A replica's sidecar and callback port.
    pub fn dapr(&self, replica: usize) -> Result<DaprAccess> {
        self.dapr_of(&format!("backend-{replica}"))
    }

    /// The same of an app by name, such as `projector`.
    pub fn dapr_of(&self, app: &str) -> Result<DaprAccess> {
        let pair = self
            .pair(app)
            .with_context(|| format!("there is no app {app}"))?;
        Ok(DaprAccess {
            http_port: pair.dapr_http_port(),
            grpc_port: pair.dapr_grpc_port(),
            internal_port: pair.internal_port,
            app_port: pair.app_port(),
            api_token: pair.api_token,
            app_token: pair.app_token,
        })
    }

    /// The replicas there are, by number.
    #[must_use]
    pub fn replicas(&self) -> Vec<usize> {
        let pairs = self.inner.pairs();
        pairs.iter().filter_map(replica_number).collect()
    }

    /// The connection URL of the stack's own database.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.inner.database_url
    }

    /// Kafka's address.
    #[must_use]
    pub fn kafka_brokers(&self) -> &str {
        &self.inner.broker.address
    }

    /// What a client of Kafka needs, if the stack is secured.
    #[must_use]
    pub fn kafka_access(&self) -> Option<&KafkaAccess> {
        self.inner.broker.access.as_ref()
    }

    /// The first port of a server's block, which is the one its clients use. What else there is,
    /// and how far from it, `stack/src/ports.rs` says.
    #[must_use]
    pub fn port(&self, server: &str) -> Option<u16> {
        self.inner.plan().known(server)
    }

    /// Who signs the tokens.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.inner.issuer
    }

    /// A good token for `user`, valid for 15 minutes.
    #[must_use]
    pub fn token(&self, user: &str) -> String {
        self.inner.issuer.token(user)
    }

    /// The stand-in for the language model, if one was wanted.
    #[must_use]
    pub fn model(&self) -> Option<&Model> {
        self.inner.model.as_ref()
    }

    /// The folder with data and logs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Everything in a topic, from its beginning to its present end.
    pub async fn read_topic(&self, topic: &str) -> Result<Vec<KafkaRecord>> {
        topic::read(&self.inner.broker, topic).await
    }

    /// Runs a job of the binary (`migrate`, `topics`, `rebuild`) and returns
    /// what it printed.
    pub async fn job(&self, subcommand: &str) -> Result<String> {
        let mut env = BTreeMap::from([
            ("DATABASE_URL", self.inner.database_url.clone()),
            ("KAFKA_BROKERS", self.inner.broker.address.clone()),
        ]);
        if let Some(access) = self.kafka_access() {
            env.extend(access.env());
        }
        job(&self.inner.options.backend, subcommand, &env).await
    }

    /// The names of all servers.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.inner.fleet.names()
    }

    /// Sends a signal to one server alone; after KILL waits until it is gone.
    pub async fn kill(&self, name: &str, signal: Signal) -> Result<()> {
        self.inner.fleet.signal(name, signal).await
    }

    /// Stops a server in good order and waits for its end. An app's sidecar is
    /// told at the same moment, as Kubernetes does; a sidecar can be stopped alone.
    pub async fn stop(&self, name: &str) -> Result<()> {
        match self.pair(name) {
            Some(pair) => self.inner.fleet.stop(&[&pair.sidecar, &pair.app]).await,
            None => self.inner.fleet.stop(&[name]).await,
        }
    }

    /// Freezes a server.
    pub async fn pause(&self, name: &str) -> Result<()> {
        self.kill(name, Signal::Stop).await
    }

    /// Lets a frozen server carry on.
    pub async fn resume(&self, name: &str) -> Result<()> {
        self.kill(name, Signal::Cont).await
    }

    /// Starts a server again, an app with its sidecar, as it was started
    /// before, and waits until it is ready.
    pub async fn start_server(&self, name: &str) -> Result<()> {
        match self.pair(name) {
            Some(pair) => self.start_pair(&pair).await,
            None => self.inner.fleet.start(&[name]).await,
        }
    }

    /// Waits until a server that runs is ready.
    pub async fn until_ready(&self, name: &str) -> Result<()> {
        self.inner.fleet.ready(&[name]).await
    }

    /// Whether a server's process exists.
    #[must_use]
    pub fn is_running(&self, name: &str) -> bool {
        self.inner.fleet.is_running(name)
    }

    /// A running server's process id.
    #[must_use]
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.inner.fleet.pid(name)
    }

    /// The last `lines` lines a server logged.
    pub fn log_tail(&self, name: &str, lines: usize) -> Result<String> {
        self.inner.fleet.log_tail(name, lines)
    }

    /// The file a server logs to.
    pub fn log_path(&self, name: &str) -> Result<PathBuf> {
        self.inner.fleet.log_path(name)
    }

    /// Takes the oldest report of a server that ended although it should not have.
    #[must_use]
    pub fn take_death(&self) -> Option<Death> {
        self.inner.fleet.take_death()
    }

    /// Waits until a server ends that should not have.
    pub async fn next_death(&self) -> Death {
        self.inner.fleet.next_death().await
    }

    /// Adds replicas, or takes the highest away in good order, one after the
    /// other, until there are `replicas`.
    pub async fn scale(&self, replicas: usize) -> Result<()> {
        if replicas == 0 {
            bail!("a stack needs at least one replica");
        }
        let _scaling = self.inner.scaling.lock().await;
        let mut present = self.replicas();
        present.sort_unstable();
        while present.len() > replicas {
            let Some(pair) = present.pop().and_then(|number| self.backend(number)) else {
                break;
            };
            self.inner.fleet.stop(&[&pair.sidecar, &pair.app]).await?;
            self.inner.remove(&pair);
        }
        let first = present.last().map_or(1, |number| number + 1);
        let missing = replicas - present.len();
        let added: Vec<Pair> = (first..first + missing)
            .map(|number| self.inner.add_backend(number, PLACEMENT))
            .collect::<Result<_>>()?;
        self.start_added(added).await
    }

    /// Adds a replica that obeys a placement service of its own, which knows
    /// nothing of the other: both then believe they hold every actor. Returns
    /// its number.
    pub async fn start_isolated_replica(&self) -> Result<usize> {
        const SECOND: &str = "placement-2";
        let _scaling = self.inner.scaling.lock().await;
        if !self.names().iter().any(|name| name == SECOND) {
            self.inner.add_placement(SECOND)?;
        }
        self.inner.fleet.start(&[SECOND]).await?;
        let number = self.replicas().into_iter().max().unwrap_or(0) + 1;
        let pair = self.inner.add_backend(number, SECOND)?;
        self.start_added(vec![pair]).await?;
        Ok(number)
    }

    /// Adds the sidecar of an app that only calls others, with nothing behind it, as
    /// `daprd-{app_id}`. There is no second one of the same app.
    pub async fn start_caller(&self, app_id: &str, proof: Proof<'_>) -> Result<DaprAccess> {
        let (name, access) = self.inner.add_caller(app_id, proof)?;
        let started = self.inner.fleet.start(&[&name]).await;
        if started.is_err() {
            self.inner.fleet.stop(&[&name]).await?;
            self.inner.fleet.remove(&name);
        }
        started.map(|()| access)
    }

    async fn start_added(&self, added: Vec<Pair>) -> Result<()> {
        let started = try_join_all(added.iter().map(|pair| self.start_pair(pair))).await;
        if started.is_err() {
            for pair in &added {
                self.inner.fleet.stop(&[&pair.sidecar, &pair.app]).await?;
                self.inner.remove(pair);
            }
        }
        started.map(drop)
    }

    /// Stops everything in good order: apps with their sidecars first, then
    /// what they lean on.
    pub async fn shutdown(&self) -> Result<()> {
        let names = self.names();
        let (apps, below): (Vec<&str>, Vec<&str>) =
            names.iter().map(String::as_str).partition(|name| {
                self.inner
                    .pairs()
                    .iter()
                    .any(|pair| pair.app == *name || pair.sidecar == *name)
            });
        self.inner.fleet.stop(&apps).await?;
        self.inner.fleet.stop(&below).await
    }

    fn backend(&self, replica: usize) -> Option<Pair> {
        self.pair(&format!("backend-{replica}"))
    }

    fn pair(&self, app: &str) -> Option<Pair> {
        self.inner
            .pairs()
            .iter()
            .find(|pair| pair.app == app)
            .cloned()
    }
}

fn replica_number(pair: &Pair) -> Option<usize> {
    pair.app.strip_prefix("backend-")?.parse().ok()
}
