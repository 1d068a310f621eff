//! Dapr's control plane: its own chart is installed, and the three servers that decide about
//! pods and their certificates run as processes here, in the place of the chart's pods.

use std::fs;

use anyhow::Result;
use serde_json::{Value, json};

use super::Cluster;
use crate::process::Spec;
use crate::secrets::write_private;

const NAMESPACE: &str = "dapr-system";
const TRUST_DOMAIN: &str = "cluster.local";
/// Names, and how many ports each has.
const SENTRY: (&str, u16) = ("sentry", 2);
const OPERATOR: (&str, u16) = ("operator", 3);

/// Installs the chart, starts sentry, operator and injector, and waits until pods get sidecars.
pub(super) async fn start(cluster: &Cluster) -> Result<()> {
    let sentry = cluster.ports(SENTRY.0, SENTRY.1)?;
    let operator = cluster.ports(OPERATOR.0, OPERATOR.1)?;
    let injector = cluster.ports("injector", 2)?;
    install(cluster, sentry).await?;
    // The chart's services lead to its pods, which are not real.
    redirect(cluster, operator + 2, injector).await?;

    let fleet = &cluster.fleet;
    fleet.add(self::sentry(cluster, sentry)?, Vec::new());
    fleet.start(&["sentry"]).await?;
    let anchors = trust_anchors(cluster).await?;
    let (operator, injector) = tokio::try_join!(
        self::operator(cluster, operator, &anchors),
        self::injector(cluster, injector, sentry, &anchors),
    )?;
    fleet.add(operator, Vec::new());
    fleet.add(injector, Vec::new());
    fleet.start(&["operator", "injector"]).await?;
    cluster
        .until("Dapr's injector gives pods their sidecars", || async {
            injects(cluster).await.then_some(())
        })
        .await?;
    cluster
        .until("Dapr's operator converts subscriptions", || async {
            let list = ["get", "subscriptions.v2alpha1.dapr.io", "-A"];
            let bundle = converts(cluster).await.ok()?;
            cluster.kubectl(&list).await.ok().filter(|_| bundle)
        })
        .await?;
    Ok(())
}

async fn install(cluster: &Cluster, sentry: u16) -> Result<()> {
    let chart = cluster.tools.dapr_chart.display().to_string();
    let address = format!("global.mtls.sentryAddress=127.0.0.1:{sentry}");
    let args = [
        &["install", "dapr", &chart, "--namespace", NAMESPACE][..],
        &["--create-namespace", "--set", "global.tag=1.18.3"],
        &["--set", &address],
        &["--set", "dapr_scheduler.cluster.inMemoryStorage=true"],
        &[
            "--set",
            "dapr_sidecar_injector.sidecarDropALLCapabilities=true",
        ],
    ];
    cluster.helm(&args.concat()).await?;
    Ok(())
}

/// Leads the API server's questions to our processes: a service that is only a name has no
/// address for which packets would have to be carried.
async fn redirect(cluster: &Cluster, webhook: u16, injector: u16) -> Result<()> {
    let elsewhere = json!({ "spec": {
        "type": "ExternalName", "externalName": "localhost", "clusterIP": null, "clusterIPs": null,
    } })
    .to_string();
    for service in ["dapr-sidecar-injector", "dapr-webhook"] {
        let patch = [
            "patch",
            "service",
            service,
            "-n",
            NAMESPACE,
            "--type=merge",
            "-p",
        ];
        cluster
            .kubectl(&[&patch[..], &[&elsewhere]].concat())
            .await?;
    }
    let webhooks = [
        (
            "mutatingwebhookconfiguration/dapr-sidecar-injector",
            "/webhooks/0/clientConfig/service/port",
            injector,
        ),
        (
            "customresourcedefinition/subscriptions.dapr.io",
            "/spec/conversion/webhook/clientConfig/service/port",
            webhook,
        ),
    ];
    for (object, path, port) in webhooks {
        let patch = json!([{ "op": "replace", "path": path, "value": port }]).to_string();
        let args = ["patch", object, "--type=json", "-p", &patch];
        cluster.kubectl(&args).await?;
    }
    Ok(())
}

/// A server of Dapr whose block of ports begins at `first`: its own, then health.
fn server(cluster: &Cluster, name: &str, first: u16) -> Spec {
    Spec::new(name, cluster.tools.dapr.join(name), &cluster.dir)
        .args(["--port", &first.to_string()])
        .args(["--listen-address", "127.0.0.1"])
        .args(["--healthz-port", &(first + 1).to_string()])
        // They would be there on every interface.
        .arg("--enable-metrics=false")
        .env("KUBECONFIG", cluster.kubeconfig().display().to_string())
        .env("NAMESPACE", NAMESPACE)
        // A container's user is looked at in a container only.
        .env("DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK", "true")
}

fn sentry(cluster: &Cluster, first: u16) -> Result<Spec> {
    // What it makes, it keeps in the cluster; the folder it watches only has to be there.
    let credentials = cluster.dir.join("dapr-credentials");
    fs::create_dir_all(&credentials)?;
    Ok(server(cluster, "sentry", first)
        .args(["--mode", "kubernetes", "--trust-domain", TRUST_DOMAIN])
        .args(["--issuer-credentials", &credentials.display().to_string()])
        .args(["--kubeconfig", &cluster.kubeconfig().display().to_string()]))
}

