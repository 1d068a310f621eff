//! What was found, for people and for programs.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Benchmark;
use super::limits::{self, Bound, Limit};
use super::machine::Drift;
use super::plot::Plot;
use super::samples::Samples;

/// Something that was measured.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Such as `ms`; empty for ratios and counts.
    pub unit: &'static str,
    /// What its runs gave.
    pub samples: Samples,
}

impl Figure {
    /// A figure of one or more runs.
    pub fn new(name: impl Into<String>, unit: &'static str, samples: impl Into<Samples>) -> Self {
        Self {
            name: name.into(),
            unit,
            samples: samples.into(),
        }
    }
}

/// What a benchmark found.
#[derive(Debug)]
pub struct Findings {
    /// In an order that can be read.
    pub figures: Vec<Figure>,
    /// The most telling of them.
    pub plot: Plot,
}

/// How a figure stands to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has none.
    None,
    /// It is on the good side.
    Holds,
    /// It is not.
    FallsShort,
    /// The run was too short, or the machine changed too much, to tell.
    Unknown,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Holds => "holds",
            Self::FallsShort => "falls short",
            Self::Unknown => "not compared",
        }
    }
}

/// A benchmark's figures beside their limits.
#[derive(Debug)]
pub struct Report {
    benchmark: Benchmark,
    quick: bool,
    drift: Drift,
    findings: Findings,
}

impl Report {
    /// Puts them together.
    ///
    /// # Errors
    /// A limit is of no figure: nobody would notice that it was missed.
    pub fn new(
        benchmark: Benchmark,
        quick: bool,
        drift: Drift,
        findings: Findings,
    ) -> Result<Self> {
        for limit in limits::of(benchmark) {
            let known = findings
                .figures
                .iter()
                .any(|figure| figure.name == limit.figure);
            ensure!(
                known,
                "{} did not measure “{}”",
                benchmark.name(),
                limit.figure
            );
        }
        Ok(Self {
            benchmark,
            quick,
            drift,
            findings,
        })
    }

