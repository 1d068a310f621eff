//! Who may call whom through the sidecars of a secured stack.
//!
//! Dapr's access control is about service invocation. It says nothing about actors: a sidecar
//! calls any actor of its namespace at the sidecar that holds it. So an app that has no business
//! with actors does not get that API from its own sidecar.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::frontend::NAME as FRONTEND;
use crate::sentry::{NAMESPACE, TRUST_DOMAIN};

/// Writes the part of an app's Dapr configuration that a secured stack adds, and says where.
pub(crate) fn write(dir: &Path, app_id: &str) -> Result<PathBuf> {
    let file = dir.join("dapr").join(format!("{app_id}.access.yaml"));
    fs::write(&file, configuration(app_id))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(file)
}

fn configuration(app_id: &str) -> String {
    let policies = match app_id {
        "backend" => format!(
            "
    policies:
      - appId: {FRONTEND}
        defaultAction: deny
        trustDomain: {TRUST_DOMAIN}
        namespace: {NAMESPACE}
        operations:
          - name: /api/**
            httpVerb: [\"*\"]
            action: allow"
        ),
        _ => String::new(),
    };
    let api = if app_id == FRONTEND { API } else { "" };
    format!(
        "apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: access
spec:
  accessControl:
    defaultAction: deny
    trustDomain: {TRUST_DOMAIN}{policies}
{api}"
    )
}

/// What the frontend needs of its sidecar.
const API: &str = "  api:
    allowed:
      - { name: invoke, version: v1.0, protocol: http }
      - { name: secrets, version: v1.0, protocol: http }
      - { name: secrets, version: v1, protocol: grpc }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_backend_lets_anybody_in_and_only_the_frontend() {
        let backend = configuration("backend");
        assert!(backend.contains("appId: frontend"), "{backend}");
        assert_eq!(backend.matches("action: allow").count(), 1, "{backend}");
        for app in ["projector", FRONTEND] {
            let text = configuration(app);
            assert!(text.contains("defaultAction: deny"), "{text}");
            assert!(!text.contains("action: allow"), "{text}");
        }
    }

    #[test]
    fn the_frontend_gets_no_actors() {
        let text = configuration(FRONTEND);
        assert!(text.contains("name: invoke"), "{text}");
        assert!(!text.contains("actors"), "{text}");
    }
}
