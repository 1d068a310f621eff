//! A host that was not told that its actors left, or came back, answers nothing old.

use std::{sync::Arc, time::Duration};

use todo_actors::{
    conversation::{BeginTurn, FinishTurn, GetMessages, TurnState},
    event::Topic,
    host::Host,
    message::{ActorRef, Message, Request},
    testkit::World,
    user::{self, CompleteTask, Due, GetTask, ListTasks},
};

use crate::{add, command, read, titled, world};

/// Longer than memory is good for unasked.
const LONG: Duration = Duration::from_secs(2);

/// A command's turn at another host, which has the same actor active.
async fn elsewhere<M: Message>(host: &Arc<Host>, id: &str, key: &str, message: M) {
    let body = serde_json::to_vec(&Request::command(key, message)).unwrap();
    host.call(M::ACTOR, id, M::METHOD, body.into()).await;
}

async fn titles(world: &World) -> Vec<String> {
    let list = read(world, "ann", ListTasks::default()).await.unwrap();
    list.tasks.into_iter().map(|task| task.title).collect()
}

#[tokio::test(start_paused = true)]
async fn a_read_shows_what_was_written_elsewhere() {
    // Given an actor that was active here, and elsewhere since
    let world = world();
    add(&world, "ann", "here").await;
    let other = world.second_host();
    elsewhere(&other, "ann", "k", titled("there")).await;
    // When it is back
    tokio::time::advance(LONG).await;
    // Then a read shows it
    assert_eq!(titles(&world).await, ["here", "there"]);
    // Also a second time
    elsewhere(&other, "ann", "k2", titled("there too")).await;
    tokio::time::advance(LONG).await;
    assert_eq!(titles(&world).await, ["here", "there", "there too"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_shows_it_though_snapshots_have_taken_the_entries_away() {
    let world = world();
    add(&world, "ann", "here").await;
    let other = world.second_host();
    for n in 0..200 {
        elsewhere(&other, "ann", &format!("k{n}"), titled(&format!("t{n}"))).await;
    }
    let ann = ActorRef::new(user::TYPE, "ann");
    assert!(!world.sidecar.keys(&ann).contains(&"e:2".to_owned()));
    tokio::time::advance(LONG).await;
    let list = read(&world, "ann", ListTasks::default()).await.unwrap();
    assert_eq!(list.total, 201);
}

#[tokio::test(start_paused = true)]
async fn an_actor_without_a_past_is_no_exception() {
    // Given somebody who was looked for here before they had anything
    let world = world();
    assert!(titles(&world).await.is_empty());
    let other = world.second_host();
    elsewhere(&other, "ann", "k", titled("there")).await;
    tokio::time::advance(LONG).await;
    assert_eq!(titles(&world).await, ["there"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_refused_that_became_possible_elsewhere() {
    let world = world();
    add(&world, "ann", "here").await;
    let other = world.second_host();
    elsewhere(&other, "ann", "k", titled("there")).await;
    tokio::time::advance(LONG).await;
    let task_id = "task-2".to_owned();
    let done = command(&world, "ann", "done", CompleteTask { task_id });
    assert_eq!(done.await.unwrap().title, "there");
}

#[tokio::test(start_paused = true)]
async fn a_reminder_of_what_was_written_elsewhere_is_given() {
    // Given a task that another activation added, with the actor's reminder
    let world = world();
    add(&world, "ann", "here").await;
    let other = world.second_host();
    let mut task = titled("there");
    task.due = Some(Due::At("2026-11-23T11:00:00Z".parse().unwrap()));
    elsewhere(&other, "ann", "k", task).await;
    // When the reminder comes here
    tokio::time::advance(LONG).await;
    world.clock.advance(Duration::from_secs(3601));
    world.sidecar.fire_due_reminders(&world.host).await;
    // Then it is given
    let task_id = "task-2".to_owned();
    let task = read(&world, "ann", GetTask { task_id }).await.unwrap();
    assert_eq!(task.title, "there");
    while world.host.unpublished() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let published = world.sidecar.published().into_iter();
    let reminders = published.filter(|(topic, _, _)| *topic == Topic::Reminders);
    assert_eq!(reminders.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_ended_elsewhere_is_no_longer_in_the_way() {
    let world = world();
    let begin = |turn: &str, create| BeginTurn {
        turn_id: turn.into(),
        attempt: "a".into(),
        text: "hello".into(),
        create,
        lease_ms: 600_000,
    };
    command(&world, "ann~c1", "t1", begin("t1", true))
        .await
        .unwrap();
    let other = world.second_host();
    let finish = FinishTurn {
        turn_id: "t1".into(),
        attempt: "a".into(),
        text: "good morning".into(),
        tool_calls: Vec::new(),
        provider: "offline".into(),
        pending: None,
    };
    elsewhere(&other, "ann~c1", "t1/finish", finish).await;
    tokio::time::advance(LONG).await;
    let next = command(&world, "ann~c1", "t2", begin("t2", false));
    assert!(matches!(next.await.unwrap(), TurnState::Begun { .. }));
    let page = read(&world, "ann~c1", GetMessages::default()).await;
    assert_eq!(page.unwrap().total, 3);
}

#[tokio::test(start_paused = true)]
async fn a_busy_actor_asks_the_store_about_others_at_most_once_a_second() {
    let world = world();
    add(&world, "ann", "milk").await;
    let before = world.sidecar.reads();
    for _ in 0..100 {
        titles(&world).await;
    }
    assert_eq!(world.sidecar.reads(), before);
    tokio::time::advance(LONG).await;
    for _ in 0..100 {
        titles(&world).await;
    }
    assert_eq!(world.sidecar.reads(), before + 2);
}

#[tokio::test]
async fn a_sidecar_that_starts_anew_has_no_actors_here() {
    let world = world();
    add(&world, "ann", "here").await;
    let other = world.second_host();
    elsewhere(&other, "ann", "k", titled("there")).await;
    // When the sidecar, which was killed, asks what this host hosts
    world.host.forget_actors();
    // Then memory counts for nothing, at once
    assert_eq!(world.host.live_actors(), 0);
    assert_eq!(titles(&world).await, ["here", "there"]);
}
