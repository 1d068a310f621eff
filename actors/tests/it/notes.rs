//! Long notes, which a load leaves in the store.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use todo_actors::{
    message::ActorRef,
    sidecar::{Sidecar, StateOp},
    testkit::World,
    user::{
        self, AddTask, CompleteTask, DeleteTask, Export, GetProfile, GetTask, ListTasks,
        SetProfile, Task, TaskChange, Undo, UpdateTask,
    },
};

use crate::{block_on, command, read, titled, world};

/// Notes of 4,000 characters that end with this word.
fn long(word: &str) -> String {
    format!("{}{word}", "n ".repeat(1_999 - word.len() / 2))
}

async fn noted(world: &World, n: usize) -> Task {
    let task = AddTask {
        notes: Some(long(&format!("word{n}"))),
        ..titled(&format!("title{n}"))
    };
    command(world, "ann", &format!("add{n}"), task)
        .await
        .unwrap()
}

async fn get(world: &World, n: usize) -> Task {
    let task_id = format!("task-{n}");
    read(world, "ann", GetTask { task_id }).await.unwrap()
}

#[tokio::test]
async fn notes_are_read_only_when_somebody_wants_them() {
    // Given 1,500 tasks with 6 MB of notes, and a fresh process
    let world = world();
    for n in 1..=1_500 {
        noted(&world, n).await;
    }
    let world = world.restart();
    let before = world.sidecar.bytes_read();
    // When something is asked that has no notes in it
    read(&world, "ann", GetProfile {}).await.unwrap();
    let loaded = world.sidecar.bytes_read() - before;
    // Then the load has left them in the store: what it read is tasks, entries and receipts
    assert!(loaded < 3 << 20, "{loaded} bytes");
    // When one is asked for, then little more is read, and nothing for what is known already
    assert_eq!(get(&world, 700).await.notes, Some(long("word700")));
    let one = world.sidecar.bytes_read() - before - loaded;
    assert!(one < 100 << 10, "{one} bytes");
    let update = UpdateTask {
        task_id: "task-700".to_owned(),
        change: TaskChange {
            title: Some("new".to_owned()),
            ..TaskChange::default()
        },
    };
    let updated = command(&world, "ann", "u", update).await.unwrap();
    assert_eq!(updated.notes, Some(long("word700")));
    assert_eq!(world.sidecar.bytes_read(), before + loaded + one);
    // And whoever looks at all of them finds all of them
    let search = ListTasks {
        search: Some("word1234".to_owned()),
        ..ListTasks::default()
    };
    for _ in 0..2 {
        let found = read(&world, "ann", search.clone()).await.unwrap();
        assert_eq!((found.total, found.tasks[0].id.as_str()), (1, "task-1234"));
        assert_eq!(found.tasks[0].notes, Some(long("word1234")));
    }
    let mut exported = Vec::new();
    loop {
        let after = exported.last().map(|task: &Task| task.id.clone());
        let page = read(&world, "ann", Export { after }).await.unwrap();
        if page.tasks.is_empty() {
            break;
        }
        exported.extend(page.tasks);
    }
    assert_eq!(exported.len(), 1_500);
    for (n, task) in exported.iter().enumerate() {
        assert_eq!(task.notes, Some(long(&format!("word{}", n + 1))));
    }
}

#[tokio::test]
async fn a_change_after_a_load_keeps_the_notes_beside_it_and_the_way_back() {
    // Given tasks whose notes share pages, all of them in the store
    let world = world();
    for n in 1..=100 {
        noted(&world, n).await;
    }
    let world = world.restart();
    // When one is changed, one completed, one deleted, and the process dies without a snapshot
    let id = |n: usize| format!("task-{n}");
    let change = TaskChange {
        notes: Some(Some(long("changed"))),
        ..TaskChange::default()
    };
    let update = UpdateTask {
        task_id: id(10),
        change,
    };
    command(&world, "ann", "u", update).await.unwrap();
    let complete = CompleteTask { task_id: id(20) };
    command(&world, "ann", "c", complete).await.unwrap();
    let delete = DeleteTask { task_id: id(30) };
    let deleted = command(&world, "ann", "d", delete).await.unwrap();
    assert_eq!(deleted.notes, Some(long("word30")));
    let world = world.restart();
    assert_eq!(get(&world, 10).await.notes, Some(long("changed")));
    // Then all three can be taken back, after a snapshot as well
    for n in 0..70 {
        let zone = ["UTC", "Europe/Berlin"][n % 2];
        let profile = SetProfile {
            time_zone: zone.to_owned(),
            only_if_unset: false,
        };
        command(&world, "ann", &format!("z{n}"), profile)
            .await
            .unwrap();
    }
    let world = world.restart();
    for n in [10, 20, 30] {
        let undo = Undo {
            task_id: Some(id(n)),
            ..Undo::default()
        };
        let undone = command(&world, "ann", &format!("undo{n}"), undo)
            .await
            .unwrap();
        assert_eq!(undone.task.notes, Some(long(&format!("word{n}"))));
    }
    for n in 1..=100 {
        assert_eq!(get(&world, n).await.notes, Some(long(&format!("word{n}"))));
    }
}

