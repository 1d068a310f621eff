//! A person with a list, an assistant with a model, and models that misbehave.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, extract::State, response::Response, routing::post};
use futures::StreamExt;
use serde_json::{Value, json};
use todo_actors::message::Outcome;
use todo_stack::ModelServer;
use tokio::sync::OnceCell;

use super::recorder::Recorder;
use crate::assistant::Show;
use crate::{
    assistant::{Assistant, TurnReply, TurnRequest, cohere::Cohere, fallback::ModelFirst},
    config::CohereConfig,
    shutdown::Lifecycle,
    test_actors::Script,
};

static AIMOCK: OnceCell<ModelServer> = OnceCell::const_new();

/// A recorder before the stand-in for the model, which has learnt these fixtures.
pub async fn aimock(fixtures: Value) -> Recorder {
    let server = AIMOCK
        .get_or_init(|| async { ModelServer::start().await.unwrap() })
        .await;
    server.model().learn(fixtures).await.unwrap();
    Recorder::start().await.before(server.model().url())
}

/// A fixture: to this message, before any result or after one, this answer.
pub fn fixture(message: &str, after_tools: bool, response: Value) -> Value {
    json!({
        "match": { "userMessage": message, "hasToolResult": after_tools },
        "response": response,
    })
}

/// A fixture that answers only the `n`th such request, counted from 0.
pub fn nth(n: usize, mut fixture: Value) -> Value {
    fixture["match"]["sequenceIndex"] = n.into();
    fixture
}

/// An answer that calls these tools.
pub fn calls(calls: &[(&str, Value)]) -> Value {
    let calls = calls
        .iter()
        .map(|(name, arguments)| json!({ "name": name, "arguments": arguments }));
    json!({ "toolCalls": calls.collect::<Vec<_>>() })
}

pub fn text(text: &str) -> Value {
    json!({ "content": text })
}

pub fn error(status: u16, retry_after: u64) -> Value {
    json!({ "error": { "message": "no" }, "status": status, "retryAfter": retry_after })
}

/// What a scripted model sends.
#[derive(Clone)]
pub enum Sends {
    /// These bytes, and the end.
    Bytes(&'static str, Vec<u8>),
    /// These bytes, and then the connection breaks.
    Cut(Vec<u8>),
    /// These bytes, and then nothing more.
    Hangs(Vec<u8>),
    Status(u16, &'static str),
}

/// A model that sends one of these after the other, the last one for ever.
pub async fn scripted(sends: impl IntoIterator<Item = Sends>) -> Recorder {
    let sends: VecDeque<Sends> = sends.into_iter().collect();
    let routes = Router::new()
        .route("/v2/chat", post(send))
        .with_state(Arc::new(Mutex::new(sends)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes).into_future());
    Recorder::start().await.before(&url)
}

async fn send(State(sends): State<Arc<Mutex<VecDeque<Sends>>>>) -> Response {
    let next = {
        let mut sends = sends.lock().unwrap();
        let next = sends.front().unwrap().clone();
        if sends.len() > 1 {
            sends.pop_front();
        }
        next
    };
    let first = |bytes: Vec<u8>| futures::stream::once(async { Ok::<_, std::io::Error>(bytes) });
    let streamed = |body| {
        Response::builder()
            .header("content-type", "text/event-stream")
            .body(body)
            .unwrap()
    };
    match next {
        Sends::Bytes(kind, bytes) => Response::builder()
            .header("content-type", kind)
            .body(Body::from(bytes))
            .unwrap(),
        Sends::Cut(bytes) => {
            let broken = futures::stream::once(async {
                // The bytes before it must be under way, or nothing of them would arrive.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            });
            streamed(Body::from_stream(first(bytes).chain(broken)))
        }
        Sends::Hangs(bytes) => streamed(Body::from_stream(
            first(bytes).chain(futures::stream::pending()),
        )),
        Sends::Status(status, retry_after) => Response::builder()
            .status(status)
            .header("retry-after", retry_after)
            .body(Body::empty())
            .unwrap(),
    }
}

/// Events as the model streams them, without an end.
pub fn events(events: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        bytes.extend(format!("event: {}\ndata: {event}\n\n", event["type"]).into_bytes());
    }
    bytes
}

pub fn content(text: &str) -> Value {
    json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}})
}

