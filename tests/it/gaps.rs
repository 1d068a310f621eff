//! What stands between journals and tables, against tables of its own: events that can never
//! be taken in, whom the reconciler asks first, and what the sidecars find there.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use todo_actors::{
    clock::Clock,
    host::{Host, HostOptions},
    sidecar::Sidecar,
    testkit::{MemorySidecar, VirtualClock},
};
use todo_backend::{
    consumers::{Incoming, Verdict, projector},
    migrate,
    tables::{self, Limits},
};
use todo_stack::Stack;

use crate::{
    evidence::database,
    world::{run, shared},
};

/// Empty tables of the backend, in a schema beside the stack's own.
async fn empty_tables(stack: &Stack, schema: &'static str) -> PgPool {
    let create = format!("create schema {schema}");
    let mut database = database(stack).await;
    database.execute(AssertSqlSafe(create)).await.unwrap();
    let mut url = reqwest::Url::parse(stack.database_url()).unwrap();
    url.query_pairs_mut()
        .append_pair("options[search_path]", schema);
    migrate::run(url.as_str()).await.unwrap();
    tables::pool(url.as_str(), 2, Limits::SHORT).unwrap()
}

/// The event of entry `seq` of Ann's journal, which adds a task.
fn added(seq: u64, title: &str) -> Value {
    let at = "2026-03-01T10:00:00Z";
    json!({
        "specversion": "1.0", "id": format!("User/ann/{seq}/0"), "source": "backend",
        "type": "com.todo.task.created", "subject": format!("task-{seq}"), "time": at,
        "datacontenttype": "application/json",
        "actor": "User/ann", "sequence": seq.to_string(), "part": 0, "parts": 1,
        "data": {
            "user_id": "ann", "task_id": format!("task-{seq}"), "title": title,
            "status": "open", "created_at": at, "updated_at": at,
        },
    })
}

async fn project(pool: &PgPool, events: &[Value]) -> Vec<Verdict> {
    let incoming = events.iter().enumerate().map(|(n, event)| {
        let message = event.to_string();
        Incoming::new(&n.to_string(), "task-events", Some(0), message.as_bytes())
    });
    let statuses = projector::apply(pool, incoming.collect()).await;
    statuses.into_iter().map(|entry| entry.status).collect()
}

async fn titles(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select title from tasks where user_id = 'ann' order by id")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[test]
fn sidecars_that_come_up_together_need_not_create_their_table() {
    run(async {
        // Given an empty database, brought up to date, that no sidecar has seen
        let pool = empty_tables(shared().await, "gaps_sidecars").await;
        // When Dapr's state component says `create table if not exists`, which lets two collide
        let made: Option<String> =
            sqlx::query_scalar("select to_regclass('gaps_sidecars.dapr_metadata')::text")
                .fetch_one(&pool)
                .await
                .unwrap();
        // Then there is nothing to create
        assert!(made.is_some());
    });
}

#[test]
fn an_event_that_can_never_be_taken_in_stops_nothing_behind_it() {
    run(async {
        let pool = empty_tables(shared().await, "gaps_projector").await;
        // Given an event without sense, one that no database takes, and one after each
        let mut senseless = added(2, "lost");
        senseless["data"]["created_at"] = json!("yesterday");
        let mut before_time = added(4, "lost");
        before_time["data"]["created_at"] = json!("-009998-01-01T00:00:00Z");
        let events = [
            added(1, "one"),
            senseless,
            added(3, "three"),
            before_time,
            added(5, "five"),
        ];
        // When they come in one bulk
        let verdicts = project(&pool, &events).await;
        // Then those two are given up and the others show
        use Verdict::{Drop, Success};
        assert_eq!(verdicts, [Success, Drop, Success, Drop, Success]);
        assert_eq!(titles(&pool).await, ["one", "three", "five"]);
        // But one of a kind that a newer build may know keeps its turn
        let mut unknown = added(6, "six");
        unknown["type"] = json!("com.todo.task.painted");
        let verdicts = project(&pool, &[unknown, added(7, "seven")]).await;
        assert_eq!(verdicts, [Drop, Success]);
        assert_eq!(titles(&pool).await, ["one", "three", "five"]);
        // Until that build brings it back
        let both = [added(6, "six"), added(7, "seven")];
        assert_eq!(project(&pool, &both).await, [Success, Success]);
        assert_eq!(titles(&pool).await.len(), 5);
        pool.close().await;
    });
}

#[test]
fn a_sweep_asks_for_reminders_before_events() {
    run(async {
        // Given events that the tables lack, and somebody whose reminder did not fire
        let pool = empty_tables(shared().await, "gaps_sweep").await;
        for behind in [
            "insert into journal_head (actor, seq, moved_at)
             select 'User/u' || n, 1, now() - interval '1 minute' from generate_series(1, 9) n",
            "insert into profiles (user_id, time_zone, time_zone_set, next_wake)
             values ('ann', 'UTC', false, '2026-11-23T09:59:00Z')",
        ] {
            pool.execute(behind).await.unwrap();
        }
        let clock: Arc<dyn Clock> = VirtualClock::at("2026-11-23T10:00:00Z".parse().unwrap());
        let sidecar = MemorySidecar::new(Arc::clone(&clock));
        let host = Host::new(
            Arc::clone(&sidecar) as Arc<dyn Sidecar>,
            clock,
            Some(pool.clone()),
            HostOptions::new("token"),
        );
        sidecar.connect(&host);
        // When the reconciler is woken
        let sweep = host.remind("Reconciler", "main", "sweep", None);
        tokio::time::timeout(Duration::from_secs(60), sweep)
            .await
            .unwrap()
            .unwrap();
        // Then the reminder is first, and the rest follows
        let calls = sidecar.calls();
        assert_eq!(calls.first().unwrap(), "User/ann/fire_due");
        pool.close().await;
    });
}
