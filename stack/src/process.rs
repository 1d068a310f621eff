//! One server as a process: how it is started, told, watched and ended.
//!
//! A server must not outlive the program that started it, however that program
//! ends. Each one is therefore started through `setpriv --pdeathsig`, which has
//! the kernel signal it when its parent *thread* ends; hence the one lasting
//! thread that does all the starting.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, kill_process, kill_process_group};
use tokio::sync::watch;

/// A signal that can be sent to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Please stop.
    Term,
    /// Stop now; cannot be caught.
    Kill,
    /// Interrupt, which PostgreSQL takes as a fast shutdown.
    Int,
    /// Quit, which PostgreSQL takes as an immediate shutdown.
    Quit,
    /// Hang up.
    Hup,
    /// Freeze.
    Stop,
    /// Carry on after [`Signal::Stop`].
    Cont,
}

impl Signal {
    const ALL: [(&'static str, Self); 7] = [
        ("TERM", Self::Term),
        ("KILL", Self::Kill),
        ("INT", Self::Int),
        ("QUIT", Self::Quit),
        ("HUP", Self::Hup),
        ("STOP", Self::Stop),
        ("CONT", Self::Cont),
    ];

    /// The name without `SIG`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, signal)| *signal == self)
            .map_or("?", |(name, _)| name)
    }

    fn raw(self) -> rustix::process::Signal {
        use rustix::process::Signal as Raw;
        match self {
            Self::Term => Raw::TERM,
            Self::Kill => Raw::KILL,
            Self::Int => Raw::INT,
            Self::Quit => Raw::QUIT,
            Self::Hup => Raw::HUP,
            Self::Stop => Raw::STOP,
            Self::Cont => Raw::CONT,
        }
    }
}

impl std::str::FromStr for Signal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, signal)| *signal)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
                format!("{text} is not one of {}", names.join(", "))
            })
    }
}

/// The account a server runs under, where that is not our own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// Everything needed to start a server, and to start it again.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub name: String,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub account: Option<Account>,
    pub dir: PathBuf,
    pub log: PathBuf,
    /// What asks it to stop in good order.
    pub stop: Signal,
    /// What makes it stop at once and still clean up, used when we go.
    pub abandon: Signal,
    /// How long it may take to stop before it is killed.
    pub grace: Duration,
}

impl Spec {
    pub fn new(name: &str, program: impl Into<PathBuf>, dir: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            account: None,
            dir: dir.to_owned(),
            log: dir.join("logs").join(format!("{name}.log")),
            stop: Signal::Term,
            abandon: Signal::Kill,
            grace: Duration::from_secs(15),
        }
    }

    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn args<I: Into<String>>(mut self, args: impl IntoIterator<Item = I>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }
}

/// A started server.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub pid: u32,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts `spec`; `ended` is called, on a thread of its own, when it is over.
    pub fn start(spec: &Spec, ended: impl FnOnce(ExitStatus) + Send + 'static) -> Result<Self> {
        let mut log = open_log(&spec.log)?;
        // A restart is visible in the log, and `log_tail` can begin there.
        writeln!(log, "--- {} starts", spec.name).context("the log cannot be written")?;
        let mut command = with_death_signal(spec);
        command
            .args(&spec.args)
            .env_clear()
            .envs(passed_on())
            .envs(&spec.env)
            .current_dir(&spec.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("the log cannot be opened twice")?)
            .stderr(log)
            // Its own group: Ctrl-C in a terminal reaches us alone, and we stop
            // the servers in a sane order.
            .process_group(0);
        if let Some(account) = spec.account {
            command.uid(account.uid).gid(account.gid);
        }
        let mut child = on_lasting_thread(command).with_context(|| {
            format!(
                "{} ({}) cannot be started",
                spec.name,
                spec.program.display()
            )
        })?;
        let pid = child.id();
        let (report, exit) = watch::channel(None);
        std::thread::Builder::new()
            .name(format!("wait-{}", spec.name))
            .stack_size(256 * 1024)
            .spawn(move || {
                if let Ok(status) = child.wait() {
                    report.send_replace(Some(status));
                    ended(status);
                }
            })
            .context("no thread to wait for a server")?;
        Ok(Self { pid, exit })
    }

    /// Sends a signal to the process and what it started in its group.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if self.exited().is_some() {
            return Ok(());
        }
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| anyhow!("{} is no process id", self.pid))?;
        // These are meant for the server as a whole, and PostgreSQL's children
        // are groups of their own that would work on.
        if matches!(signal, Signal::Stop | Signal::Cont | Signal::Kill) {
            for child in descendants(self.pid) {
                if let Some(child) = Pid::from_raw(child) {
                    let _ = kill_process(child, signal.raw());
                }
            }
        }
        // Right after the start there may be no group yet.
        kill_process_group(pid, signal.raw())
            .or_else(|_| kill_process(pid, signal.raw()))
            .or_else(|errno| match errno {
                rustix::io::Errno::SRCH => Ok(()),
                other => Err(other),
            })
            .with_context(|| {
                format!(
                    "SIG{} cannot be sent to process {}",
                    signal.name(),
                    self.pid
                )
            })
    }

    /// How it ended, or nothing while it runs.
    pub fn exited(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits until it has ended.
    pub async fn wait(&self) {
        let mut exit = self.exit.clone();
        // An error means the waiting thread is gone, and it ends only after the process.
        let _ = exit.wait_for(Option::is_some).await;
    }

    /// Asks it to stop, waits, and kills it when it does not.
    pub async fn stop(&self, spec: &Spec) -> Result<()> {
        self.signal(spec.stop)?;
        // A frozen process acts on nothing but this.
        self.signal(Signal::Cont)?;
        if tokio::time::timeout(spec.grace, self.wait()).await.is_err() {
            self.signal(Signal::Kill)?;
            self.wait().await;
        }
        Ok(())
    }

    /// Blocks until it has ended or the time is up.
    pub fn wait_blocking(&self, within: Duration) -> bool {
        let until = Instant::now() + within;
        while self.exited().is_none() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

/// All processes below `pid`, as far as /proc shows them.
pub fn descendants(pid: u32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let child = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // "pid (name) state parent …", and a name may hold anything.
            let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?;
            Some((child, parent.parse().ok()?))
        })
        .collect();
    let mut found: Vec<i32> = i32::try_from(pid).into_iter().collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(child, _)| child),
        );
        next += 1;
    }
    found.split_off(found.len().min(1))
}

