//! What the tests share: the chart's renderings, a running cluster, and a namespace for each test.

use std::{
    future::Future,
    path::Path,
    process::{Command, Output},
    sync::{LazyLock, OnceLock},
};

use anyhow::Result;
use serde_json::{Value, json};
use todo_stack::{Cluster, ClusterTools, packages};
use tokio::{
    runtime::Runtime,
    sync::{Mutex, MutexGuard, OnceCell},
};

/// The release's name, as in README.md.
pub const RELEASE: &str = "todo-app";
/// The files with values for an environment.
pub const ENVIRONMENTS: [&str; 2] = ["values-oke.yaml", "values-dev.yaml"];
/// Values that switch on whatever is optional.
pub const EVERYTHING: &str = "image.pullSecrets={registry},podAnnotations.team=todo,\
    kafka.privateCA=true,tracing.otlpEndpoint=collector.monitoring:4318,\
    monitoring.serviceMonitor.enabled=true,monitoring.dashboards.enabled=true,\
    monitoring.prometheusRule.enabled=true,\
    monitoring.prometheusRule.labels.release=prometheus,\
    monitoring.prometheusRule.runbooks=https://example.com/operate";
/// Of a database that nobody asks.
pub const DATABASE_URL: &str = "postgres://x/todo?sslmode=verify-full";
/// Values that have the chart make the secrets.
pub const OWN_SECRETS: &str = "secrets.create=true,\
    secrets.app.DATABASE_URL=postgres://x/todo?sslmode=verify-full,\
    secrets.app.BETTER_AUTH_SECRET=y,\
    secrets.kafka.SASL_USERNAME=u,secrets.kafka.SASL_PASSWORD=p";
/// The apps that have a sidecar.
pub const APPS: [&str; 6] = [
    "auditor",
    "backend",
    "frontend",
    "notifier",
    "projector",
    "recurrer",
];

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// Runs a test's future; one runtime for all, so that the cluster outlives the test that began it.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

pub fn tools() -> &'static ClusterTools {
    static TOOLS: OnceLock<ClusterTools> = OnceLock::new();
    TOOLS.get_or_init(|| ClusterTools::get().unwrap())
}

pub fn chart() -> String {
    path("chart")
}

pub fn path(below: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(below);
    path.display().to_string()
}

/// What must be said besides the values of an environment.
pub fn needed(tag: &str) -> Vec<String> {
    vec![
        "--set".to_owned(),
        format!("image.owner=Acme,frontend.image.tag={tag},backend.image.tag={tag}"),
    ]
}

/// Runs helm without a cluster.
pub fn helm(args: &[&str]) -> Output {
    let nowhere = std::env::temp_dir().join("todo-chart-helm");
    let mut helm = Command::new(&tools().helm);
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        helm.env(name, &nowhere);
    }
    helm.env("KUBECONFIG", "/dev/null");
    helm.args(args).output().unwrap()
}

/// `helm template` with the values of an environment and more; as text.
pub fn template(values: &str, more: &[&str]) -> Result<String, String> {
    let (chart, values) = (chart(), path(&format!("chart/{values}")));
    let needed = needed("sha-1");
    let mut args = vec!["template", RELEASE, &chart, "-f", &values, "-n", "todo"];
    args.extend(needed.iter().map(String::as_str));
    args.extend(more);
    let output = helm(&args);
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The same, as objects.
pub fn objects(values: &str, more: &[&str]) -> Vec<Value> {
    let text = template(values, more).unwrap_or_else(|said| panic!("{values}: {said}"));
    tools().documents(&text).unwrap()
}

pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let found: Vec<_> = objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub fn annotation<'a>(object: &'a Value, of: &str) -> &'a str {
    object["metadata"]["annotations"][of]
        .as_str()
        .unwrap_or_default()
}

/// The cluster of all tests.
pub async fn cluster() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster");
            let cluster = Cluster::start(&dir).await.unwrap();
            learn_to_monitor(&cluster).await;
            cluster
        })
        .await
}

