//! Open pages hear of every change, and nobody waits for them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use todo_actors::{
    event::{Outgoing, Topic},
    sidecar::Sidecar,
    testkit::World,
    update,
    updates::Updates,
    user::{CompleteTask, DeleteTask},
};

use crate::{add, command, world};

/// The updates in Kafka, oldest first.
async fn updates(world: &World, count: usize) -> Vec<Value> {
    loop {
        let published = world.sidecar.published().into_iter();
        let updates: Vec<Value> = published
            .filter(|(topic, _, _)| *topic == Topic::TaskUpdates)
            .map(|(_, key, event)| {
                let event: Value = serde_json::from_slice(&event.body).unwrap();
                assert_eq!(event["data"]["user_id"], key.as_str());
                event
            })
            .collect();
        if updates.len() >= count {
            return updates;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn each_change_is_one_update_with_the_task_as_it_is_then() {
    let world = world();
    let task = add(&world, "ann", "milk").await;
    let task_id = task.id.clone();
    command(&world, "ann", "done", CompleteTask { task_id })
        .await
        .unwrap();
    let task_id = task.id.clone();
    command(&world, "ann", "gone", DeleteTask { task_id })
        .await
        .unwrap();
    let told = updates(&world, 3).await;
    assert_eq!(told.len(), 3);
    let ids: Vec<_> = told.iter().map(|event| event["id"].clone()).collect();
    assert_eq!(ids, ["User/ann/1/u0", "User/ann/2/u0", "User/ann/3/u0"]);
    assert_eq!(told[0]["data"]["task"]["title"], "milk");
    assert_eq!(told[1]["data"]["task"]["status"], "done");
    assert_eq!(told[2]["data"]["task"], Value::Null);
    assert_eq!(told[2]["sequence"], "3");
    // And what the others read is numbered as if there were no updates
    let published = world.sidecar.published().into_iter();
    let home: Vec<String> = published
        .filter(|(topic, _, _)| *topic == Topic::TaskEvents)
        .map(|(_, _, event)| event.id)
        .collect();
    assert_eq!(home, ["User/ann/1/0", "User/ann/2/0", "User/ann/3/0"]);
}

#[tokio::test]
async fn pages_that_cannot_be_told_hold_up_neither_turns_nor_events() {
    // Given a Kafka that takes everything but updates
    let world = world();
    world.sidecar.topic_away(Topic::TaskUpdates, true);
    // When people go on
    let started = Instant::now();
    for n in 0..200 {
        for user in ["ann", "bob"] {
            add(&world, user, &format!("t{n}")).await;
        }
    }
    // Then turns did not wait, and every event is acknowledged
    assert!(started.elapsed() < Duration::from_secs(20), "turns waited");
    while world.host.unpublished() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let published = world.sidecar.published();
    assert_eq!(published.len(), 400);
    assert!(
        published
            .iter()
            .all(|(topic, _, _)| *topic == Topic::TaskEvents)
    );
}

/// A queue of updates on a Kafka that takes none, and this many of each of these people handed
/// to it, in turn.
fn outage(world: &World, users: &[String], each: usize) -> Arc<Updates> {
    world.sidecar.topic_away(Topic::TaskUpdates, true);
    let sidecar = Arc::clone(&world.sidecar) as Arc<dyn Sidecar>;
    let queue = Updates::start(&sidecar);
    for n in 0..each {
        for user in users {
            let id = format!("User/{user}/{n}/u0");
            let data = serde_json::json!({ "data": { "user_id": user }, "id": id });
            let event = Outgoing {
                topic: Topic::TaskUpdates,
                id,
                body: data.to_string().into_bytes(),
            };
            queue.tell(user, vec![event]);
        }
    }
    queue
}

/// What Kafka got once it was back, as the users of those updates that are told to read anew,
/// and how many updates came before the first of these.
async fn resyncs(world: &World, queue: &Updates) -> (Vec<Value>, usize) {
    world.sidecar.topic_away(Topic::TaskUpdates, false);
    while queue.backlog() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let published = world.sidecar.published().into_iter();
    let events: Vec<Value> = published
        .map(|(_, _, event)| serde_json::from_slice(&event.body).unwrap())
        .collect();
    let is_resync = |event: &&Value| event["type"] == update::RESYNC;
    let told = events.iter().filter(is_resync);
    let told = told.map(|event| event["data"]["user_id"].clone()).collect();
    let before = events.iter().take_while(|event| !is_resync(event)).count();
    (told, before)
}

#[tokio::test]
async fn whose_updates_found_no_room_reads_anew_once_when_kafka_is_back() {
    // Given more updates than the queue takes
    let world = world();
    let users = ["ann", "bob"].map(str::to_owned);
    let queue = outage(&world, &users, 3_000);
    assert_eq!(queue.backlog(), 5_000);
    // When Kafka is back
    let (mut told, before) = resyncs(&world, &queue).await;
    // Then what had room has come, and each of them is told once, after it
    told.sort_by_key(|user| user.to_string());
    assert_eq!(told, ["ann", "bob"]);
    assert!(before >= 2_500, "{before}");
    let updates = world.sidecar.published().len() - told.len();
    assert_eq!(updates, 5_000);
    // And what comes then finds room, and nobody reads anew for it
    let (told, _) = resyncs(&world, &outage(&world, &users, 1)).await;
    assert_eq!(told.len(), 2, "those of before");
}

#[tokio::test]
async fn past_a_bound_everybody_reads_anew() {
    let world = world();
    let users: Vec<String> = (0..1_100).map(|n| format!("user-{n}")).collect();
    let queue = outage(&world, &users, 6);
    let (told, _) = resyncs(&world, &queue).await;
    assert_eq!(told, [Value::Null]);
}
