//! Replicas come and go under load, and nothing is lost or doubled.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::json;
use todo_stack::{
    Signal, Stack, StackOptions,
    drill::{self, CREATED, Crowd, CrowdOptions, Diary, Habits, Timeline, Wait},
};

use crate::{
    evidence::journals,
    world::{Person, own, report, run, unlimited, until},
};

const USERS: usize = 200;
/// They leave two cores half idle: where there is no room for a replica that starts, everybody waits
/// in line, and that would be measured in place of the actors that move.
const PEOPLE: CrowdOptions = CrowdOptions {
    people: USERS,
    seed: 1,
    habits: Habits::Writing,
    pace: Duration::from_secs(2),
};
/// How long a chat turn belongs to the edge that began it, which may have died.
const LEASE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);
/// Time for people to write, not a condition.
const CALM: Duration = Duration::from_secs(4);
/// What the chart tells a sidecar about its app and its end (`chart/templates/_workload.tpl`).
const AS_IN_A_POD: [&str; 11] = [
    "--enable-app-health-check",
    "--app-health-check-path",
    "/healthz",
    "--app-health-probe-interval",
    "2",
    "--app-health-probe-timeout",
    "1500",
    "--app-health-threshold",
    "3",
    "--dapr-block-shutdown-duration",
    "35s",
];
/// How long the chart's stop hook keeps an app from its SIGTERM.
const STOP_HOOK: Duration = Duration::from_secs(5);

/// No limit on people, and a turn whose edge has died is soon free.
fn soon_free() -> StackOptions {
    unlimited().env("TURN_LEASE_MS", LEASE.as_millis().to_string())
}

