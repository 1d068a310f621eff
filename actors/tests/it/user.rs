//! What a user's commands decide.

use std::time::Duration;

use todo_actors::user::{
    CompleteTask, DeleteTask, Due, DueFilter, GetTask, ListTasks, Ping, Pong, SetProfile, Status,
    Task, TaskChange, Undo, UndoneChange, UpdateTask,
};

use crate::{add, command, read, refused, titled, world};

#[tokio::test]
async fn a_task_added_can_be_read() {
    let world = world();
    let task = add(&world, "ann", "  buy milk ").await;
    assert_eq!(task.id, "task-1");
    assert_eq!(task.title, "buy milk");
    let read = read(
        &world,
        "ann",
        GetTask {
            task_id: task.id.clone(),
        },
    )
    .await
    .unwrap();
    assert_eq!(read, task);
}

#[tokio::test]
async fn a_ping_touches_nothing() {
    let world = world();
    world.sidecar.store_away(true);
    let answer = read(&world, "ann", Ping {}).await;
    assert_eq!(answer, Ok(Pong {}));
    assert_eq!((world.sidecar.reads(), world.sidecar.writes()), (0, 0));
}

#[tokio::test]
async fn the_same_key_gets_the_first_reply_whatever_the_arguments() {
    let world = world();
    let first = command(&world, "ann", "k", titled("buy milk"))
        .await
        .unwrap();
    let second = command(&world, "ann", "k", titled("buy bread"))
        .await
        .unwrap();
    assert_eq!(first, second);
    assert_eq!(
        read(&world, "ann", ListTasks::default())
            .await
            .unwrap()
            .total,
        1
    );
}

#[tokio::test]
async fn a_refusal_is_decided_anew_under_the_same_key() {
    let world = world();
    let refusal = refused(
        command(
            &world,
            "ann",
            "k",
            CompleteTask {
                task_id: "task-1".into(),
            },
        )
        .await,
    );
    assert_eq!(refusal, "There is no task-1.");
    add(&world, "ann", "buy milk").await;
    let task = command(
        &world,
        "ann",
        "k",
        CompleteTask {
            task_id: "task-1".into(),
        },
    )
    .await
    .unwrap();
    assert_eq!(task.status, Status::Done);
}

#[tokio::test]
async fn unacceptable_values_are_refused_in_words() {
    let world = world();
    let long = "x".repeat(201);
    let past = Some(Due::At("2026-11-23T09:00:00Z".parse().unwrap()));
    let yesterday = Some(Due::Date("2026-11-22".parse().unwrap()));
    let mut with_due = titled("milk");
    with_due.due = past;
    assert_eq!(
        refused(command(&world, "ann", "1", with_due.clone()).await),
        "That due date is in the past."
    );
    with_due.due = yesterday;
    assert_eq!(
        refused(command(&world, "ann", "2", with_due).await),
        "That due date is in the past."
    );
    assert_eq!(
        refused(command(&world, "ann", "3", titled(" ")).await),
        "A task needs a title."
    );
    assert!(refused(command(&world, "ann", "4", titled(&long)).await).contains("200 characters"));
    let mut noted = titled("milk");
    noted.notes = Some("n".repeat(4_001));
    assert!(refused(command(&world, "ann", "7", noted).await).contains("4000 characters"));
    assert!(
        refused(command(&world, "ann", "5", titled("a\u{0}b")).await)
            .contains("control characters")
    );
    let zone = SetProfile {
        time_zone: "Mars/Olympus".into(),
        only_if_unset: false,
    };
    assert!(refused(command(&world, "ann", "6", zone).await).contains("time zone"));
    for id in ["task-01", "task-", "task-99999999999999999999", "1", "../x"] {
        let get = GetTask { task_id: id.into() };
        assert!(
            refused(read(&world, "ann", get).await).contains("no such task"),
            "{id}"
        );
    }
}

#[tokio::test]
async fn every_kind_of_change_can_be_undone() {
    let world = world();
    let task = add(&world, "ann", "buy milk").await;
    let id = task.id.clone();
    let undo = async |key: &str| command(&world, "ann", key, Undo::default()).await.unwrap();

    let change = TaskChange {
        title: Some("buy oat milk".into()),
        ..TaskChange::default()
    };
    command(
        &world,
        "ann",
        "u",
        UpdateTask {
            task_id: id.clone(),
            change,
        },
    )
    .await
    .unwrap();
    assert_eq!(undo("undo 1").await.task.title, "buy milk");

    command(
        &world,
        "ann",
        "c",
        CompleteTask {
            task_id: id.clone(),
        },
    )
    .await
    .unwrap();
    let undone = undo("undo 2").await;
    assert_eq!(
        (undone.undone, undone.task.status),
        (UndoneChange::Completed, Status::Open)
    );

    command(
        &world,
        "ann",
        "d",
        DeleteTask {
            task_id: id.clone(),
        },
    )
    .await
    .unwrap();
    assert_eq!(undo("undo 3").await.undone, UndoneChange::Deleted);
    assert_eq!(
        read(
            &world,
            "ann",
            GetTask {
                task_id: id.clone()
            }
        )
        .await
        .unwrap()
        .title,
        "buy milk"
    );

    assert_eq!(undo("undo 4").await.undone, UndoneChange::Added);
    assert!(refused(read(&world, "ann", GetTask { task_id: id }).await).contains("no task-1"));
    assert_eq!(
        refused(command(&world, "ann", "undo 5", Undo::default()).await),
        "There is nothing left to undo."
    );
}

