//! What an app tells Prometheus.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::Stack;

/// An app's numbers, by name and labels as they are written, such as `todo_sidecar_up`.
///
/// # Errors
/// There is no such app, or it does not answer.
pub async fn numbers(stack: &Stack, app: &str) -> Result<BTreeMap<String, f64>> {
    let url = stack
        .metrics_url(app)
        .with_context(|| format!("there is no app {app}"))?;
    let answer = reqwest::get(url).await?.error_for_status()?;
    read(&answer.text().await?)
}

fn read(text: &str) -> Result<BTreeMap<String, f64>> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let read = samples.map(|line| {
        let sample = line.rsplit_once(' ');
        let (of, number) = sample.with_context(|| format!("{line} is no sample"))?;
        let number = number.parse();
        Ok((
            of.to_owned(),
            number.with_context(|| format!("{line} is no number"))?,
        ))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_may_hold_blanks() {
        let text = "# HELP a b\na_total{of=\"x y\"} 3\nb 0.5\n# EOF\n";
        let numbers = read(text).unwrap();
        assert_eq!(numbers[r#"a_total{of="x y"}"#], 3.0);
        assert_eq!(numbers["b"], 0.5);
        assert!(read("a b").is_err());
    }
}
