//! Dapr's own servers, and the files a sidecar reads.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::kafka::{Broker, KafkaAccess};
use crate::ports::url;
use crate::process::Spec;
use crate::secrets::write_private;
use crate::servers::Servers;

/// The name of the secret store component, and of the only secret in it.
pub(crate) const SECRET_STORE: &str = "kubernetes-secrets";
const SECRET: &str = "app-secrets";
/// What a secured Kafka asks for: components read it, apps may not.
const KAFKA_SECRET: &str = "kafka-secrets";

/// Offsets within a placement's block of ports.
const PLACEMENT_PORTS: [(&str, u16); 4] =
    [("port", 0), ("healthz", 1), ("metrics", 2), ("raft", 3)];

pub(crate) fn offset(of: &str) -> u16 {
    PLACEMENT_PORTS
        .iter()
        .find(|(name, _)| *name == of)
        .map_or(0, |(_, offset)| *offset)
}

/// The health URL of a placement or scheduler whose block begins at `first`.
pub(crate) fn control_plane_health(first: u16) -> String {
    format!("{}/healthz", url(first + offset("healthz")))
}

fn control_plane(name: &str, program: PathBuf, dir: &Path, first: u16) -> Spec {
    let mut spec = Spec::new(name, program, dir)
        .args(["--listen-address", "127.0.0.1", "--port"])
        .arg(first.to_string())
        .args(["--healthz-listen-address", "127.0.0.1", "--healthz-port"])
        .arg((first + offset("healthz")).to_string())
        .args(["--metrics-listen-address", "127.0.0.1", "--metrics-port"])
        .arg((first + offset("metrics")).to_string());
    spec.grace = Duration::from_secs(8);
    spec
}

/// How to start a placement service: which host has which actor.
pub(crate) fn placement(servers: &Servers, dir: &Path, name: &str, first: u16) -> Spec {
    control_plane(name, servers.dapr.join("placement"), dir, first)
        .arg("--initial-cluster")
        .arg(format!(
            "dapr-placement-0=127.0.0.1:{}",
            first + offset("raft")
        ))
}

/// How to start the scheduler, where reminders live. It uses five ports. `scheme` is that of the
/// etcd inside it towards its peers: `http` or, where certificates are asked for, `https`.
pub(crate) fn scheduler(servers: &Servers, dir: &Path, first: u16, scheme: &str) -> Result<Spec> {
    let data = dir.join("scheduler");
    fs::create_dir_all(&data)?;
    let spec = control_plane("scheduler", servers.dapr.join("scheduler"), dir, first)
        .arg("--etcd-data-dir")
        .arg(data.join("data").display().to_string())
        .arg("--etcd-client-port")
        .arg((first + 3).to_string())
        .arg("--etcd-initial-cluster")
        .arg(format!(
            "dapr-scheduler-server-0={scheme}://localhost:{}",
            first + 4
        ))
        .arg("--override-broadcast-host-port")
        .arg(format!("127.0.0.1:{first}"))
        // By default it would write under the shared temporary folder.
        .arg("--identity-directory-write")
        .arg(data.join("identity").display().to_string());
    Ok(spec)
}

/// The sidecar of one app.
#[derive(Debug, Clone)]
pub(crate) struct Sidecar<'a> {
    pub name: &'a str,
    pub app_id: &'a str,
    /// None, if the app only calls others.
    pub app_port: Option<u16>,
    pub http_port: u16,
    pub grpc_port: u16,
    pub internal_port: u16,
    pub metrics_port: u16,
    pub placement_port: u16,
    pub scheduler_port: u16,
    pub api_token: &'a str,
    pub app_token: &'a str,
    pub resources: &'a Path,
}

/// How to start a sidecar.
pub(crate) fn sidecar(servers: &Servers, dir: &Path, of: &Sidecar) -> Spec {
    let port = |number: u16| number.to_string();
    let at = |number: u16| format!("127.0.0.1:{number}");
    let mut spec = Spec::new(of.name, servers.dapr.join("daprd"), dir);
    if let Some(app_port) = of.app_port {
        spec = spec.args(["--app-port", &port(app_port)]);
    }
    spec.args(["--app-id", of.app_id])
        .args([
            "--app-protocol",
            "http",
            "--app-channel-address",
            "127.0.0.1",
        ])
        .args(["--dapr-http-port", &port(of.http_port)])
        .args(["--dapr-grpc-port", &port(of.grpc_port)])
        .args(["--dapr-listen-addresses", "127.0.0.1"])
        // Without this it listens on every interface, and no token guards it.
        .args(["--dapr-internal-grpc-listen-address", "127.0.0.1"])
        .args(["--dapr-internal-grpc-port", &port(of.internal_port)])
        .args(["--metrics-listen-address", "127.0.0.1"])
        .args(["--metrics-port", &port(of.metrics_port)])
        .args(["--placement-host-address", &at(of.placement_port)])
        .args(["--scheduler-host-address", &at(of.scheduler_port)])
        .args(["--resources-path", &of.resources.display().to_string()])
        .args([
            "--config",
            &of.resources
                .with_extension("config.yaml")
                .display()
                .to_string(),
        ])
        .args(["--max-body-size", "4Mi", "--log-level", "info"])
        .args(["--dapr-graceful-shutdown-seconds", "10"])
        // As the chart has them: a sidecar holds little, and would look through it all the time.
        .env("GOGC", "400")
        .env("GOMEMLIMIT", "200MiB")
        .env("DAPR_HOST_IP", "127.0.0.1")
        .env("DAPR_API_TOKEN", of.api_token)
        .env("APP_API_TOKEN", of.app_token)
}