#[tokio::test]
async fn a_change_that_is_meant_is_undone_whatever_happened_to_other_tasks() {
    let world = world();
    let undo = async |key: &str, change: &Task| {
        let meant = Undo {
            task_id: Some(change.id.clone()),
            updated_at: Some(change.updated_at),
        };
        command(&world, "ann", key, meant).await
    };
    // Given a task that was added and done, and others that were added after that
    let added = add(&world, "ann", "buy milk").await;
    world.clock.advance(Duration::from_secs(1));
    let task_id = added.id.clone();
    let done = command(&world, "ann", "c", CompleteTask { task_id }).await;
    let done = done.unwrap();
    let bread = add(&world, "ann", "buy bread").await;
    add(&world, "ann", "buy tea").await;
    // When the first change of the task is meant, then it stays: there is a newer one
    for key in ["1", "2"] {
        let refused = refused(undo(key, &added).await);
        assert!(refused.contains("changed since"), "{refused}");
    }
    // When the newest is meant, then it goes, and the one before can follow
    let undone = async |key, change| undo(key, change).await.unwrap().undone;
    assert_eq!(undone("3", &done).await, UndoneChange::Completed);
    assert_eq!(undone("4", &added).await, UndoneChange::Added);
    // And what came after is left, and can be undone as ever, also once it is loaded anew
    world.host.deactivate("User", "ann");
    assert_eq!(undone("5", &bread).await, UndoneChange::Added);
    let newest = command(&world, "ann", "6", Undo::default()).await.unwrap();
    assert_eq!(newest.task.title, "buy tea");
    assert_eq!(
        refused(undo("7", &bread).await),
        "There is nothing left to undo."
    );
}

#[tokio::test]
async fn a_list_comes_in_pages_by_due_moment() {
    let world = world();
    for n in 0..7 {
        let mut task = titled(&format!("task number {n}"));
        if n % 2 == 0 {
            task.due = Some(Due::At(
                format!("2026-11-{}T12:00:00Z", 30 - n).parse().unwrap(),
            ));
        }
        command(&world, "ann", &n.to_string(), task).await.unwrap();
    }
    let mut titles = Vec::new();
    let mut cursor = None;
    loop {
        let page = ListTasks {
            cursor,
            limit: Some(2),
            ..ListTasks::default()
        };
        let page = read(&world, "ann", page).await.unwrap();
        assert_eq!(page.total, 7);
        titles.extend(page.tasks.into_iter().map(|task| task.title));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let numbers: Vec<&str> = titles
        .iter()
        .map(|title| title.rsplit(' ').next().unwrap())
        .collect();
    assert_eq!(numbers, ["6", "4", "2", "0", "1", "3", "5"]);
}

#[tokio::test]
async fn due_filters_follow_the_persons_calendar() {
    let world = world();
    // Given someone in Auckland, where it is already 23:00
    let zone = SetProfile {
        time_zone: "Pacific/Auckland".into(),
        only_if_unset: false,
    };
    command(&world, "ann", "z", zone).await.unwrap();
    for (key, date) in [("a", "2026-11-23"), ("b", "2026-11-24")] {
        let mut task = titled(date);
        task.due = Some(Due::Date(date.parse().unwrap()));
        command(&world, "ann", key, task).await.unwrap();
    }
    let due = async |filter| {
        let list = ListTasks {
            due: Some(filter),
            ..ListTasks::default()
        };
        let list = read(&world, "ann", list).await.unwrap();
        list.tasks
            .into_iter()
            .map(|task| task.title)
            .collect::<Vec<_>>()
    };
    assert_eq!(due(DueFilter::Today).await, ["2026-11-23"]);
    assert!(due(DueFilter::Overdue).await.is_empty());
    // When an hour and a bit has passed
    world.clock.advance(Duration::from_secs(3700));
    // Then it is the next day there
    assert_eq!(due(DueFilter::Overdue).await, ["2026-11-23"]);
    assert_eq!(due(DueFilter::Today).await, ["2026-11-24"]);
}

#[tokio::test]
async fn people_do_not_see_each_other() {
    let world = world();
    let task = add(&world, "ann", "buy milk").await;
    let missing = refused(read(&world, "bob", GetTask { task_id: task.id }).await);
    assert_eq!(missing, "There is no task-1.");
}
