//! The roles of the backend's binary that run beside a sidecar, and its jobs.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::dapr::{Needs, SECRET_STORE};
use crate::frontend;
use crate::issuer::Issuer;
use crate::process::Spec;

/// A role of the binary other than `serve`, one process of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Keeps the tables up to date.
    Projector,
    /// Notifies people's browsers of what falls due.
    Notifier,
    /// Adds the next occurrence of recurring tasks.
    Recurrer,
    /// Writes down what happened to whom.
    Auditor,
}

impl Role {
    /// The name of its server; its sidecar is `daprd-` and this.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Projector => "projector",
            Self::Notifier => "notifier",
            Self::Recurrer => "recurrer",
            Self::Auditor => "auditor",
        }
    }

    fn subcommand(self) -> &'static str {
        match self {
            Self::Projector => "project",
            Self::Notifier => "notify",
            Self::Recurrer => "recur",
            Self::Auditor => "audit",
        }
    }
}

/// What an app and its sidecar are, wherever they listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Backend,
    Role(Role),
    /// The page, which is no role of the binary.
    Frontend,
}

impl Kind {
    pub fn app_id(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Role(role) => role.name(),
            Self::Frontend => frontend::NAME,
        }
    }

    fn subcommand(self) -> &'static str {
        match self {
            Self::Backend => "serve",
            Self::Role(role) => role.subcommand(),
            Self::Frontend => "",
        }
    }

    pub fn needs(self) -> Needs {
        Needs {
            state: self == Self::Backend,
            consumes: matches!(self, Self::Role(_)),
        }
    }
}

/// An app with its sidecar: their names, ports and tokens.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub kind: Kind,
    pub app: String,
    pub sidecar: String,
    /// The first port of the block both share.
    pub first: u16,
    /// Where other sidecars call this one's actors.
    pub internal_port: u16,
    pub api_token: String,
    pub app_token: String,
    /// The server where its actors are placed.
    pub placement: String,
}

impl Pair {
    /// How many ports of its block a pair uses.
    pub const PORTS: u16 = 7;
    /// The offsets within the block.
    pub const APP: u16 = 1;
    pub const HTTP: u16 = 3;
    pub const GRPC: u16 = 4;
    pub const INTERNAL: u16 = 5;
    pub const METRICS: u16 = 6;

    pub fn api_port(&self) -> u16 {
        self.first
    }
    pub fn app_port(&self) -> u16 {
        self.first + Self::APP
    }
    pub fn metrics_port(&self) -> u16 {
        self.first + 2
    }
    pub fn dapr_http_port(&self) -> u16 {
        self.first + Self::HTTP
    }
    pub fn dapr_grpc_port(&self) -> u16 {
        self.first + Self::GRPC
    }
    pub fn dapr_metrics_port(&self) -> u16 {
        self.first + Self::METRICS
    }

    /// How to start the app.
    pub fn spec(
        &self,
        binary: &Path,
        dir: &Path,
        issuer: &Issuer,
        extra: &BTreeMap<String, String>,
    ) -> Spec {
        let mut spec = Spec::new(&self.app, binary, dir)
            .arg(self.kind.subcommand())
            .env("API_ADDR", format!("127.0.0.1:{}", self.api_port()))
            .env("APP_PORT", self.app_port().to_string())
            .env("METRICS_ADDR", format!("127.0.0.1:{}", self.metrics_port()))
            .env("DAPR_HTTP_PORT", self.dapr_http_port().to_string())
            .env("DAPR_GRPC_PORT", self.dapr_grpc_port().to_string())
            .env("DAPR_API_TOKEN", &self.api_token)
            .env("APP_API_TOKEN", &self.app_token)
            .env("SECRET_STORE", SECRET_STORE)
            .env("JWT_JWKS_URL", issuer.jwks_url())
            .env("JWT_ISSUER", issuer.issuer())
            .env("JWT_AUDIENCE", issuer.audience())
            // As in a pod, whose limit is one processor at most.
            .env("TOKIO_WORKER_THREADS", "1")
            .env("LOG_FORMAT", "text")
            .env("RUST_LOG", "info");
        spec.env.extend(extra.clone());
        spec
    }
}

/// Runs a job of the binary to its end; what it said is the error if it fails.
pub(crate) async fn job(
    binary: &Path,
    subcommand: &str,
    env: &BTreeMap<&str, String>,
) -> Result<String> {
    const PATIENCE: Duration = Duration::from_secs(120);
    let output = Command::new(binary)
        .arg(subcommand)
        .envs(env)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .with_context(|| {
            format!(
                "`{} {subcommand}` did not end within two minutes",
                binary.display()
            )
        })?
        .with_context(|| format!("{} cannot be started", binary.display()))?;
    if !output.status.success() {
        bail!(
            "`todo-backend {subcommand}` failed ({}):\n{}",
            crate::process::describe(output.status),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
