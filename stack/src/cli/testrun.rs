//! `cargo stack test`: every check and test, and one line at the end that sums
//! them up.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use todo_stack::{ClusterTools, Servers, frontend};

use super::cargo;

/// How to run the tests.
#[derive(Debug, clap::Args)]
pub struct Test {
    /// How many integration tests run at the same time. Most of them wait more
    /// than they work.
    #[arg(long, default_value_t = 3, env = "STACK_TEST_THREADS",
        value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Only integration tests whose name contains this, and no other part.
    #[arg(long)]
    only: Option<String>,
}

/// The integration tests on a real stack, and those on a cluster, which need the servers.
const ON_A_STACK: [&str; 2] = ["it", "cluster"];

/// Runs all parts; failures do not keep later parts from running.
pub fn run(test: &Test) -> Result<ExitCode> {
    let began = Instant::now();
    let mut total = Tally::default();
    let servers = Servers::get().and_then(|_| ClusterTools::get());
    if let Err(error) = &servers {
        complain!("error: {error:#}");
    }
    if test.only.is_none() {
        let mut format = cargo();
        format.args(["fmt", "--check"]);
        total += check("cargo fmt --check", &mut format)?;

        let mut lints = cargo();
        lints.args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]);
        total += check("cargo clippy", &mut lints)?;

        let mut units = cargo();
        units.args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins"]);
        for target in test_targets()? {
            units.args(["--test", &target]);
        }
        total += tests("unit tests", &mut units)?;

        let mut examples = cargo();
        examples.args(["test", "--workspace", "--no-fail-fast", "--doc"]);
        total += tests("examples in the documentation", &mut examples)?;
        total += page()?;
    }
    total += match servers {
        Ok(_) => integration(test)?,
        // Without servers, none of them can run, and that is a failure.
        Err(_) => Tally::failure(),
    };
    if test.only.is_none() {
        // What may be meant for a machine of two cores.
        say!(
            "measured: the whole run: {:.1} min (promised 15, and 60 when nothing is in any cache)",
            began.elapsed().as_secs_f64() / 60.0
        );
    }
    say!("{}", total.line());
    Ok(if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The page's own checks: lints and formats, types, unit tests.
fn page() -> Result<Tally> {
    if let Err(error) = frontend::packages() {
        complain!("error: {error:#}");
        return Ok(Tally::failure());
    }
    let script = |name: &str| {
        let mut npm = Command::new("npm");
        npm.args(["run", "--silent", name]);
        npm.current_dir(frontend::folder());
        npm
    };
    let mut total = check("lints and formats of the page", &mut script("lint"))?;
    total += check("types of the page", &mut script("types"))?;
    let mut units = script("test");
    // Its summary is the same with and without a terminal, but for the colours.
    units.env("NO_COLOR", "1");
    total += tests("unit tests of the page", &mut units)?;
    Ok(total)
}

/// The two targets side by side: one test of the cluster, as those wait for controllers most of the
/// time, beside those on stacks.
fn integration(test: &Test) -> Result<Tally> {
    const WHAT: &str = "integration tests";
    let of_some = |targets: &[&str], threads| {
        let what = format!("{WHAT}: {}", targets.join(", "));
        tests(&what, &mut on_a_stack(targets, threads, test))
    };
    if test.only.is_some() || test.threads == 1 {
        // Of one of them, none may be meant.
        return of_some(&ON_A_STACK, test.threads);
    }
    let [stack, cluster] = ON_A_STACK;
    thread::scope(|scope| {
        let side_by_side = [(stack, test.threads - 1), (cluster, 1)];
        let running =
            side_by_side.map(|(target, threads)| scope.spawn(move || of_some(&[target], threads)));
        let mut total = Tally::default();
        for target in running {
            let outcome = target.join();
            total += outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(total)
    })
}

fn on_a_stack(targets: &[&str], threads: u16, test: &Test) -> Command {
    let mut command = cargo();
    command.args([
        "test",
        // As for the unit tests, so that nothing is compiled again with other features.
        "--workspace",
        "--no-fail-fast",
    ]);
    for target in targets {
        command.args(["--test", target]);
    }
    command.args([
        "--",
        // The tests print the times they measure.
        "--nocapture",
    ]);
    command.arg(format!("--test-threads={threads}"));
    command.args(&test.only);
    command
}

/// All test targets of the workspace but those that need the servers.
fn test_targets() -> Result<BTreeSet<String>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version=1"])
        .output()
        .context("cargo cannot be started")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata cannot be read")?;
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    Ok(list(&metadata["packages"])
        .iter()
        .flat_map(|package| list(&package["targets"]))
        .filter(|target| list(&target["kind"]).contains(&"test".into()))
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .filter(|name| !ON_A_STACK.contains(&name.as_str()))
        .collect())
}

/// What came of some tests.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }
}

impl Tally {
    fn failure() -> Self {
        Self {
            failed: 1,
            ..Self::default()
        }
    }

