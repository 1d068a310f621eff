//! Erasing: nothing is left but the tombstone, wherever it was cut, and nothing comes back.

use std::time::Duration;

use jiff::Timestamp;
use todo_actors::{
    conversation::{EraseConversation, GetHeading, GetMessages},
    event::Topic,
    message::{ActorRef, CallError, Message, Request},
    sidecar::StateReader,
    testkit::{Crash, World},
    user::{
        self, Admit, CompleteTask, Due, Erase, Export, FireDue, GetProfile, ListTasks, Profile,
        Removed, RollForward, SetProfile,
    },
};

use crate::{
    add, command, read, refused, titled,
    turns::{begin, chat, finish},
    world,
};

/// What is said in every turn.
const SAID: &str = "say something";

const ERASE: Erase = Erase {
    asked_at: Timestamp::UNIX_EPOCH,
    quiet_ms: 60_000,
};

fn ann() -> ActorRef {
    ActorRef::new(user::TYPE, "ann")
}

/// A person with tasks on several pages, one with a reminder, and two snapshots.
async fn person(world: &World) {
    for n in 0..139 {
        add(world, "ann", &format!("t{n}")).await;
    }
    let mut due = titled("due");
    due.due = Some(Due::At("2026-11-23T15:00:00Z".parse().unwrap()));
    command(world, "ann", "due", due).await.unwrap();
}

/// Sends a command until it gets through.
async fn insist<M: Message + Clone>(world: &World, id: &str, message: M) -> M::Reply {
    loop {
        match command(world, id, "erase/1", message.clone()).await {
            Ok(reply) => return reply,
            Err(CallError::Failed(failure)) => assert!(failure.retryable),
            Err(refused) => panic!("{refused}"),
        }
    }
}

/// That the store has nothing of an actor but what tells where its journal goes on.
#[track_caller]
fn assert_only_tombstone(world: &World, actor: &ActorRef, seq: u64, when: &str) {
    let mut keys = world.sidecar.keys(actor);
    // What was written ahead and never named shows that it is from before.
    keys.retain(|key| match key.strip_prefix("p:") {
        Some(page) => page.split(':').next().unwrap().parse::<u64>().unwrap() > seq,
        None => true,
    });
    assert_eq!(
        keys,
        [&format!("e:{seq}"), "manifest", "tombstone"],
        "{when}"
    );
}

async fn tombstone(world: &World, actor: &ActorRef) -> u64 {
    let stored = world.sidecar.get(actor, "tombstone").await.unwrap();
    serde_json::from_slice(&stored.expect("a tombstone")).unwrap()
}

