//! The page: built with Next.js, and run as its own server beside a sidecar.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::app::Pair;
use crate::dapr::SECRET_STORE;
use crate::issuer::Issuer;
use crate::ports::url;
use crate::process::{Spec, on_path};
use crate::progress;
use crate::servers::{cache_dir, copy_folder, once};

/// Its name among the servers, and its app id.
pub(crate) const NAME: &str = "frontend";
/// What is no source of the page.
const NOT_BUILT: [&str; 5] = [
    "node_modules",
    ".next",
    "e2e",
    "next-env.d.ts",
    "tsconfig.tsbuildinfo",
];
/// What Next.js asks for.
const OLDEST_NODE: (u32, u32) = (20, 9);
/// The lock file that `node_modules` was made from, by its hash.
const STAMP: &str = "node_modules/.made-from";

/// The folder of the page's sources.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("frontend")
}

/// Has the packages of the lock file in `frontend/node_modules`; blocks while it gets them.
///
/// # Errors
/// Node or npm is missing, or npm fails.
pub fn packages() -> Result<()> {
    let folder = folder();
    let lock = fs::read(folder.join("package-lock.json"))
        .context("frontend/package-lock.json cannot be read")?;
    let wanted = hex(&Sha256::digest(&lock));
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    node()?;
    let Some(npm) = on_path("npm") else {
        bail!(
            "npm is needed to get the page's packages: install it with Node from https://nodejs.org"
        );
    };
    progress::run(
        "getting the page's packages from npm",
        Command::new(npm).current_dir(&folder).args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ]),
    )?;
    fs::write(stamp, wanted).context("frontend/node_modules cannot be written to")
}

/// The built page, a folder with `server.js`: built once for each state of its sources. Blocks.
///
/// # Errors
/// Node or npm is missing, or the page does not compile.
pub fn build() -> Result<PathBuf> {
    let folder = folder();
    let dir = cache_dir()?.join(format!("page-{}", hash_of(&folder)?));
    once(&dir, |dir| {
        packages()?;
        progress::run(
            "building the page",
            Command::new(node()?)
                .current_dir(&folder)
                .args(["node_modules/next/dist/bin/next", "build"])
                .env("NEXT_TELEMETRY_DISABLED", "1")
                .env("NODE_ENV", "production"),
        )?;
        let built = folder.join(".next");
        copy_folder(&built.join("standalone"), dir, &[])?;
        copy_folder(&built.join("static"), &dir.join(".next/static"), &[])?;
        copy_folder(&folder.join("public"), &dir.join("public"), &[])?;
        Ok(())
    })?;
    Ok(dir)
}

/// How to start the page of `pair`, of which `built` is the folder.
pub(crate) fn spec(
    pair: &Pair,
    built: &Path,
    dir: &Path,
    issuer: &Issuer,
    extra: &BTreeMap<String, String>,
) -> Result<Spec> {
    let mut spec = Spec::new(&pair.app, node()?, dir)
        .arg(built.join("server.js").display().to_string())
        .env("NODE_ENV", "production")
        .env("HOSTNAME", "127.0.0.1")
        .env("PORT", pair.api_port().to_string())
        .env("PUBLIC_URL", url(pair.api_port()))
        .env("DAPR_HTTP_PORT", pair.dapr_http_port().to_string())
        .env("DAPR_API_TOKEN", &pair.api_token)
        .env("SECRET_STORE", SECRET_STORE)
        .env("JWT_ISSUER", issuer.issuer())
        .env("JWT_AUDIENCE", issuer.audience());
    spec.env.extend(extra.clone());
    Ok(spec)
}

/// A Node that is new enough for the page.
///
/// # Errors
/// There is none.
pub fn node() -> Result<PathBuf> {
    let (major, minor) = OLDEST_NODE;
    let needed = format!("Node {major}.{minor} or later is needed for the page");
    let Some(node) = on_path("node") else {
        bail!(
            "{needed}: install it from https://nodejs.org, or leave the page out with `up --no-page`"
        );
    };
    let said = Command::new(&node).arg("--version").output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    if node_version(&said).is_some_and(|found| found < OLDEST_NODE) {
        bail!(
            "{needed}, and this is {}: install a newer one from https://nodejs.org, or leave the page \
             out with `up --no-page`",
            said.trim()
        );
    }
    Ok(node)
}

/// Reads "v20.9.0".
fn node_version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Changes with any of the page's files, what they are called included.
fn hash_of(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    list(folder, &NOT_BUILT, &mut files)
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    files.sort();
    let mut hasher = Sha256::new();
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file);
        let text = fs::read(&file)?;
        hasher.update(name.as_os_str().as_encoded_bytes());
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    Ok(hex(&hasher.finalize()[..6]))
}

fn list(folder: &Path, without: &[&str], files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if without.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &[], files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_read() {
        assert_eq!(node_version("v20.9.0\n"), Some((20, 9)));
        assert!(node_version("v18.20.4").is_some_and(|found| found < OLDEST_NODE));
        assert!(node_version("v22.1.0-nightly").is_some_and(|found| found > OLDEST_NODE));
        assert_eq!(node_version("what?"), None);
    }

    #[test]
    fn the_hash_is_that_of_sources_only() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("app/page.tsx", "one");
        let before = hash_of(dir.path()).unwrap();
        write("node_modules/x/index.js", "x");
        write(".next/server.js", "x");
        assert_eq!(hash_of(dir.path()).unwrap(), before);
        write("app/page.tsx", "two");
        let after = hash_of(dir.path()).unwrap();
        assert_ne!(after, before);
        fs::rename(
            dir.path().join("app/page.tsx"),
            dir.path().join("app/p.tsx"),
        )
        .unwrap();
        assert_ne!(hash_of(dir.path()).unwrap(), after);
    }
}
