//! What the tests share: a running stack, people who talk to it, and waiting for conditions.

use std::{
    future::Future,
    ops::Deref,
    path::Path,
    sync::LazyLock,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
pub use todo_stack::Answer;
use todo_stack::{Stack, StackOptions, evidence};
use tokio::{runtime::Runtime, sync::OnceCell};

/// One runtime for all tests, so that a stack outlives the test that started it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static SHARED: OnceCell<Stack> = OnceCell::const_new();

/// Runs a test's future. Nothing it did to the shared stack may have made a process panic.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let outcome = RUNTIME.block_on(test);
    if let Some(stack) = SHARED.get() {
        assert_eq!(panics(stack), Vec::<String>::new());
    }
    outcome
}

/// The options of a stack of the binary under test.
pub fn options() -> StackOptions {
    StackOptions::new(Path::new(env!("CARGO_BIN_EXE_todo-backend")))
}

/// A stack that nobody breaks, shared by the tests that only talk to it.
pub async fn shared() -> &'static Stack {
    SHARED
        .get_or_init(|| async {
            // All tests come from one address; people keep their limit.
            let options = options().env("RATE_ADDRESS_PER_MINUTE", "1000000");
            Stack::start(options).await.unwrap()
        })
        .await
}

/// A stack of one's own, to break.
pub struct Own(Stack);

/// Starts a stack to break.
pub async fn own(options: StackOptions) -> Own {
    Own(Stack::start(options).await.unwrap())
}

impl Deref for Own {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.0
    }
}

impl Own {
    /// Stops everything. Whatever was done to it, nothing of ours may have panicked.
    pub async fn shutdown(&self) -> anyhow::Result<()> {
        self.0.shutdown().await?;
        let panics = panics(&self.0);
        anyhow::ensure!(panics.is_empty(), "{panics:#?}");
        Ok(())
    }
}

fn panics(stack: &Stack) -> Vec<String> {
    evidence::panics(stack).unwrap()
}

/// Waits until `condition` gives something; fails the test with `what` after `limit`.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Prints a time that the project promises; a test fails only at ten times the promise.
pub fn report(what: &str, took: Duration, promised: Duration) {
    println!(
        "measured: {what}: {} ms (promised {} ms)",
        took.as_millis(),
        promised.as_millis()
    );
    assert!(
        took <= promised * 10,
        "{what} took {took:?}, more than ten times {promised:?}"
    );
}

/// A person with a token, at one replica; what they are answered must be an answer.
#[derive(Clone)]
pub struct Person(todo_stack::Person);

impl Deref for Person {
    type Target = todo_stack::Person;

    fn deref(&self) -> &todo_stack::Person {
        &self.0
    }
}

impl Person {
    pub fn new(stack: &Stack, replica: usize, id: &str) -> Self {
        Self(todo_stack::Person::new(stack, replica, id).unwrap())
    }

    /// The same person at another edge.
    pub fn at(&self, base: &str) -> Self {
        Self(self.0.at(base))
    }

    /// The same person, whose requests belong to a trace.
    pub fn traced(&self, traceparent: &str) -> Self {
        Self(self.0.traced(traceparent))
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        self.try_send(method, path, key, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    /// Says something in a conversation, or in a new one.
    pub async fn say(
        &self,
        message: &str,
        conversation: Option<&str>,
        key: Option<&str>,
    ) -> Answer {
        let mut body = json!({ "message": message, "time_zone": "Europe/Berlin" });
        if let Some(conversation) = conversation {
            body["conversation_id"] = conversation.into();
        }
        self.send(Method::POST, "/chat", key, Some(body)).await
    }

    pub async fn add(&self, title: &str, key: Option<&str>) -> Answer {
        self.send(Method::POST, "/tasks", key, Some(json!({ "title": title })))
            .await
    }

    /// Every task, over all pages.
    pub async fn tasks(&self) -> Vec<Value> {
        let mut tasks = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let from = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
            let page = self.get(&format!("/tasks?limit=100{from}")).await.ok();
            tasks.extend(page["tasks"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return tasks,
            }
        }
    }
}

/// Adds a task under a key, again and again with the same key until it is acknowledged; answers
/// how long that took in all.
pub async fn insist(person: &Person, title: &str, key: &str, limit: Duration) -> Duration {
    let start = Instant::now();
    loop {
        let task = json!({ "title": title });
        match person
            .try_send(Method::POST, "/tasks", Some(key), Some(task))
            .await
        {
            Ok(answer) if answer.status.is_success() => return start.elapsed(),
            Ok(answer) => {
                let retry = answer.may_be_repeated();
                assert!(retry, "{} {}", answer.status, answer.body);
            }
            // The edge itself may be the one that died.
            Err(error) => assert!(!error.is_builder(), "{error}"),
        }
        assert!(
            start.elapsed() < limit,
            "{title} was not acknowledged within {limit:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The options of a stack under load: limits on people out of the way.
pub fn unlimited() -> StackOptions {
    options()
        .env("RATE_USER_PER_MINUTE", "1000000")
        .env("RATE_ADDRESS_PER_MINUTE", "1000000")
}

/// The events of one user on a topic, in the order Kafka has them, repeats dropped by id.
pub async fn events(stack: &Stack, topic: &str, user: &str) -> Vec<Value> {
    let mut seen = std::collections::HashSet::new();
    let mut records: Vec<_> = stack
        .read_topic(topic)
        .await
        .unwrap()
        .into_iter()
        .filter(|record| record.key_text() == user)
        .collect();
    records.sort_by_key(|record| (record.partition, record.offset));
    records
        .into_iter()
        .map(|record| record.json())
        .filter(|event| seen.insert(event["id"].as_str().unwrap().to_owned()))
        .collect()
}
