//! Servers go away and come back; people notice as little as can be.

use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::json;
use todo_stack::Signal;

use crate::world::{Person, events, insist, own, report, run, unlimited, until};

#[test]
fn kafka_away_for_twenty_seconds_holds_nobody_up_and_loses_nothing() {
    run(async {
        let stack = own(unlimited()).await;
        let people: Vec<Person> = (0..5)
            .map(|n| Person::new(&stack, 1, &format!("u{n}")))
            .collect();
        for person in &people {
            person.say("add before the outage", None, None).await.ok();
        }
        // When Kafka is away for 20 s and people go on
        stack.stop("kafka").await.unwrap();
        let start = Instant::now();
        let mut longest = Duration::ZERO;
        let mut said = 0;
        while start.elapsed() < Duration::from_secs(20) {
            for person in &people {
                let turn = Instant::now();
                person
                    .say(&format!("add thing {said}"), None, None)
                    .await
                    .ok();
                longest = longest.max(turn.elapsed());
            }
            said += 1;
            // A person's pace, not a condition.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        stack.start_server("kafka").await.unwrap();
        report(
            "the longest chat turn without Kafka",
            longest,
            Duration::from_secs(1),
        );

        // Then every event arrives, in order
        for person in &people {
            let all = until(
                "every event after the outage",
                Duration::from_secs(60),
                || async {
                    let events = events(&stack, "task-events", &person.id).await;
                    let created = events
                        .into_iter()
                        .filter(|event| event["type"] == "com.todo.task.created");
                    let sequences: Vec<u64> = created
                        .map(|event| event["sequence"].as_str().unwrap().parse().unwrap())
                        .collect();
                    (sequences.len() > said).then_some(sequences)
                },
            )
            .await;
            assert_eq!(all.len(), said + 1);
            assert!(all.is_sorted(), "{all:?}");
        }
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn five_hundred_changes_without_kafka_survive_the_death_of_the_backend() {
    run(async {
        let stack = own(unlimited()).await;
        let ann = Person::new(&stack, 1, "ann");
        stack.stop("kafka").await.unwrap();
        for n in 0..500 {
            ann.add(&format!("task {n}"), None).await.ok();
        }
        stack.kill("backend-1", Signal::Kill).await.unwrap();
        stack.start_server("kafka").await.unwrap();
        stack.start_server("backend-1").await.unwrap();
        // Nobody calls the actor: the reconciler finds the gap
        let all = until("all 500 events", Duration::from_secs(120), || async {
            let events = events(&stack, "task-events", "ann").await;
            (events.len() >= 500).then_some(events)
        })
        .await;
        assert_eq!(all.len(), 500);
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn a_database_that_is_away_is_said_so_and_comes_back() {
    run(async {
        let stack = own(unlimited()).await;
        let ann = Person::new(&stack, 1, "ann");
        ann.add("before", None).await.ok();
        stack.stop("postgres").await.unwrap();
        let start = Instant::now();
        let answer = ann.add("during", Some("during")).await;
        println!(
            "measured: a refusal without the database: {} ms",
            start.elapsed().as_millis()
        );
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.retry_after.is_some());
        let answer = ann.say("add something", None, None).await;
        assert_eq!(answer.status, 503, "{}", answer.body);
        stack.start_server("postgres").await.unwrap();
        let took = insist(&ann, "during", "during", Duration::from_secs(60)).await;
        report(
            "recovery after the database is back",
            took,
            Duration::from_secs(5),
        );
        let tasks: Vec<_> = ann
            .tasks()
            .await
            .into_iter()
            .map(|task| task["title"].clone())
            .collect();
        assert_eq!(tasks, ["before", "during"]);
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn placement_scheduler_and_sidecar_can_die_and_reminders_still_fire() {
    run(async {
        let stack = own(unlimited()).await;
        let ann = Person::new(&stack, 1, "ann");
        for server in ["placement", "scheduler", "daprd-1"] {
            // Given a reminder that comes due while the server is dead
            ann.add(&format!("before {server}"), None).await.ok();
            let due = Timestamp::now() + 3.seconds();
            let task =
                json!({ "title": format!("due without {server}"), "due_at": due.to_string() });
            ann.send(Method::POST, "/tasks", None, Some(task))
                .await
                .ok();
            stack.kill(server, Signal::Kill).await.unwrap();
            until(
                "the due moment to pass",
                Duration::from_secs(10),
                || async { (Timestamp::now() > due).then_some(()) },
            )
            .await;
            // When it is back
            stack.start_server(server).await.unwrap();
            // Then people are served again and the reminder is given
            let took = insist(
                &ann,
                &format!("after {server}"),
                server,
                Duration::from_secs(90),
            )
            .await;
            report(
                &format!("being served after {server} died"),
                took,
                Duration::from_secs(15),
            );
            let back = Instant::now();
            until("the reminder", Duration::from_secs(120), || async {
                let events = events(&stack, "reminders", "ann").await;
                let title = format!("due without {server}");
                events
                    .into_iter()
                    .find(|event| event["data"]["title"] == title.as_str())
            })
            .await;
            println!(
                "measured: reminder after {server} was back: {} ms",
                back.elapsed().as_millis()
            );
        }
        let reminders = events(&stack, "reminders", "ann").await;
        assert_eq!(reminders.len(), 3);
        stack.shutdown().await.unwrap();
    });
}
