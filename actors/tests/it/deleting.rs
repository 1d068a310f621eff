//! Deleting a conversation: what was said is gone at once, wherever it was cut, and Kafka hears
//! of it, whenever it can.

use std::time::Duration;

use todo_actors::{
    conversation::{
        self, Delete, Deleted, EraseConversation, GetHeading, GetMessages, Removed,
        RepublishConversation,
    },
    event::Topic,
    message::CallError,
    testkit::{Crash, World},
    user::Republish,
};

use crate::{
    command, read, refused,
    turns::{begin, chat, finish},
    world,
};

/// What is said in every turn.
const SAID: &str = "marzipan";

/// This many turns, of two entries each, and one that is under way.
async fn talk(world: &World, turns: usize) {
    let id = chat().id;
    for turn in 0..turns {
        read(world, &id, begin(turn, SAID)).await.unwrap();
        read(world, &id, finish(turn)).await.unwrap();
    }
    read(world, &id, begin(turns, SAID)).await.unwrap();
}

async fn republish(world: &World, applied: u64) {
    let republish = RepublishConversation(Republish { applied });
    read(world, &chat().id, republish).await.unwrap();
}

/// What Kafka has of the conversation, oldest first: places in the journal, and the last's type.
async fn heard(world: &World) -> (Vec<u64>, String) {
    while world.host.unpublished() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let published = world.sidecar.published().into_iter();
    let events: Vec<serde_json::Value> = published
        .filter(|(topic, _, _)| *topic == Topic::ConversationEvents)
        .map(|(_, _, event)| serde_json::from_slice(&event.body).unwrap())
        .collect();
    let place = |event: &serde_json::Value| event["sequence"].as_str().unwrap().parse().unwrap();
    let mut places: Vec<u64> = events.iter().map(place).collect();
    places.dedup();
    let last = events.last().unwrap()["type"].as_str().unwrap();
    (places, last.to_owned())
}

/// That the store has nothing of the conversation but that it was deleted.
#[track_caller]
fn assert_only_that_it_was(world: &World, seq: u64, when: &str) {
    let keys = world.sidecar.keys(&chat());
    assert_eq!(keys, [&format!("e:{seq}"), "manifest"], "{when}");
}

#[tokio::test]
async fn nothing_of_it_is_left_but_that_it_was_deleted() {
    let world = world();
    let id = chat().id;
    talk(&world, 60).await;
    // When it is deleted
    command(&world, &id, "d", Delete {}).await.unwrap();
    assert_only_that_it_was(&world, 122, "at once");
    // Then consumers have heard all that was before it, and it
    let all: Vec<u64> = (1..=122).collect();
    let last = "com.todo.conversation.deleted".to_owned();
    assert_eq!(heard(&world).await, (all, last));
    // And so it is for whoever loads the journal: a repeat is answered, nothing else is
    let world = world.restart();
    command(&world, &id, "d", Delete {}).await.unwrap();
    for late in [
        refused(command(&world, &id, "another", Delete {}).await),
        refused(read(&world, &id, finish(60)).await),
        refused(read(&world, &id, begin(0, SAID)).await),
        refused(read(&world, &id, begin(61, SAID)).await),
        refused(read(&world, &id, GetHeading {}).await),
        refused(read(&world, &id, GetMessages::default()).await),
    ] {
        assert!(late.contains("no such conversation"), "{late}");
    }
    assert_only_that_it_was(&world, 122, "after all that");
    // And when its person is erased, consumers are told to forget all of it
    let erased = command(&world, &id, "erase/1", EraseConversation {}).await;
    assert_eq!(erased.unwrap(), Removed::default());
    assert_eq!(
        world.sidecar.keys(&chat()),
        ["e:123", "manifest", "tombstone"]
    );
}

#[tokio::test]
async fn a_crash_before_or_after_any_write_leaves_nothing_once_anybody_comes_by() {
    for crash in [Crash::Before, Crash::After] {
        for at in 0..4 {
            for asked_again in [true, false] {
                let when = format!("write {at} {crash:?} asked again {asked_again}");
                // Given one with more entries than a transaction deletes
                let world = world();
                let id = chat().id;
                world.sidecar.kafka_away(true);
                talk(&world, 150).await;
                // When its deletion is cut at a write and everything dies
                world.sidecar.crash_at_write(at, crash);
                let first = command(&world, &id, "d", Delete {}).await;
                let stands = world.sidecar.keys(&chat()).contains(&"e:302".to_owned());
                assert!(stands || (at, crash) == (0, Crash::Before), "{when}");
                let mut world = world.restart();
                // Then the person who asks again is answered, or the reconciler comes by until
                // a write succeeds
                if asked_again || !stands {
                    while let Err(error) = command(&world, &id, "d", Delete {}).await {
                        assert!(matches!(error, CallError::Failed(failure) if failure.retryable));
                    }
                } else {
                    republish(&world, 0).await;
                    world = world.restart();
                    republish(&world, 0).await;
                }
                if let Ok(first) = first {
                    assert_eq!(first, Deleted {});
                }
                assert_only_that_it_was(&world, 302, &when);
                let world = world.restart();
                let late = refused(read(&world, &id, begin(0, SAID)).await);
                assert!(late.contains("no such conversation"), "{when}: {late}");
            }
        }
    }
}

#[tokio::test]
async fn kafka_hears_of_it_when_it_is_back_though_everything_died_meanwhile() {
    let world = world();
    let id = chat().id;
    talk(&world, 3).await;
    heard(&world).await;
    // When it goes on and is deleted without Kafka, and the process dies
    world.sidecar.kafka_away(true);
    read(&world, &id, finish(3)).await.unwrap();
    command(&world, &id, "d", Delete {}).await.unwrap();
    assert_only_that_it_was(&world, 9, "without Kafka");
    let world = world.restart();
    world.sidecar.kafka_away(false);
    // Then the reconciler sees to it
    republish(&world, 7).await;
    let (places, last) = heard(&world).await;
    assert_eq!(places, [1, 2, 3, 4, 5, 6, 7, 9]);
    assert_eq!(last, "com.todo.conversation.deleted");
    assert_only_that_it_was(&world, 9, "after it");
}

#[tokio::test]
async fn an_activation_that_has_not_heard_of_it_adds_nothing() {
    let world = world();
    talk(&world, 3).await;
    // Given a second host that has it active
    let other = world.second_host();
    let call = async |method: &'static str, message: serde_json::Value| {
        let request = serde_json::json!({ "message": message }).to_string();
        let id = chat().id;
        match other
            .call(conversation::TYPE, &id, method, request.into())
            .await
        {
            todo_actors::host::Answer::Json(body, _) => String::from_utf8(body).unwrap(),
            none => panic!("{none:?}"),
        }
    };
    let known = call("heading", serde_json::json!({})).await;
    assert!(known.contains("marzipan"), "{known}");
    // When it is deleted here and its turn ends there
    command(&world, &chat().id, "d", Delete {}).await.unwrap();
    let late = call("finish_turn", serde_json::to_value(finish(3)).unwrap()).await;
    assert!(late.contains("no such conversation"), "{late}");
    assert_only_that_it_was(&world, 8, "after the other");
}
