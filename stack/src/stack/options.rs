//! What stack is wanted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::app::Role;
use crate::ports::Ports;

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
