//! Who is who among Dapr's servers: sentry, which hands out certificates, and what the others
//! need to get theirs.
//!
//! Sentry takes nobody's word: whoever wants a certificate shows a token for exactly that
//! identity, signed with a key made for this stack (its `jwks` validator; the only other one
//! outside Kubernetes, `insecure`, believes everybody). Identities are SPIFFE ids:
//!
//! | who | id |
//! |---|---|
//! | sentry, placement, scheduler | `spiffe://cluster.local/ns/dapr-system/dapr-sentry`, … |
//! | the sidecar of an app | `spiffe://public/ns/todo/backend`, … |

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde_json::json;

use crate::dapr::{control_plane_health, offset};
use crate::issuer::Key;
use crate::pki::{Authority, LIFETIME};
use crate::process::Spec;
use crate::secrets::write_private;
use crate::servers::Servers;

/// Its name, and that of its block of ports, of which it uses two.
pub(crate) const NAME: &str = "sentry";
/// The namespace of the apps, as their certificates and Dapr's access control have it.
pub(crate) const NAMESPACE: &str = "todo";
/// The trust domain of the apps: sentry's own choice for whoever names none.
pub(crate) const TRUST_DOMAIN: &str = "public";
const CONTROL_PLANE: &str = "dapr-system";
const CONTROL_PLANE_DOMAIN: &str = "cluster.local";

/// A stack's sentry.
#[derive(Debug)]
pub(crate) struct Sentry {
    dir: PathBuf,
    credentials: PathBuf,
    first: u16,
    /// What all certificates go back to.
    anchors: String,
    key: Key,
}

/// What a sidecar shows sentry to get the certificate of its app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof<'a> {
    /// The token made for that app.
    Own,
    /// The token of another.
    TokenOf(&'a str),
    /// Nothing.
    NoToken,
}

impl Sentry {
    /// Makes the authority whose name sentry signs in, and the key of the tokens it accepts.
    pub fn new(dir: &Path, first: u16) -> Result<Self> {
        let credentials = dir.join("dapr").join(NAME);
        fs::create_dir_all(&credentials)
            .with_context(|| format!("{} cannot be made", credentials.display()))?;
        let root = Authority::root("the sidecars of this stack")?;
        let issuer = root.below("sentry")?;
        let key = Key::new()?;
        let sentry = Self {
            dir: dir.to_owned(),
            credentials,
            first,
            anchors: root.certificate(),
            key,
        };
        for (name, text) in [
            ("ca.crt", sentry.anchors.clone()),
            ("issuer.crt", issuer.certificate()),
            ("issuer.key", issuer.key()),
            (
                "keys.json",
                json!({ "keys": [sentry.key.jwk()] }).to_string(),
            ),
        ] {
            write_private(&sentry.credentials.join(name), &text)?;
        }
        // Beside the folder, which sentry watches.
        fs::write(sentry.config(), sentry.configuration())?;
        Ok(sentry)
    }

    /// How to start it.
    pub fn spec(&self, servers: &Servers) -> Spec {
        let path = |path: &Path| path.display().to_string();
        Spec::new(NAME, servers.dapr.join(NAME), &self.dir)
            .args(["--listen-address", "127.0.0.1", "--port"])
            .arg(self.first.to_string())
            .arg("--healthz-port")
            .arg((self.first + offset("healthz")).to_string())
            // They would be served on every interface.
            .arg("--enable-metrics=false")
            .args(["--trust-domain", CONTROL_PLANE_DOMAIN])
            .args(["--issuer-credentials", &path(&self.credentials)])
            .args(["--config", &path(&self.config())])
            .env("NAMESPACE", CONTROL_PLANE)
    }

    /// Has placement or the scheduler show a certificate and ask for one.
    pub fn guard(&self, spec: Spec, id: &str) -> Result<Spec> {
        let token = self.token(CONTROL_PLANE_DOMAIN, CONTROL_PLANE, id)?;
        let anchors = self.credentials.join("ca.crt");
        Ok(spec
            .arg("--tls-enabled")
            .args(["--sentry-address", &self.address()])
            .args(["--trust-domain", CONTROL_PLANE_DOMAIN])
            .args(["--trust-anchors-file", &anchors.display().to_string()])
            .env("DAPR_SENTRY_TOKEN_FILE", token.display().to_string())
            .env("NAMESPACE", CONTROL_PLANE))
    }

    /// Has a sidecar show a certificate and ask for one.
    pub fn guard_sidecar(&self, spec: Spec, app_id: &str, proof: Proof) -> Result<Spec> {
        let spec = spec
            .arg("--enable-mtls")
            .args(["--sentry-address", &self.address()])
            .args(["--control-plane-namespace", CONTROL_PLANE])
            .args(["--control-plane-trust-domain", CONTROL_PLANE_DOMAIN])
            .env("DAPR_TRUST_ANCHORS", &self.anchors)
            .env("NAMESPACE", NAMESPACE);
        let whose = match proof {
            Proof::Own => app_id,
            Proof::TokenOf(other) => other,
            Proof::NoToken => return Ok(spec),
        };
        let token = self.token(TRUST_DOMAIN, NAMESPACE, whose)?;
        Ok(spec.env("DAPR_SENTRY_TOKEN_FILE", token.display().to_string()))
    }

    /// The URL that says whether it is up.
    pub fn health(&self) -> String {
        control_plane_health(self.first)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.first)
    }

    fn config(&self) -> PathBuf {
        self.credentials.with_extension("config.yaml")
    }

    /// Writes the token that proves one identity to sentry, and says where.
    fn token(&self, domain: &str, namespace: &str, id: &str) -> Result<PathBuf> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs();
        let token = self.key.sign(&json!({
            "sub": format!("spiffe://{domain}/ns/{namespace}/{id}"),
            "aud": format!("spiffe://{CONTROL_PLANE_DOMAIN}/ns/{CONTROL_PLANE}/dapr-sentry"),
            "iat": now,
            // Shown again whenever a certificate runs out, so for as long as the stack runs.
            "exp": now + LIFETIME.as_secs(),
        }));
        let file = self.dir.join("dapr").join(format!("{id}.token"));
        write_private(&file, &token)?;
        Ok(file)
    }

    fn configuration(&self) -> String {
        let keys = self.credentials.join("keys.json");
        format!(
            "apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: sentry
spec:
  mtls:
    tokenValidators:
      - name: jwks
        options: {{ source: {} }}
",
            json!(keys.display().to_string())
        )
    }
}