    /// Why nothing is compared, if nothing is.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        self.drift.objection()
    }

    /// The figures that are not what they should be, in words.
    #[must_use]
    pub fn shortfalls(&self) -> Vec<String> {
        let figures = self.findings.figures.iter();
        let short = figures.filter(|figure| self.verdict(figure) == Verdict::FallsShort);
        let words = |figure: &Figure| {
            let bound = self.limit(figure).map(|limit| limit.bound.to_string());
            format!(
                "{}: {} is {}, and should be {}",
                self.benchmark.name(),
                figure.name,
                number(figure.samples.median()),
                bound.unwrap_or_default()
            )
        };
        short.map(words).collect()
    }

    /// Writes `{name}.json` and `{name}.svg`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let name = self.benchmark.name();
        let file = dir.join(format!("{name}.json"));
        fs::write(&file, format!("{:#}\n", self.json()))
            .with_context(|| format!("{} cannot be written", file.display()))?;
        let drawing = dir.join(format!("{name}.svg"));
        self.findings.plot.draw(name, &drawing)
    }

    fn limit(&self, figure: &Figure) -> Option<&'static Limit> {
        limits::of(self.benchmark).find(|limit| limit.figure == figure.name)
    }

    fn verdict(&self, figure: &Figure) -> Verdict {
        match self.limit(figure) {
            None => Verdict::None,
            Some(_) if self.quick || self.objection().is_some() => Verdict::Unknown,
            Some(limit) if limit.bound.holds(figure.samples.median()) => Verdict::Holds,
            Some(_) => Verdict::FallsShort,
        }
    }

    fn json(&self) -> Value {
        let figure = |figure: &Figure| {
            let samples = &figure.samples;
            let (side, bound) = match self.limit(figure).map(|limit| limit.bound) {
                None => ("limit", Value::Null),
                Some(Bound::AtLeast(least)) => ("at_least", least.into()),
                Some(Bound::AtMost(most)) => ("at_most", most.into()),
            };
            json!({
                "name": figure.name,
                "unit": figure.unit,
                "median": samples.median(),
                "least": samples.least(),
                "most": samples.most(),
                "runs": samples.runs(),
                side: bound,
                "holds": match self.verdict(figure) {
                    Verdict::Holds => Some(true),
                    Verdict::FallsShort => Some(false),
                    Verdict::None | Verdict::Unknown => None,
                },
            })
        };
        let figures = self.findings.figures.iter();
        json!({
            "benchmark": self.benchmark.name(),
            "length": if self.quick { "quick" } else { "full" },
            "at": jiff::Timestamp::now(),
            "machine": {
                "cores": std::thread::available_parallelism().map_or(1, usize::from),
                "hashing": self.drift.json(),
            },
            "not_compared_because": self.objection(),
            "figures": figures.map(figure).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    /// A table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}{}; the machine itself moved by {:.0} %",
            self.benchmark.name(),
            if self.quick { ", quick" } else { "" },
            self.drift.moved() * 100.0
        )?;
        writeln!(
            f,
            "  {:<46} {:>14} {:>21}  {:<8}",
            "figure", "median", "least to most", "limit"
        )?;
        for figure in &self.findings.figures {
            let samples = &figure.samples;
            let median = format!("{} {}", number(samples.median()), figure.unit);
            let spread = match samples.runs().len() {
                0 | 1 => String::new(),
                _ => format!("{} to {}", number(samples.least()), number(samples.most())),
            };
            let limit = self.limit(figure).map(|limit| limit.bound.to_string());
            let line = format!(
                "  {:<46} {:>14} {:>21}  {:<8} {}",
                figure.name,
                median.trim_end(),
                spread,
                limit.unwrap_or_default(),
                self.verdict(figure).word()
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        match self.objection() {
            Some(objection) => writeln!(f, "{objection}"),
            None => Ok(()),
        }
    }
}

/// As many places as can be told apart at a glance.
fn number(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        large if large >= 100.0 => grouped(number),
        large if large >= 10.0 => format!("{number:.1}"),
        large if large >= 0.1 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}

/// A whole number, with commas.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        let rest = digits.len() - n;
        if rest.is_multiple_of(3) && n > 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(long: f64, last_hashing: f64) -> Report {
        let quick = false;
        report_of(quick, long, last_hashing)
    }

    fn report_of(quick: bool, long: f64, last_hashing: f64) -> Report {
        let drift = Drift::of(1000.0, last_hashing);
        let figure = |name: &str, runs: [f64; 3]| {
            Figure::new(name, "", runs.into_iter().collect::<Samples>())
        };
        let findings = Findings {
            figures: vec![
                figure("empty actor", [1.0, 2.0, 3.0]),
                figure("long list over empty actor", [12.0, 11.0, 50.0]),
                figure("long list", [long, long, long]),
            ],
            plot: Plot::of_runs("", &[]),
        };
        Report::new(Benchmark::Activation, quick, drift, findings).unwrap()
    }

    #[test]
    fn the_median_is_what_a_limit_is_for() {
        assert_eq!(report(99.0, 1000.0).shortfalls(), Vec::<String>::new());
        let short = report(150.0, 1000.0);
        let found = short.shortfalls();
        assert_eq!(found, ["activation: long list is 150, and should be ≤ 100"]);
        let text = short.to_string();
        assert!(
            text.contains("falls short") && text.contains("11.0 to 50.0"),
            "{text}"
        );
        assert_eq!(short.json()["figures"][2]["holds"], false);
        assert_eq!(short.json()["figures"][0]["holds"], Value::Null);
    }

    #[test]
    fn a_machine_that_changed_is_compared_with_nothing() {
        let report = report(150.0, 500.0);
        assert_eq!(report.shortfalls(), Vec::<String>::new());
        let text = report.to_string();
        assert!(text.contains("No comparison: the machine"), "{text}");
        assert!(
            text.contains("not compared") && !text.contains("holds"),
            "{text}"
        );
        assert_eq!(report.json()["figures"][2]["holds"], Value::Null);
    }

    #[test]
    fn a_quick_run_is_compared_with_nothing() {
        let quick = true;
        let report = report_of(quick, 150.0, 1000.0);
        assert_eq!(report.shortfalls(), Vec::<String>::new());
        assert!(report.to_string().contains("not compared"), "{report}");
    }

    #[test]
    fn a_limit_that_nobody_measured_is_an_error() {
        let findings = Findings {
            figures: Vec::new(),
            plot: Plot::of_runs("", &[]),
        };
        let drift = report(1.0, 1.0).drift;
        let missing = Report::new(Benchmark::Growth, false, drift, findings);
        let error = missing.unwrap_err().to_string();
        assert!(error.contains("growth did not measure"), "{error}");
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.004, 0.2, 1.5, 12.34, 1234.5, 1_234_567.0].map(number);
        assert_eq!(
            shown,
            ["0", "0.0040", "0.20", "1.50", "12.3", "1,234", "1,234,567"]
        );
    }
}
