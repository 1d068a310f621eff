use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use todo_actors::message::{Outcome, Refusal};

use super::{
    auth::tests::{jwks_config, key_server, token},
    *,
};
use crate::push::Services;
use crate::{
    assistant::offline::Offline,
    config::{Rate, RateConfig},
    test_actors::Script,
};

mod hostile;
mod mcp;

struct Api {
    router: Router,
    script: Arc<Script>,
    token: String,
}

fn task(title: &Value) -> Value {
    json!({
        "task_id": "task-1", "title": title, "status": "open", "priority": "normal",
        "created_at": "2026-04-01T00:00:00Z", "updated_at": "2026-04-01T00:00:00Z",
    })
}

/// The API of `ann` over actors that know nothing but how to add and list.
async fn api_with(rate: u32) -> Api {
    let script = Script::new(|call| {
        let message = &call.request["message"];
        Ok(match call.method.as_str() {
            "admit" => Outcome::Ok(json!({})),
            "add" if message["title"] == "panic" => panic!("as asked"),
            "add" => Outcome::Ok(task(&message["title"])),
            "list" => Outcome::Ok(json!({"tasks": [task(&json!("t"))], "total": 1})),
            "profile" => Outcome::Ok(json!({"time_zone": "UTC", "time_zone_set": false})),
            "set_profile" => Outcome::Ok(json!({
                "time_zone": message["time_zone"], "time_zone_set": true,
            })),
            "begin_turn" if message["create"] == true => Outcome::Ok(json!({
                "turn": "begun", "history": [], "resumed": false, "started": true,
                "said": { "index": 0, "turn_id": call.request["message"]["turn_id"], "role": "user",
                    "text": call.request["message"]["text"], "created_at": "2026-04-01T10:00:00Z" },
            })),
            "finish_turn" => Outcome::Ok(json!({
                "index": 1, "turn_id": message["turn_id"], "role": "assistant",
                "text": message["text"], "provider": message["provider"],
                "created_at": "2026-04-01T10:00:01Z",
            })),
            _ => Outcome::Refused(Refusal::not_found("There is nothing by that id.")),
        })
    });
    api_of(script.client(), script, rate).await
}

/// The API of `ann` over any actors; `script` is what its calls are looked up in.
async fn api_of(actors: ActorClient, script: Arc<Script>, rate: u32) -> Api {
    let (url, _) = key_server().await;
    let rate = Rate {
        per_minute: rate,
        burst: rate.max(1),
    };
    let rates = RateConfig {
        user: rate,
        address: rate,
        trusted_proxies: Vec::new(),
    };
    let lease = std::time::Duration::from_secs(60);
    let pool = PgPoolOptions::new()
        .acquire_timeout(std::time::Duration::from_millis(20))
        .connect_lazy("postgres://127.0.0.1:1/none")
        .unwrap();
    let edge = Arc::new(Edge {
        actors: actors.clone(),
        pool: pool.clone(),
        auth: Authenticator::new(&jwks_config(&url), None).unwrap(),
        limits: Limits::new(&rates),
        assistant: Arc::new(Assistant::new(
            actors.clone(),
            Arc::new(Offline),
            lease,
            Lifecycle::default(),
        )),
        push: Push {
            vapid: None,
            services: Services::new(Vec::new()),
        },
        mcp_hosts: vec!["todo.example.com".to_owned()],
        live: Arc::default(),
        eraser: crate::erasure::Eraser::new(actors, pool, lease),
        confirmations: Confirmations::new("secret"),
        life: Lifecycle::default(),
    });
    Api {
        router: api(edge),
        script,
        token: token("ann", json!({})),
    }
}

impl Api {
    async fn send(&self, request: Request) -> (StatusCode, header::HeaderMap, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if parts.status.is_client_error() || parts.status.is_server_error() {
            assert_eq!(
                parts.headers[header::CONTENT_TYPE],
                "application/problem+json"
            );
            assert_eq!(body["status"], parts.status.as_u16());
            assert!(!body["detail"].as_str().unwrap().is_empty());
        }
        (parts.status, parts.headers, body)
    }

    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
    }

    async fn json(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let (status, _, body) = self.send(request).await;
        (status, body)
    }

    async fn raw(&self, content_type: &str, body: impl Into<Body>) -> u16 {
        let request = self
            .request(Method::POST, "/api/ann/tasks")
            .header(header::CONTENT_TYPE, content_type)
            .body(body.into())
            .unwrap();
        self.send(request).await.0.as_u16()
    }

    async fn status(&self, method: Method, path: &str) -> u16 {
        self.send(self.request(method, path).body(Body::empty()).unwrap())
            .await
            .0
            .as_u16()
    }
}

