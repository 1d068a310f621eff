//! Crashes at every write, snapshots, truncation, forks, and what Kafka gets.

use std::{collections::HashSet, time::Duration};

use proptest::prelude::*;
use todo_actors::{
    event::Topic,
    message::{ActorRef, CallError, Request},
    testkit::{Crash, World},
    user::{self, CompleteTask, GetTask, ListTasks, Republish, TaskChange, UpdateTask},
};
use tokio::time::Instant;

use crate::{add, block_on, command, read, titled, world};

fn ann() -> ActorRef {
    ActorRef::new(user::TYPE, "ann")
}

/// The ids Kafka has on a topic, in order, repeats included.
fn ids(world: &World, topic: Topic) -> Vec<String> {
    let published = world.sidecar.published().into_iter();
    published
        .filter(|(on, _, _)| *on == topic)
        .map(|(_, _, event)| event.id)
        .collect()
}

fn distinct(ids: &[String]) -> Vec<&String> {
    let mut seen = HashSet::new();
    ids.iter().filter(|id| seen.insert(*id)).collect()
}

/// Waits until the publisher has nothing left.
async fn drained(world: &World) {
    while world.host.unpublished() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_deactivation_does_not_wait_for_the_turn_it_interrupts() {
    // Given a turn whose write waits at the sidecar, which waits for the deactivation
    let world = world();
    add(&world, "ann", "milk").await;
    world.sidecar.hold_writes(true);
    let (client, eggs) = (
        world.client.clone(),
        Request::command("eggs", titled("eggs")),
    );
    let turn = tokio::spawn(async move { client.send("ann", eggs).await });
    while world.sidecar.writes_waiting() == 0 {
        tokio::task::yield_now().await;
    }
    // When the actor is deactivated, the sidecar goes on, and another turn follows
    world.host.deactivate("User", "ann");
    world.sidecar.hold_writes(false);
    add(&world, "ann", "bread").await;
    // Then both turns stand, one after the other
    turn.await.unwrap().unwrap();
    let list = read(&world, "ann", ListTasks::default()).await.unwrap();
    let mut titles: Vec<_> = list.tasks.iter().map(|task| task.title.as_str()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["bread", "eggs", "milk"]);
}

#[tokio::test]
async fn a_crash_before_or_after_any_write_loses_and_doubles_nothing() {
    for crash in [Crash::Before, Crash::After] {
        for at in 0..140 {
            // Given a world in which write number `at` fails, and the retry after it
            let world = world();
            world.sidecar.crash_at_write(at, crash);
            // When 130 tasks are added, two snapshots among them, each repeated until it succeeds
            for n in 0..130 {
                let key = format!("k{n}");
                let added = loop {
                    match command(&world, "ann", &key, titled(&format!("t{n}"))).await {
                        Ok(task) => break task,
                        Err(CallError::Failed(failure)) => assert!(failure.retryable),
                        Err(refused) => panic!("{refused}"),
                    }
                };
                assert_eq!(added.id, format!("task-{}", n + 1), "write {at} {crash:?}");
            }
            // Then a fresh process finds each once, and Kafka has each event once by id
            drained(&world).await;
            let events = ids(&world, Topic::TaskEvents);
            assert_eq!(distinct(&events).len(), 130);
            let world = world.restart();
            let list = read(&world, "ann", ListTasks::default()).await.unwrap();
            assert_eq!(list.total, 130, "write {at} {crash:?}");
        }
    }
}

#[tokio::test]
async fn entries_stay_until_kafka_has_them() {
    let world = world();
    // Given 500 changes while Kafka is away
    world.sidecar.kafka_away(true);
    for n in 0..500 {
        add(&world, "ann", &format!("t{n}")).await;
    }
    // When the process dies, Kafka returns, and the actor is called again
    let world = world.restart();
    world.sidecar.kafka_away(false);
    read(
        &world,
        "ann",
        GetTask {
            task_id: "task-1".into(),
        },
    )
    .await
    .unwrap();
    drained(&world).await;
    // Then all 500 events arrive, once each and in order
    let expected: Vec<String> = (1..=500).map(|seq| format!("User/ann/{seq}/0")).collect();
    assert_eq!(ids(&world, Topic::TaskEvents), expected);
    // And later snapshots take the old entries away
    for n in 500..900 {
        add(&world, "ann", &format!("t{n}")).await;
    }
    let entries = world
        .sidecar
        .keys(&ann())
        .iter()
        .filter(|key| key.starts_with("e:"))
        .count();
    assert!(entries < 200, "{entries} entries left");
}

#[tokio::test]
async fn the_loser_of_a_double_activation_carries_on_after_the_winner() {
    let world = world();
    add(&world, "ann", "first").await;
    // Given a second host that has the same actor active
    let other = world.second_host();
    let request = |key: &str, title: &str| {
        serde_json::to_vec(&Request::command(key, titled(title)))
            .unwrap()
            .into()
    };
    other
        .call(user::TYPE, "ann", "add", request("b", "second"))
        .await;
    // When both write in turn, snapshots included
    for n in 0..100 {
        add(&world, "ann", &format!("here {n}")).await;
        other
            .call(
                user::TYPE,
                "ann",
                "add",
                request(&format!("there {n}"), &format!("there {n}")),
            )
            .await;
    }
    // Then every task is there once, with its own id
    let world = world.restart();
    let mut seen = HashSet::new();
    let mut cursor = None;
    loop {
        let list = ListTasks {
            cursor,
            limit: Some(100),
            ..ListTasks::default()
        };
        let list = read(&world, "ann", list).await.unwrap();
        assert_eq!(list.total, 202);
        seen.extend(list.tasks.into_iter().map(|task| (task.id, task.title)));
        cursor = list.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 202);
}

#[tokio::test]
async fn the_largest_write_stays_under_a_mebibyte() {
    let world = world();
    // Given tasks with the longest notes there can be
    let notes = "\u{1F95B}".repeat(4_000);
    for n in 0..300 {
        let mut task = titled(&format!("t{n}"));
        task.notes = Some(notes.clone());
        command(&world, "ann", &n.to_string(), task).await.unwrap();
    }
    // When small tasks have grown too
    for n in 0..200 {
        add(&world, "bob", &format!("t{n}")).await;
    }
    for n in 1..=200 {
        let change = TaskChange {
            notes: Some(Some(notes.clone())),
            ..TaskChange::default()
        };
        let update = UpdateTask {
            task_id: format!("task-{n}"),
            change,
        };
        command(&world, "bob", &format!("u{n}"), update)
            .await
            .unwrap();
    }
    // Then no write was large, and everything reads back
    assert!(
        world.sidecar.largest_write() < 1 << 20,
        "{} bytes",
        world.sidecar.largest_write()
    );
    let world = world.restart();
    for user in ["ann", "bob"] {
        let last = read(
            &world,
            user,
            GetTask {
                task_id: "task-200".into(),
            },
        )
        .await
        .unwrap();
        assert_eq!(last.notes.as_ref(), Some(&notes));
    }
}

#[tokio::test]
async fn turns_of_many_users_share_batches() {
    let world = world();
    let turns = (0..200).map(|n| {
        let client = world.client.clone();
        async move {
            client
                .send(&format!("u{n}"), Request::command("k", titled("t")))
                .await
        }
    });
    for added in futures::future::join_all(turns).await {
        added.unwrap();
    }
    drained(&world).await;
    let calls = world.sidecar.publish_calls();
    assert!(calls * 8 <= 200, "{calls} publish calls for 200 events");
}

#[tokio::test]
async fn nobody_waits_for_a_kafka_that_is_away() {
    let world = world();
    world.sidecar.kafka_away(true);
    add(&world, "ann", "the one that finds out").await;
    let start = Instant::now();
    for n in 0..50 {
        add(&world, "ann", &format!("t{n}")).await;
    }
    // 50 turns that each waited the bound of 250 ms would take 12 s
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_store_that_is_away_fails_and_comes_back_by_itself() {
    let world = world();
    add(&world, "ann", "before").await;
    world.sidecar.store_away(true);
    match command(&world, "ann", "k", titled("during")).await {
        Err(CallError::Failed(failure)) => assert!(failure.retryable),
        other => panic!("{other:?}"),
    }
    world.sidecar.store_away(false);
    command(&world, "ann", "k", titled("during")).await.unwrap();
    assert_eq!(
        read(&world, "ann", ListTasks::default())
            .await
            .unwrap()
            .total,
        2
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_nothing_holds_a_turn_up_once_and_not_those_behind_it() {
    // Given a list in memory and a store that has frozen
    let world = world();
    add(&world, "ann", "before").await;
    world.sidecar.store_silent(true);
    let unanswered = async |key: &str| {
        let start = Instant::now();
        match command(&world, "ann", key, titled("during")).await {
            Err(CallError::Failed(failure)) => assert!(failure.retryable),
            other => panic!("{other:?}"),
        }
        start.elapsed()
    };
    // When three people write to it at once, and one a little later
    let queued = tokio::join!(unanswered("a"), unanswered("b"), unanswered("c"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let later = unanswered("a").await;
    // Then none waits longer than a write and its repeat, nor the one that reads first
    for waited in [queued.0, queued.1, queued.2, later] {
        assert!(waited <= Duration::from_millis(5_100), "{waited:?}");
    }
    // And when it speaks again, so do they, once each
    world.sidecar.store_silent(false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for key in ["a", "b", "c", "a"] {
        command(&world, "ann", key, titled("during")).await.unwrap();
    }
    let list = read(&world, "ann", ListTasks::default()).await.unwrap();
    assert_eq!(list.total, 4);
}

#[derive(Debug, Clone)]
enum Step {
    Add,
    Complete(u64),
    Update(u64, u16),
    Delete(u64),
    Undo,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Add),
        2 => (1..60_u64).prop_map(Step::Complete),
        3 => ((1..60_u64), (0..4000_u16)).prop_map(|(n, len)| Step::Update(n, len)),
        2 => (1..60_u64).prop_map(Step::Delete),
        2 => Just(Step::Undo),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn state_read_back_from_snapshots_equals_the_state_that_never_left(steps in steps()) {
        block_on(async {
            // Given one world that restarts at times and one that never does
            let mut restarting = world();
            let staying = world();
            for (n, step) in steps.iter().enumerate() {
                if matches!(step, Step::Restart) {
                    restarting = restarting.restart();
                    continue;
                }
                // When both get the same commands, they answer the same
                let here = run(&restarting, n, step).await;
                let there = run(&staying, n, step).await;
                assert_eq!(here, there);
            }
            // Then they list the same
            let all = ListTasks { limit: Some(100), ..ListTasks::default() };
            let here = read(&restarting.restart(), "ann", all.clone()).await.unwrap();
            assert_eq!(here, read(&staying, "ann", all).await.unwrap());
        });
    }
}

async fn run(world: &World, n: usize, step: &Step) -> String {
    let key = format!("k{n}");
    let id = |n: &u64| format!("task-{n}");
    match step {
        Step::Add => format!("{:?}", command(world, "ann", &key, titled("t")).await),
        Step::Complete(n) => {
            format!(
                "{:?}",
                command(world, "ann", &key, CompleteTask { task_id: id(n) }).await
            )
        }
        Step::Update(n, length) => {
            let notes = Some(Some("n".repeat(usize::from(*length))));
            let change = TaskChange {
                notes,
                ..TaskChange::default()
            };
            format!(
                "{:?}",
                command(
                    world,
                    "ann",
                    &key,
                    UpdateTask {
                        task_id: id(n),
                        change
                    }
                )
                .await
            )
        }
        Step::Delete(n) => {
            let delete = user::DeleteTask { task_id: id(n) };
            format!("{:?}", command(world, "ann", &key, delete).await)
        }
        Step::Undo => format!(
            "{:?}",
            command(world, "ann", &key, user::Undo::default()).await
        ),
        Step::Restart => String::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_kafka_has_goes_out_again_once_in_a_while_only() {
    // Given three events in Kafka that the projector has not taken in
    let world = world();
    for n in 0..3 {
        add(&world, "ann", &format!("t{n}")).await;
    }
    drained(&world).await;
    let republish = |applied| read(&world, "ann", Republish { applied });
    // When the reconciler asks every 15 s, they go out again at the first time
    assert_eq!(republish(0).await.unwrap().entries, 3);
    for _ in 0..20 {
        drained(&world).await;
        tokio::time::advance(Duration::from_secs(15)).await;
        assert_eq!(republish(0).await.unwrap().entries, 0);
    }
    assert_eq!(ids(&world, Topic::TaskEvents).len(), 6);
    // When the projector has come further, what is left goes out at once
    assert_eq!(republish(1).await.unwrap().entries, 2);
    drained(&world).await;
    // And from the same place again after half an hour
    tokio::time::advance(Duration::from_secs(1800)).await;
    assert_eq!(republish(1).await.unwrap().entries, 2);
    // New entries are no part of this
    drained(&world).await;
    add(&world, "ann", "new").await;
    drained(&world).await;
    assert_eq!(ids(&world, Topic::TaskEvents).len(), 11);
}
