//! Programs that Debian's packages bring, found or, as root, installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

use crate::process::{is_program, on_path};
use crate::progress;

/// Two at a time are one too many for dpkg.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Finds a program, on `PATH` or where Debian puts servers; gets its packages when it is missing
/// and we may. Blocks.
pub(crate) fn program(name: &str, packages: &[&str]) -> Result<PathBuf> {
    if let Some(found) = installed(name) {
        return Ok(found);
    }
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = installed(name) {
        return Ok(found);
    }
    if rustix::process::geteuid().is_root() && on_path("apt-get").is_some() {
        let apt = |args: &[&str]| {
            let mut command = Command::new("apt-get");
            command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
            progress::run(&format!("installing {name} with apt-get"), &mut command)
        };
        apt(&["update"])?;
        let install = ["install", "-y", "--no-install-recommends"];
        apt(&[&install, packages].concat())?;
        if let Some(found) = installed(name) {
            return Ok(found);
        }
    }
    bail!(
        "{name} is needed: install it, for example with the package {}",
        packages.join(" and ")
    )
}

fn installed(name: &str) -> Option<PathBuf> {
    on_path(name).or_else(|| {
        let server = Path::new("/usr/sbin").join(name);
        is_program(&server).then_some(server)
    })
}

/// What checks metrics and rules: Prometheus' own. Blocks.
///
/// # Errors
/// There is none, and it cannot be installed.
pub fn promtool() -> Result<PathBuf> {
    program("promtool", &["prometheus"])
}

/// Without a font a page has no letters.
const FONT: &str = "fonts-dejavu-core";

/// The browser that tests drive. Blocks.
///
/// # Errors
/// There is none, and it cannot be installed.
pub fn chromium() -> Result<PathBuf> {
    program("chromium", &["chromium", FONT])
}

/// The same browser without windows of its own, for half the work; it shows no notifications.
/// Blocks.
///
/// # Errors
/// There is none, and it cannot be installed.
pub fn chromium_headless_shell() -> Result<PathBuf> {
    const NAME: &str = "chromium-headless-shell";
    program(NAME, &[NAME, FONT])
}
