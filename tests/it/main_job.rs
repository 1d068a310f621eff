//! "Remind me to buy milk tomorrow at 9", from the request to the reminder.

use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};

use crate::world::{Person, events, report, run, shared, until};

#[test]
fn a_sentence_becomes_a_task_an_event_a_row_and_a_reminder() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-main");

        // When Ann says what she wants
        let said = Instant::now();
        let reply = ann
            .say("remind me to buy milk tomorrow at 9", None, None)
            .await
            .ok();
        report(
            "the first chat turn",
            said.elapsed(),
            Duration::from_secs(1),
        );

        // Then the reply names what was done
        assert_eq!(reply["provider"], "offline");
        assert_eq!(reply["tool_calls"][0]["tool"], "add_task");
        assert!(
            reply["response"].as_str().unwrap().contains("buy milk"),
            "{reply}"
        );
        let task = &reply["tool_calls"][0]["result"]["ok"]["task"];
        let due: Timestamp = task["due_at"].as_str().unwrap().parse().unwrap();
        let local = due.in_tz("Europe/Berlin").unwrap();
        assert_eq!((local.hour(), local.minute()), (9, 0));

        // And the state store has both actors' entries
        let mut database = PgConnection::connect(stack.database_url()).await.unwrap();
        let conversation = reply["conversation_id"].as_str().unwrap();
        for actor in [
            "backend||User||ann-main||e:1".to_owned(),
            format!("backend||Conversation||ann-main~{conversation}||e:1"),
        ] {
            let found: bool =
                sqlx::query_scalar("select exists (select from dapr_state where key = $1)")
                    .bind(&actor)
                    .fetch_one(&mut database)
                    .await
                    .unwrap();
            assert!(found, "{actor}");
        }

        // And Kafka has the event under Ann's key, with a trace of its own
        let created = until("task.created in Kafka", Duration::from_secs(10), || async {
            let events = events(stack, "task-events", "ann-main").await;
            events
                .into_iter()
                .find(|event| event["type"] == "com.todo.task.created")
        })
        .await;
        assert_eq!(created["data"]["task_id"], task["task_id"]);
        assert_eq!(created["data"]["user_id"], "ann-main");
        assert_eq!(created["data"]["title"], "buy milk");
        assert!(created["data"]["created_at"].is_string());
        assert_eq!(created["source"], "backend");
        assert_eq!(created["specversion"], "1.0");
        assert!(
            created["traceparent"].as_str().unwrap().starts_with("00-"),
            "{created}"
        );

        // And the table has the row
        until("the projected task", Duration::from_secs(10), || async {
            let mut database = PgConnection::connect(stack.database_url()).await.ok()?;
            let row = sqlx::query("select title, status from tasks where user_id = 'ann-main'")
                .fetch_optional(&mut database)
                .await
                .ok()??;
            (row.get::<String, _>(0) == "buy milk" && row.get::<String, _>(1) == "open")
                .then_some(())
        })
        .await;

        // And the conversation can be listed and read back
        let page = ann
            .get(&format!("/conversations/{conversation}/messages"))
            .await
            .ok();
        assert_eq!(page["messages"].as_array().unwrap().len(), 2);
        until(
            "the conversation in the list",
            Duration::from_secs(10),
            || async {
                let list = ann.get("/conversations").await.ok();
                list.to_string().contains(conversation).then_some(())
            },
        )
        .await;
    });
}

#[test]
fn reminders_fire_at_their_moment_one_after_the_other() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-reminded");
        let now = Timestamp::now();
        let due = [now + 3.seconds(), now + 6.seconds()];
        for (n, due) in due.iter().enumerate() {
            let task = json!({ "title": format!("reminder {n}"), "due_at": due.to_string() });
            ann.send(Method::POST, "/tasks", None, Some(task))
                .await
                .ok();
        }
        for (n, due) in due.iter().enumerate() {
            let event = until("the reminder in Kafka", Duration::from_secs(40), || async {
                let events = events(stack, "reminders", "ann-reminded").await;
                events
                    .into_iter()
                    .find(|event| event["data"]["title"] == format!("reminder {n}"))
            })
            .await;
            assert_eq!(event["type"], "com.todo.reminder.due");
            let fired: Timestamp = event["time"].as_str().unwrap().parse().unwrap();
            let lag = fired.as_millisecond() - due.as_millisecond();
            assert!(lag >= 0, "{lag} ms early");
            report(
                "a reminder's lag",
                Duration::from_millis(lag.unsigned_abs()),
                Duration::from_secs(2),
            );
        }
        let all = events(stack, "reminders", "ann-reminded").await;
        assert_eq!(all.len(), 2);
    });
}

