//! "Remind me to buy milk tomorrow at 9", from the request to the reminder.

use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};
use todo_stack::Stack;

use crate::world::{Person, events, report, run, shared, until};

#[test]
fn a_sentence_becomes_a_task_an_event_a_row_and_a_reminder() {
    run(async { sentence(shared().await).await });
}

/// The main job, on any stack that does not know Ann yet.
pub async fn sentence(stack: &Stack) {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let ann = Person::new(stack, 1, "ann-main").traced(&format!("00-{trace}-00f067aa0ba902b7-01"));

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

    // And Kafka has the event under Ann's key, with the id of its place in the journal and the
    // trace of her request
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
    let id: Vec<&str> = created["id"].as_str().unwrap().split('/').collect();
    let sequence = created["sequence"].as_str().unwrap();
    assert_eq!(id[..3], ["User", "ann-main", sequence]);
    assert!(id.len() == 4 && id[3].parse::<u32>().is_ok(), "{id:?}");
    let messages = events(stack, "conversation-events", "ann-main").await;
    assert!(!messages.is_empty());
    for event in messages.iter().chain([&created]) {
        let traceparent = event["traceparent"].as_str().unwrap();
        assert_eq!(traceparent.split('-').nth(1), Some(trace), "{event}");
    }

    // And the table has the row
    until("the projected task", Duration::from_secs(10), || async {
        let mut database = PgConnection::connect(stack.database_url()).await.ok()?;
        let row = sqlx::query("select title, status from tasks where user_id = 'ann-main'")
            .fetch_optional(&mut database)
            .await
            .ok()??;
        (row.get::<String, _>(0) == "buy milk" && row.get::<String, _>(1) == "open").then_some(())
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
}

#[test]
fn reminders_fire_at_their_moment_one_after_the_other() {
    run(async {
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-reminded");
        // Given a reminder that Ann asked for in a sentence, for the start of the next minute
        let now = Timestamp::now();
        let minute = (now + 1.minute() + 5.seconds()).as_second() / 60 * 60;
        let minute = Timestamp::from_second(minute).unwrap();
        let local = minute.in_tz("Europe/Berlin").unwrap();
        let sentence = format!("remind me to stretch at {}", local.strftime("%-I:%M%P"));
        let reply = ann.say(&sentence, None, None).await.ok();
        let said = &reply["tool_calls"][0]["result"]["ok"]["task"]["due_at"];
        assert_eq!(said, &json!(minute.to_string()), "{sentence}: {reply}");
        // And two that are due sooner
        let now = Timestamp::now();
        let due = [
            ("first".to_owned(), now + 3.seconds()),
            ("second".to_owned(), now + 6.seconds()),
        ];
        for (title, due) in &due {
            let task = json!({ "title": title, "due_at": due.to_string() });
            ann.send(Method::POST, "/tasks", None, Some(task))
                .await
                .ok();
        }
        // Then each fires at its moment, once
        for (title, due) in due.into_iter().chain([("stretch".to_owned(), minute)]) {
            reminder(stack, "ann-reminded", &title, due).await;
        }
        let all = events(stack, "reminders", "ann-reminded").await;
        assert_eq!(all.len(), 3);
    });
}

/// Waits until the reminder of a task is in Kafka, which must not be before its moment.
pub async fn reminder(stack: &Stack, user: &str, title: &str, due: Timestamp) {
    let (event, sent) = until("the reminder in Kafka", Duration::from_secs(90), || async {
        let records = stack.read_topic("reminders").await.unwrap();
        let theirs = records
            .into_iter()
            .filter(|record| record.key_text() == user);
        theirs
            .map(|record| (record.json(), record.timestamp))
            .find(|(event, _)| event["data"]["title"] == title)
    })
    .await;
    assert_eq!(event["type"], "com.todo.reminder.due");
    let lag = Timestamp::try_from(sent).unwrap().as_millisecond() - due.as_millisecond();
    assert!(lag >= 0, "{lag} ms early");
    report(
        "a reminder's lag",
        Duration::from_millis(lag.unsigned_abs()),
        Duration::from_secs(2),
    );
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
