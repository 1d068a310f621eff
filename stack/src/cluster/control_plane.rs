//! etcd, API server, controllers, scheduler, kwok with its nodes, and the metrics API.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::Cluster;
use crate::ports::url;
use crate::process::Spec;
use crate::secrets::{random, write_private};

/// The machines: what Oracle's free tier gives, two with 2 OCPU and 12 GB each, less what the
/// system takes: 1.5 OCPU and 6 GB in all.
const NODES: [&str; 2] = ["node-1", "node-2"];
const CAPACITY: (&str, &str) = ("2", "12Gi");
const ALLOCATABLE: (&str, &str) = ("1250m", "9Gi");

/// Starts everything but Dapr.
pub(super) async fn start(cluster: &Cluster) -> Result<()> {
    let (dir, kube) = (&cluster.dir, &cluster.tools.kube);
    let key = dir.join("accounts.key").display().to_string();
    let mut made = cluster.command(kube);
    made.args(["key", &key]);
    super::output(made, "").await?;
    let token = random(24)?;
    let admin = format!("{token},admin,admin,\"system:masters\"\n");
    write_private(&dir.join("tokens.csv"), &admin)?;

    let etcd = cluster.ports("etcd", 2)?;
    let api = cluster.ports("apiserver", 1)?;
    write_private(&cluster.kubeconfig(), &kubeconfig(dir, api, &token))?;
    cluster.set_cpu_usage(0)?;
    let fleet = &cluster.fleet;
    fleet.add(self::etcd(cluster, etcd), Vec::new());
    fleet.add(apiserver(cluster, etcd, api, &key), Vec::new());
    fleet.start(&["etcd", "apiserver"]).await?;
    cluster
        .until("the API server is ready", || async {
            cluster.kubectl(&["get", "--raw", "/readyz"]).await.ok()
        })
        .await?;

    fleet.add(controllers(cluster, &key)?, Vec::new());
    fleet.add(scheduler(cluster)?, Vec::new());
    fleet.add(kwok(cluster)?, Vec::new());
    let metrics = cluster.ports("metrics", 1)?;
    fleet.add(self::metrics(cluster, metrics), Vec::new());
    fleet
        .start(&["controller-manager", "kube-scheduler", "kwok", "metrics"])
        .await?;
    let objects = json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": NODES.map(node).into_iter().chain(metrics_api(metrics)).collect::<Vec<_>>(),
    });
    let apply = ["apply", "-f", "-"];
    cluster.kubectl_with(&apply, &objects.to_string()).await?;
    cluster
        .until("nodes and metrics are there", || async {
            let wait = ["wait", "--for=condition=Ready", "--timeout=0", "nodes"];
            let nodes = [&wait[..], &["--all"]].concat();
            cluster.kubectl(&nodes).await.ok()?;
            let metrics = ["wait", "--for=condition=Available", "--timeout=0"];
            let metrics = [&metrics[..], &["apiservice", "v1beta1.metrics.k8s.io"]].concat();
            cluster.kubectl(&metrics).await.ok()
        })
        .await?;
    Ok(())
}

fn kubeconfig(dir: &Path, api: u16, token: &str) -> String {
    // JSON is YAML. The API server makes its certificate itself, with its authority beside it.
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "tests", "cluster": {
            "server": format!("https://127.0.0.1:{api}"),
            "certificate-authority": dir.join("certificates/apiserver.crt"),
        } }],
        "users": [{ "name": "admin", "user": { "token": token } }],
        "contexts": [{ "name": "tests", "context": { "cluster": "tests", "user": "admin" } }],
        "current-context": "tests",
    })
    .to_string()
}

fn etcd(cluster: &Cluster, first: u16) -> Spec {
    Spec::new("etcd", &cluster.tools.kube, &cluster.dir)
        .arg("etcd")
        .args(["--data-dir", "etcd", "--log-level", "warn"])
        // Nothing here is to survive a power cut.
        .arg("--unsafe-no-fsync")
        .args(["--listen-client-urls", &url(first)])
        .args(["--advertise-client-urls", &url(first)])
        .args(["--listen-peer-urls", &url(first + 1)])
}

fn apiserver(cluster: &Cluster, etcd: u16, port: u16, key: &str) -> Spec {
    Spec::new("apiserver", &cluster.tools.kube, &cluster.dir)
        .arg("apiserver")
        .args(["--etcd-servers", &url(etcd)])
        .args(["--bind-address", "127.0.0.1"])
        .args(["--advertise-address", "127.0.0.1"])
        .args(["--secure-port", &port.to_string()])
        .args(["--cert-dir", "certificates"])
        .args(["--service-cluster-ip-range", "10.96.0.0/16"])
        .args(["--endpoint-reconciler-type", "none"])
        .args(["--token-auth-file", "tokens.csv"])
        .args(["--authorization-mode", "Node,RBAC"])
        .args(["--service-account-issuer", "https://kubernetes.default.svc"])
        .args(["--service-account-key-file", key])
        .args(["--service-account-signing-key-file", key])
}