/// What differs between the resource folders of two kinds of app.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    /// Holds actors, so it has the state store.
    pub state: bool,
    /// Subscribes to topics.
    pub consumes: bool,
}

/// Writes the secrets file every sidecar's secret store reads.
pub(crate) fn write_secrets(
    dir: &Path,
    secrets: &BTreeMap<String, String>,
    kafka: Option<&KafkaAccess>,
) -> Result<()> {
    let mut secrets = json!({ SECRET: secrets });
    if let Some(access) = kafka {
        secrets[KAFKA_SECRET] = json!({
            "SASL_USERNAME": access.username,
            "SASL_PASSWORD": access.password,
        });
    }
    write_private(&secrets_file(dir), &secrets.to_string())
}

fn secrets_file(dir: &Path) -> PathBuf {
    dir.join("dapr-secrets.json")
}

/// Writes the components and the configuration for one kind of app, and
/// returns the components' folder.
pub(crate) fn write_resources(
    dir: &Path,
    app_id: &str,
    broker: &Broker,
    configuration: &str,
    needs: Needs,
) -> Result<PathBuf> {
    let folder = dir.join("dapr").join(app_id);
    fs::create_dir_all(&folder)?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    write("secrets.yaml", &secret_store(&secrets_file(dir), app_id))?;
    let access = kafka_access(broker)?;
    let brokers = &broker.address;
    if needs.state || needs.consumes {
        write("pubsub.yaml", &(pubsub(brokers, app_id, needs) + &access))?;
    }
    if needs.state {
        write(
            "pubsub-live.yaml",
            &(pubsub_live(brokers, app_id) + &access),
        )?;
        write("state.yaml", &state_store(app_id))?;
        write("resiliency.yaml", &resiliency(app_id))?;
    }
    fs::write(folder.with_extension("config.yaml"), configuration)?;
    Ok(folder)
}

/// A component file. JSON strings are YAML strings, which takes care of quoting.
fn component(
    name: &str,
    kind: &str,
    version: &str,
    app_id: &str,
    metadata: &[(&str, &str)],
) -> String {
    let mut text = format!(
        "apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: {name}
scopes: [{app_id}]
auth:
  secretStore: {SECRET_STORE}
spec:
  type: {kind}
  version: {version}
  metadata:
"
    );
    for (name, value) in metadata {
        text.push_str(&format!(
            "    - {{ name: {name}, value: {} }}\n",
            json!(value)
        ));
    }
    text
}

fn secret_store(file: &Path, app_id: &str) -> String {
    component(
        SECRET_STORE,
        "secretstores.local.file",
        "v1",
        app_id,
        &[
            ("secretsFile", &file.display().to_string()),
            ("multiValued", "true"),
        ],
    )
    .replace(&format!("auth:\n  secretStore: {SECRET_STORE}\n"), "")
}

fn pubsub(brokers: &str, app_id: &str, needs: Needs) -> String {
    // A publish that meets a silent broker must not hang for the default half
    // minute. A consumer needs the patience: joining its group takes as long as
    // the group needs to notice that a former member is gone.
    let read_timeout = if needs.consumes { "15s" } else { "2s" };
    component(
        "kafka-pubsub",
        "pubsub.kafka",
        "v1",
        app_id,
        &[
            ("brokers", brokers),
            ("version", "2.8.0"),
            ("consumerGroup", app_id),
            // The default, newest, would lose what was published before the
            // first consumer came.
            ("initialOffset", "oldest"),
            ("maxMessageBytes", "2097152"),
            ("consumeRetryInterval", "200ms"),
            ("sessionTimeout", "6s"),
            ("heartbeatInterval", "2s"),
            ("dialTimeout", "2s"),
            ("writeTimeout", "3s"),
            ("readTimeout", read_timeout),
            ("metadataTimeout", "1s"),
            // Whoever publishes tries again by itself, knowing more.
            ("producerRetryMax", "1"),
            // What a consumer cannot take in now comes again for as long as it
            // takes; what it never can, it gives up itself.
            ("backOffPolicy", "constant"),
            ("backOffDuration", "500ms"),
            ("backOffMaxRetries", "-1"),
        ],
    )
}

/// For the live feed: every replica reads everything, from now on.
fn pubsub_live(brokers: &str, app_id: &str) -> String {
    component(
        "kafka-live",
        "pubsub.kafka",
        "v1",
        app_id,
        &[
            ("brokers", brokers),
            ("version", "2.8.0"),
            // A group of its own for each sidecar that starts.
            ("consumerID", "{uuid}"),
            ("initialOffset", "newest"),
            ("consumeRetryEnabled", "false"),
            ("consumeRetryInterval", "200ms"),
            ("sessionTimeout", "6s"),
            ("heartbeatInterval", "2s"),
            ("dialTimeout", "2s"),
            ("readTimeout", "15s"),
            ("metadataTimeout", "1s"),
        ],
    )
}

