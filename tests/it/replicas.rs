//! Replicas come and go under load, and nothing is lost or doubled.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::{Connection, PgConnection};
use todo_stack::{Signal, Stack};
use tokio::{sync::watch, task::JoinSet};

use crate::world::{Person, insist, own, report, run, unlimited, until};

const USERS: usize = 200;
/// Longest a command may stay unacknowledged before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the load is going through, and the longest any command took in it.
type Longest = Arc<Mutex<BTreeMap<&'static str, Duration>>>;

#[test]
fn two_hundred_people_write_while_a_replica_joins_leaves_and_dies() {
    run(async {
        let stack = own(unlimited()).await;
        let (phase, _) = watch::channel("alone");
        let longest = Longest::default();
        let mut load = JoinSet::new();
        for n in 0..USERS {
            let person = Person::new(&stack, 1, &format!("u{n}"));
            load.spawn(write_until_told(
                person,
                phase.subscribe(),
                Arc::clone(&longest),
            ));
        }
        let calm = || tokio::time::sleep(Duration::from_secs(4));
        calm().await;
        phase.send_replace("join");
        stack.scale(2).await.unwrap();
        calm().await;
        phase.send_replace("SIGTERM");
        stack.scale(1).await.unwrap();
        calm().await;
        phase.send_replace("second join");
        stack.scale(2).await.unwrap();
        calm().await;
        phase.send_replace("SIGKILL");
        stack.kill("backend-2", Signal::Kill).await.unwrap();
        stack.kill("daprd-2", Signal::Kill).await.unwrap();
        calm().await;
        calm().await;
        phase.send_replace("stop");
        let mut acknowledged: HashMap<String, Vec<String>> = HashMap::new();
        while let Some(person) = load.join_next().await {
            let (id, titles) = person.unwrap();
            acknowledged.insert(id, titles);
        }
        let count: usize = acknowledged.values().map(Vec::len).sum();
        println!("measured: {count} commands acknowledged");

        for (phase, longest) in longest.lock().unwrap().iter() {
            let promised = if *phase == "SIGKILL" { 15 } else { 3 };
            report(
                &format!("the longest command, {phase}"),
                *longest,
                Duration::from_secs(promised),
            );
        }
        nothing_lost_or_doubled(&stack, &acknowledged).await;
        stack.shutdown().await.unwrap();
    });
}

async fn write_until_told(
    person: Person,
    phase: watch::Receiver<&'static str>,
    longest: Longest,
) -> (String, Vec<String>) {
    let mut titles = Vec::new();
    for n in 0.. {
        let now = *phase.borrow();
        if now == "stop" {
            break;
        }
        let title = format!("task {n}");
        let took = insist(&person, &title, &format!("k{n}"), PATIENCE).await;
        titles.push(title);
        {
            let mut longest = longest.lock().unwrap();
            let longest = longest.entry(now).or_default();
            *longest = took.max(*longest);
        }
        // A person's pace, not a condition.
        tokio::time::sleep(Duration::from_secs(1).saturating_sub(took)).await;
    }
    (person.id.clone(), titles)
}

async fn nothing_lost_or_doubled(stack: &Stack, acknowledged: &HashMap<String, Vec<String>>) {
    let count: usize = acknowledged.values().map(Vec::len).sum();
    // Every command's event is in Kafka, once after removing repeats by id
    let by_user = until("every event in Kafka", Duration::from_secs(90), || async {
        let mut by_user: HashMap<String, BTreeMap<u64, String>> = HashMap::new();
        for record in stack.read_topic("task-events").await.unwrap() {
            let event = record.json();
            let seq: u64 = event["sequence"].as_str().unwrap().parse().unwrap();
            let title = event["data"]["title"].as_str().unwrap().to_owned();
            let known = by_user
                .entry(record.key_text())
                .or_default()
                .insert(seq, title.clone());
            assert!(
                known.is_none_or(|known| known == title),
                "two events with one id"
            );
        }
        (by_user.values().map(BTreeMap::len).sum::<usize>() >= count).then_some(by_user)
    })
    .await;
    let mut database = PgConnection::connect(stack.database_url()).await.unwrap();
    for (user, titles) in acknowledged {
        let events = &by_user[user];
        assert_eq!(
            &events.values().cloned().collect::<Vec<_>>(),
            titles,
            "events of {user}"
        );
        // The journal has no gap
        let head: i64 =
            sqlx::query_scalar("select seq from journal_head where actor = 'User/' || $1")
                .bind(user)
                .fetch_one(&mut database)
                .await
                .unwrap();
        let head = u64::try_from(head).unwrap();
        assert!(events.keys().copied().eq(1..=head), "sequences of {user}");
        // No acknowledged task is missing, none appears twice
        let person = Person::new(stack, 1, user);
        let mut tasks: Vec<String> = person
            .tasks()
            .await
            .iter()
            .map(|task| task["title"].as_str().unwrap().to_owned())
            .collect();
        let mut titles = titles.clone();
        tasks.sort();
        titles.sort();
        assert_eq!(tasks, titles, "tasks of {user}");
    }
}
