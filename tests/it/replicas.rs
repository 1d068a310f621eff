//! Replicas come and go under load, and nothing is lost or doubled.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use todo_stack::{Signal, Stack};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    evidence::journals,
    world::{Answer, Person, own, report, run, unlimited, until},
};

const USERS: usize = 200;
/// Every so many commands one is a sentence in a conversation.
const SENTENCE_EVERY: usize = 8;
/// Longest a command may stay unacknowledged before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a chat turn belongs to the edge that began it, which may have died.
const LEASE: Duration = Duration::from_secs(5);

/// What the load is told: what it goes through, and where edges are.
#[derive(Clone)]
struct Told {
    phase: &'static str,
    edges: Vec<String>,
}

/// The longest a request took, by what the load went through and by what it was.
type Longest = Arc<Mutex<BTreeMap<(&'static str, &'static str), Duration>>>;

#[test]
fn two_hundred_people_write_while_a_replica_joins_leaves_and_dies() {
    run(async {
        // Given people at the edges of all replicas; a turn whose edge has died is soon free
        let stack = own(unlimited().env("TURN_LEASE_MS", LEASE.as_millis().to_string())).await;
        let (tell, told) = watch::channel(Told {
            phase: "alone",
            edges: vec![stack.base_url(1)],
        });
        let longest = Longest::default();
        let mut load = JoinSet::new();
        for n in 0..USERS {
            let client = Client {
                person: Person::new(&stack, 1, &format!("u{n}")),
                edge: n,
                conversation: None,
                told: told.clone(),
            };
            load.spawn(client.write_until_told(Arc::clone(&longest)));
        }
        // When replicas come and go
        let phase = |phase| tell.send_modify(|told| told.phase = phase);
        let both =
            || tell.send_modify(|told| told.edges = vec![stack.base_url(1), stack.base_url(2)]);
        let calm = || tokio::time::sleep(Duration::from_secs(4));
        calm().await;
        phase("join");
        stack.scale(2).await.unwrap();
        both();
        calm().await;
        phase("SIGTERM");
        stack.scale(1).await.unwrap();
        calm().await;
        phase("second join");
        stack.scale(2).await.unwrap();
        both();
        calm().await;
        phase("SIGKILL");
        stack.kill("backend-2", Signal::Kill).await.unwrap();
        stack.kill("daprd-2", Signal::Kill).await.unwrap();
        calm().await;
        calm().await;
        phase("stop");
        let mut acknowledged: HashMap<String, Vec<String>> = HashMap::new();
        while let Some(person) = load.join_next().await {
            let (id, titles) = person.unwrap();
            acknowledged.insert(id, titles);
        }
        let count: usize = acknowledged.values().map(Vec::len).sum();
        println!("measured: {count} commands acknowledged");

        // Then nobody waited long, and what was acknowledged stands, once
        for ((phase, what), longest) in longest.lock().unwrap().iter() {
            let mut promised = Duration::from_secs(if *phase == "SIGKILL" { 15 } else { 3 });
            // The promise is about one actor. A turn calls several, and its lease may have to run out.
            if *what == "chat turn" {
                promised += LEASE;
            }
            report(&format!("the longest {what}, {phase}"), *longest, promised);
        }
        events_are_there_once(&stack, &acknowledged).await;
        journals_are_whole(&stack).await;
        tasks_are_there_once(&stack, &acknowledged).await;
        stack.shutdown().await.unwrap();
    });
}

/// A person's browser: it keeps to one edge until that one fails it.
struct Client {
    person: Person,
    edge: usize,
    conversation: Option<String>,
    told: watch::Receiver<Told>,
}

impl Client {
    async fn write_until_told(mut self, longest: Longest) -> (String, Vec<String>) {
        let mut titles = Vec::new();
        for n in 0.. {
            let phase = self.told.borrow().phase;
            if phase == "stop" {
                break;
            }
            let start = Instant::now();
            let title = format!("thing {n}");
            let what = if n % SENTENCE_EVERY == SENTENCE_EVERY - 1 {
                self.say(&title).await;
                "chat turn"
            } else {
                let task = json!({ "title": title });
                self.insist("/tasks", &title, task).await;
                "command"
            };
            titles.push(title);
            let took = start.elapsed();
            {
                let mut longest = longest.lock().unwrap();
                let longest = longest.entry((phase, what)).or_default();
                *longest = took.max(*longest);
            }
            // A person's pace, not a condition.
            tokio::time::sleep(Duration::from_secs(1).saturating_sub(took)).await;
        }
        (self.person.id.clone(), titles)
    }

