//! Chat turns as streams: read with the AI SDK, joined, left, stopped, cut off; and deletions
//! that wait for a person's word.

use std::{collections::HashSet, path::Path, process::Stdio, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use todo_stack::{Signal, Stack, packages};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    evidence::journal,
    world::{Person, options, own, run, shared, until},
};

/// Ten tasks in one message: the most that one message may ask for.
const TEN: &str = "add t0; add t1; add t2; add t3; add t4; add t5; add t6; add t7; add t8; add t9";

/// A turn that the SDK reads in Node.
pub struct Page {
    start: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    _node: Child,
}

impl Page {
    pub async fn open(stack: &Stack, replica: usize, user: &str, key: &str, body: &Value) -> Self {
        let mut page = Self::ready(stack, replica, user, key, body).await;
        page.ask().await;
        page
    }

    /// A page that has loaded and has asked nothing yet.
    async fn ready(stack: &Stack, replica: usize, user: &str, key: &str, body: &Value) -> Self {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract"));
        let packages = packages::npm(folder).unwrap();
        // Beside node_modules, so that its import is found. Written whole or not at all, as
        // tests in other processes may run it.
        let script = packages.join(format!("stream-{}.mjs", std::process::id()));
        std::fs::copy(folder.join("stream.mjs"), &script).unwrap();
        let url = format!("{}/api/{user}/chat", stack.base_url(replica));
        let asked = json!({ "url": url, "token": stack.token(user), "key": key, "body": body });
        let mut node = Command::new("node")
            .arg(script)
            .arg(asked.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut page = Self {
            start: node.stdin.take().unwrap(),
            lines: BufReader::new(node.stdout.take().unwrap()).lines(),
            _node: node,
        };
        assert_eq!(page.next().await["ready"], true);
        page
    }

    async fn ask(&mut self) {
        self.start.write_all(b"ask\n").await.unwrap();
    }

    pub async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(60), self.lines.next_line());
        serde_json::from_str(&line.await.unwrap().unwrap().unwrap()).unwrap()
    }

    /// The first state of the message that has a tool at work.
    async fn at_work(&mut self) -> Value {
        loop {
            let line = self.next().await;
            assert!(line["end"].is_null(), "{line}");
            let parts = line["message"]["parts"].as_array().unwrap();
            if parts.iter().any(|part| part["state"] == "input-available") {
                return line["message"].clone();
            }
        }
    }

    /// The last state of the message, and how the stream ended.
    async fn end(&mut self) -> (Value, Value) {
        let mut message = Value::Null;
        loop {
            let line = self.next().await;
            if line["end"].is_string() {
                return (message, line);
            }
            message = line["message"].clone();
        }
    }
}

fn text_of(message: &Value) -> String {
    let parts = message["parts"].as_array().unwrap().iter();
    let texts = parts.filter(|part| part["type"] == "text");
    texts.map(|part| part["text"].as_str().unwrap()).collect()
}

fn tools_of(message: &Value) -> Vec<&Value> {
    let parts = message["parts"].as_array().unwrap().iter();
    parts
        .filter(|part| part["type"] == "dynamic-tool")
        .collect()
}

async fn titles(person: &Person) -> Vec<String> {
    let tasks = person.tasks().await;
    let titles = tasks.iter().map(|task| task["title"].as_str().unwrap());
    titles.map(str::to_owned).collect()
}

/// Keeps a user from writing until it is dropped: their turns get as far as their first change,
/// and fail there when it takes longer than a write may, so have everything else ready before.
pub async fn hold_up(stack: &Stack, user: &str) -> PgConnection {
    let mut database = PgConnection::connect(stack.database_url()).await.unwrap();
    sqlx::query("BEGIN").execute(&mut database).await.unwrap();
    let held = sqlx::query("SELECT FROM journal_head WHERE actor = 'User/' || $1 FOR UPDATE")
        .bind(user)
        .execute(&mut database)
        .await
        .unwrap();
    assert_eq!(held.rows_affected(), 1);
    database
}

/// The entry of a user at which [`hold_up_at`] holds them up.
const FOURTH: i64 = 4;

/// Lets a user write as far as the entry before this one, until it is dropped.
async fn hold_up_at(stack: &Stack, user: &str, entry: i64) -> PgConnection {
    let mut database = PgConnection::connect(stack.database_url()).await.unwrap();
    let hold = "
        CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
        SELECT pg_advisory_lock(1)";
    sqlx::raw_sql(hold).execute(&mut database).await.unwrap();
    let at = format!(
        "CREATE TRIGGER hold_up BEFORE UPDATE ON journal_head FOR EACH ROW
         WHEN (NEW.actor = 'User/{user}' AND NEW.seq = {entry}) EXECUTE FUNCTION hold_up()"
    );
    let at = sqlx::AssertSqlSafe(at);
    sqlx::raw_sql(at).execute(&mut database).await.unwrap();
    database
}