pub fn end(reason: &str) -> Value {
    json!({"type": "message-end", "delta": {"finish_reason": reason, "usage": {}}})
}

pub fn config(recorder: &Recorder, stream: bool) -> CohereConfig {
    CohereConfig {
        base_url: recorder.url.clone(),
        idle: Duration::from_millis(400),
        stream,
        ..CohereConfig::default()
    }
}

/// A person with tasks of these titles, `task-0` and on, and an assistant that asks the model.
pub struct World {
    pub actors: Arc<Script>,
    pub recorder: Recorder,
    assistant: Assistant,
}

impl World {
    pub fn new(recorder: Recorder, titles: &[&str]) -> Self {
        Self::with(recorder, titles, true, Duration::from_secs(60))
    }

    pub fn with(recorder: Recorder, titles: &[&str], stream: bool, lease: Duration) -> Self {
        let actors = list_of(titles);
        let cohere = Cohere::new(&config(&recorder, stream), "secret").unwrap();
        let planner = Arc::new(ModelFirst::new(cohere));
        let life = Lifecycle::default();
        let assistant = Assistant::new(actors.client(), planner, lease, life);
        Self {
            actors,
            recorder,
            assistant,
        }
    }

    pub async fn say(&self, message: &str) -> TurnReply {
        let request = TurnRequest {
            user_id: "ann".to_owned(),
            key: message.to_owned(),
            message: message.to_owned(),
            conversation_id: None,
            time_zone: None,
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        };
        self.assistant
            .turn(&request, &Show::default())
            .await
            .unwrap()
    }

    /// The calls that reached the list and change it.
    pub fn changes(&self) -> Vec<String> {
        const READS: &[&str] = &["begin_turn", "holds_turn", "finish_turn", "profile", "list"];
        let mut methods = self.actors.methods();
        methods.retain(|method| !READS.contains(&method.as_str()));
        methods
    }
}

fn list_of(titles: &[&str]) -> Arc<Script> {
    let task = |id: String, title: &Value| {
        json!({
            "task_id": id, "title": title, "status": "open",
            "created_at": "2026-04-01T00:00:00Z", "updated_at": "2026-04-01T00:00:00Z",
        })
    };
    let tasks: Vec<Value> = titles
        .iter()
        .enumerate()
        .map(|(n, title)| task(format!("task-{n}"), &json!(title)))
        .collect();
    Script::new(move |call| {
        let message = &call.request["message"];
        let text = |index: u64, role: &str| {
            json!({
                "index": index, "turn_id": message["turn_id"], "role": role,
                "text": message["text"], "tool_calls": message["tool_calls"],
                "provider": message["provider"], "created_at": "2026-04-01T10:00:00Z",
            })
        };
        Ok(Outcome::Ok(match call.method.as_str() {
            "begin_turn" => {
                let mut said = text(0, "user");
                said["tool_calls"] = json!([]);
                json!({
                    "turn": "begun", "history": [], "resumed": false, "started": true,
                    "said": said,
                })
            }
            "holds_turn" => json!({"held": true}),
            "finish_turn" => text(1, "assistant"),
            "profile" => json!({"time_zone": "Europe/Berlin", "time_zone_set": true}),
            "list" => json!({"tasks": tasks, "total": tasks.len()}),
            "add" => task("task-new".to_owned(), &message["title"]),
            "delete" => {
                let found = tasks.iter().find(|t| t["task_id"] == message["task_id"]);
                found.unwrap().clone()
            }
            other => panic!("{other} was not expected"),
        }))
    })
}
