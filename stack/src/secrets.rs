//! What a stack keeps secret, made once and kept with its data.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Kept in a file only its owner reads: a second start on the same data needs
/// the same database password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub database_password: String,
    pub better_auth_secret: String,
    /// P-256, base64url: any 32 random bytes are one, but for odds of 1 in 2^32.
    pub vapid_private_key: String,
    /// Asked for by a secured stack only; older data does not have it.
    #[serde(default)]
    pub kafka_password: String,
}

impl Secrets {
    /// Reads the secrets kept in `dir`, or makes them.
    pub fn in_dir(dir: &Path) -> Result<Self> {
        let path = dir.join("secrets.json");
        if let Ok(text) = fs::read_to_string(&path) {
            let kept: Self = serde_json::from_str(&text).with_context(|| {
                let path = path.display();
                format!("{path} is not what this version writes there: start with --fresh")
            })?;
            return Ok(kept);
        }
        let secrets = Self {
            database_password: random(24)?,
            better_auth_secret: random(32)?,
            vapid_private_key: BASE64_URL_SAFE_NO_PAD.encode(random_bytes(32)?),
            kafka_password: random(24)?,
        };
        write_private(&path, &serde_json::to_string_pretty(&secrets)?)?;
        Ok(secrets)
    }
}

/// `bytes` random bytes, in hexadecimal.
pub(crate) fn random(bytes: usize) -> Result<String> {
    let buffer = random_bytes(bytes)?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random_bytes(bytes: usize) -> Result<Vec<u8>> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).context("no randomness for a secret")?;
    Ok(buffer)
}

/// Writes a file only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<()> {
    fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let one = Secrets::in_dir(dir.path()).unwrap();
        let two = Secrets::in_dir(dir.path()).unwrap();
        assert_eq!(one.database_password, two.database_password);
        assert_eq!(one.better_auth_secret.len(), 64);
        let mode = fs::metadata(dir.path().join("secrets.json")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }
}
