//! Recurring tasks: one next occurrence each, whatever is repeated, undone or comes late.

use std::time::Duration;

use jiff::Timestamp;
use todo_actors::{
    journal::State,
    message::CallError,
    testkit::World,
    turn::Command,
    user::{
        AddTask, CompleteTask, DeleteTask, Due, ListTasks, ReopenTask, RollForward, SetProfile,
        Status, Task, TaskChange, Undo, UpdateTask, state::User,
    },
};

use crate::{command, read, refused, titled, world};

fn recurring(title: &str, due: Due, rule: &str) -> AddTask {
    AddTask {
        due: Some(due),
        recurrence: Some(rule.to_owned()),
        ..titled(title)
    }
}

/// Daily at 12:00 UTC from 23 November 2026, the world's today.
async fn plants(world: &World) -> Task {
    let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    let mut task = recurring("water plants", Due::At(noon), "FREQ=DAILY");
    task.tags = vec!["home".to_owned()];
    task.reminder_offset_minutes = Some(10);
    command(world, "ann", "plants", task).await.unwrap()
}

async fn complete(world: &World, key: &str, task_id: &str) -> Task {
    let task_id = task_id.to_owned();
    let done = CompleteTask { task_id };
    command(world, "ann", key, done).await.unwrap()
}

async fn roll(world: &World, key: &str, task_id: &str) -> Option<Task> {
    let task_id = task_id.to_owned();
    let message = RollForward { task_id };
    command(world, "ann", key, message).await.unwrap().next
}

async fn reopen(world: &World, key: &str, task_id: &str) -> Task {
    let task_id = task_id.to_owned();
    command(world, "ann", key, ReopenTask { task_id })
        .await
        .unwrap()
}

async fn undo(world: &World, key: &str) -> Task {
    command(world, "ann", key, Undo::default())
        .await
        .unwrap()
        .task
}

async fn update(
    world: &World,
    key: &str,
    task_id: &str,
    change: TaskChange,
) -> Result<Task, CallError> {
    let task_id = task_id.to_owned();
    command(world, "ann", key, UpdateTask { task_id, change }).await
}

/// "task-1 done, task-2 open"
async fn list(world: &World) -> String {
    let list = read(world, "ann", ListTasks::default()).await.unwrap();
    let mut tasks: Vec<String> = list
        .tasks
        .iter()
        .map(|task| match task.status {
            Status::Open => format!("{} open", task.id),
            Status::Done => format!("{} done", task.id),
        })
        .collect();
    tasks.sort();
    tasks.join(", ")
}

#[tokio::test]
async fn a_done_task_gets_its_next_occurrence_once() {
    let world = world();
    let task = plants(&world).await;
    // Open, it does not roll
    assert_eq!(roll(&world, "early", &task.id).await, None);
    complete(&world, "c", &task.id).await;
    let next = roll(&world, "e1", &task.id).await.unwrap();
    assert_eq!(next.id, "task-2");
    assert_eq!(
        next.due(),
        Some(Due::At("2026-11-24T12:00:00Z".parse().unwrap()))
    );
    assert_eq!(next.follows.as_deref(), Some("task-1"));
    assert_eq!((next.status, next.completed_at), (Status::Open, None));
    assert_eq!((&next.title, &next.tags), (&task.title, &task.tags));
    assert_eq!(next.reminder_offset_minutes, Some(10));
    // The same event again, and another one that says the same
    assert_eq!(roll(&world, "e1", &task.id).await, Some(next));
    assert_eq!(roll(&world, "e2", &task.id).await, None);
    assert_eq!(list(&world).await, "task-1 done, task-2 open");
}

