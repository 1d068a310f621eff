//! The tables are made anew from the journals.

use std::time::Duration;

use sqlx::PgConnection;
use todo_stack::Stack;

use crate::{
    evidence::database,
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
            ann.add(&format!("task {n}"), None).await.ok();
        }
        let reply = ann.say("complete task 3", None, None).await.ok();
        let conversation = reply["conversation_id"].as_str().unwrap().to_owned();
        for n in 0..20 {
            let sentence = format!("add thing {n} tomorrow");
            ann.say(&sentence, Some(&conversation), None).await.ok();
        }
        ann.send(reqwest::Method::DELETE, "/tasks/task-7", None, None)
            .await
            .ok();
        caught_up(stack).await;
        let mut database = database(stack).await;
        let projected = rows(&mut database).await;
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
        assert_ne!(rows(&mut database).await, projected);

        // Then rebuilding makes all as it was, progress too
        stack.job("rebuild").await.unwrap();
        assert_eq!(rows(&mut database).await, projected);

        // And the projector goes on from there
        ann.add("after the rebuild", None).await.ok();
        caught_up(stack).await;
        assert_eq!(rows(&mut database).await.len(), projected.len() + 1);
    });
}

async fn caught_up(stack: &Stack) {
    until(
        "the projector to catch up",
        Duration::from_secs(30),
        || async { (behind(&mut database(stack).await).await == 0).then_some(()) },
    )
    .await;
}

/// How many of her journals the tables have not caught up with.
async fn behind(database: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "select count(*) from journal_head head left join projection_progress done using (actor)
         where (head.actor = 'User/' || $1 or head.actor like 'Conversation/' || $1 || '~%')
           and (done.seq is distinct from head.seq or done.part + 1 < done.parts)",
    )
    .bind(ANN)
    .fetch_one(database)
    .await
    .unwrap()
}

/// Every row the tables have of her, and of whoever's name begins like hers, as JSON text.
async fn rows(database: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "select 'profile ' || to_jsonb(t)::text from profiles t where starts_with(user_id, $1)
         union all
         select 'task ' || to_jsonb(t)::text from tasks t where starts_with(user_id, $1)
         union all
         select 'conversation ' || to_jsonb(t)::text from conversations t
         where starts_with(user_id, $1)
         union all
         select 'message ' || to_jsonb(t)::text from messages t where starts_with(user_id, $1)
         union all
         select 'progress ' || (to_jsonb(t) - 'applied_at')::text from projection_progress t
         where starts_with(actor, 'User/' || $1) or starts_with(actor, 'Conversation/' || $1)
         order by 1",
    )
    .bind(ANN)
    .fetch_all(database)
    .await
    .unwrap()
}
