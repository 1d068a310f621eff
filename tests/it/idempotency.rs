//! Repeats: the same key many times at once, turns taken over, two writers forced for real.

use std::{collections::HashSet, time::Duration};

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    evidence::{journal, journals},
    world::{Person, events, options, own, run, shared, unlimited, until},
};

#[test]
fn a_hundred_times_the_same_key_at_once_is_one_turn() {
    run(async {
        // Given two replicas, so that it is the actors that tell repeats, not one process
        let stack = own(unlimited().replicas(2)).await;
        let here = Person::new(&stack, 1, "ann");
        let there = Person::new(&stack, 2, "ann");
        // When a hundred say the same under one key at once, half of them at each
        let all = (0..100).map(|n| {
            let ann = if n % 2 == 0 { &here } else { &there };
            ann.say("add buy bread", None, Some("the-one-key"))
        });
        let replies: HashSet<String> = join_all(all)
            .await
            .into_iter()
            .map(|reply| reply.ok().to_string())
            .collect();
        // Then there is one reply, one task, and one conversation with two messages
        assert_eq!(replies.len(), 1, "{replies:?}");
        assert_eq!(here.tasks().await.len(), 1);
        let kept = journals(&stack).await;
        let conversations = kept
            .keys()
            .filter(|actor| actor.starts_with("Conversation/ann~"));
        assert_eq!(conversations.count(), 1);
        let reply: Value = serde_json::from_str(replies.iter().next().unwrap()).unwrap();
        let id = reply["conversation_id"].as_str().unwrap();
        let messages = here
            .get(&format!("/conversations/{id}/messages"))
            .await
            .ok();
        assert_eq!(
            messages["messages"].as_array().unwrap().len(),
            2,
            "{messages}"
        );
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn one_key_in_two_conversations_is_two_turns() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-two");
        let hello = ann.say("hello", None, None).await.ok();
        let other = hello["conversation_id"].as_str();
        let first = ann.say("add buy milk", None, Some("k")).await.ok();
        let second = ann.say("add buy bread", other, Some("k")).await.ok();
        assert_ne!(first["turn_id"], second["turn_id"]);
        assert_eq!(ann.tasks().await.len(), 2);
        // A repeat that names the conversation the first try began is the same turn
        let repeat = ann
            .say("add buy milk", first["conversation_id"].as_str(), Some("k"))
            .await;
        assert_eq!(repeat.ok(), first);
    });
}

#[test]
fn every_writing_route_takes_the_key() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-keys");
        // Given a conversation; its first turn also brings Ann's zone to her profile
        let hello = ann.say("hello", None, Some("hello")).await.ok();
        let id = hello["conversation_id"].as_str().unwrap();
        let talk = format!("/conversations/{id}");
        let in_talk = json!({ "message": "add milk", "conversation_id": id });
        let user = "User/ann-keys".to_owned();
        let conversation = format!("Conversation/ann-keys~{id}");
        let mut answers = Vec::new();
        // When each route is called twice with a key
        for (method, path, body, actor) in [
            (Method::POST, "/chat", Some(in_talk), &conversation),
            (
                Method::POST,
                "/tasks",
                Some(json!({ "title": "bread" })),
                &user,
            ),
            (
                Method::PATCH,
                "/tasks/task-1",
                Some(json!({ "title": "oat milk" })),
                &user,
            ),
            (Method::POST, "/tasks/task-1/complete", None, &user),
            (Method::POST, "/tasks/task-1/reopen", None, &user),
            (Method::DELETE, "/tasks/task-1", None, &user),
            (Method::POST, "/undo", None, &user),
            (
                Method::PUT,
                "/profile",
                Some(json!({ "time_zone": "Asia/Tokyo" })),
                &user,
            ),
            (
                Method::PATCH,
                talk.as_str(),
                Some(json!({ "title": "Shopping" })),
                &conversation,
            ),
            (Method::DELETE, talk.as_str(), None, &conversation),
        ] {
            let what = format!("{method} {path}");
            let before = journal(stack, actor).await.head;
            let key = Some("the-same-for-all");
            let once = ann.send(method.clone(), path, key, body.clone()).await;
            assert!(once.status.is_success(), "{what}: {}", once.body);
            let after = journal(stack, actor).await.head;
            let twice = ann.send(method.clone(), path, key, body.clone()).await;
            // Then it has one effect, and both calls have the same answer
            assert!(after > before, "{what} changed nothing");
            assert_eq!(journal(stack, actor).await.head, after, "{what} twice");
            let (status, answer) = (once.status, once.body);
            assert_eq!((status, &answer), (twice.status, &twice.body), "{what}");
            if actor == &user {
                answers.push((method, path, body, status, answer));
            }
        }
        // Then it still has, now that other changes lie between
        let before = journal(stack, &user).await.head;
        for (method, path, body, status, answer) in answers {
            let what = format!("{method} {path}");
            let again = ann.send(method, path, Some("the-same-for-all"), body).await;
            assert_eq!((again.status, again.body), (status, answer), "{what}");
        }
        assert_eq!(journal(stack, &user).await.head, before);
    });
}

#[test]
fn two_activations_of_one_user_never_fork_the_journal() {
    run(async {
        // Given a second placement service with a host of its own on the same database
        let stack = own(options()).await;
        let isolated = stack.start_isolated_replica().await.unwrap();
        let here = Person::new(&stack, 1, "ann");
        let there = Person::new(&stack, isolated, "ann");
        // When both write the same user's journal, now in turn, now at once, snapshots included
        for n in 0..60 {
            here.add(&format!("here {n}"), Some(&format!("h{n}")))
                .await
                .ok();
            there
                .add(&format!("there {n}"), Some(&format!("t{n}")))
                .await
                .ok();
        }
        for n in 60..120 {
            let (left, right) = (format!("here {n}"), format!("there {n}"));
            let (key_left, key_right) = (format!("h{n}"), format!("t{n}"));
            let (a, b) = tokio::join!(
                here.add(&left, Some(&key_left)),
                there.add(&right, Some(&key_right))
            );
            a.ok();
            b.ok();
        }
        // Then each task is there once, and the journal has no gap
        there.add("last", None).await.ok();
        let titles: Vec<String> = there
            .tasks()
            .await
            .iter()
            .map(|task| task["title"].as_str().unwrap().to_owned())
            .collect();
        let distinct: HashSet<&String> = titles.iter().collect();
        assert_eq!((titles.len(), distinct.len()), (241, 241));
        let sequences = until(
            "all 241 entries' events",
            Duration::from_secs(20),
            || async {
                let events = events(&stack, "task-events", "ann").await;
                let sequences: HashSet<u64> = events
                    .iter()
                    .filter(|event| event["type"] == "com.todo.task.created")
                    .map(|event| event["sequence"].as_str().unwrap().parse().unwrap())
                    .collect();
                (sequences.len() >= 241).then_some(sequences)
            },
        )
        .await;
        assert_eq!(sequences, (1..=241).collect());
        // And both were refused by the fence on the way, over snapshots too
        for replica in [1, isolated] {
            let log = stack.log_path(&format!("backend-{replica}")).unwrap();
            let log = std::fs::read_to_string(log).unwrap();
            let refused = log.matches("another activation wrote first").count();
            println!("measured: entries of replica {replica} refused by the fence: {refused}");
            assert!(refused > 0, "replica {replica} was never refused");
        }
        let kept = journal(&stack, "User/ann").await;
        assert!(kept.snapshot.is_some_and(|seq| seq > 100), "{kept:?}");
        kept.assert_whole("ann");
        stack.shutdown().await.unwrap();
    });
}
