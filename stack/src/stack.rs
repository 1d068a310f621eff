//! A whole running stack.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use tempfile::TempDir;

use crate::app::{Kind, Pair, Role, job};
use crate::dapr::{self, Needs, Sidecar};
use crate::fleet::{Death, Fleet};
use crate::issuer::Issuer;
use crate::kafka::{Broker, KafkaAccess};
use crate::model::{self, Model};
use crate::pki::ServerAuthority;
use crate::ports::{PortPlan, Ports};
use crate::process::Signal;
use crate::ready::Ready;
use crate::secrets::{self, Secrets};
use crate::sentry::{self, Proof, Sentry};
use crate::servers::Servers;
use crate::topic::{self, KafkaRecord};
use crate::{access, frontend, kafka, nginx, postgres};

/// What stack is wanted.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// The `todo-backend` binary.
    pub backend: PathBuf,
    /// How many backends, each with its sidecar.
    pub replicas: usize,
    /// Which consumers run beside them.
    pub roles: Vec<Role>,
    /// How ports are chosen.
    pub ports: Ports,
    /// Where the data lies; a temporary folder, removed at the end, when none is given.
    pub dir: Option<PathBuf>,
    /// Added to the environment of the backends and consumers.
    pub backend_env: BTreeMap<String, String>,
    /// Added to, or put in the place of, what the secret store holds.
    pub secrets: BTreeMap<String, String>,
    /// Whether a stand-in for the language model runs, which the backends then ask unless their
    /// environment names another.
    pub model: bool,
    /// Whether the page runs, whose tokens the backends then accept too.
    pub page: bool,
    /// Added to the environment of the page.
    pub page_env: BTreeMap<String, String>,
    /// Whether nginx stands before page and backends, as an ingress does. Needs the page.
    pub ingress: bool,
    /// Where an OpenTelemetry collector takes the spans of apps and sidecars, by OTLP over HTTP.
    pub collector: Option<SocketAddr>,
    /// Added to the command lines of the apps' sidecars.
    pub sidecar_args: Vec<String>,
    /// Whether PostgreSQL waits for the disk, as it does in production. Turned
    /// off it still survives being killed, only not a power cut.
    pub durable: bool,
    /// Whether servers ask their callers for a certificate or a password, and encrypt what they
    /// say. Data of a stack that does not cannot be used by one that does, or the other way.
    pub secure: bool,
    /// Whether the database can send its changes to another's and take in another's; its user is
    /// then a superuser.
    pub replicating: bool,
}

impl StackOptions {
    /// One replica, the projector and the auditor, on free ports and a fresh temporary database.
    pub fn new(backend: impl Into<PathBuf>) -> Self {
        Self {
            backend: backend.into(),
            replicas: 1,
            roles: vec![Role::Projector, Role::Auditor],
            ports: Ports::Free,
            dir: None,
            backend_env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            model: false,
            page: false,
            page_env: BTreeMap::new(),
            ingress: false,
            collector: None,
            sidecar_args: Vec::new(),
            durable: false,
            secure: false,
            replicating: false,
        }
    }

    /// With this many replicas.
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// With one more consumer beside the backends.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// With a stand-in for the language model.
    #[must_use]
    pub fn with_model(mut self) -> Self {
        self.model = true;
        self
    }

    /// With servers that ask who calls.
    #[must_use]
    pub fn secured(mut self) -> Self {
        self.secure = true;
        self
    }

    /// With a database that replicates.
    #[must_use]
    pub fn replicating(mut self) -> Self {
        self.replicating = true;
        self
    }

    /// With the page.
    #[must_use]
    pub fn with_page(mut self) -> Self {
        self.page = true;
        self
    }

    /// With the page, and nginx before it and the backends.
    #[must_use]
    pub fn with_ingress(mut self) -> Self {
        self.ingress = true;
        self.with_page()
    }

    /// With spans that go to this collector.
    #[must_use]
    pub fn traced(mut self, collector: SocketAddr) -> Self {
        self.collector = Some(collector);
        self
    }

    /// With these arguments more for the apps' sidecars.
    #[must_use]
    pub fn sidecar_args(mut self, args: &[&str]) -> Self {
        self.sidecar_args.extend(args.iter().map(|&arg| arg.into()));
        self
    }

