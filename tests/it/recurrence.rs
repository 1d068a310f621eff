//! A repeating task comes back once, whoever dies meanwhile and whatever is delivered twice.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use todo_stack::{Role, Signal, Stack};

use crate::world::{Person, events, options, own, run, until};

const RECURRER: &str = "recurrer";

#[test]
fn a_repeating_task_that_is_done_comes_back_once() {
    run(async {
        let mut options = options();
        options.roles.push(Role::Recurrer);
        let stack = own(options).await;
        let ann = Person::new(&stack, 1, "ann");

        // Given a task that repeats
        let plants = json!({ "title": "water plants", "recurrence": "FREQ=DAILY;INTERVAL=2" });
        let task = ann
            .send(Method::POST, "/tasks", Some("plants"), Some(plants))
            .await
            .ok();
        assert_eq!(task["recurrence"]["words"], "every 2 days");
        let first = task["due_date"].as_str().unwrap().to_owned();

        // When it is done, the next occurrence follows
        complete(&ann, "task-1").await;
        let next = open_task(&ann, "task-2").await;
        assert_eq!(next["follows"], "task-1");
        assert!(next["due_date"].as_str().unwrap() > first.as_str());
        let done = ann.get("/tasks/task-1").await.ok();
        assert_eq!(
            (&done["status"], &done["followed_by"]),
            (&json!("done"), &json!("task-2"))
        );

        // And when the recurrer is dead meanwhile, it follows once it is back
        stack.kill(RECURRER, Signal::Kill).await.unwrap();
        complete(&ann, "task-2").await;
        stack.start_server(RECURRER).await.unwrap();
        stack.until_ready(RECURRER).await.unwrap();
        open_task(&ann, "task-3").await;

        // And events delivered twice change nothing: what comes after them follows once
        let completed = of_type(&stack, "com.todo.task.completed").await;
        assert_eq!(completed.len(), 2);
        for event in &completed {
            deliver_again(&stack, event).await;
        }
        complete(&ann, "task-3").await;
        open_task(&ann, "task-4").await;
        assert_eq!(ids(&ann).await, ["task-1", "task-2", "task-3", "task-4"]);
        let created = of_type(&stack, "com.todo.task.created").await;
        let follows: Vec<&Value> = created
            .iter()
            .map(|event| &event["data"]["follows"])
            .collect();
        assert_eq!(
            follows,
            [
                &Value::Null,
                &json!("task-1"),
                &json!("task-2"),
                &json!("task-3")
            ]
        );

        // And the table shows the series
        let row = until("the row of task-3", Duration::from_secs(20), || async {
            let mut database = PgConnection::connect(stack.database_url()).await.unwrap();
            sqlx::query_as::<_, (String, String)>(
                "select recurrence_rule, follows from tasks where user_id = 'ann' and id = 'task-3'",
            )
            .fetch_optional(&mut database)
            .await
            .unwrap()
        })
        .await;
        assert_eq!(
            row,
            ("FREQ=DAILY;INTERVAL=2".to_owned(), "task-2".to_owned())
        );

        // And undoing the last completion takes its occurrence back
        ann.send(Method::POST, "/undo", None, None).await.ok();
        assert_eq!(ids(&ann).await, ["task-1", "task-2", "task-3"]);
        assert_eq!(ann.get("/tasks/task-3").await.ok()["status"], "open");
        stack.shutdown().await.unwrap();
    });
}

async fn complete(person: &Person, task_id: &str) {
    let path = format!("/tasks/{task_id}/complete");
    person.send(Method::POST, &path, None, None).await.ok();
}

async fn open_task(person: &Person, task_id: &str) -> Value {
    until("the next occurrence", Duration::from_secs(40), || async {
        let answer = person.get(&format!("/tasks/{task_id}")).await;
        (answer.status == 200).then_some(answer.body)
    })
    .await
}

async fn ids(person: &Person) -> Vec<String> {
    let tasks = person.tasks().await;
    let ids = tasks
        .iter()
        .map(|task| task["task_id"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

async fn of_type(stack: &Stack, ty: &str) -> Vec<Value> {
    let events = events(stack, "task-events", "ann").await;
    events
        .into_iter()
        .filter(|event| event["type"] == ty)
        .collect()
}

/// Puts an event into Kafka once more, as it is, behind what its user has there.
async fn deliver_again(stack: &Stack, event: &Value) {
    let dapr = stack.dapr(1).unwrap();
    let url = format!(
        "http://127.0.0.1:{}/v1.0/publish/kafka-pubsub/task-events?metadata.rawPayload=true&metadata.partitionKey=ann",
        dapr.http_port
    );
    let sent = reqwest::Client::new()
        .post(url)
        .header("dapr-api-token", dapr.api_token)
        .header("content-type", "application/cloudevents+json")
        .body(event.to_string())
        .send()
        .await
        .unwrap();
    assert!(sent.status().is_success(), "{}", sent.status());
}