#[test]
fn a_full_list_takes_no_new_task_but_ends_no_series() {
    let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    let due = Due::At("2026-11-23T12:00:00Z".parse().unwrap());
    let mut state = User::default();
    let daily = recurring("water plants", due, "FREQ=DAILY");
    let decision = daily.decide(&state, now).ok().unwrap();
    state.apply(&decision.events[0]);
    // Given as many tasks as there can be
    let mut added = 1;
    while let Ok(decision) = titled("milk").decide(&state, now) {
        decision.events.iter().for_each(|event| state.apply(event));
        added += 1;
    }
    assert_eq!(added, 20_000);
    // When one that repeats is done, then the next one comes
    let task_id = "task-1".to_owned();
    let done = CompleteTask { task_id };
    let decision = done.decide(&state, now).ok().unwrap();
    state.apply(&decision.events[0]);
    let task_id = "task-1".to_owned();
    let decision = RollForward { task_id }.decide(&state, now).ok().unwrap();
    assert_eq!(decision.reply.next.unwrap().id, "task-20001");
}

#[tokio::test]
async fn a_roll_that_comes_after_every_receipt_is_gone_does_nothing() {
    let world = world();
    let task = plants(&world).await;
    complete(&world, "c", &task.id).await;
    roll(&world, "e1", &task.id).await.unwrap();
    for n in 0..260 {
        let add = titled(&format!("other {n}"));
        command(&world, "ann", &format!("k{n}"), add).await.unwrap();
    }
    assert_eq!(roll(&world, "e1", &task.id).await, None);
    // Nor does it in an activation that has read the snapshot
    let other = world.second_host();
    let request = todo_actors::message::Request::command("e1", RollForward { task_id: task.id });
    let body = serde_json::to_vec(&request).unwrap();
    other.call("User", "ann", "roll_forward", body.into()).await;
    let total = read(&world, "ann", ListTasks::default())
        .await
        .unwrap()
        .total;
    assert_eq!(total, 262);
}

#[tokio::test]
async fn the_events_say_what_follows_what() {
    let world = world();
    let task = plants(&world).await;
    complete(&world, "c", &task.id).await;
    roll(&world, "e1", &task.id).await.unwrap();
    let events: Vec<serde_json::Value> = world
        .sidecar
        .published()
        .iter()
        .map(|(_, _, event)| serde_json::from_slice(&event.body).unwrap())
        .collect();
    let [.., updated, created] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(updated["type"], "com.todo.task.updated");
    assert_eq!(updated["data"]["followed_by"], "task-2");
    assert_eq!(created["type"], "com.todo.task.created");
    assert_eq!(created["data"]["task_id"], "task-2");
    assert_eq!(created["data"]["follows"], "task-1");
    assert_eq!(created["data"]["recurrence"]["rule"], "FREQ=DAILY");
    assert_eq!((&updated["part"], &created["part"]), (&0.into(), &1.into()));
}

#[tokio::test]
async fn the_reminder_of_the_next_occurrence_is_armed_with_it() {
    let world = world();
    let task = plants(&world).await;
    complete(&world, "c", &task.id).await;
    roll(&world, "e1", &task.id).await.unwrap();
    let user = todo_actors::message::ActorRef::new("User", "ann");
    assert_eq!(
        world.sidecar.reminder(&user, "due"),
        Some("2026-11-24T11:50:00Z".parse().unwrap())
    );
}

#[tokio::test]
async fn undoing_a_completion_takes_the_untouched_occurrence_back() {
    let world = world();
    let task = plants(&world).await;
    complete(&world, "c", &task.id).await;
    roll(&world, "e1", &task.id).await.unwrap();
    let back = undo(&world, "u").await;
    assert_eq!((back.id.as_str(), back.status), ("task-1", Status::Open));
    assert_eq!(list(&world).await, "task-1 open");
    // The event of the first completion, again, finds it open
    assert_eq!(roll(&world, "late", &task.id).await, None);
    // Done once more, it rolls once more, and only once
    complete(&world, "c2", &task.id).await;
    assert_eq!(roll(&world, "e3", &task.id).await.unwrap().id, "task-3");
    assert_eq!(roll(&world, "e1b", &task.id).await, None);
    assert_eq!(list(&world).await, "task-1 done, task-3 open");
}

