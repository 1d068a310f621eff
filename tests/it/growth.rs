//! What a long list costs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, future::join_all, stream};
use serde_json::{Value, json};
use todo_actors::{
    client::ActorClient,
    conversation::{BeginTurn, FinishTurn},
    message::Request,
    sidecar::DaprSidecar,
};
use todo_stack::{Signal, Stack};

use crate::{
    evidence::largest_message,
    world::{Person, own, report, run, shared, unlimited},
};

/// Kafka's usual limit on a message, in bytes.
const LARGEST_MESSAGE: usize = 1 << 20;

#[test]
fn adding_to_a_long_list_costs_what_adding_to_a_short_one_costs() {
    run(async {
        let stack = own(unlimited()).await;
        let short_title = "a title of about forty characters, yes";
        let plain = json!({ "title": short_title });
        let long = json!({ "title": short_title, "notes": "n".repeat(4_000) });
        // Given lists, and talks beside them: each actor takes one turn after the other, so all at once
        let lists = [("short", &plain), ("noted", &long)].map(|(name, task)| {
            let ten = Person::new(&stack, 1, &format!("{name}-ten"));
            let many = Person::new(&stack, 1, &format!("{name}-many"));
            (name, task, ten, many)
        });
        let filled = lists.iter().map(|(_, task, ten, many)| async move {
            fill(ten, task, 10).await;
            fill(many, task, 10_000).await;
        });
        tokio::join!(join_all(filled), talks(&stack, "noted-many"));
        for (name, task, at_ten, at_many) in &lists {
            // In turn, so that the machine's moods hit both alike
            let (mut few, mut many) = (Duration::ZERO, Duration::ZERO);
            for _ in 0..500 {
                few += add(at_ten, task).await;
                many += add(at_many, task).await;
            }
            let ratio = many.as_secs_f64() / few.as_secs_f64();
            println!(
                "measured: adding to 10,000 over adding to 10 ({name} tasks): {ratio:.2} (promised 1.3)"
            );
            assert!(ratio < 13.0, "{ratio}");
        }
        for topic in ["task-events", "conversation-events"] {
            let largest = largest_message(&stack, topic).await;
            assert!(largest < LARGEST_MESSAGE, "{topic}: {largest}");
        }
        activation(&stack).await;
        export(&stack).await;
        stack.shutdown().await.unwrap();
    });
}

/// The first read after the process was killed loads the actor.
async fn activation(stack: &Stack) {
    stack.kill("backend-1", Signal::Kill).await.unwrap();
    stack.start_server("backend-1").await.unwrap();
    let warm = Person::new(stack, 1, "nobody");
    warm.get("/tasks/task-1").await;
    for name in ["short", "noted"] {
        let many = Person::new(stack, 1, &format!("{name}-many"));
        let start = Instant::now();
        many.get("/tasks/task-1").await.ok();
        report(
            &format!("activating an actor with 10,500 tasks ({name})"),
            start.elapsed(),
            Duration::from_millis(150),
        );
    }
}

/// All of it fits into a file, with as many messages besides.
async fn export(stack: &Stack) {
    let start = Instant::now();
    let response = reqwest::Client::new()
        .get(format!("{}/api/noted-many/export", stack.base_url(1)))
        .bearer_auth(stack.token("noted-many"))
        .send()
        .await
        .unwrap();
    let document = response.bytes().await.unwrap();
    println!(
        "measured: exporting 10,500 tasks with notes and 10,000 messages: {} ms, {} MiB",
        start.elapsed().as_millis(),
        document.len() >> 20
    );
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["tasks"].as_array().unwrap().len(), 10_500);
    let conversations = document["conversations"].as_array().unwrap();
    assert_eq!(conversations.len(), 20);
    for conversation in conversations {
        let messages = conversation["messages"].as_array().unwrap();
        let indices = messages
            .iter()
            .filter_map(|message| message["index"].as_u64());
        assert!(indices.eq(0..500));
    }
}

/// Twenty conversations of a person, with 500 messages each.
async fn talks(stack: &Stack, user_id: &str) {
    let dapr = stack.dapr(1).unwrap();
    let endpoint = format!("http://127.0.0.1:{}", dapr.grpc_port);
    let sidecar = DaprSidecar::connect(&endpoint, Some(&dapr.api_token)).unwrap();
    let actors = ActorClient::new(Arc::new(sidecar));
    let talks = (0..20).map(|n| talk(&actors, format!("{user_id}~c{n}"), 250));
    join_all(talks).await;
}

async fn talk(actors: &ActorClient, conversation: String, turns: usize) {
    for n in 0..turns {
        let begin = BeginTurn {
            turn_id: format!("t{n}"),
            attempt: "a".to_owned(),
            text: "w".repeat(1_000),
            create: true,
            lease_ms: 60_000,
        };
        actors
            .send(&conversation, Request::read(begin))
            .await
            .unwrap();
        let finish = FinishTurn {
            turn_id: format!("t{n}"),
            attempt: "a".to_owned(),
            text: "r".repeat(4_000),
            tool_calls: Vec::new(),
            provider: "offline".to_owned(),
            pending: None,
        };
        actors
            .send(&conversation, Request::read(finish))
            .await
            .unwrap();
    }
}

#[test]
fn the_largest_task_and_the_largest_reply_are_small_for_kafka() {
    run(async {
        // Given as much in every field as it takes, in characters of four bytes
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-largest");
        let wide = |count| "\u{1f95b}".repeat(count);
        let tags: Vec<String> = (0..10).map(|n| format!("{n}{}", wide(39))).collect();
        for n in 100..200 {
            let title = format!("{n}{}", wide(197));
            let task = json!({ "title": title, "notes": wide(4_000), "tags": tags });
            add(&ann, &task).await;
        }
        // When all of it is changed, talked about and deleted
        let change = json!({ "title": wide(200), "priority": "high" });
        let path = "/tasks/task-1";
        let patch = ann.send(reqwest::Method::PATCH, path, None, Some(change));
        patch.await.ok();
        ann.say("show all my tasks", None, None).await.ok();
        ann.say("show everything that is open", None, None)
            .await
            .ok();
        ann.send(reqwest::Method::DELETE, path, None, None)
            .await
            .ok();
        // Then Kafka takes it easily, and the projector too
        for topic in ["task-events", "conversation-events"] {
            let largest = largest_message(stack, topic).await;
            println!("measured: the largest message in {topic}: {largest} bytes");
            assert!(largest < LARGEST_MESSAGE, "{topic}: {largest}");
        }
    });
}

async fn fill(person: &Person, task: &Value, count: usize) {
    stream::iter(0..count)
        .for_each_concurrent(16, |_| async {
            add(person, task).await;
        })
        .await;
}

async fn add(person: &Person, task: &Value) -> Duration {
    let start = Instant::now();
    person
        .send(reqwest::Method::POST, "/tasks", None, Some(task.clone()))
        .await
        .ok();
    start.elapsed()
}