async fn drained(world: &World) {
    while world.host.unpublished() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What Kafka has of an actor, by id.
fn ids(world: &World, actor: &ActorRef) -> Vec<String> {
    let of = format!("{actor}/");
    let published = world.sidecar.published().into_iter();
    published
        .filter(|(topic, _, _)| *topic != Topic::TaskUpdates)
        .map(|(_, _, event)| event.id)
        .filter(|id| id.starts_with(&of))
        .collect()
}

#[tokio::test]
async fn of_a_person_nothing_is_left_but_the_tombstone() {
    let world = world();
    person(&world).await;
    add(&world, "bob", "his own").await;
    // When she is erased
    let removed = command(&world, "ann", "erase/1", ERASE).await.unwrap();
    // Then it says what went, and says so again
    let (tasks, reminders) = (140, 1);
    assert_eq!(removed, Removed { tasks, reminders });
    assert_eq!(insist(&world, "ann", ERASE).await, removed);
    assert_only_tombstone(&world, &ann(), 141, "at once");
    assert_eq!(tombstone(&world, &ann()).await, 141);
    assert_eq!(world.sidecar.reminder(&ann(), "due"), None);
    // And the event says nothing but that
    drained(&world).await;
    let mut published = world.sidecar.published().into_iter();
    let (_, _, last) = published
        .rfind(|(topic, _, _)| *topic == Topic::TaskEvents)
        .unwrap();
    let event: serde_json::Value = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(event["type"], "com.todo.user.erased");
    let data = serde_json::json!({"user_id": "ann", "erased_at": "2026-11-23T10:00:00Z"});
    assert_eq!(event["data"], data);
    // And so it is for whoever loads the journal
    let world = world.restart();
    assert_eq!(insist(&world, "ann", ERASE).await, removed);
    let list = read(&world, "ann", ListTasks::default()).await.unwrap();
    assert_eq!(list.total, 0);
    let profile = read(&world, "ann", GetProfile {}).await.unwrap();
    assert_eq!(profile, Profile::default());
    assert_eq!(
        read(&world, "bob", ListTasks::default())
            .await
            .unwrap()
            .total,
        1
    );
}

#[tokio::test]
async fn for_a_while_nothing_happens_and_then_the_person_begins_anew() {
    let world = world();
    person(&world).await;
    command(&world, "ann", "erase/1", ERASE).await.unwrap();
    // What comes late is refused, whether it would change anything or not
    let zone = SetProfile {
        time_zone: "UTC".into(),
        only_if_unset: true,
    };
    for late in [
        refused(command(&world, "ann", "due", titled("due")).await),
        refused(command(&world, "ann", "zone", zone).await),
        refused(command(&world, "ann", "undo", user::Undo::default()).await),
        refused(read(&world, "ann", Admit {}).await),
    ] {
        assert!(late.contains("has just been erased"), "{late}");
    }
    // Reminders and events from before find nothing, and are no error
    let fired = command(&world, "ann", "fire", FireDue {}).await.unwrap();
    assert_eq!(fired.reminded, 0);
    let roll = RollForward {
        task_id: "task-3".into(),
    };
    assert_eq!(
        command(&world, "ann", "roll", roll).await.unwrap().next,
        None
    );
    // When the while is over
    world.clock.advance(Duration::from_secs(60));
    let world = world.restart();
    read(&world, "ann", Admit {}).await.unwrap();
    for n in 0..139 {
        let task = add(&world, "ann", &format!("new {n}")).await;
        assert_eq!(task.id, format!("task-{}", n + 1));
    }
    // And an erasure that is still asked for is not another one, whatever its key
    for key in ["erase/1", "another"] {
        command(&world, "ann", key, ERASE).await.unwrap();
    }
    // Then the journal goes on from the tombstone, snapshots and all
    let world = world.restart();
    let list = read(&world, "ann", ListTasks::default()).await.unwrap();
    assert_eq!(list.total, 139);
    drained(&world).await;
    assert!(ids(&world, &ann()).contains(&"User/ann/280/0".to_owned()));
    assert!(!world.sidecar.keys(&ann()).contains(&"e:141".to_owned()));
    assert_eq!(tombstone(&world, &ann()).await, 141);
}

#[tokio::test]
async fn a_crash_before_or_after_any_write_leaves_nothing_once_it_is_asked_again() {
    for crash in [Crash::Before, Crash::After] {
        for at in 0..6 {
            for restart in [false, true] {
                let when = format!("write {at} {crash:?} restart {restart}");
                // Given a person with more entries than one transaction deletes
                let mut world = world();
                world.sidecar.kafka_away(true);
                for n in 0..300 {
                    add(&world, "ann", &format!("t{n}")).await;
                }
                // When her erasure is cut at a write, by the store or by the death of all
                world.sidecar.crash_at_write(at, crash);
                let first = command(&world, "ann", "erase/1", ERASE).await;
                if restart {
                    world = world.restart();
                }
                let removed = insist(&world, "ann", ERASE).await;
                // Then it ends as if nothing had been
                assert_eq!(removed.tasks, 300, "{when}");
                if let Ok(first) = first {
                    assert_eq!(first, removed);
                }
                assert_only_tombstone(&world, &ann(), 301, &when);
                let world = world.restart();
                let list = read(&world, "ann", ListTasks::default()).await.unwrap();
                assert_eq!(list.total, 0, "{when}");
                assert_eq!(insist(&world, "ann", ERASE).await, removed, "{when}");
                assert_only_tombstone(&world, &ann(), 301, &when);
            }
        }
    }
}

#[tokio::test]
async fn a_page_written_ahead_by_one_who_died_is_known_to_be_from_before() {
    // Given an activation that died between its pages and its entry
    let world = world();
    for n in 0..64 {
        add(&world, "ann", &format!("t{n}")).await;
    }
    world.sidecar.crash_at_write(1, Crash::Before);
    command(&world, "ann", "k", titled("cut"))
        .await
        .unwrap_err();
    let world = world.restart();
    add(&world, "ann", "another").await;
    // When she is erased, and comes back for long enough to have pages again
    command(&world, "ann", "erase/1", ERASE).await.unwrap();
    let seq = tombstone(&world, &ann()).await;
    let pages = |world: &World| -> Vec<u64> {
        let keys = world.sidecar.keys(&ann()).into_iter();
        let pages = keys.filter_map(|key| Some(key.strip_prefix("p:")?.to_owned()));
        pages
            .map(|page| page.split(':').next().unwrap().parse().unwrap())
            .collect()
    };
    let orphans = pages(&world);
    assert!(!orphans.is_empty() && orphans.iter().all(|from| *from <= seq));
    world.clock.advance(Duration::from_secs(60));
    for n in 0..70 {
        add(&world, "ann", &format!("new {n}")).await;
    }
    // Then her pages are from after the tombstone
    let (before, after): (Vec<u64>, Vec<u64>) =
        pages(&world).into_iter().partition(|from| *from <= seq);
    assert_eq!(before, orphans);
    assert!(!after.is_empty());
}

#[tokio::test]
async fn an_activation_that_has_not_heard_of_it_brings_nothing_back() {
    let world = world();
    person(&world).await;
    // Given a second host that has her active, one command before a snapshot of all of it
    let other = world.second_host();
    let call = async |method: &'static str, key: &str, message: serde_json::Value| {
        let request = serde_json::to_vec(&Request::command(key, message)).unwrap();
        match other.call(user::TYPE, "ann", method, request.into()).await {
            todo_actors::host::Answer::Json(body, _) => String::from_utf8(body).unwrap(),
            none => panic!("{none:?}"),
        }
    };
    for n in 0..51 {
        call("add", &format!("o{n}"), serde_json::json!({"title": "o"})).await;
    }
    // When she is erased here and it goes on there
    let removed = command(&world, "ann", "erase/1", ERASE).await.unwrap();
    assert_eq!(removed.tasks, 191);
    for n in 0..3 {
        let complete = serde_json::json!({"task_id": "task-1"});
        let answer = call("complete", &format!("c{n}"), complete).await;
        assert!(answer.contains("has just been erased"), "{answer}");
    }
    // Then nothing came of it
    assert_only_tombstone(&world, &ann(), 192, "after the other");
    let world = world.restart();
    let list = read(&world, "ann", ListTasks::default()).await.unwrap();
    assert_eq!(list.total, 0);
}