#[tokio::test]
async fn reopening_takes_it_back_and_undoing_that_brings_one_again() {
    let world = world();
    let task = plants(&world).await;
    complete(&world, "c", &task.id).await;
    roll(&world, "e1", &task.id).await.unwrap();
    assert_eq!(reopen(&world, "r", &task.id).await.followed_by, None);
    assert_eq!(list(&world).await, "task-1 open");
    let done = undo(&world, "u").await;
    assert_eq!((done.status, done.followed_by), (Status::Done, None));
    roll(&world, "e2", &task.id).await.unwrap();
    assert_eq!(list(&world).await, "task-1 done, task-3 open");
}

#[tokio::test]
async fn an_occurrence_somebody_changed_stays_and_no_second_one_comes() {
    let world = world();
    let task = plants(&world).await;
    complete(&world, "c", &task.id).await;
    let next = roll(&world, "e1", &task.id).await.unwrap();
    let change = TaskChange {
        title: Some("water the new plants".to_owned()),
        ..TaskChange::default()
    };
    update(&world, "edit", &next.id, change).await.unwrap();
    reopen(&world, "r", &task.id).await;
    assert_eq!(list(&world).await, "task-1 open, task-2 open");
    complete(&world, "c2", &task.id).await;
    assert_eq!(roll(&world, "e2", &task.id).await, None);
    assert_eq!(list(&world).await, "task-1 done, task-2 open");
}

#[tokio::test]
async fn a_chain_of_completions_undoes_link_by_link() {
    let world = world();
    let task = plants(&world).await;
    complete(&world, "c1", &task.id).await;
    let next = roll(&world, "e1", &task.id).await.unwrap();
    complete(&world, "c2", &next.id).await;
    roll(&world, "e2", &next.id).await.unwrap();
    assert_eq!(list(&world).await, "task-1 done, task-2 done, task-3 open");
    undo(&world, "u2").await;
    assert_eq!(list(&world).await, "task-1 done, task-2 open");
    undo(&world, "u1").await;
    assert_eq!(list(&world).await, "task-1 open");
}

#[tokio::test]
async fn undoing_a_change_of_a_done_task_does_not_let_it_roll_again() {
    let world = world();
    let task = plants(&world).await;
    complete(&world, "c", &task.id).await;
    let change = TaskChange {
        notes: Some(Some("twice".to_owned())),
        ..TaskChange::default()
    };
    update(&world, "edit", &task.id, change).await.unwrap();
    roll(&world, "e1", &task.id).await.unwrap();
    assert_eq!(
        undo(&world, "u").await.followed_by.as_deref(),
        Some("task-2")
    );
    assert_eq!(roll(&world, "e2", &task.id).await, None);
}

#[tokio::test]
async fn a_task_deleted_before_it_rolled_rolls_when_it_comes_back() {
    let world = world();
    let task = plants(&world).await;
    complete(&world, "c", &task.id).await;
    let task_id = task.id.clone();
    command(&world, "ann", "d", DeleteTask { task_id })
        .await
        .unwrap();
    assert_eq!(roll(&world, "e1", &task.id).await, None);
    undo(&world, "u").await;
    assert!(roll(&world, "restored", &task.id).await.is_some());
}

#[tokio::test]
async fn a_series_ends_and_an_overdue_one_goes_on_ahead() {
    let world = world();
    let noon = Due::At("2026-11-23T12:00:00Z".parse().unwrap());
    let twice = recurring("twice", noon, "FREQ=DAILY;COUNT=2");
    let first = command(&world, "ann", "a", twice).await.unwrap();
    complete(&world, "c1", &first.id).await;
    let second = roll(&world, "e1", &first.id).await.unwrap();
    complete(&world, "c2", &second.id).await;
    assert_eq!(roll(&world, "e2", &second.id).await, None);
    // Three days late, in the evening
    let task = plants(&world).await;
    world
        .clock
        .advance(Duration::from_secs((3 * 24 + 8) * 3600));
    complete(&world, "c3", &task.id).await;
    let next = roll(&world, "e3", &task.id).await.unwrap();
    assert_eq!(
        next.due(),
        Some(Due::At("2026-11-27T12:00:00Z".parse().unwrap()))
    );
}