fn ids(message: &Value) -> (String, String) {
    let id = |name: &str| message["metadata"][name].as_str().unwrap().to_owned();
    (id("conversation_id"), id("turn_id"))
}

#[test]
fn the_sdk_reads_a_turn_with_tools_and_a_turn_that_is_refused() {
    run(async {
        let stack = shared().await;
        let body = json!({ "message": "add buy milk and add buy bread" });
        let mut page = Page::open(stack, 1, "ann-sdk", "k", &body).await;
        let (message, end) = page.end().await;
        assert_eq!(end["end"], "finish", "{end}");
        let tools = tools_of(&message);
        assert_eq!(tools.len(), 2);
        assert!(tools.iter().all(|tool| tool["state"] == "output-available"));
        assert_eq!(tools[0]["output"]["ok"]["task"]["title"], "buy milk");
        assert!(text_of(&message).contains("Added “buy bread”."));
        assert_eq!(message["metadata"]["provider"], "offline");
        // The same key brings the same message
        let (again, _) = Page::open(stack, 1, "ann-sdk", "k", &body)
            .await
            .end()
            .await;
        assert_eq!(again["id"], message["id"]);
        assert_eq!(text_of(&again), text_of(&message));
        assert_eq!(tools_of(&again).len(), 2);
        // What is refused before the stream begins is an error of the request
        let body = json!({ "message": "hello", "conversation_id": "nowhere" });
        let (_, end) = Page::open(stack, 1, "ann-sdk", "k2", &body)
            .await
            .end()
            .await;
        assert_eq!(end["end"], "thrown");
        let error = end["error"].as_str().unwrap();
        assert!(error.contains("no such conversation"), "{end}");
    });
}

#[test]
fn the_sdk_sees_an_error_in_the_middle_and_a_turn_that_is_stopped() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-cut");
        ann.add("first", None).await.ok();
        // Given a turn that cannot get on, whose conversation is deleted meanwhile
        let mut page = Page::ready(stack, 1, "ann-cut", "k1", &json!({ "message": TEN })).await;
        let held = hold_up(stack, "ann-cut").await;
        page.ask().await;
        let (conversation, _) = ids(&page.at_work().await);
        let path = format!("/conversations/{conversation}");
        ann.send(Method::DELETE, &path, None, None).await;
        drop(held);
        let (_, end) = page.end().await;
        assert_eq!(end["end"], "thrown", "{end}");
        let error = end["error"].as_str().unwrap();
        assert!(error.contains("no such conversation"), "{end}");
        let before = titles(&ann).await.len();

        // Given another that is stopped
        let mut page = Page::ready(stack, 1, "ann-cut", "k2", &json!({ "message": TEN })).await;
        let held = hold_up(stack, "ann-cut").await;
        page.ask().await;
        let (conversation, turn) = ids(&page.at_work().await);
        let path = format!("/chat/{turn}/stop");
        let stop = json!({ "conversation_id": conversation });
        let asked = tokio::spawn({
            let (ann, path, stop) = (ann.clone(), path.clone(), stop.clone());
            async move { ann.send(Method::POST, &path, None, Some(stop)).await.ok() }
        });
        // Released once the stop is under way: nothing else waits for the conversation
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(held);
        let reply = asked.await.unwrap();
        assert_eq!(reply["stopped"], true, "{reply}");
        let (message, end) = page.end().await;
        assert_eq!(end["end"], "abort", "{end}");
        assert_eq!(text_of(&message), reply["response"].as_str().unwrap());
        // Then what was under way is done and told, and nothing after it
        assert_eq!(titles(&ann).await.len(), before + 1);
        assert_eq!(reply["tool_calls"].as_array().unwrap().len(), 1);
        // Stopping again changes nothing
        let again = ann.send(Method::POST, &path, None, Some(stop)).await.ok();
        assert_eq!(again, reply);
    });
}

#[test]
fn a_turn_is_joined_and_outlives_the_browser_that_began_it() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-join");
        ann.add("first", None).await.ok();
        let body = json!({ "message": "add milk and add bread" });
        let mut first = Page::ready(stack, 1, "ann-join", "k", &body).await;
        let mut page = Page::ready(stack, 1, "ann-join", "k", &body).await;
        // Given a page that goes away while a tool is at work
        let held = hold_up(stack, "ann-join").await;
        first.ask().await;
        let shown = first.at_work().await;
        drop(first);
        // When another asks the same, then it sees the same tool at work, and then the end
        page.ask().await;
        let joined = page.at_work().await;
        assert_eq!(ids(&joined), ids(&shown));
        assert_eq!(
            tools_of(&joined)[0]["toolCallId"],
            tools_of(&shown)[0]["toolCallId"]
        );
        drop(held);
        let (message, end) = page.end().await;
        assert_eq!(end["end"], "finish", "{end}");
        assert_eq!(tools_of(&message).len(), 2);
        assert_eq!(titles(&ann).await, ["first", "milk", "bread"]);
        // And the result is there for whoever wants JSON
        let reply = ann.say("add milk and add bread", None, Some("k")).await;
        assert_eq!(reply.ok()["response"], text_of(&message));
    });
}

