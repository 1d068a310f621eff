use axum::body::{Body, to_bytes};
use todo_actors::testkit::World;
use tower::ServiceExt;

use super::*;

const EVENT: &str = r#"{"specversion":"1.0","id":"User/u/1/0","source":"backend","type":"t"}"#;

/// A consumer that says what it saw: events that parsed succeed, the rest are dropped.
fn consumer() -> Router {
    let sidecar = World::at("2026-11-23T10:00:00Z".parse().unwrap()).sidecar;
    router(
        &[Topic::TaskEvents, Topic::ConversationEvents],
        "token",
        DeadLetters::new(sidecar, "test"),
        |incoming| async move {
            incoming
                .into_iter()
                .map(|entry| EntryStatus {
                    status: match (&entry.event, entry.partition) {
                        (Ok(_), Some(2)) => Verdict::Success,
                        (Ok(_), _) => Verdict::Retry,
                        (Err(_), _) => Verdict::Drop,
                    },
                    entry_id: entry.entry_id,
                })
                .collect()
        },
    )
}

async fn call(method: &str, path: &str, token: Option<&str>, body: String) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("dapr-api-token", token);
    }
    let response = consumer()
        .oneshot(request.body(Body::from(body)).unwrap())
        .await
        .unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

#[tokio::test]
async fn subscriptions_name_each_topic_with_its_route() {
    let (status, body) = call("GET", "/dapr/subscribe", Some("token"), String::new()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body[0]["topic"], "task-events");
    assert_eq!(body[1]["route"], "/events/conversation-events");
    assert_eq!(body[1]["metadata"]["rawPayload"], "true");
    assert_eq!(body[0]["bulkSubscribe"]["enabled"], true);
}

#[tokio::test]
async fn only_the_sidecar_may_deliver() {
    for token in [None, Some(""), Some("tokem"), Some("token ")] {
        for (method, path) in [("GET", "/dapr/subscribe"), ("POST", "/events/task-events")] {
            let (status, body) = call(method, path, token, "{}".to_owned()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{token:?} {path}");
            assert_eq!(body["code"], "unauthorized");
        }
    }
    let (status, _) = call("GET", "/healthz", None, String::new()).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn every_entry_of_a_bulk_gets_its_answer() {
    // Given a bulk as daprd posts it with rawPayload, one entry broken in each way
    let entry = |id: &str, event: &str, partition: &str| {
        json!({
            "entryId": id, "event": event, "contentType": "application/octet-stream",
            "metadata": {
                "__key": "u", "__offset": "7", "__partition": partition,
                "__timestamp": "1790000000000", "__topic": "task-events",
            },
        })
    };
    let encoded = BASE64_STANDARD.encode(EVENT);
    let bulk = json!({
        "id": "x", "type": "com.dapr.event.sent.bulk", "topic": "task-events",
        "pubsubname": PUBSUB, "metadata": { "pubsubName": PUBSUB },
        "entries": [
            entry("0", &encoded, "2"),
            entry("1", &BASE64_STANDARD.encode("{}"), "2"),
            entry("2", "%", "2"),
            entry("3", &encoded, "?"),
            { "entryId": "4", "event": {}, "metadata": null },
        ],
    });
    // When it is delivered
    let (status, body) = call(
        "POST",
        "/events/task-events",
        Some("token"),
        bulk.to_string(),
    )
    .await;
    // Then each has an answer; what is given up waits for what is tried again
    assert_eq!(status, StatusCode::OK);
    let answers: Vec<_> = body["statuses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["status"].as_str().unwrap())
        .collect();
    assert_eq!(answers, ["SUCCESS", "RETRY", "RETRY", "RETRY", "RETRY"]);
    assert_eq!(body["statuses"][4]["entryId"], "4");
}

#[tokio::test]
async fn a_large_bulk_is_taken_and_nonsense_is_a_bad_request() {
    let filler = "x".repeat(8 << 20);
    let bulk = json!({ "topic": "task-events", "entries": [], "filler": filler });
    let (status, _) = call(
        "POST",
        "/events/task-events",
        Some("token"),
        bulk.to_string(),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = call(
        "POST",
        "/events/task-events",
        Some("token"),
        "no".to_owned(),
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
