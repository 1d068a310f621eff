//! One real sidecar: what a pod's injected container says, run as a process here.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{Cluster, dapr};
use crate::ports;
use crate::process::Spec;
use crate::ready::Ready;
use crate::secrets::write_private;
use crate::servers::Servers;

/// How to reach a sidecar.
#[derive(Debug, Clone)]
pub struct ClusterSidecar {
    server: String,
    /// Its HTTP API, such as `http://127.0.0.1:23456`.
    pub url: String,
    /// What it asks of its callers.
    pub api_token: String,
}

/// What differs here from a pod: addresses, and nothing of what the sidecar is or may do.
fn here(cluster: &Cluster, first: u16) -> Result<BTreeMap<&'static str, String>> {
    let (operator, sentry) = dapr::addresses(cluster)?;
    // Nobody places actors or keeps jobs here.
    let nobody = "127.0.0.1:1".to_owned();
    Ok(BTreeMap::from([
        ("--dapr-http-port", first.to_string()),
        ("--dapr-grpc-port", (first + 1).to_string()),
        ("--dapr-internal-grpc-port", (first + 2).to_string()),
        ("--dapr-public-port", (first + 3).to_string()),
        ("--metrics-port", (first + 4).to_string()),
        ("--dapr-listen-addresses", "127.0.0.1".to_owned()),
        ("--control-plane-address", operator),
        ("--sentry-address", sentry),
        ("--placement-host-address", nobody.clone()),
        ("--scheduler-host-address", nobody),
    ]))
}

impl Cluster {
    /// Runs the sidecar of a pod, with the pod's identity and its account's rights.
    ///
    /// # Errors
    /// The pod has no sidecar, or it does not come up.
    pub async fn run_sidecar(&self, pod: &Value) -> Result<ClusterSidecar> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, namespace) = (
            text(&pod["metadata"]["name"]),
            text(&pod["metadata"]["namespace"]),
        );
        let account = text(&pod["spec"]["serviceAccountName"]);
        let containers = pod["spec"]["containers"].as_array();
        let daprd = containers
            .and_then(|all| all.iter().find(|container| container["name"] == "daprd"))
            .with_context(|| format!("the pod {name} has no sidecar"))?;

        let secret = ["secret", "dapr-api-token", "-n", &namespace];
        let encoded = text(&self.get(&secret).await?["data"]["token"]);
        let api_token = String::from_utf8(BASE64_STANDARD.decode(encoded)?)?;
        let server = format!("daprd-{name}");
        let first = self.ports(&server, 5)?;
        let program = tokio::task::spawn_blocking(Servers::get)
            .await
            .context("the preparation was cut short")??
            .dapr
            .join("daprd");
        let mut spec = Spec::new(&server, program, &self.dir)
            .args(arguments(daprd, &here(self, first)?))
            .args(["--dapr-internal-grpc-listen-address", "127.0.0.1"])
            .args(["--dapr-public-listen-address", "127.0.0.1"])
            .args(["--metrics-listen-address", "127.0.0.1"])
            .env("DAPR_HOST_IP", "127.0.0.1")
            .env("POD_NAME", &name)
            .env("DAPR_API_TOKEN", &api_token)
            .env("DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK", "true")
            .env("KUBECONFIG", self.account(&namespace, &account).await?)
            .env(
                "DAPR_SENTRY_TOKEN_FILE",
                dapr::token(self, &account, &pod["metadata"]).await?,
            );
        for entry in daprd["env"].as_array().into_iter().flatten() {
            if let (Some(name), Some(value)) = (entry["name"].as_str(), entry["value"].as_str()) {
                spec = spec.env(name, value);
            }
        }
        let url = ports::url(first);
        let public = ports::url(first + 3);
        let ready = Ready::Http(format!("{public}/v1.0/healthz/outbound"));
        self.fleet.add(spec, vec![ready]);
        self.fleet.start(&[&server]).await?;
        Ok(ClusterSidecar {
            server,
            url,
            api_token,
        })
    }

    /// Ends a sidecar, which would end by itself, as if it had failed, once its release is gone.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn end_sidecar(&self, sidecar: &ClusterSidecar) -> Result<()> {
        self.fleet.stop(&[&sidecar.server]).await?;
        self.fleet.remove(&sidecar.server);
        Ok(())
    }

    /// A kubeconfig of an account, with the rights it has and no others.
    async fn account(&self, namespace: &str, account: &str) -> Result<String> {
        let token = ["create", "token", account, "-n", namespace];
        let token = self.kubectl(&token).await?;
        let mut config: Value = serde_json::from_str(&fs::read_to_string(self.kubeconfig())?)?;
        config["users"][0]["user"] = json!({ "token": token.trim() });
        let file = self.dir.join(format!("{namespace}-{account}.kubeconfig"));
        write_private(&file, &config.to_string())?;
        Ok(file.display().to_string())
    }
}

/// A container's arguments, those named in `here` with other values.
fn arguments(container: &Value, here: &BTreeMap<&str, String>) -> Vec<String> {
    let mut arguments: Vec<String> = container["args"]
        .as_array()
        .into_iter()
        .flatten()
        // The first is the program.
        .skip(1)
        .filter_map(|argument| Some(argument.as_str()?.to_owned()))
        .collect();
    for place in 1..arguments.len() {
        if let Some(value) = here.get(arguments[place - 1].as_str()) {
            arguments[place].clone_from(value);
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_differ_from_the_pods() {
        let container = json!({ "args": [
            "/daprd", "--app-id", "frontend", "--dapr-http-port", "3500", "--enable-mtls",
        ] });
        let here = BTreeMap::from([("--dapr-http-port", "23456".to_owned())]);
        let expected = [
            "--app-id",
            "frontend",
            "--dapr-http-port",
            "23456",
            "--enable-mtls",
        ];
        assert_eq!(arguments(&container, &here), expected);
    }
}
