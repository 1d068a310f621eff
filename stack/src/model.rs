//! A stand-in for the language model: aimock, which answers as its fixtures say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::packages;
use crate::ports::{PortPlan, Ports, url};
use crate::process::{Process, Signal, Spec, last_words, on_path};
use crate::ready::{self, NotReady, Ready};

/// Its name among the servers.
pub(crate) const NAME: &str = "model";
/// What it is shown as a key; it takes any.
pub(crate) const KEY: &str = "stand-in";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Where a stand-in listens, and how to tell it what to answer.
#[derive(Debug, Clone)]
pub struct Model {
    url: String,
}

impl Model {
    /// Its address, for `COHERE_BASE_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn health(&self) -> String {
        format!("{}/health", self.url)
    }

    /// Adds fixtures, each with `match` and `response` as aimock has them. Of several that match
    /// a request the first one answers.
    pub async fn learn(&self, fixtures: Value) -> Result<()> {
        let url = format!("{}/__aimock/fixtures", self.url);
        let body = serde_json::json!({ "fixtures": fixtures });
        let answer = client()?.post(url).json(&body).send().await?;
        if !answer.status().is_success() {
            bail!("the model takes no such fixtures: {}", answer.text().await?);
        }
        Ok(())
    }

    /// The requests it got, oldest first, each with `body` and `response.status`.
    pub async fn requests(&self) -> Result<Vec<Value>> {
        let url = format!("{}/__aimock/journal", self.url);
        Ok(client()?.get(url).send().await?.json().await?)
    }
}

fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

/// A stand-in that runs alone, until it is dropped.
#[derive(Debug)]
pub struct ModelServer {
    model: Model,
    process: Process,
    _dir: TempDir,
}

impl ModelServer {
    /// Starts one on a free port; it is ready when this returns.
    pub async fn start() -> Result<Self> {
        let dir = tempfile::tempdir().context("no temporary folder can be made")?;
        let port = PortPlan::new(Ports::Free).block(NAME, 1)?;
        let folder = dir.path().to_owned();
        let (spec, model) = tokio::task::spawn_blocking(move || spec(&folder, port)).await??;
        let process = Process::start(&spec, |_| ())?;
        let started = Self {
            process,
            _dir: dir,
            model,
        };
        let condition = [Ready::Http(started.model.health())];
        let ready = ready::wait(&started.process, &condition, READY_WITHIN).await;
        ready.map_err(|error| {
            let why = match error {
                NotReady::Ended => "it ended".to_owned(),
                NotReady::Late(found) => found,
            };
            let said = last_words(&spec.log, 10);
            anyhow!("the stand-in for the model does not start ({why}):\n{said}")
        })?;
        Ok(started)
    }

    /// How to talk to it.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        // It keeps nothing that would need an orderly end.
        let _ = self.process.signal(Signal::Kill);
    }
}

/// How to start one on `port`, with its log in `dir`; gets it first if need be, and blocks
/// meanwhile.
pub(crate) fn spec(dir: &Path, port: u16) -> Result<(Spec, Model)> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("aimock");
    let packages = packages::npm(&folder)?;
    let Some(node) = on_path("node") else {
        bail!("Node 20 or later is needed: install it from https://nodejs.org");
    };
    let program = packages.join("node_modules/@copilotkit/aimock/dist/cli.js");
    let spec = Spec::new(NAME, node, dir)
        .arg(program.display().to_string())
        .args(["--host", "127.0.0.1", "--log-level", "warn"])
        .args(["--port", &port.to_string()])
        .arg("--fixtures")
        .arg(folder.join("fixtures.json").display().to_string());
    let url = url(port);
    Ok((spec, Model { url }))
}