#[tokio::test]
async fn a_task_is_added_under_the_callers_key_and_trace() {
    let api = api_with(0).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = api
        .request(Method::POST, "/api/ann/tasks")
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", "once")
        .header("traceparent", trace)
        .body(Body::from(
            r#"{"title":"milk","due_at":"2026-05-01T09:00:00+02:00","unknown":1}"#,
        ))
        .unwrap();
    let (status, headers, body) = api.send(request).await;
    assert_eq!(
        (status, &body["title"]),
        (StatusCode::CREATED, &json!("milk"))
    );
    assert_eq!(headers[header::LOCATION], "/api/ann/tasks/task-1");
    let call = api.script.calls().remove(0);
    assert_eq!(call.actor, "User/ann");
    assert_eq!(call.request["key"], "http:POST tasks:once");
    assert_eq!(call.request["traceparent"], trace);
    assert_eq!(call.request["message"]["due"]["at"], "2026-05-01T07:00:00Z");
}

#[tokio::test]
async fn a_message_is_answered() {
    let api = api_with(0).await;
    let body = json!({"message": " hello ", "time_zone": "Europe/Berlin"});
    let (status, reply) = api.json(Method::POST, "/api/ann/chat", body).await;
    assert_eq!(status, StatusCode::OK, "{reply}");
    assert_eq!(reply["provider"], "offline");
    assert_eq!(reply["tool_calls"], json!([]));
    assert_eq!(reply["turn_id"].as_str().unwrap().len(), 32);
    let calls = api.script.calls();
    let begin = calls.iter().find(|call| call.method == "begin_turn");
    assert_eq!(begin.unwrap().request["message"]["text"], "hello");
}

impl Api {
    /// Says something and asks for a stream; answers the status, the headers and the events.
    async fn stream(&self, body: Value) -> (StatusCode, header::HeaderMap, Vec<String>) {
        let request = self
            .request(Method::POST, "/api/ann/chat")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let events = events.map(str::to_owned).collect();
        (parts.status, parts.headers, events)
    }
}