#[test]
fn everyday_work_over_http() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-http");
        let profile = json!({ "time_zone": "Europe/Berlin" });
        ann.send(Method::PUT, "/profile", None, Some(profile))
            .await
            .ok();
        assert_eq!(ann.get("/profile").await.ok()["time_zone"], "Europe/Berlin");

        let task = ann.add("write the report", None).await.ok();
        let id = task["task_id"].as_str().unwrap().to_owned();
        let path = format!("/tasks/{id}");
        let change = json!({ "title": "write the long report", "due_date": "2090-01-01" });
        let changed = ann
            .send(Method::PATCH, &path, None, Some(change))
            .await
            .ok();
        assert_eq!(changed["due_date"], "2090-01-01");
        let cleared = ann
            .send(
                Method::PATCH,
                &path,
                None,
                Some(json!({ "due_date": null })),
            )
            .await
            .ok();
        assert_eq!(
            cleared.get("due_date").unwrap_or(&Value::Null),
            &Value::Null
        );
        ann.send(Method::POST, &format!("{path}/complete"), None, None)
            .await
            .ok();
        assert_eq!(ann.get(&path).await.ok()["status"], "done");
        let undone = ann.send(Method::POST, "/undo", None, None).await.ok();
        assert_eq!(undone["task"]["status"], "open");
        ann.send(Method::DELETE, &path, None, None).await.ok();
        assert_eq!(ann.get(&path).await.status, 404);
        ann.send(Method::POST, "/undo", None, None).await.ok();
        assert_eq!(ann.get(&path).await.ok()["title"], "write the long report");

        let reply = ann.say("hello", None, None).await.ok();
        let conversation = format!(
            "/conversations/{}",
            reply["conversation_id"].as_str().unwrap()
        );
        ann.send(Method::DELETE, &conversation, None, None)
            .await
            .ok();
        assert_eq!(
            ann.get(&format!("{conversation}/messages")).await.status,
            404
        );
    });
}

#[test]
fn tables_rebuilt_from_the_journals_equal_those_the_projector_made() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-rebuilt");
        for n in 0..150 {
            ann.add(&format!("task {n}"), None).await.ok();
        }
        let reply = ann.say("complete task 3", None, None).await.ok();
        let conversation = reply["conversation_id"].as_str().unwrap().to_owned();
        for n in 0..20 {
            ann.say(
                &format!("add thing {n} tomorrow"),
                Some(&conversation),
                None,
            )
            .await
            .ok();
        }
        ann.send(Method::DELETE, "/tasks/task-7", None, None)
            .await
            .ok();
        until(
            "the projector to catch up",
            Duration::from_secs(30),
            || async { (behind(stack.database_url(), "ann-rebuilt").await == 0).then_some(()) },
        )
        .await;
        let projected = rows(stack.database_url(), "ann-rebuilt").await;
        assert!(projected.len() > 200, "{} rows", projected.len());
        stack.job("rebuild").await.unwrap();
        assert_eq!(rows(stack.database_url(), "ann-rebuilt").await, projected);
    });
}

/// How many journals of a user the tables have not caught up with.
async fn behind(url: &str, user: &str) -> i64 {
    let mut database = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(
        "select count(*) from journal_head head left join projection_progress done using (actor)
         where (head.actor = 'User/' || $1 or head.actor like 'Conversation/' || $1 || '~%')
           and (done.seq is distinct from head.seq or done.part + 1 < done.parts)",
    )
    .bind(user)
    .fetch_one(&mut database)
    .await
    .unwrap()
}

/// Every row the tables have of a user, as JSON text.
async fn rows(url: &str, user: &str) -> Vec<String> {
    let mut database = PgConnection::connect(url).await.unwrap();
    let mut all = Vec::new();
    for table in ["profiles", "tasks", "conversations", "messages"] {
        // Table names are the four above; the user is a parameter.
        let sql = format!("select to_jsonb(t)::text from {table} t where user_id = $1 order by 1");
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(user)
            .fetch_all(&mut database)
            .await
            .unwrap();
        all.extend(rows.into_iter().map(|row| format!("{table} {row}")));
    }
    all
}