#[test]
fn a_turn_is_stopped_from_the_other_replica_and_one_cut_by_sigkill_is_finished_there() {
    run(async {
        let stack = own(options().replicas(2).env("TURN_LEASE_MS", "5000")).await;
        let [here, there] = [1, 2].map(|replica| Person::new(&stack, replica, "ann"));
        here.add("first", None).await.ok();
        // Given a turn of ten changes on the second replica that is at its first
        let mut page = Page::ready(&stack, 2, "ann", "k1", &json!({ "message": TEN })).await;
        let held = hold_up(&stack, "ann").await;
        page.ask().await;
        let (conversation, turn) = ids(&page.at_work().await);
        // When the first is asked to stop it
        let stop = json!({ "conversation_id": conversation });
        let path = format!("/chat/{turn}/stop");
        let asked = tokio::spawn(async move {
            let stopped = here.send(Method::POST, &path, None, Some(stop)).await;
            stopped.ok()
        });
        drop(held);
        let reply = asked.await.unwrap();
        // Then the second runs no further tool, and its stream says so
        let (message, end) = page.end().await;
        println!(
            "measured: {} of ten ran before the stop from elsewhere",
            tools_of(&message).len()
        );
        assert_eq!(reply["stopped"], true, "{reply}");
        assert_eq!(end["end"], "abort", "{end}");
        assert!(text_of(&message).ends_with(reply["response"].as_str().unwrap()));

        // Given a turn of another person whose replica is killed between its changes
        let held = hold_up_at(&stack, "bob", FOURTH).await;
        let bob = Person::new(&stack, 1, "bob");
        let mut page = Page::ready(&stack, 2, "bob", "k", &json!({ "message": TEN })).await;
        page.ask().await;
        let (conversation, turn) = ids(&page.at_work().await);
        until("the entries before", Duration::from_secs(10), || async {
            (journal(&stack, "User/bob").await.head == FOURTH - 1).then_some(())
        })
        .await;
        stack.kill("backend-2", Signal::Kill).await.unwrap();
        stack.kill("daprd-2", Signal::Kill).await.unwrap();
        drop(page);
        drop(there);
        drop(held);
        // Then whoever reads the conversation is shown that it broke off, once its lease is over
        let path = format!("/conversations/{conversation}/messages");
        until(
            "the turn to be shown as cut",
            Duration::from_secs(60),
            || async {
                let messages = bob.get(&path).await.body["messages"].clone();
                (messages[1]["interrupted"] == true && messages[1]["turn_id"] == turn.as_str())
                    .then_some(())
            },
        )
        .await;
        // When the same is asked of the other replica, then it comes to its end, nothing doubled
        let reply = until("the turn's end", Duration::from_secs(60), || async {
            let answer = bob.say(TEN, None, Some("k")).await;
            answer.status.is_success().then_some(answer.body)
        })
        .await;
        assert_eq!(reply["tool_calls"].as_array().unwrap().len(), 10, "{reply}");
        let messages = bob.get(&path).await.ok()["messages"].clone();
        assert_eq!(messages.as_array().unwrap().len(), 2, "{messages}");
        assert_eq!(messages[1]["interrupted"], false, "{messages}");
        let titles = titles(&bob).await;
        let distinct: HashSet<&String> = titles.iter().collect();
        assert_eq!((titles.len(), distinct.len()), (10, 10), "{titles:?}");
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn several_tasks_are_deleted_only_on_the_typed_word() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-word");
        for title in ["a", "b", "c"] {
            ann.add(title, None).await.ok();
        }
        let asked = ann.say("delete all my tasks", None, None).await.ok();
        let conversation = asked["conversation_id"].as_str();
        let text = asked["response"].as_str().unwrap();
        assert!(text.ends_with("type exactly: delete 3 tasks"), "{text}");
        ann.say("yes", conversation, None).await.ok();
        ann.say("delete 3 tasks", conversation, None).await.ok();
        assert_eq!(ann.tasks().await.len(), 3);
        ann.say("delete all my tasks", conversation, None)
            .await
            .ok();
        let done = ann.say("Delete 3 Tasks", conversation, Some("k")).await;
        let done = done.ok();
        assert_eq!(done["provider"], "server", "{done}");
        assert_eq!(ann.tasks().await.len(), 0);
        let again = ann.say("Delete 3 Tasks", conversation, Some("k")).await;
        assert_eq!(again.ok(), done);
    });
}