/// The settings of a Kafka component that say who we are. `SHA-256` is how Dapr spells
/// SCRAM-SHA-256; anything else it does not know it takes for a password in the clear.
fn kafka_access(broker: &Broker) -> Result<String> {
    let Some(access) = &broker.access else {
        return Ok("    - { name: authType, value: none }\n".to_owned());
    };
    let ca = fs::read_to_string(&access.ca_file)?;
    Ok(format!(
        "    - {{ name: authType, value: password }}
    - {{ name: saslMechanism, value: SHA-256 }}
    - {{ name: caCert, value: {} }}
    - name: saslUsername
      secretKeyRef: {{ name: {KAFKA_SECRET}, key: SASL_USERNAME }}
    - name: saslPassword
      secretKeyRef: {{ name: {KAFKA_SECRET}, key: SASL_PASSWORD }}
",
        json!(ca)
    ))
}

fn state_store(app_id: &str) -> String {
    let mut text = component(
        "statestore",
        "state.postgresql",
        "v2",
        app_id,
        &[
            ("actorStateStore", "true"),
            ("tablePrefix", "dapr_"),
            ("metadataTableName", "dapr_metadata"),
            ("maxConns", "16"),
            ("timeout", "5s"),
            // Nothing here has a time to live, so there is nothing to clean up.
            ("cleanupInterval", "0"),
        ],
    );
    text.push_str(&format!(
        "    - name: connectionString
      secretKeyRef: {{ name: {SECRET}, key: DATABASE_URL }}
"
    ));
    text
}

/// The component's own `timeout` covers no write: one that meets a frozen
/// database would hang until its caller gives up.
///
/// The actor types have a policy so that the sidecar repeats no call to them: a
/// call that a new placement interrupts it would repeat after a second, where
/// the app's own client repeats it at once.
fn resiliency(app_id: &str) -> String {
    format!(
        "apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata:
  name: todo
scopes: [{app_id}]
spec:
  policies:
    timeouts:
      state: 5s
      turn: 10s
  targets:
    actors:
      User: {{ timeout: turn }}
      Conversation: {{ timeout: turn }}
      Reconciler: {{ timeout: turn }}
    components:
      statestore:
        outbound:
          timeout: state
"
    )
}

/// What every sidecar is told. Without a collector it makes no spans; with one, as many as whoever
/// calls it. `backend` is the port at which it finds the backend's sidecar.
pub(crate) fn configuration(collector: Option<SocketAddr>, backend: u16) -> String {
    let tracing = match collector {
        None => "    samplingRate: \"0\"".to_owned(),
        Some(address) => format!(
            "    samplingRate: \"1\"
    otel: {{ endpointAddress: \"{address}\", protocol: http, isSecure: false }}"
        ),
    };
    format!(
        r#"apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: todo
spec:
  tracing:
{tracing}
  metrics:
    enabled: true
  # A sidecar that takes up a changed resource stops everything it has, and need not come back from
  # that. All sidecars of an app read the same files, which each that starts writes again.
  features:
    - name: HotReload
      enabled: false
  # The default resolver would announce every sidecar by multicast on every interface. This one
  # answers with the backend's address whatever app is called. It insists on putting that app's name
  # somewhere: in this place of a gRPC target it is the name of a DNS server, and nobody asks one
  # about a numeric address.
  nameResolution:
    component: nameformat
    version: v1
    configuration:
      format: "dns://{{appid}}/127.0.0.1:{backend}"
  secrets:
    scopes:
      - storeName: {SECRET_STORE}
        defaultAccess: deny
        allowedSecrets: [{SECRET}]
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backend_is_found_by_its_address() {
        let text = configuration(None, 1);
        assert!(text.contains("dns://{appid}/127.0.0.1:1"), "{text}");
    }

    #[test]
    fn only_an_app_with_actors_gets_the_state_store() {
        let dir = tempfile::tempdir().unwrap();
        let write = |app, state| {
            let needs = Needs {
                state,
                consumes: !state,
            };
            let broker = Broker {
                address: "127.0.0.1:9092".to_owned(),
                access: None,
            };
            write_resources(dir.path(), app, &broker, &configuration(None, 1), needs).unwrap()
        };
        let backend = write("backend", true);
        let projector = write("projector", false);
        assert!(backend.join("state.yaml").exists());
        assert!(!projector.join("state.yaml").exists());
        assert!(backend.with_extension("config.yaml").exists());
    }

    #[test]
    fn the_secret_store_does_not_refer_to_itself() {
        let text = secret_store(Path::new("/tmp/secrets \"x\".json"), "backend");
        assert!(!text.contains("auth:"), "{text}");
        assert!(
            text.contains(r#"value: "/tmp/secrets \"x\".json""#),
            "{text}"
        );
    }
}
