//! Servers go away and come back; people notice as little as can be.

use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::json;
use todo_stack::Signal;

use crate::{
    evidence::{journal, stored},
    world::{Person, events, insist, own, report, run, unlimited, until},
};

/// Without the database nobody may wait longer than this for a word.
const WORD_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn kafka_away_for_twenty_seconds_holds_nobody_up_and_loses_nothing() {
    run(async {
        let stack = own(unlimited()).await;
        let people: Vec<Person> = (0..5)
            .map(|n| Person::new(&stack, 1, &format!("u{n}")))
            .collect();
        let mut conversations = Vec::new();
        for person in &people {
            let reply = person.say("add before the outage", None, None).await.ok();
            conversations.push(reply["conversation_id"].as_str().unwrap().to_owned());
        }
        // When Kafka is away for 20 s and people go on
        stack.stop("kafka").await.unwrap();
        let start = Instant::now();
        let mut longest = Duration::ZERO;
        let mut said = 0;
        while start.elapsed() < Duration::from_secs(20) {
            for (person, conversation) in people.iter().zip(&conversations) {
                let turn = Instant::now();
                person
                    .say(&format!("add thing {said}"), Some(conversation), None)
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

        // Then every event arrives, in order: of each person, and of each conversation
        for (person, conversation) in people.iter().zip(&conversations) {
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

            let actor = format!("Conversation/{}~{conversation}", person.id);
            let head = journal(&stack, &actor).await.head;
            let sequences = until(
                "every event of the conversation",
                Duration::from_secs(60),
                || async {
                    let events = events(&stack, "conversation-events", &person.id).await;
                    let messages = events
                        .iter()
                        .filter(|event| event["type"] == "com.todo.message.added");
                    let sequences: Vec<i64> = events
                        .iter()
                        .filter(|event| event["actor"] == actor.as_str())
                        .map(|event| event["sequence"].as_str().unwrap().parse().unwrap())
                        .collect();
                    (messages.count() >= 2 * (said + 1)).then_some(sequences)
                },
            )
            .await;
            assert!(sequences.is_sorted(), "{sequences:?}");
            let mut distinct = sequences;
            distinct.dedup();
            assert_eq!(distinct, (1..=head).collect::<Vec<_>>());
        }
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn five_hundred_changes_without_kafka_survive_the_death_of_the_backend() {
    run(async {
        let stack = own(unlimited()).await;
        let (ann, bob) = (Person::new(&stack, 1, "ann"), Person::new(&stack, 1, "bob"));
        let talk = bob.say("add marzipan", None, None).await.ok();
        let talk = talk["conversation_id"].as_str().unwrap().to_owned();
        stack.stop("kafka").await.unwrap();
        for n in 0..500 {
            ann.add(&format!("task {n}"), None).await.ok();
        }
        // And a conversation that goes on and is deleted meanwhile
        bob.say("add nougat", Some(&talk), None).await.ok();
        let path = format!("/conversations/{talk}");
        for _ in 0..2 {
            let deleted = bob.send(Method::DELETE, &path, Some("away"), None).await;
            assert_eq!(deleted.status, 204, "{}", deleted.body);
        }
        let talk = format!("Conversation/bob~{talk}");
        assert_eq!(stored(&stack, &talk).await, ["e:5", "manifest"]);
        // Snapshots were written, and no entry is gone that Kafka has not seen
        let kept = journal(&stack, "User/ann").await;
        assert!(kept.snapshot.is_some_and(|seq| seq > 400), "{kept:?}");
        assert_eq!((kept.first, kept.head), (1, 500));
        kept.assert_whole("ann");
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
        // And the end of the conversation, though what was said without Kafka is gone for good
        until(
            "the conversation's end",
            Duration::from_secs(120),
            || async {
                let ends =
                    |event: &serde_json::Value| event["type"] == "com.todo.conversation.deleted";
                let heard = events(&stack, "conversation-events", "bob")
                    .await
                    .iter()
                    .any(ends);
                let list = bob.get("/conversations").await.ok();
                (heard && list["items"] == json!([])).then_some(())
            },
        )
        .await;
        assert_eq!(stored(&stack, &talk).await, ["e:5", "manifest"]);
        // And once it has seen them, later snapshots let entries go
        until("entries to be deleted", Duration::from_secs(60), || async {
            ann.add("one more", None).await.ok();
            let kept = journal(&stack, "User/ann").await;
            kept.assert_whole("ann");
            (kept.first > 250).then_some(())
        })
        .await;
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
        assert!(answer.retry_after.is_some());
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
fn a_database_that_says_nothing_holds_nobody_for_long_and_doubles_nothing() {
    run(async {
        let stack = own(unlimited()).await;
        let ann = Person::new(&stack, 1, "ann");
        ann.add("before", None).await.ok();
        // When the database is frozen
        stack.pause("postgres").await.unwrap();
        // Then everybody is told to come back, whether they write, talk or read
        let (task, turn, list) = tokio::join!(
            timed(ann.add("during", Some("task"))),
            timed(ann.say("add buy cream", None, Some("turn"))),
            timed(ann.get("/conversations")),
        );
        for (what, (_, waited)) in [("write", &task), ("turn", &turn), ("list", &list)] {
            let what = format!("a {what}'s wait for a frozen database");
            report(&what, *waited, Duration::from_secs(6));
            assert!(*waited < WORD_WITHIN, "{what}");
        }
        for (answer, _) in [task, turn, list] {
            assert_eq!(answer.status, 503, "{}", answer.body);
            assert!(answer.retry_after.is_some());
        }
        // And when it carries on, so do they, with the same keys
        stack.resume("postgres").await.unwrap();
        let took = insist(&ann, "during", "task", Duration::from_secs(60)).await;
        report(
            "recovery after the database carries on",
            took,
            Duration::from_secs(5),
        );
        let turn = until("the turn", Duration::from_secs(60), || async {
            let turn = ann.say("add buy cream", None, Some("turn")).await;
            turn.status.is_success().then_some(turn.body)
        })
        .await;
        assert_eq!(turn["tool_calls"].as_array().unwrap().len(), 1, "{turn}");
        let mut titles: Vec<String> = ann
            .tasks()
            .await
            .iter()
            .map(|task| task["title"].as_str().unwrap().to_owned())
            .collect();
        titles.sort();
        assert_eq!(titles, ["before", "buy cream", "during"]);
        journal(&stack, "User/ann").await.assert_whole("ann");
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn placement_scheduler_and_sidecar_can_die_and_reminders_still_fire() {
    run(async {
        let stack = own(unlimited()).await;
        let ann = Person::new(&stack, 1, "ann");
        // Nobody calls Ann's actor while her reminder is waited for
        let bob = Person::new(&stack, 1, "bob");
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
                &bob,
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

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (work.await, start.elapsed())
}