#[tokio::test]
async fn a_message_is_answered_as_a_stream() {
    let api = api_with(0).await;
    let body = json!({"message": "add milk", "time_zone": "Europe/Berlin"});
    let (status, headers, events) = api.stream(body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(headers["x-vercel-ai-ui-message-stream"], "v1");
    assert_eq!(headers["x-accel-buffering"], "no");
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    let (done, parts) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    let parts: Vec<Value> = parts
        .iter()
        .map(|part| serde_json::from_str(part).unwrap())
        .collect();
    let metadata = &parts[0]["messageMetadata"];
    assert_eq!(metadata["turn_id"].as_str().unwrap().len(), 32);
    assert!(metadata["conversation_id"].is_string());
    let output = parts
        .iter()
        .find(|part| part["type"] == "tool-output-available");
    assert_eq!(output.unwrap()["output"]["ok"]["task"]["title"], "milk");
    assert_eq!(parts.last().unwrap()["finishReason"], "stop");
}

#[tokio::test]
async fn what_goes_wrong_before_a_stream_begins_keeps_its_status() {
    let api = api_with(0).await;
    for (body, expected) in [
        (json!({"message": " "}), 422),
        (json!({"message": "hi", "conversation_id": "theirs"}), 404),
    ] {
        let (status, headers, _) = api.stream(body).await;
        assert_eq!(status, expected);
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    }
}

#[tokio::test]
async fn only_a_turn_that_is_there_can_be_stopped() {
    let api = api_with(0).await;
    let conversation = json!({"conversation_id": "c"});
    for (path, body, expected) in [
        ("/api/ann/chat/t/stop", conversation.clone(), 404),
        ("/api/ann/chat/a%7Cb/stop", conversation.clone(), 404),
        (
            "/api/ann/chat/t/stop",
            json!({"conversation_id": "a/b"}),
            404,
        ),
        ("/api/ann/chat/t/stop", json!({}), 422),
        ("/api/bob/chat/t/stop", conversation, 403),
    ] {
        let (status, reply) = api.json(Method::POST, path, body).await;
        assert_eq!(status, expected, "{path}: {reply}");
    }
}

#[tokio::test]
async fn values_that_make_no_sense_are_named() {
    let api = api_with(0).await;
    let chat = "/api/ann/chat";
    let cases = [
        (Method::POST, chat, json!({"message": "  "}), 422),
        (
            Method::POST,
            chat,
            json!({"message": "x".repeat(10_000)}),
            422,
        ),
        (
            Method::POST,
            chat,
            json!({"message": "ä".repeat(4_000)}),
            200,
        ),
        (
            Method::POST,
            chat,
            json!({"message": "hi", "time_zone": "Mars/Base"}),
            422,
        ),
        (
            Method::POST,
            chat,
            json!({"message": "hi", "conversation_id": "a/b"}),
            404,
        ),
        (
            Method::POST,
            chat,
            json!({"message": "hi", "conversation_id": "theirs"}),
            404,
        ),
        (Method::POST, chat, json!({"text": "hi"}), 422),
        (Method::POST, "/api/ann/tasks", json!({"title": 7}), 422),
        (
            Method::POST,
            "/api/ann/tasks",
            json!({"title": "x", "due_at": "2026-05-01T09:00:00"}),
            422,
        ),
        (
            Method::POST,
            "/api/ann/tasks",
            json!({"title": "x", "due_at": "2026-05-01T09:00:00Z", "due_date": "2026-05-01"}),
            422,
        ),
        (
            Method::PUT,
            "/api/ann/profile",
            json!({"time_zone": "Mars/Base"}),
            422,
        ),
        (
            Method::PUT,
            "/api/ann/profile",
            json!({"time_zone": "UTC"}),
            200,
        ),
        (
            Method::PATCH,
            "/api/ann/tasks/task-1",
            json!({"title": null}),
            422,
        ),
        (
            Method::PATCH,
            "/api/ann/tasks/task-1",
            json!({"title": "x"}),
            404,
        ),
        (
            Method::POST,
            "/api/ann/undo?task_id=task-1&updated_at=yesterday",
            json!({}),
            422,
        ),
        (
            Method::POST,
            "/api/ann/undo?task_id=task-1&updated_at=2026-01-01T00:00:00Z",
            json!({}),
            404,
        ),
        (Method::GET, "/api/ann/tasks?limit=0", json!({}), 422),
        (Method::GET, "/api/ann/tasks?limit=abc", json!({}), 422),
        (Method::GET, "/api/ann/tasks?due=someday", json!({}), 422),
        (
            Method::GET,
            "/api/ann/tasks?status=open&due=today&search=a&tag=b&limit=5",
            json!({}),
            200,
        ),
        (
            Method::GET,
            "/api/ann/conversations?cursor=zzz",
            json!({}),
            422,
        ),
        (
            Method::GET,
            "/api/ann/conversations/c/messages?cursor=-1",
            json!({}),
            422,
        ),
    ];
    for (method, path, body, expected) in cases {
        let (status, reply) = api.json(method.clone(), path, body).await;
        assert_eq!(status, expected, "{method} {path}: {reply}");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let api = api_with(0).await;
    assert_eq!(api.raw("application/json", r#"{"title":"#).await, 400);
    assert_eq!(api.raw("application/json", "").await, 400);
    assert_eq!(
        api.raw("application/json", &b"{\"title\":\"\xff\xfe\"}"[..])
            .await,
        400
    );
    assert_eq!(api.raw("text/plain", r#"{"title":"x"}"#).await, 415);
    let long = json!({"title": "x", "notes": "n".repeat(65 << 10)}).to_string();
    assert_eq!(api.raw("application/json", long).await, 413);
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 4096]));
    assert_eq!(
        api.raw("application/json", Body::from_stream(endless))
            .await,
        413
    );
    assert_eq!(
        api.raw("application/json", r#"{"title":"panic"}"#).await,
        500
    );
    assert_eq!(
        api.raw("application/json; charset=utf-8", r#"{"title":"x"}"#)
            .await,
        201
    );
}

#[tokio::test]
async fn strange_addresses_are_problems_and_nothing_else() {
    let api = api_with(0).await;
    let long = "x".repeat(10 << 10);
    for id in ["a%7Cb", "a%2Fb", "..", "%2E%2E", "%00", "%FF", "a~b", &long] {
        for path in [format!("/api/{id}/tasks"), format!("/api/ann/tasks/{id}")] {
            let status = api.status(Method::GET, &path).await;
            assert!(matches!(status, 400 | 404), "{path:.60}: {status}");
        }
        let path = format!("/api/ann/conversations/{id}/messages");
        assert!(
            matches!(api.status(Method::GET, &path).await, 400 | 404),
            "{path:.60}"
        );
    }
    assert_eq!(api.status(Method::GET, "/nowhere").await, 404);
    assert_eq!(api.status(Method::GET, "/api/ann/nowhere").await, 404);
    assert_eq!(api.status(Method::PUT, "/api/ann/tasks").await, 405);
    assert_eq!(api.status(Method::GET, "/api/bob/tasks").await, 403);
    let anonymous = Request::get("/api/ann/tasks").body(Body::empty()).unwrap();
    let (status, headers, _) = api.send(anonymous).await;
    assert_eq!(status, 401);
    assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
}

/// What the API's document has: paths, their methods, and what is said of each.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

#[tokio::test]
async fn every_writing_route_refuses_a_key_that_is_none() {
    let api = api_with(0).await;
    let document = serde_json::to_value(document()).unwrap();
    for (path, method, _) in operations(&document).filter(|(_, method, _)| *method != "get") {
        let path = path.replace("{user_id}", "ann").replace(['{', '}'], "");
        let request = api.request(method.to_uppercase().parse().unwrap(), &path);
        let request = request.header("idempotency-key", "two words");
        let (status, _, problem) = api.send(request.body(Body::empty()).unwrap()).await;
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(status, 400, "{method} {path}");
        assert!(
            detail.starts_with("Idempotency-Key"),
            "{method} {path}: {detail}"
        );
    }
    assert_eq!(api.script.calls(), []);
}

#[tokio::test]
async fn nobody_can_tell_what_is_not_theirs_from_what_is_not() {
    let api = api_with(0).await;
    let mut answers = Vec::new();
    for path in [
        "/api/ann/conversations/theirs/messages",
        "/api/ann/conversations/a%7Cb/messages",
    ] {
        answers.push(
            api.send(api.request(Method::GET, path).body(Body::empty()).unwrap())
                .await
                .2,
        );
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let api = api_with(3).await;
    for _ in 0..3 {
        assert_eq!(api.status(Method::GET, "/api/ann/tasks").await, 200);
    }
    let request = api
        .request(Method::GET, "/api/ann/tasks")
        .body(Body::empty())
        .unwrap();
    let (status, headers, _) = api.send(request).await;
    assert_eq!(status, 429);
    assert_eq!(headers[header::RETRY_AFTER], "20");

    let from = |last| {
        let mut request = Request::get("/nowhere").body(Body::empty()).unwrap();
        let peer = SocketAddr::from(([192, 0, 2, last], 4242));
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    };
    for _ in 0..3 {
        assert_eq!(api.send(from(1)).await.0, 404);
    }
    assert_eq!(api.send(from(1)).await.0, 429);
    assert_eq!(api.send(from(2)).await.0, 404);
}

#[tokio::test]
async fn until_everything_is_there_the_port_says_so() {
    let dapr = crate::config::DaprConfig {
        grpc_endpoint: String::new(),
        http_endpoint: "http://127.0.0.1:1".to_owned(),
        api_token: None,
    };
    let probe = Arc::new(health::SidecarProbe::new(&dapr).unwrap());
    let (gate, mut api) = (Gate::default(), api_with(0).await);
    let inner = std::mem::take(&mut api.router);
    api.router = public(
        Health {
            life: Lifecycle::default(),
            probe,
        },
        gate.clone(),
    );
    assert_eq!(api.status(Method::GET, "/healthz").await, 200);
    assert_eq!(api.status(Method::GET, "/readyz").await, 503);
    assert_eq!(api.status(Method::GET, "/api/ann/tasks").await, 503);
    gate.open(inner);
    assert_eq!(api.status(Method::GET, "/api/ann/tasks").await, 200);
    assert_eq!(api.status(Method::GET, "/openapi.json").await, 200);
}

#[test]
fn the_committed_openapi_document_is_the_one_we_serve() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/openapi.json");
    let document = format!("{}\n", document().to_pretty_json().unwrap());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == document,
        "src/http/openapi.json is out of date: UPDATE_OPENAPI=1 cargo test -p todo-backend --lib openapi writes it anew",
    );
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let text = document().to_json().unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    for reference in text.split("\"#/").skip(1) {
        let pointer = format!("/{}", reference.split('"').next().unwrap());
        assert!(document.pointer(&pointer).is_some(), "{pointer}");
    }
}

#[test]
fn every_writing_route_documents_its_key() {
    let document = serde_json::to_value(document()).unwrap();
    for (path, method, operation) in operations(&document) {
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let keyed = parameters
            .iter()
            .any(|parameter| parameter["name"] == "Idempotency-Key");
        assert_eq!(keyed, method != "get", "{method} {path}");
    }
}

#[tokio::test]
async fn nobody_takes_along_or_erases_somebody_else() {
    let api = api_with(0).await;
    assert_eq!(api.status(Method::GET, "/api/bob/export").await, 403);
    assert_eq!(api.status(Method::DELETE, "/api/bob").await, 403);
    assert_eq!(api.script.calls(), []);
}
