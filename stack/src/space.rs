//! Whether there is room on a disk.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// Fails with a sentence unless the disk with the folder `dir` has so many MiB left, which `what`
/// needs.
pub(crate) fn check(dir: &Path, needed: u64, what: &str) -> Result<()> {
    let volume = rustix::fs::statvfs(dir).context("the free disk space is unknown")?;
    let free = (volume.f_bavail * volume.f_frsize) >> 20;
    if free < needed {
        bail!(
            "the disk with {} has {free} MiB left, and {what} needs {needed}: free some space first",
            dir.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_too_full_is_named_with_what_it_lacks() {
        let dir = tempfile::tempdir().unwrap();
        check(dir.path(), 0, "a stack").unwrap();
        let error = check(dir.path(), 1 << 40, "a stack")
            .unwrap_err()
            .to_string();
        assert!(error.contains(&dir.path().display().to_string()), "{error}");
        assert!(
            error.contains("a stack needs 1099511627776: free some"),
            "{error}"
        );
    }
}
