//! The database's password is changed while people write, as docs/operate.md says.

use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use todo_stack::Stack;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    evidence::database,
    world::{Person, insist, own, report, run, unlimited, until},
};

const PEOPLE: usize = 20;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_changed_password_reaches_every_app_and_nobody_notices() {
    run(async {
        // Given people who write at two replicas
        let stack = own(unlimited().replicas(2)).await;
        let (tell, told) = watch::channel(false);
        let mut load = JoinSet::new();
        for n in 0..PEOPLE {
            let person = Person::new(&stack, 1 + n % 2, &format!("u{n}"));
            let other = stack.base_url(2 - n % 2);
            load.spawn(write_until_told(person, other, told.clone()));
        }

        // When the password changes, then the secret, and the apps start again one by one
        let old = stack.database_url().to_owned();
        sqlx::raw_sql("alter role todo password 'changed'")
            .execute(&mut database(&stack).await)
            .await
            .unwrap();
        let new = change_secret(&stack, &old);
        for app in ["backend-1", "backend-2", "projector", "auditor"] {
            stack.stop(app).await.unwrap();
            stack.start_server(app).await.unwrap();
        }
        tell.send_replace(true);

        // Then everything was acknowledged, and the old password is good for nothing
        let mut count = 0;
        let mut longest = Duration::ZERO;
        while let Some(person) = load.join_next().await {
            let (id, written, wait) = person.unwrap();
            let tasks = Person::new(&stack, 1, &id).tasks().await;
            assert_eq!(tasks.len(), written, "{id}");
            count += written;
            longest = longest.max(wait);
        }
        println!("measured: {count} commands acknowledged");
        let promised = Duration::from_secs(3);
        report("the longest while the password changed", longest, promised);
        assert!(PgConnection::connect(&old).await.is_err());
        until("the projector to catch up", PATIENCE, || async {
            let rows: i64 = sqlx::query_scalar("select count(*) from tasks")
                .fetch_one(&mut PgConnection::connect(&new).await.unwrap())
                .await
                .unwrap();
            (rows == i64::try_from(count).unwrap()).then_some(())
        })
        .await;
        stack.shutdown().await.unwrap();
    });
}

/// Adds tasks until told; answers how many, and how long the slowest took. A replica that goes
/// is left for the other.
async fn write_until_told(
    person: Person,
    other: String,
    told: watch::Receiver<bool>,
) -> (String, usize, Duration) {
    let (mut here, mut there) = (person.clone(), person.at(&other));
    let mut longest = Duration::ZERO;
    let mut written = 0;
    while !*told.borrow() {
        let title = format!("thing {written}");
        let key = format!("key-{written}");
        let took = tokio::select! {
            took = insist(&here, &title, &key, PATIENCE) => took,
            // Whoever waits tries the other replica.
            took = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                insist(&there, &title, &key, PATIENCE).await + Duration::from_secs(1)
            } => {
                std::mem::swap(&mut here, &mut there);
                took
            }
        };
        longest = longest.max(took);
        written += 1;
        // A person's pace, not a condition.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    (person.id.clone(), written, longest)
}

/// Puts the URL with the changed password where the sidecars read their secrets.
fn change_secret(stack: &Stack, old: &str) -> String {
    let (before, rest) = old.split_once("todo:").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    let new = format!("{before}todo:changed@{place}");
    let path = stack.dir().join("dapr-secrets.json");
    let mut secrets: Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    secrets["app-secrets"]["DATABASE_URL"] = new.as_str().into();
    std::fs::write(&path, secrets.to_string()).unwrap();
    new
}
