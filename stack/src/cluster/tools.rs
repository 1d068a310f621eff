//! The programs of a cluster, built from source once and kept in the user's cache.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::progress;
use crate::servers::{
    CHANGES, Change, DaprSource, cache_dir, copy_folder, dapr_inputs, go, go_build, hash,
    module_dir, once, write_module,
};

/// The release of Kubernetes, and what helm believes to talk to without a cluster.
const KUBERNETES: (&str, &str, &str) = ("1", "36", "3");

const GO_FILES: [(&str, &str); 6] = [
    ("go.mod", include_str!("../../cluster/go.mod")),
    ("go.sum", include_str!("../../cluster/go.sum")),
    ("tools.go", include_str!("../../cluster/tools.go")),
    ("kube/main.go", include_str!("../../cluster/kube/main.go")),
    (
        "kube/helpers.go",
        include_str!("../../cluster/kube/helpers.go"),
    ),
    (
        "kube/metrics.go",
        include_str!("../../cluster/kube/metrics.go"),
    ),
];

/// What kwok does to nodes and pods, of the files it brings.
const STAGES: [&str; 5] = [
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
];

/// What is otherwise in Dapr's control plane here, besides the [`CHANGES`] of all its servers.
const MORE_CHANGES: [Change; 2] = [
    // Only the webhook of the operator can be told where to listen.
    (
        "pkg/injector/service/injector.go",
        r#"fmt.Sprintf(":%d", i.port)"#,
        r#"fmt.Sprintf("127.0.0.1:%d", i.port)"#,
    ),
    // The injector gives sidecars a token for sentry if it has one itself, which it looks for
    // where a pod has it, whatever it was told.
    (
        "pkg/security/token/token.go",
        "_, err := os.Stat(kubeTknPath)",
        "_, err := os.Stat(os.Getenv(securityConsts.SentryTokenFileEnvVar))",
    ),
];

/// The programs of a cluster and those that talk to it.
#[derive(Debug, Clone)]
pub struct ClusterTools {
    /// etcd, API server, controllers, scheduler and kubectl: the first argument says which.
    pub kube: PathBuf,
    /// Makes nodes and pods that only say that they run.
    pub kwok: PathBuf,
    /// Helm.
    pub helm: PathBuf,
    /// A file with kwok's stages.
    pub stages: PathBuf,
    /// The folder with Dapr's operator, injector and sentry.
    pub dapr: PathBuf,
    /// Dapr's own chart.
    pub dapr_chart: PathBuf,
}

impl ClusterTools {
    /// Finds or builds everything. The first time takes a quarter of an hour; blocks.
    ///
    /// # Errors
    /// Go is missing or too old, a module cannot be had, or a build fails.
    pub fn get() -> Result<Self> {
        let cache = cache_dir()?;
        let inputs = GO_FILES.iter().flat_map(|(name, text)| [*name, *text]);
        // The last item stands for what the functions do with the files.
        let kubernetes = cache.join(format!("kubernetes-{}", hash(inputs.chain(["1"]))));
        once(&kubernetes, build_kubernetes)?;
        let dapr = format!(
            "dapr-control-{}",
            hash(dapr_inputs(&changes()).chain(["1"]))
        );
        let dapr = cache.join(dapr);
        once(&dapr, build_dapr)?;
        let program = |name: &str| kubernetes.join("bin").join(name);
        Ok(Self {
            kube: program("kube"),
            kwok: program("kwok"),
            helm: program("helm"),
            stages: kubernetes.join("stages.yaml"),
            dapr: dapr.join("bin"),
            dapr_chart: dapr.join("chart"),
        })
    }

    /// The documents of a YAML text as Kubernetes reads them; blocks.
    ///
    /// # Errors
    /// It is no YAML.
    pub fn documents(&self, yaml: &str) -> Result<Vec<Value>> {
        let mut reader = Command::new(&self.kube)
            .arg("json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("kube cannot be started")?;
        // It reads everything before it writes the first byte, so neither waits for the other.
        if let Some(mut input) = reader.stdin.take() {
            input.write_all(yaml.as_bytes())?;
        }
        let output = reader.wait_with_output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn build_kubernetes(dir: &Path) -> Result<()> {
    let go = go("a Kubernetes control plane")?;
    let source = dir.join("source");
    write_module(&source, &GO_FILES)?;
    let (major, minor, patch) = KUBERNETES;
    let version = "k8s.io/component-base/version";
    let mut linking = format!(
        "-X {version}.gitVersion=v{major}.{minor}.{patch} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
    );
    // Without these helm would believe in 1.20.
    for package in ["chartutil", "lint/rules"] {
        let helm = format!("helm.sh/helm/v3/pkg/{package}.k8sVersion");
        linking += &format!(" -X {helm}Major={major} -X {helm}Minor={minor}");
    }
    let bin = dir.join("bin");
    fs::create_dir_all(&bin)?;
    progress::run(
        "building a Kubernetes control plane and helm, once, about twelve minutes on two cores",
        go_build(&go, &source, &bin, &linking)
            .env("CGO_ENABLED", "0")
            .args([
                "./kube",
                "helm.sh/helm/v3/cmd/helm",
                "sigs.k8s.io/kwok/cmd/kwok",
            ]),
    )?;
    let folder = module_dir(&go, &source, "sigs.k8s.io/kwok")?.join("kustomize/stage");
    let mut stages = String::new();
    for name in STAGES {
        let stage = fs::read_to_string(folder.join(name))
            .with_context(|| format!("kwok has no stage {name}"))?;
        stages += &format!("---\n{stage}\n");
    }
    fs::write(dir.join("stages.yaml"), stages)?;
    fs::remove_dir_all(&source)?;
    Ok(())
}

fn changes() -> Vec<Change> {
    CHANGES.into_iter().chain(MORE_CHANGES).collect()
}

fn build_dapr(dir: &Path) -> Result<()> {
    let source = DaprSource::get(dir, &changes())?;
    source.build(
        "building Dapr's control plane, once, a few minutes on two cores",
        &dir.join("bin"),
        &["operator", "injector", "sentry"],
    )?;
    copy_folder(&source.dapr().join("charts/dapr"), &dir.join("chart"), &[])?;
    fs::remove_dir_all(dir.join("source"))?;
    Ok(())
}