/// Teaches the cluster the kinds of the Prometheus operator that the chart knows.
async fn learn_to_monitor(cluster: &Cluster) {
    let module = "github.com/prometheus-operator/prometheus-operator";
    let get = move || packages::go_module(Path::new(&path("stack/crds")), module);
    let module = tokio::task::spawn_blocking(get).await.unwrap().unwrap();
    for kind in ["podmonitors", "prometheusrules", "servicemonitors"] {
        let file = format!("example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml");
        let file = module.join(file).display().to_string();
        cluster.kubectl(&["create", "-f", &file]).await.unwrap();
        let kind = format!("crd/{kind}.monitoring.coreos.com");
        let known = ["wait", "--for=condition=Established", &kind];
        cluster.kubectl(&known).await.unwrap();
    }
}

/// The machines hold one release, and load is everywhere the same.
static ROOM: Mutex<()> = Mutex::const_new(());

/// A namespace of a test's own, in which Pod Security is `restricted`; one at a time.
pub struct Place {
    pub cluster: &'static Cluster,
    pub name: &'static str,
    _room: MutexGuard<'static, ()>,
}

impl Place {
    /// With the secrets that the chart expects to find.
    pub async fn new(name: &'static str) -> Self {
        let place = Self::bare(name).await;
        let secrets = [
            (
                "app-secrets",
                json!({ "DATABASE_URL": DATABASE_URL, "BETTER_AUTH_SECRET": "y" }),
            ),
            (
                "kafka-secrets",
                json!({ "SASL_USERNAME": "u", "SASL_PASSWORD": "p" }),
            ),
        ];
        for (name, values) in secrets {
            place.secret(name, &values).await;
        }
        place
    }

    /// With nothing in it.
    pub async fn bare(name: &'static str) -> Self {
        let room = ROOM.lock().await;
        let cluster = cluster().await;
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": { "pod-security.kubernetes.io/enforce": "restricted" },
            },
        });
        let create = ["create", "-f", "-"];
        cluster
            .kubectl_with(&create, &namespace.to_string())
            .await
            .unwrap();
        let place = Self {
            cluster,
            name,
            _room: room,
        };
        // Until then no pod could be made, and helm could not tell that it is connected.
        let there = || async { place.get(&["serviceaccount", "default"]).await.ok() };
        cluster
            .until("the namespace has its account", there)
            .await
            .unwrap();
        place
    }

    pub async fn secret(&self, name: &str, values: &Value) {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": name },
            "stringData": values,
        });
        let args = ["apply", "-n", self.name, "-f", "-"];
        self.cluster
            .kubectl_with(&args, &secret.to_string())
            .await
            .unwrap();
    }

    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.cluster
            .kubectl(&[&["-n", self.name], args].concat())
            .await
    }

    pub async fn get(&self, args: &[&str]) -> Result<Value> {
        self.cluster.get(&[&["-n", self.name], args].concat()).await
    }

    pub async fn items(&self, args: &[&str]) -> Vec<Value> {
        list(&self.get(args).await.unwrap()["items"]).to_vec()
    }

    pub async fn helm(&self, args: &[&str]) -> Result<String> {
        self.cluster
            .helm(&[&["-n", self.name], args].concat())
            .await
    }

    /// Installs the release or brings it to this build, and waits until all its pods are ready.
    pub async fn upgrade(&self, tag: &str, more: &[&str]) -> Result<String> {
        let (chart, values) = (chart(), path("chart/values-oke.yaml"));
        let needed = needed(tag);
        let mut args = vec!["upgrade", "--install", RELEASE, &chart, "-f", &values];
        args.extend(needed.iter().map(String::as_str));
        args.extend(["--wait", "--timeout", "60s"]);
        args.extend(more);
        self.helm(&args).await
    }

    /// The pods of one part of the release that are not on their way out.
    pub async fn pods(&self, component: &str) -> Vec<Value> {
        let label = format!("app.kubernetes.io/component={component}");
        let mut pods = self.items(&["pods", "-l", &label]).await;
        pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        pods
    }

    /// The image of each deployment, by its name.
    pub async fn images(&self) -> Vec<(String, String)> {
        let deployments = self.items(&["deployments"]).await;
        let image = |deployment: &Value| {
            let container = &deployment["spec"]["template"]["spec"]["containers"][0];
            container["image"].as_str().unwrap().to_owned()
        };
        deployments
            .iter()
            .map(|deployment| (name(deployment).to_owned(), image(deployment)))
            .collect()
    }

    /// Takes the release away, so that it is not in the way of the next.
    pub async fn leave(&self) {
        self.helm(&["uninstall", RELEASE, "--wait"]).await.unwrap();
    }
}
