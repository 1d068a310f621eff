//! The logs.

use anyhow::{Context, Result};

use crate::Stack;

/// The lines of all logs, of servers that are gone too, that tell of a panic of ours.
///
/// # Errors
/// A log cannot be read.
pub fn panics(stack: &Stack) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for log in std::fs::read_dir(stack.dir().join("logs")).context("there are no logs")? {
        let path = log?.path();
        let bytes = std::fs::read(&path);
        let bytes = bytes.with_context(|| format!("{} cannot be read", path.display()))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines = text.lines().filter(|line| line.contains("panicked"));
        found.extend(lines.map(|line| format!("{}: {line}", path.display())));
    }
    Ok(found)
}
