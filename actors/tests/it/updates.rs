//! Open pages hear of every change, and nobody waits for them.

use std::time::{Duration, Instant};

use serde_json::Value;
use todo_actors::{
    event::Topic,
    testkit::World,
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
    world.sidecar.topic_away(Topic::TaskUpdates);
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