    /// With one more variable in the backends' environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.backend_env.insert(name.to_owned(), value.into());
        self
    }
}

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
        format!("http://127.0.0.1:{port}")
    }

    /// The address of the page, if there is one.
    #[must_use]
    pub fn page_url(&self) -> Option<String> {
        let pair = self.pair(frontend::NAME)?;
        Some(frontend::url(pair.api_port()))
    }

    /// The address of nginx, if it stands before page and backends.
    #[must_use]
    pub fn ingress_url(&self) -> Option<String> {
        let ingress = self.inner.options.ingress;
        let port = ingress.then(|| self.inner.block(nginx::NAME, 1).ok());
        Some(nginx::url(port??))
    }

    /// The address of an app's metrics, such as `backend-1`'s.
    #[must_use]
    pub fn metrics_url(&self, app: &str) -> Option<String> {
        let port = self.pair(app)?.metrics_port();
        Some(format!("http://127.0.0.1:{port}/metrics"))
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

impl Inner {
    /// Everything up to the first process; blocks.
    fn prepare(mut options: StackOptions) -> Result<Self> {
        let servers = Servers::get()?;
        let (dir, temporary) = make_dir(options.dir.as_deref())?;
        check_space(&dir)?;
        let secrets = Secrets::in_dir(&dir)?;
        let mut plan = PortPlan::new(options.ports);
        let postgres_port = plan.block("postgres", 1)?;
        let kafka_port = plan.block("kafka", 2)?;
        let scheduler_port = plan.block("scheduler", 5)?;
        // A taken port is better found now than when half of it runs.
        for number in 1..=options.replicas {
            plan.block(&format!("backend-{number}"), Pair::PORTS)?;
        }
        for role in &options.roles {
            plan.block(role.name(), Pair::PORTS)?;
        }
        let fleet = Arc::new(Fleet::default());
        let model = if options.model {
            let port = plan.block(model::NAME, 1)?;
            let (spec, model) = model::spec(&dir, port)?;
            fleet.add(spec, vec![Ready::Http(model.health())]);
            let env = &mut options.backend_env;
            env.entry("COHERE_BASE_URL".to_owned())
                .or_insert_with(|| model.url().to_owned());
            let key = || model::KEY.to_owned();
            let secrets = &mut options.secrets;
            secrets
                .entry("COHERE_API_KEY".to_owned())
                .or_insert_with(key);
            Some(model)
        } else {
            None
        };
        if let Some(collector) = options.collector {
            let env = &mut options.backend_env;
            env.entry("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned())
                .or_insert_with(|| format!("http://{collector}"));
        }
        let issuer = Issuer::start(plan.block("issuer", 1)?)?;
        let (authority, sentry) = if options.secure {
            let port = plan.block(sentry::NAME, 2)?;
            (
                Some(ServerAuthority::in_dir(&dir)?),
                Some(Sentry::new(&dir, port)?),
            )
        } else {
            (None, None)
        };
        let authority = authority.as_ref();
        let database_url = postgres::url(&secrets.database_password, postgres_port, authority)?;
        let kafka_access = |authority: &ServerAuthority| {
            KafkaAccess::new(&dir, &secrets.kafka_password, &authority.file)
        };
        let broker = Broker {
            address: format!("127.0.0.1:{kafka_port}"),
            access: authority.map(kafka_access).transpose()?,
        };
        let page = options.page.then(frontend::build).transpose()?;
        if page.is_some() {
            let page = plan.block(frontend::NAME, Pair::PORTS)?;
            let sets = format!("{}/auth/jwks,{}", frontend::url(page), issuer.jwks_url());
            let env = &mut options.backend_env;
            env.entry("JWT_JWKS_URL".to_owned()).or_insert(sets);
        }
        if options.ingress {
            let page = plan.block(frontend::NAME, Pair::PORTS)?;
            let port = plan.block(nginx::NAME, 1)?;
            let backends: Vec<u16> = (1..=options.replicas)
                .map(|number| plan.block(&format!("backend-{number}"), Pair::PORTS))
                .collect::<Result<_>>()?;
            let spec = nginx::spec(&dir, port, page, &backends)?;
            let url = nginx::url(port);
            fleet.add(spec, vec![Ready::Http(format!("{url}/healthz"))]);
            let env = &mut options.page_env;
            env.entry("TRUSTED_ORIGINS".to_owned()).or_insert(url);
        }
        let mut held = BTreeMap::from([
            ("DATABASE_URL".to_owned(), database_url.clone()),
            (
                "BETTER_AUTH_SECRET".to_owned(),
                secrets.better_auth_secret.clone(),
            ),
            (
                "VAPID_PRIVATE_KEY".to_owned(),
                secrets.vapid_private_key.clone(),
            ),
            ("COHERE_API_KEY".to_owned(), String::new()),
        ]);
        held.extend(options.secrets.clone());
        dapr::write_secrets(&dir, &held, broker.access.as_ref())?;

        let mut database = postgres::spec(
            &servers,
            &dir,
            postgres_port,
            &secrets.database_password,
            options.durable,
            authority,
        )?;
        if options.replicating {
            database = postgres::replicating(database)?;
        }
        fleet.add(database, vec![Ready::Postgres(postgres_port)]);
        let ports = (kafka_port, kafka_port + 1);
        fleet.add(
            kafka::spec(&servers, &dir, ports, &broker, authority)?,
            vec![Ready::Kafka(broker.clone())],
        );
        let scheme = if options.secure { "https" } else { "http" };
        let mut scheduler = dapr::scheduler(&servers, &dir, scheduler_port, scheme)?;
        if let Some(sentry) = &sentry {
            fleet.add(sentry.spec(&servers), vec![Ready::Http(sentry.health())]);
            scheduler = sentry.guard(scheduler, "dapr-scheduler")?;
        }
        if options.durable {
            // A killed scheduler leaves a lease behind, and the next one on the
            // same data waits 20 s for it to run out. One that is told to stop
            // gives it back.
            scheduler.abandon = Signal::Term;
        }
        fleet.add(
            scheduler,
            vec![Ready::Http(dapr::control_plane_health(scheduler_port))],
        );
        let inner = Self {
            options,
            servers,
            dir,
            issuer,
            database_url,
            broker,
            sentry,
            model,
            page,
            fleet,
            plan: Mutex::new(plan),
            pairs: Mutex::new(Vec::new()),
            scaling: tokio::sync::Mutex::new(()),
            temporary,
        };
        inner.add_placement(PLACEMENT)?;
        Ok(inner)
    }

    fn pairs(&self) -> MutexGuard<'_, Vec<Pair>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plan(&self) -> MutexGuard<'_, PortPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn block(&self, name: &str, ports: u16) -> Result<u16> {
        self.plan().block(name, ports)
    }

    fn add_placement(&self, name: &str) -> Result<()> {
        let first = self.block(name, 4)?;
        let mut spec = dapr::placement(&self.servers, &self.dir, name, first);
        if let Some(sentry) = &self.sentry {
            spec = sentry.guard(spec, "dapr-placement")?;
        }
        let health = dapr::control_plane_health(first);
        self.fleet.add(spec, vec![Ready::Http(health)]);
        Ok(())
    }

    fn add_backend(&self, number: usize, placement: &str) -> Result<Pair> {
        self.add_pair(Kind::Backend, &format!("backend-{number}"), placement)
    }

    fn add_pair(&self, kind: Kind, app: &str, placement: &str) -> Result<Pair> {
        let suffix = app.strip_prefix("backend-").unwrap_or(app);
        let first = self.block(app, Pair::PORTS)?;
        // All other replicas may go, and others come in their place.
        let internal_port = if kind == Kind::Backend && app != FIRST_BACKEND {
            self.plan().fresh()?
        } else {
            first + Pair::INTERNAL
        };
        let pair = Pair {
            kind,
            app: app.to_owned(),
            sidecar: format!("daprd-{suffix}"),
            first,
            internal_port,
            api_token: secrets::random(16)?,
            app_token: secrets::random(16)?,
            placement: placement.to_owned(),
        };
        let resources = self.write_resources(kind.app_id(), kind.needs())?;
        if kind == Kind::Frontend {
            let backend = self.block(FIRST_BACKEND, Pair::PORTS)? + Pair::INTERNAL;
            frontend::name_backend(&resources, backend)?;
        }
        let sidecar = Sidecar {
            name: &pair.sidecar,
            app_id: kind.app_id(),
            app_port: (kind != Kind::Frontend).then(|| pair.app_port()),
            http_port: pair.dapr_http_port(),
            grpc_port: pair.dapr_grpc_port(),
            internal_port: pair.internal_port,
            metrics_port: pair.dapr_metrics_port(),
            placement_port: self.block(&pair.placement, 4)?,
            scheduler_port: self.block("scheduler", 5)?,
            api_token: &pair.api_token,
            app_token: &pair.app_token,
            resources: &resources,
        };
        self.add_sidecar(&sidecar, Proof::Own)?;
        let (dir, issuer, options) = (&self.dir, &self.issuer, &self.options);
        let spec = match &self.page {
            Some(built) if kind == Kind::Frontend => {
                frontend::spec(&pair, built, dir, issuer, &options.page_env)?
            }
            _ => pair.spec(&options.backend, dir, issuer, &options.backend_env),
        };
        let ready = format!("http://127.0.0.1:{}/readyz", pair.api_port());
        self.fleet.add(spec, vec![Ready::Http(ready)]);
        self.pairs().push(pair.clone());
        Ok(pair)
    }

    fn add_caller(&self, app_id: &str, proof: Proof) -> Result<(String, DaprAccess)> {
        let name = format!("daprd-{app_id}");
        if self.fleet.names().contains(&name) {
            bail!("there is a sidecar {name} already");
        }
        let first = self.block(app_id, Pair::PORTS)?;
        let access = DaprAccess {
            http_port: first + Pair::HTTP,
            grpc_port: first + Pair::GRPC,
            internal_port: first + Pair::INTERNAL,
            api_token: secrets::random(16)?,
            app_port: first + Pair::APP,
            app_token: secrets::random(16)?,
        };
        let needs = Needs {
            state: false,
            consumes: false,
        };
        let sidecar = Sidecar {
            name: &name,
            app_id,
            app_port: None,
            http_port: access.http_port,
            grpc_port: access.grpc_port,
            internal_port: access.internal_port,
            metrics_port: first + Pair::METRICS,
            placement_port: self.block(PLACEMENT, 4)?,
            scheduler_port: self.block("scheduler", 5)?,
            api_token: &access.api_token,
            app_token: &access.app_token,
            resources: &self.write_resources(app_id, needs)?,
        };
        self.add_sidecar(&sidecar, proof)?;
        Ok((name, access))
    }

    fn write_resources(&self, app_id: &str, needs: Needs) -> Result<PathBuf> {
        let collector = self.options.collector;
        dapr::write_resources(&self.dir, app_id, &self.broker, collector, needs)
    }

    /// In a secured stack a sidecar proves who it is, and lets nobody do what is not theirs.
    fn add_sidecar(&self, of: &Sidecar, proof: Proof) -> Result<()> {
        let mut spec = dapr::sidecar(&self.servers, &self.dir, of);
        if of.app_port.is_some() {
            spec = spec.args(self.options.sidecar_args.iter().map(String::as_str));
        }
        if let Some(sentry) = &self.sentry {
            let backend = self.block(FIRST_BACKEND, Pair::PORTS)? + Pair::INTERNAL;
            let access = access::write(&self.dir, of.app_id, &format!("127.0.0.1:{backend}"))?;
            spec = spec.args(["--config", &access.display().to_string()]);
            spec = sentry.guard_sidecar(spec, of.app_id, proof)?;
        }
        let health = format!("http://127.0.0.1:{}/v1.0/healthz", of.http_port);
        self.fleet.add(spec, vec![Ready::Http(health)]);
        Ok(())
    }

    fn remove(&self, pair: &Pair) {
        self.pairs().retain(|known| known.app != pair.app);
        self.fleet.remove(&pair.app);
        self.fleet.remove(&pair.sidecar);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.fleet.abandon();
        // The logs are what explains a failed test.
        if std::thread::panicking()
            && let Some(temporary) = self.temporary.take()
        {
            use std::io::Write;
            let kept = temporary.keep();
            let _ = writeln!(
                std::io::stderr(),
                "The logs of the stack are kept in {}",
                kept.join("logs").display()
            );
        }
    }
}

fn make_dir(wanted: Option<&Path>) -> Result<(PathBuf, Option<TempDir>)> {
    if let Some(dir) = wanted {
        fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        return Ok((fs::canonicalize(dir)?, None));
    }
    // PostgreSQL may run under another account, which must get through to its
    // own folder; the secrets in here have their own, stricter modes.
    let dir = tempfile::Builder::new()
        .prefix("todo-stack-")
        .permissions(fs::Permissions::from_mode(0o711))
        .tempdir()
        .context("no temporary folder can be made")?;
    Ok((fs::canonicalize(dir.path())?, Some(dir)))
}

fn check_space(dir: &Path) -> Result<()> {
    const NEEDED: u64 = 2 << 30;
    let volume = rustix::fs::statvfs(dir).context("the free disk space is unknown")?;
    let free = volume.f_bavail * volume.f_frsize;
    if free < NEEDED {
        bail!(
            "the disk with {} has {} MiB left, and a stack needs 2048: free some space first",
            dir.display(),
            free >> 20
        );
    }
    Ok(())
}