/// The authority that sentry has made, as a file.
async fn trust_anchors(cluster: &Cluster) -> Result<String> {
    let bundle = cluster
        .until("sentry has made its authority", || async {
            let args = ["configmap", "dapr-trust-bundle", "-n", NAMESPACE];
            let bundle = cluster.get(&args).await.ok()?;
            let pem = bundle["data"]["ca.crt"].as_str()?.to_owned();
            Some(pem).filter(|pem| !pem.is_empty())
        })
        .await?;
    let file = cluster.dir.join("dapr-anchors.pem");
    fs::write(&file, bundle)?;
    Ok(file.display().to_string())
}

async fn operator(cluster: &Cluster, first: u16, anchors: &str) -> Result<Spec> {
    let pod = pod(cluster, "app=dapr-operator").await?;
    let token = token(cluster, "dapr-operator", &pod).await?;
    let webhook = (first + 2).to_string();
    Ok(server(cluster, "operator", first)
        .env("DAPR_SENTRY_TOKEN_FILE", token)
        .args(["--disable-leader-election", "--trust-anchors-file", anchors])
        .args(["--webhook-server-port", &webhook])
        .args(["--webhook-server-listen-address", "127.0.0.1"]))
}

async fn injector(cluster: &Cluster, first: u16, sentry: u16, anchors: &str) -> Result<Spec> {
    let pod = pod(cluster, "app=dapr-sidecar-injector").await?;
    let token = token(cluster, "dapr-injector", &pod).await?;
    Ok(server(cluster, "injector", first)
        .env("DAPR_SENTRY_TOKEN_FILE", token)
        .args(["--kubeconfig", &cluster.kubeconfig().display().to_string()])
        .env("DAPR_TRUST_ANCHORS_FILE", anchors)
        .env("DAPR_CONTROL_PLANE_TRUST_DOMAIN", TRUST_DOMAIN)
        .env("DAPR_SENTRY_ADDRESS", format!("127.0.0.1:{sentry}"))
        .env("KUBE_CLUSTER_DOMAIN", TRUST_DOMAIN)
        .env("SIDECAR_IMAGE", "ghcr.io/dapr/daprd:1.18.3")
        .env("SIDECAR_IMAGE_PULL_POLICY", "IfNotPresent")
        .env("SIDECAR_DROP_ALL_CAPABILITIES", "true"))
}

/// The pod that is there in a server's place.
async fn pod(cluster: &Cluster, label: &str) -> Result<Value> {
    let list = ["pods", "-n", NAMESPACE, "-l", label];
    cluster
        .until("the pods of Dapr's chart are there", || async {
            let list = cluster.get(&list).await.ok()?;
            let pod = list["items"].get(0)?;
            (pod["status"]["phase"] == "Running").then(|| pod["metadata"].clone())
        })
        .await
}

/// A file with a token of an account, bound to a pod of which this is the metadata, as sentry
/// wants it.
pub(super) async fn token(cluster: &Cluster, account: &str, pod: &Value) -> Result<String> {
    let text = |of: &str| pod[of].as_str().unwrap_or_default();
    let audience = format!("spiffe://{TRUST_DOMAIN}/ns/{NAMESPACE}/dapr-sentry");
    let args = [
        &["create", "token", account, "-n", text("namespace")][..],
        &["--audience", &audience, "--duration=2h"],
        &[
            "--bound-object-kind=Pod",
            "--bound-object-name",
            text("name"),
        ],
        &["--bound-object-uid", text("uid")],
    ];
    let token = cluster.kubectl(&args.concat()).await?;
    let file = cluster.dir.join(format!("{}.token", text("name")));
    write_private(&file, token.trim())?;
    Ok(file.display().to_string())
}

/// Where operator and sentry are.
pub(super) fn addresses(cluster: &Cluster) -> Result<(String, String)> {
    let at = |port: u16| format!("127.0.0.1:{port}");
    Ok((
        at(cluster.ports(OPERATOR.0, OPERATOR.1)?),
        at(cluster.ports(SENTRY.0, SENTRY.1)?),
    ))
}

/// Whether a pod that wants a sidecar would get one.
async fn injects(cluster: &Cluster) -> bool {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "probe",
            "annotations": { "dapr.io/enabled": "true", "dapr.io/app-id": "probe" },
        },
        "spec": { "containers": [{ "name": "probe", "image": "probe" }] },
    });
    let args = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    let answer = cluster.kubectl_with(&args, &pod.to_string()).await;
    answer.is_ok_and(|pod| pod.contains("\"daprd\""))
}

/// Whether the operator has told the API server how to trust it.
async fn converts(cluster: &Cluster) -> Result<bool> {
    let crd = cluster.get(&["crd", "subscriptions.dapr.io"]).await?;
    let client = &crd["spec"]["conversion"]["webhook"]["clientConfig"];
    Ok(client["caBundle"].is_string() && client["service"]["namespace"] == NAMESPACE)
}