#[tokio::test]
async fn the_clock_change_moves_the_instant_and_not_the_hour() {
    let world = world();
    let profile = SetProfile {
        time_zone: "Europe/Berlin".into(),
        only_if_unset: false,
    };
    command(&world, "ann", "zone", profile).await.unwrap();
    let due = Due::At("2027-03-27T09:00:00+01:00".parse().unwrap());
    let task = recurring("stretch", due, "FREQ=DAILY");
    let task = command(&world, "ann", "a", task).await.unwrap();
    complete(&world, "c", &task.id).await;
    let next = roll(&world, "e", &task.id).await.unwrap();
    assert_eq!(
        next.due(),
        Some(Due::At("2027-03-28T09:00:00+02:00".parse().unwrap()))
    );
    assert_eq!(next.recurrence.unwrap().zone, "Europe/Berlin");
}

#[tokio::test]
async fn moving_an_occurrence_leaves_the_series_where_it_was() {
    let world = world();
    let monday = Due::Date("2026-11-30".parse().unwrap());
    let task = recurring("bins out", monday, "FREQ=WEEKLY;BYDAY=MO");
    let task = command(&world, "ann", "a", task).await.unwrap();
    // Moved ahead and done ahead, that Monday does not come again
    let change = TaskChange {
        due: Some(Some(Due::Date("2026-11-27".parse().unwrap()))),
        ..TaskChange::default()
    };
    let moved = update(&world, "m", &task.id, change).await.unwrap();
    assert_eq!(moved.recurrence, task.recurrence);
    complete(&world, "c", &task.id).await;
    let next = roll(&world, "e", &task.id).await.unwrap();
    assert_eq!(next.due(), Some(Due::Date("2026-12-07".parse().unwrap())));
}

#[tokio::test]
async fn a_rule_is_set_changed_and_taken_away() {
    let world = world();
    let task = command(&world, "ann", "a", titled("gym")).await.unwrap();
    let set = |rule: Option<&str>| TaskChange {
        recurrence: Some(rule.map(str::to_owned)),
        ..TaskChange::default()
    };
    // Without a due moment, the rule gives the first
    let changed = update(&world, "s1", &task.id, set(Some("FREQ=WEEKLY;BYDAY=WE")))
        .await
        .unwrap();
    assert_eq!(
        changed.due(),
        Some(Due::Date("2026-11-25".parse().unwrap()))
    );
    // The same rule again changes nothing
    let same = update(&world, "s2", &task.id, set(Some("FREQ=WEEKLY;BYDAY=WE")))
        .await
        .unwrap();
    assert_eq!(same, changed);
    let clear_due = TaskChange {
        due: Some(None),
        ..TaskChange::default()
    };
    let refusal = refused(update(&world, "s3", &task.id, clear_due).await);
    assert!(
        refusal.starts_with("A repeating task needs a due date."),
        "{refusal}"
    );
    // A new moment and the rule together move the series
    let both = TaskChange {
        due: Some(Some(Due::At("2026-11-26T18:00:00Z".parse().unwrap()))),
        ..set(Some("FREQ=WEEKLY;BYDAY=TH"))
    };
    let moved = update(&world, "s4", &task.id, both).await.unwrap();
    assert_eq!(
        moved.recurrence.unwrap().start.to_string(),
        "2026-11-26T18:00:00"
    );
    let stopped = update(&world, "s5", &task.id, set(None)).await.unwrap();
    assert_eq!((stopped.recurrence, stopped.due_at.is_some()), (None, true));
    complete(&world, "c", &task.id).await;
    assert_eq!(roll(&world, "e", &task.id).await, None);
    let refusal = refused(update(&world, "s6", &task.id, set(Some("FREQ=DAILY"))).await);
    assert!(
        refusal.starts_with("That task is done already."),
        "{refusal}"
    );
}
