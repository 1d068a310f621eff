//! One trace from a request to every consumer, as a collector gets it from apps and sidecars.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use jiff::{Timestamp, ToSpan};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
};
use prost::Message;
use reqwest::Method;
use serde_json::{Value, json};
use todo_stack::Role;
use tokio::{net::TcpListener, sync::Notify};

use crate::{
    live,
    world::{Person, options, own, run, until},
};

/// The span in the browser, which nobody sends.
const BROWSER: &str = "00f067aa0ba902b7";
const LIMIT: Duration = Duration::from_secs(60);

/// A span as it was received.
#[derive(Debug, Clone)]
struct Span {
    /// The process and the span's name.
    name: String,
    /// Whose it is: `todo-backend`, or the sidecar's.
    scope: String,
    trace: String,
    id: String,
    parent: String,
    attributes: HashMap<String, String>,
}

/// An OpenTelemetry collector.
#[derive(Clone, Default)]
struct Collector(Arc<Received>);

#[derive(Default)]
struct Received {
    spans: Mutex<Vec<Span>>,
    more: Notify,
}

impl Collector {
    async fn open() -> (Self, SocketAddr) {
        let collector = Self::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(collector.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (collector, address)
    }

    /// The trace once it has all these spans and every span the one above it, up to the browser's.
    async fn whole(&self, trace: &str, wanted: &[&str]) -> Vec<Span> {
        let missing = || -> Vec<String> {
            let spans = self.of(trace);
            let names = wanted.iter().filter(|name| named(&spans, name).is_none());
            let names = names.map(|name| (*name).to_owned());
            let known = |id: &str| id == BROWSER || spans.iter().any(|span| span.id == id);
            let cut = spans.iter().filter(|span| !known(&span.parent));
            let cut = cut.map(|span| format!("what is above {}", span.name));
            names.chain(cut).collect()
        };
        let whole = async {
            loop {
                let more = self.0.more.notified();
                if missing().is_empty() {
                    return;
                }
                more.await;
            }
        };
        if tokio::time::timeout(LIMIT, whole).await.is_err() {
            panic!("missing: {:#?} of {:#?}", missing(), self.of(trace));
        }
        self.of(trace)
    }

    fn of(&self, trace: &str) -> Vec<Span> {
        let spans = self.0.spans.lock().unwrap();
        let spans = spans.iter().filter(|span| span.trace == trace);
        spans.cloned().collect()
    }
}

async fn take(State(collector): State<Collector>, body: Bytes) -> StatusCode {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut received = collector.0.spans.lock().unwrap();
    for resource in request.resource_spans {
        let about = resource.resource.unwrap_or_default().attributes;
        let service = texts(about).remove("service.name").unwrap_or_default();
        for scope in resource.scope_spans {
            let of = scope.scope.unwrap_or_default().name;
            received.extend(scope.spans.into_iter().map(|span| Span {
                name: format!("{service}: {}", span.name),
                scope: of.clone(),
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: texts(span.attributes),
            }));
        }
    }
    drop(received);
    collector.0.more.notify_waiters();
    StatusCode::OK
}

fn texts(attributes: Vec<KeyValue>) -> HashMap<String, String> {
    let text = |attribute: KeyValue| match attribute.value?.value? {
        any_value::Value::StringValue(text) => Some((attribute.key, text)),
        _ => None,
    };
    attributes.into_iter().filter_map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> Option<&'a Span> {
    spans.iter().find(|span| span.name == name)
}

/// The names from a span up to the request's, sidecars' left out.
fn way_up<'a>(spans: &'a [Span], from: &str) -> Vec<&'a str> {
    let mut way = Vec::new();
    let mut at = named(spans, from);
    while let Some(span) = at {
        if span.scope == "todo-backend" {
            way.push(span.name.as_str());
        }
        at = spans.iter().find(|above| above.id == span.parent);
    }
    way
}