    async fn say(&mut self, title: &str) {
        let mut body = json!({ "message": format!("add {title}") });
        if let Some(conversation) = &self.conversation {
            body["conversation_id"] = conversation.as_str().into();
        }
        let reply = self.insist("/chat", title, body).await;
        let task = &reply["tool_calls"][0]["result"]["ok"]["task"];
        assert_eq!(task["title"], title, "{reply}");
        self.conversation = reply["conversation_id"].as_str().map(str::to_owned);
    }

    /// Sends the same under the same key, to the next edge after each failure, until it is
    /// acknowledged.
    async fn insist(&mut self, path: &str, title: &str, body: Value) -> Value {
        let key = title.replace(' ', "-");
        let start = Instant::now();
        loop {
            let edges = self.told.borrow().edges.clone();
            let person = self.person.at(&edges[self.edge % edges.len()]);
            let sent = person.try_send(Method::POST, path, Some(&key), Some(body.clone()));
            match sent.await {
                Ok(answer) if answer.status.is_success() => return answer.body,
                Ok(answer) => assert!(may_be_repeated(&answer), "{answer:?}"),
                // The edge itself may be the one that died.
                Err(error) => assert!(!error.is_builder(), "{error}"),
            }
            assert!(start.elapsed() < PATIENCE, "{title}: not acknowledged");
            self.edge += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn may_be_repeated(answer: &Answer) -> bool {
    answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.retry_after.is_some()
}

/// Every command's event is in Kafka, once after removing repeats by id.
async fn events_are_there_once(stack: &Stack, acknowledged: &HashMap<String, Vec<String>>) {
    let count: usize = acknowledged.values().map(Vec::len).sum();
    let events = until("every event in Kafka", Duration::from_secs(90), || async {
        let mut by_id: HashMap<String, Value> = HashMap::new();
        for record in stack.read_topic("task-events").await.unwrap() {
            let event = record.json();
            let id = event["id"].as_str().unwrap().to_owned();
            let known = by_id.insert(id, event.clone());
            assert!(
                known.is_none_or(|known| known == event),
                "two events with one id"
            );
        }
        by_id.retain(|_, event| event["type"] == "com.todo.task.created");
        (by_id.len() >= count).then_some(by_id)
    })
    .await;
    let mut titles: HashMap<&str, Vec<&str>> = HashMap::new();
    for event in events.values() {
        let data = &event["data"];
        let title = data["title"].as_str().unwrap();
        titles
            .entry(data["user_id"].as_str().unwrap())
            .or_default()
            .push(title);
    }
    for (user, acknowledged) in acknowledged {
        let mut titles = titles[user.as_str()].clone();
        let mut acknowledged: Vec<&str> = acknowledged.iter().map(String::as_str).collect();
        titles.sort_unstable();
        acknowledged.sort_unstable();
        assert_eq!(titles, acknowledged, "events of {user}");
    }
}

/// No journal has a gap in the store, people's and conversations' alike.
async fn journals_are_whole(stack: &Stack) {
    let journals = journals(stack).await;
    let conversations = journals
        .keys()
        .filter(|key| key.starts_with("Conversation/"));
    assert!(conversations.count() >= USERS / 2, "too little was said");
    for (actor, kept) in &journals {
        kept.assert_whole(actor);
    }
}

/// No acknowledged task is missing, and none appears twice.
async fn tasks_are_there_once(stack: &Stack, acknowledged: &HashMap<String, Vec<String>>) {
    for (user, titles) in acknowledged {
        let tasks = Person::new(stack, 1, user).tasks().await;
        let found: HashSet<&str> = tasks
            .iter()
            .map(|task| task["title"].as_str().unwrap())
            .collect();
        let wanted: HashSet<&str> = titles.iter().map(String::as_str).collect();
        assert_eq!(
            (tasks.len(), found),
            (titles.len(), wanted),
            "tasks of {user}"
        );
    }
}
