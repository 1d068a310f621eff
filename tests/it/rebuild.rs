//! The tables are made anew from the journals.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use todo_stack::{Stack, evidence::behind};

use crate::{
    evidence::{database, rows},
    world::{Person, run, shared, until},
};

const ANN: &str = "ann-rebuilt";

#[test]
fn damaged_tables_rebuilt_from_the_journals_equal_those_the_projector_made() {
    run(async {
        // Given tables that the projector has filled
        let stack = shared().await;
        let ann = Person::new(stack, 1, ANN);
        for n in 0..150 {
            // Some with notes that the journal keeps apart
            let notes = (n % 3 == 0).then(|| format!("{n} ").repeat(1_000));
            let task = json!({ "title": format!("task {n}"), "notes": notes });
            ann.send(Method::POST, "/tasks", None, Some(task))
                .await
                .ok();
        }
        let reply = ann.say("complete task 3", None, None).await.ok();
        let conversation = reply["conversation_id"].as_str().unwrap().to_owned();
        for n in 0..20 {
            let sentence = format!("add thing {n} tomorrow");
            ann.say(&sentence, Some(&conversation), None).await.ok();
        }
        ann.send(Method::DELETE, "/tasks/task-7", None, None)
            .await
            .ok();
        caught_up(stack, ANN).await;
        let mut database = database(stack).await;
        let projected = rows(&mut database, ANN).await;
        assert!(projected.len() > 200, "{} rows", projected.len());

        // When they are damaged in every way
        for damage in [
            "delete from tasks where user_id = $1 and id in ('task-1', 'task-20')",
            "update tasks set title = 'forged' where user_id = $1 and id = 'task-30'",
            "insert into tasks (user_id, id, title, status, priority, tags, created_at, updated_at)
             values ($1, 'task-999', 'never added', 'open', 'normal', '{}', now(), now())",
            "insert into tasks (user_id, id, title, status, priority, tags, created_at, updated_at)
             values ($1 || '-nobody', 'task-1', 'nobody''s', 'open', 'normal', '{}', now(), now())",
            "insert into projection_progress (actor, seq, part, parts, applied_at)
             values ('User/' || $1 || '-nobody', 7, 0, 1, now())",
            "update profiles set time_zone = 'Asia/Tokyo' where user_id = $1",
            "delete from messages where user_id = $1",
            "update conversations set message_count = 1 where user_id = $1",
            "update projection_progress set seq = 2, part = 0, parts = 1 where actor = 'User/' || $1",
            "delete from projection_progress where actor like 'Conversation/' || $1 || '~%'",
        ] {
            let done = sqlx::query(damage)
                .bind(ANN)
                .execute(&mut database)
                .await
                .unwrap();
            assert!(done.rows_affected() > 0, "no damage: {damage}");
        }
        assert_ne!(rows(&mut database, ANN).await, projected);

        // Then rebuilding makes all as it was, progress too
        stack.job("rebuild").await.unwrap();
        assert_eq!(rows(&mut database, ANN).await, projected);

        // And the projector goes on from there
        ann.add("after the rebuild", None).await.ok();
        caught_up(stack, ANN).await;
        assert_eq!(rows(&mut database, ANN).await.len(), projected.len() + 1);
    });
}

/// Waits until the tables show all that is in the journals of a person, or of everybody.
pub async fn caught_up(stack: &Stack, user: &str) {
    until(
        "the projector to catch up",
        Duration::from_secs(30),
        || async {
            let behind = behind(&mut database(stack).await, user).await;
            (behind.unwrap() == 0).then_some(())
        },
    )
    .await;
}