#[test]
fn a_request_is_one_trace_from_the_browser_to_every_consumer() {
    run(async {
        let (collector, address) = Collector::open().await;
        let options = options()
            .role(Role::Recurrer)
            .role(Role::Notifier)
            .traced(address)
            .env("OTEL_BSP_SCHEDULE_DELAY", "200")
            .env("LOG_FORMAT", "json")
            .env("RUST_LOG", "info,todo_backend::http=debug");
        let stack = own(options).await;
        let ann = Person::new(&stack, 1, "ann-traced");
        // What came before the live feed began to read, it never takes in
        let _tab = live::connected(&stack, 1, &ann).await;

        // When Ann's browser sends a sentence
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let reply = ann
            .traced(&format!("00-{trace}-{BROWSER}-01"))
            .say("add buy milk tomorrow at 9am", None, None)
            .await
            .ok();
        assert_eq!(reply["tool_calls"][0]["tool"], "add_task", "{reply}");

        // Then its trace has the request, the turns of both actors and every consumer
        let wanted = [
            "backend: POST /api/{user_id}/chat",
            "backend: call Conversation.begin_turn",
            "backend: Conversation.begin_turn",
            "backend: Conversation.finish_turn",
            "backend: User.add",
            "backend: journal commit",
            "backend: publish",
            "backend: live com.todo.ui.task",
            "projector: projector com.todo.task.created",
            "projector: projector com.todo.message.added",
            "auditor: auditor com.todo.task.created",
            "recurrer: recurrer com.todo.task.created",
            // And the sidecar's part in it
            "backend: /dapr.proto.runtime.v1.Dapr/InvokeActor",
            "backend: /dapr.proto.runtime.v1.Dapr/ExecuteActorStateTransaction",
        ];
        let spans = collector.whole(trace, &wanted).await;
        // And what a consumer does is below the turn whose event it takes in
        let request = "backend: POST /api/{user_id}/chat";
        let added = ["backend: User.add", "backend: call User.add", request];
        for consumer in [
            "projector: projector com.todo.task.created",
            "auditor: auditor com.todo.task.created",
            "recurrer: recurrer com.todo.task.created",
        ] {
            let [itself, above @ ..] = &way_up(&spans, consumer)[..] else {
                panic!("no {consumer}");
            };
            assert_eq!((*itself, above), (consumer, &added[..]));
        }
        // And each turn that changes something writes and publishes
        for part in ["backend: journal commit", "backend: publish"] {
            let mut turns = Vec::new();
            for span in spans.iter().filter(|span| span.name == part) {
                let turn = spans.iter().find(|turn| turn.id == span.parent).unwrap();
                turns.push(turn.name.as_str());
            }
            for turn in &wanted[2..5] {
                assert!(turns.contains(turn), "{part}: {turns:?}");
            }
        }
        // And it says whose turn it was, but nothing of what was said
        let turn = named(&spans, "backend: User.add").unwrap();
        assert_eq!(turn.attributes["actor_id"], "ann-traced");
        assert!(!format!("{spans:?}").contains("milk"));

        // And the log says to which trace its lines belong
        let log = std::fs::read_to_string(stack.log_path("backend-1").unwrap()).unwrap();
        let lines = log.lines();
        let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let answered = lines.find(|line| line["trace_id"] == trace && line["status"] == 200);
        assert_eq!(answered.unwrap()["http.route"], "/api/{user_id}/chat");

        // When a reminder comes due
        let trace = "5bf92f3577b34da6a3ce929d0e0e4736";
        let due = Timestamp::now() + 2.seconds();
        let task = json!({ "title": "tea", "due_at": due.to_string() });
        ann.traced(&format!("00-{trace}-{BROWSER}-01"))
            .send(Method::POST, "/tasks", None, Some(task))
            .await
            .ok();
        // Then its turn and its notification are in the trace of the request that asked for it
        let notified = "notifier: notifier com.todo.reminder.due";
        let spans = collector.whole(trace, &[notified]).await;
        assert_eq!(
            way_up(&spans, notified),
            [
                notified,
                "backend: User.remind",
                "backend: User.add",
                "backend: call User.add",
                "backend: POST /api/{user_id}/tasks",
            ]
        );
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn an_absent_collector_is_told_once_and_slows_nobody() {
    run(async {
        // Given a collector that is not there
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let options = options()
            .traced(address)
            .env("OTEL_BSP_SCHEDULE_DELAY", "50");
        let stack = own(options).await;
        let ann = Person::new(&stack, 1, "ann-untraced");
        let log = || std::fs::read_to_string(stack.log_path("backend-1").unwrap()).unwrap();
        let told = || log().matches("the collector takes no spans").count();
        // When many batches of spans have been given up
        ann.add("first", None).await.ok();
        until("a warning", LIMIT, || async { (told() == 1).then_some(()) }).await;
        for n in 0..20 {
            ann.add(&format!("task {n}"), None).await.ok();
        }
        // Then that is told once, also by those who end
        stack.shutdown().await.unwrap();
        assert_eq!(told(), 1, "{}", log());
    });
}