#[tokio::test]
async fn what_kafka_never_got_it_never_gets() {
    let world = world();
    add(&world, "ann", "known").await;
    drained(&world).await;
    world.sidecar.kafka_away(true);
    for n in 0..20 {
        add(&world, "ann", &format!("t{n}")).await;
    }
    // When she is erased without Kafka and the process dies with what waited
    command(&world, "ann", "erase/1", ERASE).await.unwrap();
    let world = world.restart();
    world.sidecar.kafka_away(false);
    // Then only the tombstone follows, when the actor is next looked after
    let republish = user::Republish { applied: 1 };
    assert_eq!(read(&world, "ann", republish).await.unwrap().entries, 0);
    drained(&world).await;
    assert_eq!(ids(&world, &ann()), ["User/ann/1/0", "User/ann/22/0"]);
}

#[tokio::test]
async fn a_conversation_is_closed_for_good_with_a_turn_under_way() {
    for crash in [None, Some(Crash::Before), Some(Crash::After)] {
        // Given one with sealed pages and an open turn
        let world = world();
        let id = chat().id;
        for turn in 0..60 {
            read(&world, &id, begin(turn, SAID)).await.unwrap();
            read(&world, &id, finish(turn)).await.unwrap();
        }
        read(&world, &id, begin(60, SAID)).await.unwrap();
        let heading = read(&world, &id, GetHeading {}).await.unwrap();
        assert_eq!(
            (heading.title.as_str(), heading.messages),
            ("say something", 121)
        );
        // When it is erased
        if let Some(crash) = crash {
            world.sidecar.crash_at_write(0, crash);
        }
        let removed = insist(&world, &id, EraseConversation {}).await;
        // Then it is as if it had never been, for the turn too, and for whoever sends it again
        assert_eq!((removed.conversations, removed.messages), (1, 121));
        let seq = tombstone(&world, &chat()).await;
        let world = world.restart();
        for late in [
            refused(read(&world, &id, finish(60)).await),
            refused(read(&world, &id, begin(60, SAID)).await),
            refused(read(&world, &id, begin(61, SAID)).await),
            refused(read(&world, &id, GetHeading {}).await),
            refused(read(&world, &id, GetMessages::default()).await),
        ] {
            assert!(late.contains("no such conversation"), "{late}");
        }
        assert_eq!(insist(&world, &id, EraseConversation {}).await, removed);
        // And a later erasure finds nothing to do
        let again = command(&world, &id, "erase/2", EraseConversation {}).await;
        assert_eq!(again.unwrap().messages, 0);
        assert_only_tombstone(&world, &chat(), seq, "a conversation");
    }
}

#[tokio::test]
async fn an_export_has_every_task_once_in_pages_of_less_than_a_mebibyte() {
    let world = world();
    let notes = "\u{1F95B}".repeat(4_000);
    for n in 0..200 {
        let mut task = titled(&format!("t{n}"));
        task.notes = Some(notes.clone());
        command(&world, "ann", &n.to_string(), task).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = read(&world, "ann", Export { after }).await.unwrap();
        assert!(serde_json::to_vec(&page).unwrap().len() < 1 << 20);
        let Some(last) = page.tasks.last() else { break };
        after = Some(last.id.clone());
        // What changes meanwhile moves nothing
        let complete = CompleteTask {
            task_id: "task-150".into(),
        };
        command(&world, "ann", &format!("c{}", seen.len()), complete)
            .await
            .unwrap();
        seen.extend(page.tasks.into_iter().map(|task| task.id));
    }
    let all: Vec<String> = (1..=200).map(|n| format!("task-{n}")).collect();
    assert_eq!(seen, all);
    refused(
        read(
            &world,
            "ann",
            Export {
                after: Some("milk".into()),
            },
        )
        .await,
    );
}
