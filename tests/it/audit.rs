//! What happened to a person is written down, once, for as long as they are with us.

use std::{collections::HashSet, time::Duration};

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use todo_stack::{Stack, evidence};

use crate::world::{Person, insist, own, run, unlimited, until};

const PATIENCE: Duration = Duration::from_secs(90);

/// Everything that is written down of a person, over all pages, newest first.
async fn activity(person: &Person) -> Vec<Value> {
    let mut items = Vec::new();
    let mut from = String::new();
    loop {
        let page = person.get(&format!("/activity?limit=7{from}")).await.ok();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => from = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn ids(items: &[Value]) -> Vec<String> {
    let ids = items.iter().map(|item| item["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// Publishes a message as nobody should.
async fn publish_nonsense(stack: &Stack, topic: &str) {
    let dapr = stack.dapr(1).unwrap();
    let url = format!(
        "http://127.0.0.1:{}/v1.0/publish/kafka-pubsub/{topic}?metadata.rawPayload=true",
        dapr.http_port
    );
    let answer = reqwest::Client::new()
        .post(url)
        .header("dapr-api-token", dapr.api_token)
        .header("content-type", "application/octet-stream")
        .body("no event at all")
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
}

#[test]
fn a_persons_day_is_written_down_once_whatever_happens() {
    run(async {
        let stack = own(unlimited()).await;
        let ann = Person::new(&stack, 1, "ann");
        // Given a day: things said, done, due
        ann.say("add milk", None, None).await.ok();
        let due = Timestamp::now() + 1.seconds();
        let task = json!({ "title": "call mum", "due_at": due.to_string() });
        ann.send(Method::POST, "/tasks", None, Some(task))
            .await
            .ok();
        for n in 0..10 {
            ann.add(&format!("task {n}"), None).await.ok();
        }
        // Then all three topics are in it
        let day = until("the whole day", PATIENCE, || async {
            let day = activity(&ann).await;
            let has = |ty: &str| day.iter().any(|item| item["type"] == ty);
            (day.len() >= 18 && has("com.todo.reminder.due") && has("com.todo.message.added"))
                .then_some(day)
        })
        .await;
        let moments = day
            .iter()
            .map(|item| item["at"].as_str().unwrap().parse::<Timestamp>());
        let moments: Vec<Timestamp> = moments.map(Result::unwrap).collect();
        assert!(moments.is_sorted_by(|a, b| a >= b), "newest first");
        let distinct: HashSet<String> = ids(&day).into_iter().collect();
        assert_eq!(distinct.len(), day.len());
        assert!(!day.iter().any(|item| item["data"]["text"].is_string()));

        // And it can be neither changed nor removed
        let mut database = PgConnection::connect(stack.database_url()).await.unwrap();
        for statement in [
            "update audit_log set type = 'x'",
            "delete from audit_log",
            "truncate audit_log",
        ] {
            assert!(
                sqlx::query(statement).execute(&mut database).await.is_err(),
                "{statement}"
            );
        }

        // When the events come again, nothing changes
        for record in stack.read_topic("task-events").await.unwrap() {
            let dapr = stack.dapr(1).unwrap();
            let url = format!(
                "http://127.0.0.1:{}/v1.0/publish/kafka-pubsub/task-events?metadata.rawPayload=true",
                dapr.http_port
            );
            let again = reqwest::Client::new()
                .post(url)
                .header("dapr-api-token", dapr.api_token)
                .header("content-type", "application/cloudevents+json")
                .body(record.value);
            assert!(again.send().await.unwrap().status().is_success());
        }
        // And a message that is none does not block what comes after it
        for topic in ["task-events", "reminders", "conversation-events"] {
            for _ in 0..3 {
                publish_nonsense(&stack, topic).await;
            }
        }
        ann.add("after the nonsense", None).await.ok();
        let later = until("what came after", PATIENCE, || async {
            let later = activity(&ann).await;
            (later.len() > day.len()).then_some(later)
        })
        .await;
        assert_eq!(ids(&later)[1..], ids(&day)[..]);
        let letters = until("the dead letters", PATIENCE, || async {
            let letters = stack.read_topic("dead-letters").await.unwrap();
            let ids: HashSet<String> = letters
                .iter()
                .map(|letter| letter.json()["id"].as_str().unwrap().to_owned())
                .collect();
            // The auditor reads three topics, the projector two of them.
            (ids.len() >= 15).then_some(letters)
        })
        .await;
        // Each consumer has counted its own
        for (app, least) in [("auditor", 9.0), ("projector", 6.0)] {
            let of = format!(r#"todo_consumer_dead_letters_total{{consumer="{app}"}}"#);
            until("the count of dead letters", PATIENCE, || async {
                let numbers = evidence::numbers(&stack, app).await.unwrap();
                let counted = numbers.get(&of).copied();
                counted.filter(|counted| *counted >= least)
            })
            .await;
        }
        assert!(
            letters
                .iter()
                .all(|letter| letter.json()["data"]["reason"] == "not a CloudEvent")
        );

        // And there is one way out, which takes only what is from before a tombstone
        let erased: i64 = sqlx::query_scalar("select erase_audit('ann')")
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(erased, 0);
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn a_database_away_buries_nothing_and_all_arrives() {
    run(async {
        let stack = own(unlimited()).await;
        let ann = Person::new(&stack, 1, "ann");
        ann.add("before", None).await.ok();
        until("the first record", PATIENCE, || async {
            (activity(&ann).await.len() == 1).then_some(())
        })
        .await;
        // Given events in Kafka that the auditor has not read when the database goes away
        stack.stop("auditor").await.unwrap();
        for n in 0..30 {
            ann.add(&format!("task {n}"), None).await.ok();
        }
        stack.stop("postgres").await.unwrap();
        stack.start_server("auditor").await.unwrap();
        // When it has tried for a while
        until("tries without a database", PATIENCE, || async {
            let log = stack.log_tail("auditor", 500).unwrap();
            (log.matches("events wait for the database").count() >= 3).then_some(())
        })
        .await;
        stack.start_server("postgres").await.unwrap();
        insist(&ann, "after", "after", PATIENCE).await;
        // Then everything arrives, and nothing was buried
        let all = until("everything", PATIENCE, || async {
            let answer = ann.get("/activity?limit=100").await;
            let items = answer.body["items"].as_array()?.clone();
            (items.len() >= 32).then_some(items)
        })
        .await;
        assert_eq!(all.len(), 32);
        assert!(stack.read_topic("dead-letters").await.unwrap().is_empty());
        stack.shutdown().await.unwrap();
    });
}