#[test]
fn two_hundred_people_write_while_a_replica_joins_leaves_and_dies() {
    run(async {
        // Given people at the edges of all replicas
        let stack = own(soon_free()).await;
        let timeline = Arc::new(Timeline::begin());
        let crowd = Crowd::start(&stack, &PEOPLE, &timeline).unwrap();
        // When replicas come and go
        let mut phases = vec![(Instant::now(), "alone")];
        let mut phase = |phase| phases.push((Instant::now(), phase));
        let both = || crowd.edges(vec![stack.base_url(1), stack.base_url(2)]);
        let calm = || tokio::time::sleep(CALM);
        calm().await;
        phase("join");
        stack.scale(2).await.unwrap();
        both();
        calm().await;
        phase("SIGTERM");
        stack.scale(1).await.unwrap();
        calm().await;
        phase("second join");
        stack.scale(2).await.unwrap();
        both();
        calm().await;
        phase("SIGKILL");
        stack.kill("backend-2", Signal::Kill).await.unwrap();
        stack.kill("daprd-2", Signal::Kill).await.unwrap();
        calm().await;
        calm().await;
        let diaries = crowd.stop().await.unwrap();

        // Then nobody waited long, and what was acknowledged stands, once
        nobody_waited_long(&phases, &diaries);
        nothing_is_lost_or_doubled(&stack, &diaries, &timeline).await;
        let journals = journals(&stack).await.into_keys();
        let conversations = journals.filter(|actor| actor.starts_with("Conversation/"));
        assert!(conversations.count() >= USERS / 2, "too little was said");
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn a_pod_that_ends_hands_its_actors_over_and_serves_until_then() {
    run(async {
        // Given people at two replicas, whose sidecars are told what the chart tells them
        let stack = own(soon_free().replicas(2).sidecar_args(&AS_IN_A_POD)).await;
        let timeline = Arc::new(Timeline::begin());
        let crowd = Crowd::start(&stack, &PEOPLE, &timeline).unwrap();
        let mut phases = vec![(Instant::now(), "two pods")];
        tokio::time::sleep(CALM).await;
        // When a pod ends: its sidecar and the balancers hear of it at once, its app after the hook
        let told = Instant::now();
        phases.push((told, "a pod ends"));
        stack.kill("daprd-2", Signal::Term).await.unwrap();
        crowd.edges(vec![stack.base_url(1)]);
        tokio::time::sleep(STOP_HOOK).await;
        assert!(
            stack.is_running("daprd-2"),
            "the sidecar did not wait for its app"
        );
        stack.kill("backend-2", Signal::Term).await.unwrap();
        until("the end of the pod", PATIENCE, || async {
            let ended = |name| !stack.is_running(name);
            (ended("backend-2") && ended("daprd-2")).then_some(())
        })
        .await;
        println!("measured: the pod had ended after {:?}", told.elapsed());
        tokio::time::sleep(CALM).await;
        let diaries = crowd.stop().await.unwrap();
        // Then nobody waited long, nothing was cut off, and what was acknowledged stands, once
        nobody_waited_long(&phases, &diaries);
        nothing_is_lost_or_doubled(&stack, &diaries, &timeline).await;
        let log = std::fs::read_to_string(stack.log_path("backend-2").unwrap()).unwrap();
        assert!(!log.contains("stopping although not everything has ended"));
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn a_sidecar_lives_on_when_its_files_are_written_again() {
    run(async {
        // Given a sidecar at work
        let stack = own(unlimited()).await;
        let person = Person::new(&stack, 1, "ann");
        person.add("before", None).await.ok();
        // When what it read is gone, and written again for another
        let resources = stack.dir().join("dapr/backend");
        std::fs::remove_file(resources.join("resiliency.yaml")).unwrap();
        stack.scale(2).await.unwrap();
        // Then it never stopped to take that up
        person.add("after", None).await.ok();
        let log = std::fs::read_to_string(stack.log_path("daprd-1").unwrap()).unwrap();
        assert!(!log.to_lowercase().contains("reload"), "{log}");
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn a_sidecar_that_dies_alone_leaves_nothing_old_behind() {
    run(async {
        // Given people whose actors are spread over two replicas
        let stack = own(unlimited().replicas(2)).await;
        let people: Vec<Person> = (0..24)
            .map(|n| Person::new(&stack, 1, &format!("u{n}")))
            .collect();
        for person in &people {
            person.add("before", None).await.ok();
        }
        // When one sidecar dies, its backend lives on, and everybody's actor changes elsewhere
        stack.kill("daprd-2", Signal::Kill).await.unwrap();
        let due = Timestamp::now() + 25.seconds();
        let meanwhile = json!({ "title": "meanwhile", "due_at": due.to_string() });
        for person in &people {
            until("the change", PATIENCE, || async {
                let task = Some(meanwhile.clone());
                let key = Some("meanwhile");
                let answer = person.send(Method::POST, "/tasks", key, task).await;
                answer.status.is_success().then_some(())
            })
            .await;
        }
        stack.start_server("daprd-2").await.unwrap();
        let edge = stack.base_url(2);
        until("the other edge", PATIENCE, || async {
            let answer = people[0].at(&edge).get("/tasks").await;
            answer.status.is_success().then_some(())
        })
        .await;
        let back = Timestamp::now();
        println!(
            "measured: the sidecar was back {} before the reminders",
            due - back
        );
        // Then actors that are back where they were show it, though nobody changes them again
        for person in &people {
            let tasks = person.at(&edge).tasks().await;
            assert_eq!(tasks.len(), 2, "{}: {tasks:?}", person.id);
        }
        // And their reminders find what is due
        until("every reminder", PATIENCE, || async {
            let records = stack.read_topic("reminders").await.unwrap();
            let reminded: HashSet<String> = records.iter().map(|r| r.key_text()).collect();
            (reminded.len() == people.len()).then_some(())
        })
        .await;
        // Some actors were active on the backend that was told nothing
        let log = std::fs::read_to_string(stack.log_path("backend-2").unwrap()).unwrap();
        let last = log
            .lines()
            .rfind(|line| line.contains("the sidecar asks what is hosted here"))
            .unwrap();
        assert!(!last.contains("actors=0"), "{last}");
        stack.shutdown().await.unwrap();
    });
}

fn nobody_waited_long(phases: &[(Instant, &'static str)], diaries: &[Diary]) {
    let count: usize = diaries.iter().map(|diary| diary.waits.len()).sum();
    println!("measured: {count} commands acknowledged");
    for ((phase, what), longest) in longest(phases, diaries) {
        let mut promised = Duration::from_secs(if phase == "SIGKILL" { 15 } else { 3 });
        // The promise is about one actor. A turn calls several, and its lease may have to run out.
        if what == "chat turn" {
            promised += LEASE;
        }
        report(&format!("the longest {what}, {phase}"), longest, promised);
    }
}

async fn nothing_is_lost_or_doubled(stack: &Stack, diaries: &[Diary], timeline: &Timeline) {
    let violations = drill::settle(stack, diaries).await.unwrap();
    assert!(
        violations.is_empty(),
        "{violations:#?}\n{}",
        timeline.render()
    );
    tasks_are_there_once(stack, diaries).await;
}

/// The longest a command took, by what people went through when it began, and by what it was.
fn longest(
    phases: &[(Instant, &'static str)],
    diaries: &[Diary],
) -> BTreeMap<(&'static str, &'static str), Duration> {
    let mut longest = BTreeMap::new();
    for Wait { began, took, what } in diaries.iter().flat_map(|diary| &diary.waits) {
        let phase = phases.iter().rev().find(|(start, _)| start <= began);
        let (_, phase) = phase.unwrap_or(&phases[0]);
        let longest: &mut Duration = longest.entry((*phase, *what)).or_default();
        *longest = (*longest).max(*took);
    }
    longest
}

/// The actors know every acknowledged task, and none twice.
async fn tasks_are_there_once(stack: &Stack, diaries: &[Diary]) {
    for Diary { user, deeds, .. } in diaries {
        let tasks = Person::new(stack, 1, user).tasks().await;
        let mut found: Vec<&str> = tasks
            .iter()
            .map(|task| task["title"].as_str().unwrap())
            .collect();
        let added = deeds.iter().filter(|deed| deed.kind == CREATED);
        let mut wanted: Vec<&str> = added.map(|deed| deed.words.as_str()).collect();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "tasks of {user}");
    }
}