/// A task as it was stored before notes had pages.
fn stored(n: u64, notes: &str) -> Value {
    json!({
        "task_id": format!("task-{n}"),
        "title": format!("title{n}"),
        "notes": notes,
        "status": "open",
        "priority": "normal",
        "created_at": "2026-11-23T09:00:00Z",
        "updated_at": "2026-11-23T09:00:00Z",
    })
}

#[tokio::test]
async fn a_snapshot_from_before_notes_had_pages_still_loads() {
    // Given a journal of that time: three tasks, the first two of them in the snapshot
    let world = world();
    let ann = ActorRef::new(user::TYPE, "ann");
    let entry = |seq: u64| {
        json!({
            "seq": seq,
            "at": "2026-11-23T09:00:00Z",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "events": [{ "event": "task_created", "task": stored(seq, &long(&format!("old{seq}"))) }],
            "reply": null,
            "acked": 0,
        })
    };
    let page = json!({ "tasks": [stored(1, &long("old1")), stored(2, &long("old2"))] });
    let core = json!({
        "profile": { "time_zone": "UTC", "time_zone_set": false },
        "next_task": 3,
    });
    let manifest = json!({
        "seq": 2,
        "first": 1,
        "acked": 0,
        "pages": { "core": "p:3:000000000000:1", "tasks/0": "p:3:000000000000:2" },
    });
    let put =
        |key: &str, value: &Value| StateOp::Put(key.to_owned(), Bytes::from(value.to_string()));
    for seq in 1..=2 {
        let ops = vec![put(&format!("e:{seq}"), &entry(seq))];
        world.sidecar.transact(&ann, ops).await.unwrap();
    }
    let ops = vec![
        put("p:3:000000000000:1", &core),
        put("p:3:000000000000:2", &page),
        put("e:3", &entry(3)),
        put("manifest", &manifest),
    ];
    world.sidecar.transact(&ann, ops).await.unwrap();
    // When it is read, changed, and stored again as it is today
    assert_eq!(get(&world, 1).await.notes, Some(long("old1")));
    for n in 4..=80 {
        noted(&world, n).await;
    }
    let complete = CompleteTask {
        task_id: "task-2".to_owned(),
    };
    command(&world, "ann", "c", complete).await.unwrap();
    for n in 81..=150 {
        noted(&world, n).await;
    }
    // Then nothing of it is lost
    let world = world.restart();
    for n in 1..=150 {
        let word = if n < 4 { "old" } else { "word" };
        let task = get(&world, n).await;
        assert_eq!(task.notes, Some(long(&format!("{word}{n}"))));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(usize),
    Note(usize, usize),
    Complete(usize),
    Delete(usize),
    Undo,
    Search,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let task = || 1..40_usize;
    // Short ones stay with their task.
    let length = || prop_oneof![0..200_usize, 0..4_000_usize];
    let step = prop_oneof![
        6 => length().prop_map(Step::Add),
        4 => (task(), length()).prop_map(|(n, length)| Step::Note(n, length)),
        2 => task().prop_map(Step::Complete),
        2 => task().prop_map(Step::Delete),
        3 => Just(Step::Undo),
        1 => Just(Step::Search),
        2 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whether_notes_are_in_the_store_makes_no_difference(steps in steps()) {
        block_on(async {
            // Given one world that restarts at times and one that never does
            let (mut restarting, staying) = (world(), world());
            for (n, step) in steps.iter().enumerate() {
                if matches!(step, Step::Restart) {
                    restarting = restarting.restart();
                    continue;
                }
                // When both get the same commands, they answer the same
                assert_eq!(carry_out(&restarting, n, step).await, carry_out(&staying, n, step).await);
            }
            // Then they have the same in the end
            let restarting = restarting.restart();
            let here = read(&restarting, "ann", Export::default()).await.unwrap();
            assert_eq!(here, read(&staying, "ann", Export::default()).await.unwrap());
        });
    }
}

async fn carry_out(world: &World, n: usize, step: &Step) -> String {
    let key = format!("k{n}");
    let task_id = |n: &usize| format!("task-{n}");
    let text = |length: &usize| (*length > 0).then(|| format!("{n}{}", "n".repeat(*length)));
    match step {
        Step::Add(length) => {
            let add = AddTask {
                notes: text(length),
                ..titled("t")
            };
            format!("{:?}", command(world, "ann", &key, add).await)
        }
        Step::Note(n, length) => {
            let change = TaskChange {
                notes: Some(text(length)),
                ..TaskChange::default()
            };
            let task_id = task_id(n);
            let update = UpdateTask { task_id, change };
            format!("{:?}", command(world, "ann", &key, update).await)
        }
        Step::Complete(n) => {
            let complete = CompleteTask {
                task_id: task_id(n),
            };
            format!("{:?}", command(world, "ann", &key, complete).await)
        }
        Step::Delete(n) => {
            let delete = DeleteTask {
                task_id: task_id(n),
            };
            format!("{:?}", command(world, "ann", &key, delete).await)
        }
        Step::Undo => format!("{:?}", command(world, "ann", &key, Undo::default()).await),
        Step::Search => {
            let search = ListTasks {
                search: Some("nnn".to_owned()),
                limit: Some(10),
                ..ListTasks::default()
            };
            format!("{:?}", read(world, "ann", search).await)
        }
        Step::Restart => String::new(),
    }
}
