//! `cargo stack up`, as a developer types it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use todo_stack::descendants;

use crate::world::{report, run, until};

/// Ten times what a second `up` may take.
const PATIENCE: Duration = Duration::from_secs(200);

#[test]
fn up_serves_until_it_is_told_to_stop_and_goes_on_where_it_was() {
    run(async {
        let checkout = Checkout::new();
        // Given a stack where Ann has a task
        let up = checkout.up().await;
        let tasks = checkout.ask("ann", Some(json!({ "title": "milk" }))).await;
        assert_eq!(tasks["title"], "milk");
        // When a server dies of itself, then that is said, with its last words
        let log = fs::read_to_string(checkout.data().join("logs/notifier.log")).unwrap();
        let last = log.lines().last().unwrap();
        let status = checkout.stack(&["status"]);
        let line = |line: &&str| line.starts_with("notifier ");
        let line = status.lines().find(line).unwrap();
        signal("KILL", line.rsplit(' ').next().unwrap());
        until("word of the death", PATIENCE, || async {
            let said = up.said();
            let (_, report) = said.split_once("notifier has died (")?;
            (report.contains(last) && report.contains("stack start notifier")).then_some(())
        })
        .await;
        // When Ctrl-C is pressed, then nothing of it runs any more
        let started = up.started();
        assert!(started.len() > 10, "{started:?}");
        assert!(up.interrupt().await.success());
        let is_left = |id: i32, who: &String| running(id).as_ref() == Some(who);
        let left: Vec<_> = started
            .iter()
            .filter(|(id, who)| is_left(**id, who))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        let silent = checkout.try_stack(&["status"]);
        assert!(silent.unwrap_err().contains("no stack is running"));
        // When it is started again, then soon, and with what there was
        let start = Instant::now();
        let again = checkout.up().await;
        report("a second `up`", start.elapsed(), Duration::from_secs(20));
        let tasks = checkout.ask("ann", None).await;
        assert_eq!(tasks["tasks"][0]["title"], "milk");
        checkout.stack(&["down"]);
        assert!(again.ended().await.success());
    });
}

/// A place for the data of a stack that runs beside all others.
struct Checkout(TempDir);

impl Checkout {
    fn new() -> Self {
        let mut dir = tempfile::Builder::new();
        // PostgreSQL may run under another account, which must get through.
        let through = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        Self(dir.permissions(through).tempdir().unwrap())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("stack")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let backend = Path::new(env!("CARGO_BIN_EXE_todo-backend"));
        let stack = backend.with_file_name("todo-stack");
        assert!(stack.exists(), "`cargo build --workspace` comes first");
        let mut command = Command::new(stack);
        command.args(arguments).env("STACK_DATA", self.data());
        command
    }

    /// Answers once it is ready.
    async fn up(&self) -> Up {
        let log = self.0.path().join("up.log");
        let said = File::create(&log).unwrap();
        let mut command = self.command(&["up", "--free-ports", "--no-page", "--backend"]);
        command.arg(env!("CARGO_BIN_EXE_todo-backend"));
        command
            .stdin(Stdio::null())
            .stderr(said.try_clone().unwrap());
        let mut up = Up {
            process: command.stdout(said).spawn().unwrap(),
            log,
        };
        until("the stack", PATIENCE, || {
            assert_eq!(up.process.try_wait().unwrap(), None, "{}", up.said());
            let ready = up.said().contains("Ctrl-C where it runs");
            async move { ready.then_some(()) }
        })
        .await;
        up
    }

    fn try_stack(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(text(output.stderr))
        }
    }

    fn stack(&self, arguments: &[&str]) -> String {
        self.try_stack(arguments).unwrap()
    }

    /// Adds a person's task, or reads all, where and as `up` says one can.
    async fn ask(&self, user: &str, task: Option<Value>) -> Value {
        let env = self.stack(&["env"]);
        let (_, url) = env.split_once("export BASE_URL='").unwrap();
        let (url, _) = url.split_once('\'').unwrap();
        let url = format!("{url}/api/{user}/tasks");
        let request = match task {
            Some(task) => Client::new().post(url).json(&task),
            None => Client::new().get(url),
        };
        let request = request.bearer_auth(self.stack(&["token", user]).trim());
        let answer = request.send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }
}

/// `cargo stack up` at work.
struct Up {
    process: Child,
    log: PathBuf,
}

impl Up {
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Everything it has started: the ids of processes, and who that is.
    fn started(&self) -> BTreeMap<i32, String> {
        let ids = descendants(self.process.id()).into_iter();
        ids.filter_map(|id| Some((id, running(id)?))).collect()
    }

    /// What Ctrl-C does.
    async fn interrupt(self) -> ExitStatus {
        signal("INT", &self.process.id().to_string());
        self.ended().await
    }

    async fn ended(mut self) -> ExitStatus {
        until("its end", PATIENCE, || {
            let ended = self.process.try_wait().unwrap();
            async move { ended }
        })
        .await
    }
}

fn signal(name: &str, process: &str) {
    let kill = Command::new("kill").args(["-s", name, process]).status();
    assert!(kill.unwrap().success());
}

/// One that fails leaves nothing behind: the servers of a dead `up` die too.
impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Which process has an id, unless it only waits to be forgotten: its name, and when it began, which
/// makes it another than whoever had the id before.
fn running(id: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // `id (name) state parent …`, and the 22nd field is the start.
    let (name, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    (fields[0] != "Z").then(|| format!("{name}) since {}", fields[19]))
}
