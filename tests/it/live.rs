//! Open pages see what happens, whichever replica they are at.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures::StreamExt;
use jiff::{Timestamp, ToSpan};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use todo_stack::{Signal, Stack};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::world::{Person, own, report, run, unlimited};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// One event of a page's stream.
#[derive(Debug, Clone)]
pub struct Told {
    id: String,
    pub event: String,
    data: Value,
}

/// An open page.
pub struct Tab {
    stream: futures::stream::BoxStream<'static, Option<Told>>,
    last_id: String,
}

impl Tab {
    async fn open(stack: &Stack, replica: usize, user: &str, last_id: Option<&str>) -> Self {
        let mut request = reqwest::Client::new()
            .get(format!("{}/api/{user}/events", stack.base_url(replica)))
            .bearer_auth(stack.token(user));
        if let Some(last_id) = last_id {
            request = request.header("Last-Event-ID", last_id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let events = sse_stream::SseStream::from_bytes_stream(response.bytes_stream());
        let stream = events.map(|event| {
            let event = event.ok()?;
            Some(Told {
                id: event.id.unwrap_or_default(),
                event: event.event.unwrap_or_default(),
                data: serde_json::from_str(&event.data.unwrap_or_default()).unwrap_or_default(),
            })
        });
        Self {
            stream: stream.boxed(),
            last_id: last_id.unwrap_or_default().to_owned(),
        }
    }

    /// The next event; `None` when the stream is over.
    async fn next(&mut self) -> Option<Told> {
        let told = self.stream.next();
        let told = tokio::time::timeout(PATIENCE, told).await.unwrap()??;
        if !told.id.is_empty() {
            self.last_id = told.id.clone();
        }
        Some(told)
    }

    /// The next event that fits.
    pub async fn until(&mut self, fits: impl Fn(&Told) -> bool) -> Told {
        loop {
            let told = self.next().await.expect("the stream ended");
            if fits(&told) {
                return told;
            }
        }
    }

    async fn task(&mut self, title: &str) -> Told {
        self.until(|told| told.event == "task" && told.data["task"]["title"] == title)
            .await
    }
}

/// A tab that certainly hears what happens from now on.
pub async fn connected(stack: &Stack, replica: usize, person: &Person) -> Tab {
    let mut tab = Tab::open(stack, replica, &person.id, None).await;
    // The feed may still be joining its consumer group: a change that is heard of proves it.
    for n in 0.. {
        let title = format!("hello {replica} {n}");
        person.add(&title, None).await.ok();
        let heard = tokio::time::timeout(Duration::from_secs(2), tab.task(&title)).await;
        if heard.is_ok() {
            break;
        }
        assert!(n < 20, "replica {replica} hears nothing");
    }
    tab
}

#[test]
fn two_tabs_on_two_replicas_see_changes_reminders_and_chat_and_survive_a_replica() {
    run(async {
        let stack = own(unlimited().replicas(2)).await;
        let ann = Person::new(&stack, 1, "ann");
        let mut here = connected(&stack, 1, &ann).await;
        let mut there = connected(&stack, 2, &ann).await;

        // When Ann changes something, both tabs see it soon
        let mut longest = Duration::ZERO;
        for n in 0..20 {
            let title = format!("milk {n}");
            let said = Instant::now();
            let answer = ann.add(&title, None);
            let (answer, one, other) = tokio::join!(answer, here.task(&title), there.task(&title));
            answer.ok();
            assert_eq!(one.id, other.id, "an event has one id everywhere");
            longest = longest.max(said.elapsed());
        }
        report(
            "a change on two replicas' tabs",
            longest,
            Duration::from_millis(500),
        );

        // And what she says, and when it is answered
        let reply = ann.say("add bread", None, None).await.ok();
        for tab in [&mut here, &mut there] {
            let asked = tab.until(|told| told.data["role"] == "user").await;
            assert_eq!(asked.event, "chat");
            assert_eq!(asked.data["conversation_id"], reply["conversation_id"]);
            tab.task("bread").await;
            let answered = tab.until(|told| told.data["role"] == "assistant").await;
            assert_eq!(answered.data["turn_id"], asked.data["turn_id"]);
        }

        // And a reminder
        let due = Timestamp::now() + 2.seconds();
        let task = json!({ "title": "call mum", "due_at": due.to_string() });
        ann.send(Method::POST, "/tasks", None, Some(task))
            .await
            .ok();
        for tab in [&mut here, &mut there] {
            let told = tab.until(|told| told.event == "reminder").await;
            assert_eq!(told.data["title"], "call mum");
        }

        // When a replica dies while things happen, its tab goes on at the other without loss
        let mut known: HashMap<String, u64> = HashMap::new();
        ann.add("before the end", None).await.ok();
        there.task("before the end").await;
        stack.kill("backend-2", Signal::Kill).await.unwrap();
        stack.kill("daprd-2", Signal::Kill).await.unwrap();
        while there.next().await.is_some() {}
        for n in 0..5 {
            crate::world::insist(&ann, &format!("meanwhile {n}"), &format!("k{n}"), PATIENCE).await;
        }
        here.task("meanwhile 4").await;
        let mut back = Tab::open(&stack, 1, "ann", Some(&there.last_id)).await;
        loop {
            let told = back.next().await.unwrap();
            assert_ne!(told.event, "resync", "what it missed is known");
            if let Some(title) = told.data["task"]["title"].as_str() {
                let sequence = told.data["sequence"].as_u64().unwrap();
                assert!(
                    known.insert(title.to_owned(), sequence).is_none(),
                    "{title}"
                );
                if title == "meanwhile 4" {
                    break;
                }
            }
        }
        assert!((0..5).all(|n| known.contains_key(&format!("meanwhile {n}"))));
        assert!(!known.contains_key("before the end"));

        // And one whose last event nobody knows is told to read anew
        let mut lost = Tab::open(&stack, 1, "ann", Some("User/ann/0/u0")).await;
        let first = lost.until(|told| !told.event.is_empty()).await;
        assert_eq!(first.event, "resync");

        // And a replica that is told to stop ends its streams promptly
        let stopping = Instant::now();
        stack.stop("backend-1").await.unwrap();
        while back.next().await.is_some() {}
        println!(
            "measured: stopping a replica with open streams: {} ms",
            stopping.elapsed().as_millis()
        );
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn five_thousand_idle_pages_need_little_memory() {
    const PAGES: usize = 5_000;
    const PER_USER: usize = 20;
    run(async {
        let stack = own(unlimited()).await;
        let address = stack.base_url(1).replace("http://", "");
        let mut pages = Vec::with_capacity(PAGES);
        for user in 0..PAGES / PER_USER {
            let user = format!("u{user}");
            let token = stack.token(&user);
            for _ in 0..PER_USER {
                let mut page = TcpStream::connect(&address).await.unwrap();
                let request = format!(
                    "GET /api/{user}/events HTTP/1.1\r\nHost: {address}\r\n\
                     Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n"
                );
                page.write_all(request.as_bytes()).await.unwrap();
                let mut start = [0; 12];
                page.read_exact(&mut start).await.unwrap();
                assert_eq!(&start, b"HTTP/1.1 200");
                pages.push(page);
            }
        }
        let pid = stack.pid("backend-1").unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        let megabytes = resident.unwrap() * 1024 / 1_000_000;
        println!("measured: backend with {PAGES} idle pages: {megabytes} MB (promised 150 MB)");
        assert!(megabytes < 150);
        // And one page more than a person may have is refused in words
        let refused = Person::new(&stack, 1, "u0").get("/events").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.body["code"], "too_many_requests");
        drop(pages);
        stack.shutdown().await.unwrap();
    });
}