/// A server that asks the API server, and listens for probes on a port of its own.
fn client(cluster: &Cluster, name: &str, what: &str) -> Result<Spec> {
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let port = cluster.ports(name, 1)?.to_string();
    Ok(Spec::new(name, &cluster.tools.kube, &cluster.dir)
        .arg(what)
        .args(["--kubeconfig", &kubeconfig])
        .args(["--authentication-kubeconfig", &kubeconfig])
        .args(["--authorization-kubeconfig", &kubeconfig])
        .args(["--bind-address", "127.0.0.1", "--secure-port", &port])
        .args(["--cert-dir", &format!("{name}-certificates")])
        .arg("--leader-elect=false"))
}

fn controllers(cluster: &Cluster, key: &str) -> Result<Spec> {
    Ok(client(cluster, "controller-manager", "controller-manager")?
        .args(["--service-account-private-key-file", key])
        .args(["--root-ca-file", "certificates/apiserver.crt"])
        // Dapr's injector looks at who makes a pod.
        .arg("--use-service-account-credentials=true")
        .args(["--horizontal-pod-autoscaler-sync-period", "1s"])
        // By default it would not believe in a pod's first minutes.
        .args([
            "--horizontal-pod-autoscaler-cpu-initialization-period",
            "1s",
        ])
        .args(["--horizontal-pod-autoscaler-initial-readiness-delay", "1s"]))
}

fn scheduler(cluster: &Cluster) -> Result<Spec> {
    client(cluster, "kube-scheduler", "scheduler")
}

fn kwok(cluster: &Cluster) -> Result<Spec> {
    let mut stages = fs::read_to_string(&cluster.tools.stages)?;
    for stage in [test_completes(), broken_fails()] {
        stages += &format!("---\n{stage}\n");
    }
    let file = cluster.dir.join("stages.yaml");
    fs::write(&file, stages)?;
    let port = cluster.ports("kwok", 1)?;
    Ok(Spec::new("kwok", &cluster.tools.kwok, &cluster.dir)
        .args(["--kubeconfig", &cluster.kubeconfig().display().to_string()])
        .args(["--config", &file.display().to_string()])
        .arg("--manage-all-nodes=false")
        .args([
            "--manage-nodes-with-annotation-selector",
            "kwok.x-k8s.io/node=fake",
        ])
        .args(["--node-ip", "127.0.0.1"])
        // Without a lease a node would be given up after a while.
        .args(["--node-lease-duration-seconds", "40"])
        .args(["--server-address", &format!("127.0.0.1:{port}")]))
}

/// The pod of `helm test` ends as a job's does.
fn test_completes() -> Value {
    let is_test = json!([
        { "key": ".metadata.annotations[\"helm.sh/hook\"]", "operator": "In", "values": ["test"] },
        { "key": ".status.phase", "operator": "In", "values": ["Running"] },
    ]);
    stage("test-complete", &is_test, "phase: Succeeded")
}

/// What runs an image with the tag `broken` fails, before it could be said to run.
fn broken_fails() -> Value {
    let is_broken = json!([
        { "key": ".spec.containers.[].image | test(\":broken$\")", "operator": "In", "values": ["true"] },
        { "key": ".status.phase", "operator": "In", "values": ["Pending"] },
    ]);
    stage("broken-fails", &is_broken, "phase: Failed")
}

/// A stage of pods that goes before kwok's own, whose weight is 0.
fn stage(name: &str, selector: &Value, status: &str) -> Value {
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": { "name": name },
        "spec": {
            "resourceRef": { "apiGroup": "v1", "kind": "Pod" },
            "selector": { "matchExpressions": selector },
            "weight": 1,
            "next": { "statusTemplate": status },
        },
    })
}

fn node(name: &str) -> Value {
    let amounts =
        |(cpu, memory): (&str, &str)| json!({ "cpu": cpu, "memory": memory, "pods": "110" });
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": { "kwok.x-k8s.io/node": "fake" },
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "arm64",
            },
        },
        "status": { "capacity": amounts(CAPACITY), "allocatable": amounts(ALLOCATABLE) },
    })
}

fn metrics(cluster: &Cluster, port: u16) -> Spec {
    Spec::new("metrics", &cluster.tools.kube, &cluster.dir)
        .arg("metrics")
        .arg(format!("127.0.0.1:{port}"))
        .arg(cluster.dir.join("cpu-usage").display().to_string())
        .env("KUBECONFIG", cluster.kubeconfig().display().to_string())
}

/// How the API server finds the metrics API: a service without an address of its own, so that
/// nobody has to carry packets to one.
fn metrics_api(port: u16) -> [Value; 2] {
    [
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": "metrics", "namespace": "kube-system" },
            "spec": { "type": "ExternalName", "externalName": "localhost" },
        }),
        json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": { "name": "v1beta1.metrics.k8s.io" },
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": true,
                "service": { "name": "metrics", "namespace": "kube-system", "port": port },
            },
        }),
    ]
}