/// The last `lines` lines of a log.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    const ENOUGH: u64 = 64 * 1024;
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// The last lines of a log, none from before the last start.
pub(crate) fn last_words(path: &Path, lines: usize) -> String {
    let text = tail(path, lines);
    let marker = |line: &&str| line.starts_with("--- ") && line.ends_with(" starts");
    let since: Vec<&str> = text
        .lines()
        .rev()
        .take_while(|line| !marker(line))
        .collect();
    let since: Vec<&str> = since.into_iter().rev().collect();
    if since.is_empty() {
        return "(it said nothing)".to_owned();
    }
    since.join("\n")
}

/// "exit status 1" or "signal 9", for sentences.
pub(crate) fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// The program `name` on PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| is_program(file))
}

/// Whether `file` is an executable file.
pub(crate) fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("the folder {} cannot be made", parent.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("the log {} cannot be opened", path.display()))
}

/// Servers get what they need to run and nothing of the caller's configuration:
/// a stray DATABASE_URL in a shell must not reach the backend.
fn passed_on() -> impl Iterator<Item = (String, String)> {
    const NAMES: [&str; 11] = [
        "PATH",
        "HOME",
        "USER",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "JAVA_HOME",
        "RUST_BACKTRACE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ];
    NAMES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
}

fn with_death_signal(spec: &Spec) -> Command {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    match SETPRIV.get_or_init(|| on_path("setpriv")) {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command
                .args(["--pdeathsig", spec.abandon.name(), "--"])
                .arg(&spec.program);
            command
        }
        None => Command::new(&spec.program),
    }
}

type Job = (Command, mpsc::Sender<std::io::Result<Child>>);

fn on_lasting_thread(command: Command) -> Result<Child> {
    static STARTER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (jobs, queue) = mpsc::channel::<Job>();
        let started = std::thread::Builder::new()
            .name("start-servers".to_owned())
            .spawn(move || {
                for (mut command, reply) in queue {
                    let _ = reply.send(command.spawn());
                }
            });
        drop(started);
        jobs
    });
    let (reply, answer) = mpsc::channel();
    starter
        .send((command, reply))
        .map_err(|_| anyhow!("the thread that starts servers is gone"))?;
    Ok(answer
        .recv()
        .map_err(|_| anyhow!("the thread that starts servers is gone"))??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_known_by_its_short_and_long_name() {
        assert_eq!("KILL".parse(), Ok(Signal::Kill));
        assert_eq!("sigterm".parse(), Ok(Signal::Term));
        let error = "NOPE".parse::<Signal>().unwrap_err();
        assert!(error.contains("NOPE is not one of TERM, KILL"), "{error}");
    }

    #[tokio::test]
    async fn a_process_logs_ends_and_tells_how() {
        let dir = tempfile::tempdir().unwrap();
        let spec =
            Spec::new("sh", "/bin/sh", dir.path()).args(["-c", "echo one; echo two; exit 3"]);
        let (tell, told) = mpsc::channel();
        let process = Process::start(&spec, move |status| tell.send(status).unwrap()).unwrap();
        process.wait().await;
        assert_eq!(describe(told.recv().unwrap()), "exit status 3");
        assert_eq!(tail(&spec.log, 1), "two");
        assert_eq!(last_words(&spec.log, 9), "one\ntwo");
    }

    #[tokio::test]
    async fn a_kill_reaches_what_the_server_started() {
        let dir = tempfile::tempdir().unwrap();
        // A session of its own, as PostgreSQL's children have.
        let spec = Spec::new("sh", "/bin/sh", dir.path()).args(["-c", "setsid sleep 61 & wait"]);
        let process = Process::start(&spec, |_| ()).unwrap();
        let mut children = Vec::new();
        for _ in 0..100 {
            children = descendants(process.pid);
            if !children.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        process.signal(Signal::Kill).unwrap();
        process.wait().await;
        assert!(!children.is_empty());
        let alive = |pid: &i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!children.iter().any(alive));
    }

    #[tokio::test]
    async fn a_frozen_process_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let spec = Spec::new("sleep", "/bin/sleep", dir.path()).arg("60");
        let process = Process::start(&spec, |_| ()).unwrap();
        process.signal(Signal::Stop).unwrap();
        process.stop(&spec).await.unwrap();
        assert_eq!(process.exited().map(describe).as_deref(), Some("signal 15"));
    }
}
