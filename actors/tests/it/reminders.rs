//! Reminders: armed early enough, moved with every change, fired once.

use std::time::Duration;

use jiff::Timestamp;
use todo_actors::{
    clock::Clock,
    event::Topic,
    message::{ActorRef, Request},
    testkit::World,
    user::{self, CompleteTask, Due, SetProfile, Task, TaskChange, UpdateTask},
};

use crate::{command, titled, world};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn armed(world: &World) -> Option<Timestamp> {
    world
        .sidecar
        .reminder(&ActorRef::new(user::TYPE, "ann"), "due")
}

async fn add_due(world: &World, key: &str, due: Due) -> Task {
    let mut task = titled(key);
    task.due = Some(due);
    command(world, "ann", key, task).await.unwrap()
}

async fn set_zone(world: &World, zone: &str) {
    let profile = SetProfile {
        time_zone: zone.into(),
        only_if_unset: false,
    };
    command(world, "ann", zone, profile).await.unwrap();
}

fn reminded(world: &World) -> Vec<String> {
    let published = world.sidecar.published().into_iter();
    published
        .filter(|(topic, _, _)| *topic == Topic::Reminders)
        .map(|(_, _, event)| {
            let event: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
            assert_eq!(event["type"], "com.todo.reminder.due");
            event["data"]["title"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_reminder_follows_the_earliest_due_moment() {
    let world = world();
    let late = add_due(&world, "late", Due::At(at("2026-11-23T15:00:00Z"))).await;
    assert_eq!(armed(&world), Some(at("2026-11-23T15:00:00Z")));
    let early = add_due(&world, "early", Due::At(at("2026-11-23T12:00:00Z"))).await;
    assert_eq!(armed(&world), Some(at("2026-11-23T12:00:00Z")));
    // Moved later, the other one is first
    let change = TaskChange {
        due: Some(Some(Due::At(at("2026-11-23T18:00:00Z")))),
        ..TaskChange::default()
    };
    command(
        &world,
        "ann",
        "move",
        UpdateTask {
            task_id: early.id.clone(),
            change,
        },
    )
    .await
    .unwrap();
    assert_eq!(armed(&world), Some(at("2026-11-23T15:00:00Z")));
    command(&world, "ann", "c1", CompleteTask { task_id: late.id })
        .await
        .unwrap();
    assert_eq!(armed(&world), Some(at("2026-11-23T18:00:00Z")));
    command(&world, "ann", "c2", CompleteTask { task_id: early.id })
        .await
        .unwrap();
    assert_eq!(armed(&world), None);
}

#[tokio::test]
async fn each_occurrence_is_announced_once() {
    let world = world();
    add_due(&world, "one", Due::At(at("2026-11-23T12:00:00Z"))).await;
    add_due(&world, "two", Due::At(at("2026-11-23T13:00:00Z"))).await;
    world.clock.advance(Duration::from_secs(2 * 3600 + 1));
    world.sidecar.fire_due_reminders(&world.host).await;
    assert_eq!(reminded(&world), ["one"]);
    // A wake-up too many does nothing
    world
        .host
        .remind(user::TYPE, "ann", "due", None)
        .await
        .unwrap();
    assert_eq!(reminded(&world), ["one"]);
    world.clock.advance(Duration::from_secs(3600));
    world.sidecar.fire_due_reminders(&world.host).await;
    assert_eq!(reminded(&world), ["one", "two"]);
    assert_eq!(armed(&world), None);
}

#[tokio::test]
async fn a_reminder_belongs_to_the_trace_of_whoever_set_it_and_the_next_to_none_before() {
    let world = world();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (key, hour) in [("one", 12), ("two", 13)] {
        let mut task = titled(key);
        task.due = Some(Due::At(at(&format!("2026-11-23T{hour}:00:00Z"))));
        let request = Request {
            traceparent: Some(trace.into()),
            ..Request::command(key, task)
        };
        world.client.send("ann", request).await.unwrap();
    }
    world.clock.advance(Duration::from_secs(2 * 3600));
    world.sidecar.fire_due_reminders(&world.host).await;
    world.clock.advance(Duration::from_secs(3600));
    world.sidecar.fire_due_reminders(&world.host).await;
    let published = world.sidecar.published().into_iter();
    let traces: Vec<String> = published
        .filter(|(topic, _, _)| *topic == Topic::Reminders)
        .map(|(_, _, event)| {
            let event: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
            event["traceparent"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(traces.len(), 2);
    assert_eq!(traces[0], trace);
    assert_ne!(traces[1][..36], trace[..36]);
}

#[tokio::test]
async fn a_moment_within_a_second_is_kept_to_the_microsecond() {
    let world = world();
    let moment = at("2026-11-23T12:00:00.987654Z");
    add_due(&world, "one", Due::At(moment)).await;
    world
        .clock
        .advance(Duration::from_micros(2 * 3_600_000_000 + 987_653));
    world
        .host
        .remind(user::TYPE, "ann", "due", None)
        .await
        .unwrap();
    assert!(reminded(&world).is_empty());
    assert!(armed(&world).is_some_and(|at| at >= moment));
}

#[tokio::test]
async fn an_offset_reminds_ahead_and_a_new_due_moment_reminds_again() {
    let world = world();
    let mut task = titled("call mum");
    task.due = Some(Due::At(at("2026-11-23T12:00:00Z")));
    task.reminder_offset_minutes = Some(30);
    let task = command(&world, "ann", "k", task).await.unwrap();
    assert_eq!(armed(&world), Some(at("2026-11-23T11:30:00Z")));
    world.clock.advance(Duration::from_secs(90 * 60));
    world.sidecar.fire_due_reminders(&world.host).await;
    let change = TaskChange {
        due: Some(Some(Due::At(at("2026-11-23T14:00:00Z")))),
        ..TaskChange::default()
    };
    command(
        &world,
        "ann",
        "move",
        UpdateTask {
            task_id: task.id,
            change,
        },
    )
    .await
    .unwrap();
    world.clock.advance(Duration::from_secs(2 * 3600));
    world.sidecar.fire_due_reminders(&world.host).await;
    assert_eq!(reminded(&world), ["call mum", "call mum"]);
}

#[tokio::test]
async fn a_date_reminds_at_nine_in_the_persons_zone_across_a_dst_change() {
    let world = world();
    set_zone(&world, "Europe/Berlin").await;
    // 28 March 2027 is the day Berlin's clocks go forward
    add_due(&world, "before", Due::Date("2027-03-27".parse().unwrap())).await;
    assert_eq!(armed(&world), Some(at("2027-03-27T08:00:00Z")));
    let change = TaskChange {
        due: Some(Some(Due::Date("2027-03-28".parse().unwrap()))),
        ..TaskChange::default()
    };
    command(
        &world,
        "ann",
        "move",
        UpdateTask {
            task_id: "task-1".into(),
            change,
        },
    )
    .await
    .unwrap();
    assert_eq!(armed(&world), Some(at("2027-03-28T07:00:00Z")));
    // Somewhere else, nine o'clock is another instant
    set_zone(&world, "America/New_York").await;
    assert_eq!(armed(&world), Some(at("2027-03-28T13:00:00Z")));
}

#[tokio::test]
async fn more_than_a_hundred_due_at_once_are_all_announced() {
    let world = world();
    for n in 0..250 {
        add_due(
            &world,
            &format!("t{n}"),
            Due::At(at("2026-11-23T12:00:00Z")),
        )
        .await;
    }
    world.clock.advance(Duration::from_secs(3 * 3600));
    world.sidecar.fire_due_reminders(&world.host).await;
    assert_eq!(reminded(&world).len(), 250);
}

#[tokio::test]
async fn the_loser_of_a_double_activation_arms_what_the_winner_stored() {
    let world = world();
    add_due(&world, "one", Due::At(at("2026-11-23T15:00:00Z"))).await;
    // Given another activation that stored an earlier moment while this one was looking away
    let other = world.second_host();
    let mut earlier = titled("earlier");
    earlier.due = Some(Due::At(at("2026-11-23T11:00:00Z")));
    let request = Request::command("x", earlier);
    other
        .call(
            user::TYPE,
            "ann",
            "add",
            serde_json::to_vec(&request).unwrap().into(),
        )
        .await;
    // When this one, whose own state knows 15:00 only, moves to 12:00
    add_due(&world, "two", Due::At(at("2026-11-23T12:00:00Z"))).await;
    // Then the earliest of all stands
    assert_eq!(armed(&world), Some(at("2026-11-23T11:00:00Z")));
}

#[tokio::test]
async fn a_reminder_that_cannot_be_stored_fires_again() {
    let world = world();
    add_due(&world, "one", Due::At(at("2026-11-23T12:00:00Z"))).await;
    world.clock.advance(Duration::from_secs(3 * 3600));
    world.sidecar.store_away(true);
    world.sidecar.fire_due_reminders(&world.host).await;
    assert!(reminded(&world).is_empty());
    world.sidecar.store_away(false);
    world.sidecar.fire_due_reminders(&world.host).await;
    assert_eq!(reminded(&world), ["one"]);
}

#[tokio::test]
async fn a_reminder_moved_after_a_slow_write_is_not_late_by_it() {
    let world = world();
    let first = add_due(&world, "first", Due::At(at("2026-11-23T12:00:00Z"))).await;
    add_due(&world, "second", Due::At(at("2026-11-23T13:00:00Z"))).await;
    // Given a write that takes three seconds
    world.sidecar.hold_writes(true);
    let (client, done) = (world.client.clone(), CompleteTask { task_id: first.id });
    let turn = tokio::spawn(async move { client.send("ann", Request::command("k", done)).await });
    while world.sidecar.writes_waiting() == 0 {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(3));
    // When it is done and the reminder moves to the next task
    world.sidecar.hold_writes(false);
    turn.await.unwrap().unwrap();
    // Then it stands where that task is due
    assert_eq!(armed(&world), Some(at("2026-11-23T13:00:00Z")));
}

#[tokio::test]
async fn a_removal_that_comes_late_does_not_take_another_activations_reminder() {
    // Given an activation that has no reminder left, and whose removal takes its time
    let world = world();
    let only = add_due(&world, "only", Due::At(at("2026-11-23T12:00:00Z"))).await;
    world.sidecar.hold_removals(true);
    let (client, done) = (world.client.clone(), CompleteTask { task_id: only.id });
    let turn = tokio::spawn(async move { client.send("ann", Request::command("k", done)).await });
    while world.sidecar.removals_waiting() == 0 {
        tokio::task::yield_now().await;
    }
    // When another activation sets one meanwhile
    let mut soon = titled("soon");
    soon.due = Some(Due::At(at("2026-11-23T11:00:00Z")));
    let request = serde_json::to_vec(&Request::command("x", soon)).unwrap();
    let other = world.second_host();
    other.call(user::TYPE, "ann", "add", request.into()).await;
    assert_eq!(armed(&world), Some(at("2026-11-23T11:00:00Z")));
    world.sidecar.hold_removals(false);
    turn.await.unwrap().unwrap();
    // Then it stands
    assert_eq!(armed(&world), Some(at("2026-11-23T11:00:00Z")));
}

#[tokio::test]
async fn many_replicas_that_keep_the_sweep_standing_do_not_put_it_off() {
    let world = world();
    let reconciler = ActorRef::new("Reconciler", "main");
    let sweep = || world.sidecar.reminder(&reconciler, "sweep");
    world.clock.advance(Duration::from_secs(10));
    // When a replica sees to it that it stands
    let keep = world.host.keep_reconciler();
    let stands = async {
        while sweep().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = keep => unreachable!("it never ends"),
        () = stands => {}
    }
    // Then it fires now, not later than it would have
    assert_eq!(sweep(), Some(world.clock.now()));
}
