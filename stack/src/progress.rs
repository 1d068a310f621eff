//! Says on standard error what is being done, for how long, and what the
//! program doing it said last.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// One long step. Ends when it is dropped.
pub(crate) struct Progress {
    lines: Option<mpsc::Sender<String>>,
    printer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to report on `what`, "building the servers" for example.
    pub fn start(what: &str) -> Self {
        let (lines, received) = mpsc::channel();
        let what = what.to_owned();
        let printer = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || print(&what, &received));
        Self {
            lines: Some(lines),
            printer: printer.ok(),
        }
    }

    /// Shows `line` as the latest.
    pub fn line(&self, line: &str) {
        if let Some(lines) = &self.lines {
            let _ = lines.send(line.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.lines = None;
        if let Some(printer) = self.printer.take() {
            let _ = printer.join();
        }
    }
}

/// Runs a command to its end while showing what it says. Its last lines are
/// part of the error when it fails.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    const KEPT: usize = 25;
    let progress = Progress::start(what);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{what}: {command:?} cannot be started"))?;
    let (lines, received) = mpsc::channel();
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    for stream in streams.into_iter().flatten() {
        let lines = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
    }
    drop(lines);
    let mut last = Vec::new();
    for line in received {
        progress.line(&line);
        if last.len() == KEPT {
            last.remove(0);
        }
        last.push(line);
    }
    let status = child.wait().context("the command cannot be waited for")?;
    if !status.success() {
        bail!("{what} failed. Its last lines:\n{}", last.join("\n"));
    }
    Ok(())
}

fn print(what: &str, lines: &mpsc::Receiver<String>) {
    let began = Instant::now();
    let mut error = std::io::stderr();
    let terminal = error.is_terminal();
    // A log wants a sign of life now and then; a terminal wants to see it move.
    let pace = Duration::from_millis(if terminal { 200 } else { 15_000 });
    let mut shown = Instant::now();
    let mut last = String::new();
    if !terminal {
        let _ = writeln!(error, "{what} …");
    }
    loop {
        match lines.recv_timeout(pace) {
            Ok(line) if !line.trim().is_empty() => line.trim().clone_into(&mut last),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if shown.elapsed() < pace {
            continue;
        }
        shown = Instant::now();
        let time = duration(began.elapsed());
        if terminal {
            let line: String = last.chars().take(60).collect();
            let _ = write!(error, "\r\x1b[K{what} ({time}) {line}");
            let _ = error.flush();
        } else {
            let _ = writeln!(error, "{what} ({time}) {last}");
        }
    }
    let time = duration(began.elapsed());
    if terminal {
        let _ = writeln!(error, "\r\x1b[K{what} ({time})");
    } else if began.elapsed() > pace {
        let _ = writeln!(error, "{what}: ended after {time}");
    }
}

/// "12 s" or "3 min 5 s".
pub(crate) fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_what_the_command_said() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo nothing to be had >&2; exit 1"]);
        let error = run("fetching", &mut command).unwrap_err().to_string();
        assert!(error.contains("fetching failed"), "{error}");
        assert!(error.contains("nothing to be had"), "{error}");
    }

    #[test]
    fn durations_read_like_speech() {
        assert_eq!(duration(Duration::from_secs(12)), "12 s");
        assert_eq!(duration(Duration::from_secs(185)), "3 min 5 s");
    }
}
