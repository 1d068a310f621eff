//! `cargo stack up`: runs the stack and watches over it, in the foreground or
//! as a process of its own.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use todo_stack::{Ports, Role, Servers, Stack, StackOptions, frontend};

use super::control::{Control, Request, addresses, ask};
use super::{backend, data_dir, secure_data_dir};

/// How to run it.
#[derive(Debug, clap::Args)]
pub struct Up {
    /// How many backends, each with its own sidecar.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=50))]
    replicas: u8,
    /// Return when everything is ready; `down` stops it.
    #[arg(long)]
    detach: bool,
    /// Build the backend with optimisations.
    #[arg(long)]
    release: bool,
    /// Forget the data of earlier runs.
    #[arg(long)]
    fresh: bool,
    /// Let the assistant ask a stand-in for the language model, which knows only the
    /// conversations in stack/aimock/fixtures.json.
    #[arg(long)]
    model: bool,
    /// Have servers ask their callers for certificates and passwords, and encrypt what they say;
    /// with data of its own.
    #[arg(long)]
    secure: bool,
    /// Send the spans of apps and sidecars to an OpenTelemetry collector that listens for OTLP over
    /// HTTP at this address, such as 127.0.0.1:4318.
    #[arg(long, value_name = "ADDRESS")]
    collector: Option<SocketAddr>,
    /// Listen on any free ports instead of the usual ones: beside another stack, if `STACK_DATA`
    /// names another folder too.
    #[arg(long)]
    free_ports: bool,
    /// Leave the page out, and with it the need for Node.
    #[arg(long)]
    no_page: bool,
    /// Run this backend instead of building one.
    #[arg(long, value_name = "FILE")]
    backend: Option<PathBuf>,
}

const DETACHED_LOG: &str = "logs/stack.log";

/// Starts the stack and, unless detached, stays until it is told to stop.
pub async fn run(up: Up) -> Result<()> {
    if ask(&Request::Ping).await.is_ok() {
        bail!("a stack is running already: `cargo stack down` stops it");
    }
    fs::create_dir_all(data_dir())?;
    let page = !up.no_page;
    // Before anything is compiled: what is missing is better known at once.
    let get = move || {
        if page {
            frontend::node()?;
        }
        Servers::get()
    };
    tokio::task::spawn_blocking(get).await??;
    let backend = backend(up.backend.as_deref(), up.release)?;
    if up.detach {
        return detach(&up, &backend).await;
    }
    let lock = File::create(data_dir().join("lock"))?;
    if lock.try_lock().is_err() {
        bail!("another `cargo stack up` is starting or stopping in this checkout");
    }
    let dir = if up.secure {
        secure_data_dir()
    } else {
        data_dir()
    };
    if up.fresh && dir.exists() {
        forget(&dir)?;
    }
    let mut options = StackOptions::new(backend).replicas(up.replicas.into());
    options.ports = if up.free_ports {
        Ports::Free
    } else {
        Ports::Standard
    };
    options.dir = Some(dir);
    options.durable = true;
    options.secure = up.secure;
    options.roles.extend([Role::Recurrer, Role::Notifier]);
    options.model = up.model;
    options.collector = up.collector;
    options.page = page;
    // A real key is nothing for a stand-in.
    if let Ok(key) = std::env::var("COHERE_API_KEY")
        && !up.model
    {
        options.secrets.insert("COHERE_API_KEY".to_owned(), key);
    }
    watch_over(options).await
}

async fn watch_over(options: StackOptions) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A closed terminal: without this, the stack would end in disorder.
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut told = async || {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hang_up.recv() => (),
        }
    };
    complain!("starting the servers …");
    let began = Instant::now();
    let stack = tokio::select! {
        stack = Stack::start(options) => stack?,
        () = told() => bail!("interrupted while starting"),
    };
    let control = Control::open()?;
    say!(
        "{} (ready after {:.1} s)",
        addresses(&stack),
        began.elapsed().as_secs_f32()
    );
    greet(&stack);

    let (down, mut asked_down) = mpsc::channel(1);
    let mut waiting = None;
    loop {
        tokio::select! {
            () = told() => break,
            asked = asked_down.recv() => {
                waiting = asked;
                break;
            }
            death = stack.next_death() => complain!(
                "{} has died ({}). Its last lines:\n{}\n`cargo stack start {}` starts it again.",
                death.name, death.how, death.log, death.name
            ),
            () = control.serve(&stack, &down) => {}
        }
    }
    complain!("stopping …");
    tokio::select! {
        stopped = stack.shutdown() => stopped?,
        // Whoever presses Ctrl-C twice does not want to wait; dropping the
        // stack ends what is left.
        () = told() => {}
    }
    drop(waiting);
    // Lets the answer to `down` out before the process ends.
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(())
}

fn greet(stack: &Stack) {
    let url = stack.base_url(1);
    if let Some(page) = stack.page_url() {
        say!("The page:     {page}");
    }
    say!("Get a token:  TOKEN=$(cargo stack token alice)");
    say!(
        "Try:          curl -s {url}/api/alice/chat -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{{\"message\":\"remind me to buy milk tomorrow at 9\"}}'"
    );
    say!("Stop:         cargo stack down, or Ctrl-C where it runs");
}

/// Runs `up` again as a process that stays, and waits until it is ready.
async fn detach(up: &Up, backend: &Path) -> Result<()> {
    if !up.no_page {
        // In this process, where its progress can be seen.
        tokio::task::spawn_blocking(frontend::build).await??;
    }
    let log = data_dir().join(DETACHED_LOG);
    fs::create_dir_all(data_dir().join("logs"))?;
    let output = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["up", "--replicas", &up.replicas.to_string(), "--backend"])
        .arg(backend);
    if up.fresh {
        command.arg("--fresh");
    }
    if up.model {
        command.arg("--model");
    }
    if up.secure {
        command.arg("--secure");
    }
    if let Some(collector) = up.collector {
        command.args(["--collector", &collector.to_string()]);
    }
    if up.free_ports {
        command.arg("--free-ports");
    }
    if up.no_page {
        command.arg("--no-page");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .context("the stack cannot be started in the background")?;
    loop {
        if child.try_wait()?.is_some() {
            let said = fs::read_to_string(&log).unwrap_or_default();
            let said = said.trim_start_matches("starting the servers …").trim();
            bail!("{}", said.strip_prefix("error: ").unwrap_or(said));
        }
        if ask(&Request::Ping).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // It writes this right after it opened the socket.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let said = fs::read_to_string(&log)?;
    let said = said.trim_start_matches("starting the servers …\n");
    say!("{}", said.trim_end());
    say!("It runs in the background and logs to {}.", log.display());
    Ok(())
}

/// Removes all data but the lock, which we hold.
fn forget(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)?.flatten() {
        let path = entry.path();
        if entry.file_name() == "lock" {
            continue;
        }
        let log = entry.file_name() == "logs";
        let removed = match (entry.file_type()?.is_dir(), log) {
            // A detached `up` already writes there.
            (true, true) => Ok(()),
            (true, false) => fs::remove_dir_all(&path),
            (false, _) => fs::remove_file(&path),
        };
        removed.with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    Ok(())
}