    fn line(self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// A command that passes or fails as a whole.
fn check(what: &str, command: &mut Command) -> Result<Tally> {
    say!("== {what}");
    let status = command
        .status()
        .with_context(|| format!("{command:?} cannot be started"))?;
    if status.success() {
        return Ok(Tally {
            passed: 1,
            ..Tally::default()
        });
    }
    say!("{what} failed");
    Ok(Tally::failure())
}

/// A command that runs test binaries, each of which says how many passed.
fn tests(what: &str, command: &mut Command) -> Result<Tally> {
    say!("== {what}");
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cargo cannot be started")?;
    let (lines, received) = mpsc::channel();
    let streams: [Option<(bool, Box<dyn Read + Send>)>; 2] = [
        child.stdout.take().map(|pipe| (false, Box::new(pipe) as _)),
        child.stderr.take().map(|pipe| (true, Box::new(pipe) as _)),
    ];
    for (is_error, stream) in streams.into_iter().flatten() {
        let lines = lines.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            // Bytes, because what a test prints need not be UTF-8.
            while reader
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let _ = lines.send((is_error, String::from_utf8_lossy(&line).into_owned()));
                line.clear();
            }
        });
    }
    drop(lines);
    let mut run = TestRun::default();
    for (is_error, line) in received {
        let text = line.trim_end_matches('\n');
        if is_error {
            complain!("{text}");
        } else {
            say!("{text}");
        }
        run.see(&line);
    }
    let status = child.wait()?;
    let (tally, complaint) = run.end(status.success());
    if let Some(complaint) = complaint {
        say!("{what}: {complaint}");
    }
    Ok(tally)
}

/// What the lines of a `cargo test` have told so far.
#[derive(Debug, Default)]
struct TestRun {
    tally: Tally,
    binaries: usize,
    results: usize,
}

impl TestRun {
    fn see(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim();
        let begins = line.starts_with("Running ") && line.ends_with(')');
        if begins || line.starts_with("RUN ") {
            self.binaries += 1;
        }
        if let Some(tally) = parse_result(line).or_else(|| parse_vitest(line)) {
            self.results += 1;
            self.tally += tally;
        }
    }

    /// The final count. What ended without a result, or did nothing, is a failure:
    /// a compile error and a crash print no result line.
    fn end(mut self, success: bool) -> (Tally, Option<String>) {
        let silent = self.binaries.saturating_sub(self.results);
        let complaint = if silent > 0 {
            self.tally.failed += silent;
            Some(format!(
                "{silent} of {} test programs ended without a result",
                self.binaries
            ))
        } else if self.tally == Tally::default() {
            self.tally.failed += 1;
            Some("no test ran".to_owned())
        } else if !success && self.tally.failed == 0 {
            self.tally.failed += 1;
            Some("cargo failed although no test did".to_owned())
        } else {
            None
        };
        (self.tally, complaint)
    }
}

/// Reads "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …".
fn parse_result(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        counts
            .split(';')
            .filter_map(|part| part.trim().strip_suffix(what))
            .find_map(|number| number.trim().parse::<usize>().ok())
    };
    Some(Tally {
        passed: count("passed")?,
        failed: count("failed")?,
        skipped: count("ignored")?,
    })
}

/// Reads "Tests  1 failed | 40 passed | 2 skipped (43)", the summary of the page's tests.
fn parse_vitest(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("Tests ")?.rsplit_once(" (")?.0;
    let count = |what: &str| {
        let parts = counts.split(" | ").map(str::trim);
        let mut numbers = parts.filter_map(|part| part.strip_suffix(what)?.trim().parse().ok());
        numbers.next().unwrap_or(0)
    };
    Some(Tally {
        passed: count("passed"),
        failed: count("failed"),
        skipped: count("skipped"),
    })
}

/// Takes out the escape sequences that colour a line.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = escape
            .split_once(|c: char| c.is_ascii_alphabetic())
            .map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(lines: &[&str], success: bool) -> Tally {
        let mut run = TestRun::default();
        for line in lines {
            run.see(line);
        }
        run.end(success).0
    }

    const RUNNING: &str = "     Running unittests src/lib.rs (target/debug/deps/x-1)\n";
    const GOOD: &str = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
    const BAD: &str = "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";

    #[test]
    fn results_are_summed() {
        let tally = run(&[RUNNING, GOOD, RUNNING, BAD], false);
        assert_eq!(tally.line(), "5 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn the_page_s_tests_are_summed_too() {
        const RUN: &str = " RUN  v4.1.12 /checkout/frontend\n";
        let good = run(&[RUN, "      Tests  40 passed (40)\n"], true);
        assert_eq!(good.line(), "40 passed, 0 failed, 0 skipped");
        let bad = run(
            &[RUN, "      Tests  1 failed | 40 passed | 2 skipped (43)\n"],
            false,
        );
        assert_eq!(bad.line(), "40 passed, 1 failed, 2 skipped");
        assert_eq!(run(&[RUN], false).failed, 1);
    }

    #[test]
    fn colours_do_not_hide_a_result() {
        let coloured = "test result: \x1b[32mok\x1b[m. 3 passed; 0 failed; 0 ignored; 0 measured";
        let tally = parse_result(&without_colours(coloured));
        assert_eq!(tally.map(|tally| tally.passed), Some(3));
        let running = "\x1b[1m\x1b[92m     Running\x1b[0m unittests src/lib.rs (target/x)";
        let mut seen = TestRun::default();
        seen.see(running);
        assert_eq!(seen.binaries, 1);
    }

    #[test]
    fn a_compile_error_is_a_failure() {
        let tally = run(
            &["error: could not compile `x` (lib test) due to 1 previous error\n"],
            false,
        );
        assert_eq!(tally.line(), "0 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_crashed_program_is_a_failure() {
        let tally = run(&[RUNNING, GOOD, RUNNING], false);
        assert_eq!(tally.line(), "3 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_late_compile_error_beside_good_tests_is_a_failure() {
        assert_eq!(run(&[RUNNING, GOOD], false).failed, 1);
        assert_eq!(run(&[RUNNING, GOOD], true).failed, 0);
    }

    #[test]
    fn running_no_test_at_all_is_a_failure() {
        let nothing = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(run(&[RUNNING, nothing], true).failed, 1);
    }
}
