//! The database is lost and comes back from a backup, step by step as docs/operate.md says.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    time::{Duration, Instant},
};

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use rskafka::client::ClientBuilder;
use serde_json::json;
use todo_actors::event::Topic;
use todo_stack::{Servers, Stack};
use tokio::{process::Command, sync::watch, task::JoinSet};

use crate::{
    evidence::{database, journals, rows},
    rebuild::caught_up,
    world::{Person, events, own, run, shared, unlimited, until},
};

const PEOPLE: usize = 20;
/// The reconciler leaves a reminder alone for 30 s, and looks every 15 s.
const PATIENCE: Duration = Duration::from_secs(120);
/// Whatever writes to the database: what helm starts again, and what is started by hand.
const CONSUMERS: [&str; 2] = ["projector", "auditor"];
const BACKEND: &str = "backend-1";

#[test]
fn a_lost_database_comes_back_with_all_that_was_acknowledged_before_the_backup() {
    run(async {
        // Given people who write, and a reminder that comes due while the database is gone
        let stack = own(unlimited()).await;
        let ann = Person::new(&stack, 1, "ann");
        let due = Timestamp::now() + 15.seconds();
        let task = json!({ "title": "call mum", "due_at": due.to_string() });
        ann.send(Method::POST, "/tasks", None, Some(task))
            .await
            .ok();
        let bob = Person::new(&stack, 1, "bob");
        bob.add("nobody's business", None).await.ok();
        let (tell, told) = watch::channel(false);
        let mut load = JoinSet::new();
        for n in 0..PEOPLE {
            let person = Person::new(&stack, 1, &format!("u{n}"));
            load.spawn(write_until_told(person, told.clone()));
        }
        calm().await;

        // When a backup is made meanwhile, and the database is lost a while later
        let backup = stack.dir().join("todo.dump");
        let began = Instant::now();
        back_up(&stack, &backup).await;
        let took = began.elapsed();
        calm().await;
        tell.send_replace(true);
        let mut acknowledged = BTreeMap::new();
        while let Some(person) = load.join_next().await {
            let (id, titles) = person.unwrap();
            acknowledged.insert(id, titles);
        }
        ann.add("after the backup", None).await.ok();
        for app in [BACKEND].into_iter().chain(CONSUMERS) {
            stack.stop(app).await.unwrap();
        }
        sqlx::raw_sql("drop schema public cascade; create schema public")
            .execute(&mut database(&stack).await)
            .await
            .unwrap();

        // And it is restored: the topics are made anew, because they tell of what is lost
        let down = Instant::now();
        restore(&stack, &backup).await;
        forget_topics(&stack, &Topic::ALL).await;
        stack.job("migrate").await.unwrap();
        stack.job("topics").await.unwrap();
        for consumer in CONSUMERS {
            stack.start_server(consumer).await.unwrap();
        }
        stack.job("rebuild").await.unwrap();
        // Bob had been erased since
        sqlx::raw_sql("insert into erasures (user_id, begun_at) values ('bob', now())")
            .execute(&mut database(&stack).await)
            .await
            .unwrap();
        stack.start_server(BACKEND).await.unwrap();
        println!(
            "measured: a backup {} ms, the way back {} ms",
            took.as_millis(),
            down.elapsed().as_millis()
        );

        // Then all that was acknowledged before the backup is there, once
        let (mut early, mut late, mut lost) = (0, 0, 0);
        for (id, titles) in &acknowledged {
            let tasks = Person::new(&stack, 1, id).tasks().await;
            let found: HashSet<&str> = tasks
                .iter()
                .map(|task| task["title"].as_str().unwrap())
                .collect();
            assert_eq!(found.len(), tasks.len(), "{id} has something twice");
            for (title, at) in titles {
                let is_there = found.contains(title.as_str());
                if *at < began {
                    early += 1;
                    assert!(is_there, "{id} has lost {title}");
                } else {
                    late += 1;
                    lost += u32::from(!is_there);
                }
            }
        }
        println!("measured: {early} before the backup, none lost; {lost} of {late} since");
        assert!(early > PEOPLE && lost > 0, "there was too little to lose");
        for (actor, kept) in journals(&stack).await {
            kept.assert_whole(&actor);
        }

        // And the reminder comes, once, though the scheduler knows only what is lost
        until("the reminder", PATIENCE, || async {
            (!events(&stack, "reminders", "ann").await.is_empty()).then_some(())
        })
        .await;

        // And whoever was erased goes again
        until("bob to go", PATIENCE, || async {
            let finished = "select finished_at is not null from erasures where user_id = 'bob'";
            sqlx::query_scalar::<_, bool>(finished)
                .fetch_one(&mut database(&stack).await)
                .await
                .unwrap()
                .then_some(())
        })
        .await;
        assert!(bob.tasks().await.is_empty());

        // And everything goes on from there: the journals, their events, and the tables, which
        // are those a rebuild would make
        for n in 0..PEOPLE {
            let person = Person::new(&stack, 1, &format!("u{n}"));
            person.add("after the loss", None).await.ok();
        }
        caught_up(&stack, "").await;
        let projected = rows(&mut database(&stack).await, "").await;
        stack.job("rebuild").await.unwrap();
        assert_eq!(rows(&mut database(&stack).await, "").await, projected);
        let created = events(&stack, "task-events", "u0").await;
        let last = created.last().unwrap();
        assert_eq!(last["data"]["title"], "after the loss", "{last}");
        assert_eq!(events(&stack, "reminders", "ann").await.len(), 1);
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn an_older_build_leaves_the_migrations_of_a_newer_one_alone() {
    run(async {
        // Given a database that a newer build has migrated
        let stack = shared().await;
        let mut database = database(stack).await;
        let newer = "insert into _sqlx_migrations
             (version, description, success, checksum, execution_time)
             values (9999, 'of a newer build', true, '', 0)";
        sqlx::raw_sql(newer).execute(&mut database).await.unwrap();
        // When this build is rolled back to
        let said = stack.job("migrate").await.unwrap();
        // Then it says so, and goes on
        assert!(said.contains("the schema is of a newer build"), "{said}");
        assert!(said.contains("9999"), "{said}");
        let removed = sqlx::raw_sql("delete from _sqlx_migrations where version = 9999")
            .execute(&mut database)
            .await
            .unwrap();
        assert_eq!(removed.rows_affected(), 1);
    });
}

/// Adds tasks at a person's pace; answers when each was acknowledged.
async fn write_until_told(
    person: Person,
    told: watch::Receiver<bool>,
) -> (String, Vec<(String, Instant)>) {
    let mut titles = Vec::new();
    for n in 0.. {
        if *told.borrow() {
            break;
        }
        let title = format!("thing {n}");
        person.add(&title, Some(&format!("key-{n}"))).await.ok();
        titles.push((title, Instant::now()));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    (person.id.clone(), titles)
}

/// Time for people to write, not a condition.
async fn calm() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}

async fn back_up(stack: &Stack, file: &Path) {
    let arguments = ["--format=custom", "--no-owner", "--no-privileges"];
    postgres("pg_dump", &arguments, stack, file).await;
}

async fn restore(stack: &Stack, file: &Path) {
    let arguments = ["--no-owner", "--exit-on-error", "--single-transaction"];
    postgres("pg_restore", &arguments, stack, file).await;
}

async fn postgres(program: &str, arguments: &[&str], stack: &Stack, file: &Path) {
    let servers = tokio::task::spawn_blocking(Servers::get).await.unwrap();
    // Beside the server's programs, or on PATH where those are links.
    let beside = servers.unwrap().postgres.join(program);
    let mut command = if beside.exists() {
        Command::new(beside)
    } else {
        Command::new(program)
    };
    command
        .args(arguments)
        .arg(format!("--dbname={}", stack.database_url()));
    if program == "pg_dump" {
        command.arg("--file");
    }
    let output = command.arg(file).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}");
}

/// Removes topics, and returns when Kafka knows none of them any more.
pub async fn forget_topics(stack: &Stack, topics: &[Topic]) {
    let brokers = vec![stack.kafka_brokers().to_owned()];
    let client = ClientBuilder::new(brokers).build().await.unwrap();
    let controller = client.controller_client().unwrap();
    for topic in topics {
        controller.delete_topic(topic.name(), 10_000).await.unwrap();
    }
    until("the topics to go", PATIENCE, || async {
        let left = client.list_topics().await.unwrap();
        let gone = |name: &str| topics.iter().any(|topic| topic.name() == name);
        (!left.iter().any(|topic| gone(&topic.name))).then_some(())
    })
    .await;
}
