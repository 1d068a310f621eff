//! A region dies, and another takes its people over from replicated journals, as
//! docs/multi-region.md says.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, SqlSafeStr};
use todo_stack::{Signal, Stack};
use tokio::task::JoinSet;

use crate::{
    evidence::{database, journals, rows},
    rebuild::caught_up,
    world::{Own, Person, events, own, run, unlimited, until},
};

const PEOPLE: usize = 20;
const PATIENCE: Duration = Duration::from_secs(120);
/// So long people write before the region dies.
const WRITING: Duration = Duration::from_secs(4);
/// What was acknowledged this long before that may be lost: mostly it is some milliseconds, but here
/// two regions share a machine.
const LAST_MOMENTS: Duration = Duration::from_secs(2);
/// Whatever writes to the database.
const APPS: [&str; 3] = ["backend-1", "projector", "auditor"];
/// What cannot be made again from something else.
const PUBLISH: &str = "create publication todo_standby for table
    dapr_state, journal_head, audit_log, push_subscriptions, push_outbox,
    erasures, users, sessions, accounts, verifications, jwks";

#[test]
fn a_dead_region_is_taken_over_and_only_its_last_moments_may_be_lost() {
    run(async {
        let taken = take_over(false).await;
        println!(
            "measured: {} of {} commands lost without waiting for the standby",
            taken.lost, taken.acknowledged
        );
        let standby = taken.standby;
        // People go on, their reminders come, and the tables are those a rebuild would make
        for n in 0..PEOPLE {
            let person = Person::new(&standby, 1, &format!("u{n}"));
            person.add("after the loss", None).await.ok();
        }
        until("the reminder", PATIENCE, || async {
            (!events(&standby, "reminders", "ann").await.is_empty()).then_some(())
        })
        .await;
        caught_up(&standby, "").await;
        let projected = rows(&mut database(&standby).await, "").await;
        standby.job("rebuild").await.unwrap();
        assert_eq!(rows(&mut database(&standby).await, "").await, projected);
        standby.shutdown().await.unwrap();
    });
}

#[test]
fn a_dead_region_that_waited_for_its_standby_loses_nothing() {
    run(async {
        let taken = take_over(true).await;
        println!(
            "measured: {} of {} commands lost when each waits for the standby",
            taken.lost, taken.acknowledged
        );
        assert_eq!(taken.lost, 0);
        taken.standby.shutdown().await.unwrap();
    });
}

/// A region's standby that has taken over, and how many commands the region had acknowledged
/// and how many of them the standby does not know.
struct Taken {
    standby: Own,
    acknowledged: usize,
    lost: usize,
}

/// Kills a region under load and has its standby take over.
async fn take_over(wait_for_standby: bool) -> Taken {
    // Given a region, and a standby whose apps are stopped and whose database follows
    let region = own(unlimited().replicating()).await;
    let standby = own(unlimited().replicating()).await;
    for app in APPS {
        standby.stop(app).await.unwrap();
    }
    follow(&region, &standby, wait_for_standby).await;

    // When it is killed while people write, with a reminder to come
    let ann = Person::new(&region, 1, "ann");
    let due = Timestamp::now() + 15.seconds();
    let task = json!({ "title": "call mum", "due_at": due.to_string() });
    ann.send(Method::POST, "/tasks", None, Some(task))
        .await
        .ok();
    until("the standby to follow", PATIENCE, || async {
        let heads = "select count(*) from journal_head where actor = 'User/ann'";
        (count(&standby, heads).await == 1).then_some(())
    })
    .await;
    let mut load = JoinSet::new();
    for n in 0..PEOPLE {
        load.spawn(write_until_dead(Person::new(&region, 1, &format!("u{n}"))));
    }
    // Time for people to write, not a condition.
    tokio::time::sleep(WRITING).await;
    let died = Instant::now();
    for server in ["postgres", "backend-1", "daprd-1"] {
        region.kill(server, Signal::Kill).await.unwrap();
    }
    let mut acknowledged = BTreeMap::new();
    while let Some(person) = load.join_next().await {
        let (id, written) = person.unwrap();
        acknowledged.insert(id, written);
    }

    // And the standby takes over
    for statement in [
        "alter subscription todo_standby disable",
        "alter subscription todo_standby set (slot_name = none)",
        "drop subscription todo_standby",
        // Sequences are not replicated: the next row would get a number that is taken.
        "select setval(pg_get_serial_sequence('dapr_state', 'row_id'), max(row_id)) from dapr_state",
    ] {
        say(&standby, statement).await;
    }
    standby.job("rebuild").await.unwrap();
    for app in APPS {
        standby.start_server(app).await.unwrap();
    }
    println!(
        "measured: taken over after {} ms",
        died.elapsed().as_millis()
    );

    // Then of each person's commands only those of the last moments may be gone, and nothing is
    // there in part
    let mut lost = 0;
    for (id, written) in &acknowledged {
        let tasks = Person::new(&standby, 1, id).tasks().await;
        let mut found: Vec<usize> = tasks
            .iter()
            .map(|task| task["title"].as_str().unwrap())
            .map(|title| title.trim_start_matches("thing ").parse().unwrap())
            .collect();
        found.sort_unstable();
        assert!(found.iter().copied().eq(0..found.len()), "{id}: {found:?}");
        for at in written.iter().skip(found.len()) {
            let before = died.saturating_duration_since(*at);
            assert!(
                before < LAST_MOMENTS,
                "{id} has lost what is {before:?} old"
            );
            lost += 1;
        }
    }
    let acknowledged: usize = acknowledged.values().map(Vec::len).sum();
    assert!(acknowledged > PEOPLE, "there was too little to lose");
    for (actor, kept) in journals(&standby).await {
        kept.assert_whole(&actor);
    }

    Taken {
        standby,
        acknowledged,
        lost,
    }
}

/// Has the standby's database take in whatever the region's writes.
async fn follow(region: &Stack, standby: &Stack, wait_for_standby: bool) {
    say(region, PUBLISH).await;
    let url = region.database_url();
    let subscribe =
        format!("create subscription todo_standby connection '{url}' publication todo_standby");
    say(standby, AssertSqlSafe(subscribe)).await;
    until("every table to be copied", PATIENCE, || async {
        let behind = "select count(*) from pg_subscription_rel where srsubstate <> 'r'";
        (count(standby, behind).await == 0).then_some(())
    })
    .await;
    if wait_for_standby {
        say(
            region,
            "alter system set synchronous_standby_names = 'todo_standby'",
        )
        .await;
        say(region, "select pg_reload_conf()").await;
        until("the region to wait", PATIENCE, || async {
            let waits = "select count(*) from pg_stat_replication where sync_state = 'sync'";
            (count(region, waits).await == 1).then_some(())
        })
        .await;
    }
}

async fn say(stack: &Stack, statement: impl SqlSafeStr) {
    sqlx::raw_sql(statement)
        .execute(&mut database(stack).await)
        .await
        .unwrap();
}

async fn count(stack: &Stack, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&mut database(stack).await)
        .await
        .unwrap()
}

/// Adds one task after the other until nobody answers; answers when each was acknowledged.
async fn write_until_dead(person: Person) -> (String, Vec<Instant>) {
    let mut written = Vec::new();
    loop {
        let task = json!({ "title": format!("thing {}", written.len()) });
        let key = format!("key-{}", written.len());
        let sent = person.try_send(Method::POST, "/tasks", Some(&key), Some(task));
        match sent.await {
            Ok(answer) if answer.status.is_success() => written.push(Instant::now()),
            _ => return (person.id.clone(), written),
        }
        // Faster than a person, not a condition.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
