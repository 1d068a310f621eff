//! Consumers of the event topics, each a role and a Dapr app of its own.
//!
//! What they share is here: they tell their sidecar what to subscribe to, take events in bulk,
//! and answer for each. A consumer is a function from [`Incoming`] events to a [`Verdict`] each.
//!
//! The sidecar delivers to a consumer one bulk at a time, whatever the number of partitions, and
//! repeats a whole bulk until no entry of it is to be tried again. What is given up goes to the
//! topic of [`dead_letters`].

pub mod auditor;
pub mod dead_letters;
pub mod notifier;
pub mod projector;
pub mod recurrer;

use std::{future::Future, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudevents::{AttributesReader, Event, event::ExtensionValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use todo_actors::{
    clock::{Clock, SystemClock},
    event::Topic,
    metrics::seconds_between,
    trace,
};
use tracing::{Span, field};

use self::dead_letters::DeadLetters;
use crate::{
    http::problem::{Kind, Problem},
    metrics::{Delivered, METRICS, Reading},
};

/// The Dapr pub/sub component.
const PUBSUB: &str = "kafka-pubsub";
/// Most events in one bulk.
const BULK_COUNT: u32 = 200;
/// How long the sidecar gathers a bulk, in milliseconds. It looks that often, for each partition, also
/// when nothing comes: at 40 ms a sidecar with three topics needs 1.7 % of a core at rest, at 200 ms 0.8 %.
const GATHERS_FOR: u32 = 100;

/// One event as it arrives.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// What the sidecar calls it within its bulk.
    pub entry_id: String,
    /// The topic it was read from.
    pub topic: String,
    /// The partition it was read from, when the sidecar says.
    pub partition: Option<i32>,
    /// The event, unless what arrived is none.
    pub event: Result<Event, Malformed>,
}

/// Why an event cannot be understood; no content of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Done with it.
    Success,
    /// To be delivered again, with the rest of its bulk.
    Retry,
    /// It can never succeed: given up, and written to the dead letters.
    Drop,
}

impl Verdict {
    /// `success`, `retry` or `drop`.
    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Retry => "retry",
            Self::Drop => "drop",
        }
    }
}

/// The answer for one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryStatus {
    /// What the sidecar called it.
    pub entry_id: String,
    /// What became of it.
    pub status: Verdict,
}

/// A bulk as the sidecar posts it.
#[derive(Deserialize)]
pub(crate) struct Bulk {
    topic: String,
    entries: Vec<BulkEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkEntry {
    entry_id: String,
    /// With `rawPayload`, base64 of the Kafka message's value: the CloudEvent as published.
    event: Value,
    /// `__key`, `__topic`, `__partition`, `__offset`, `__timestamp`, and the message's headers.
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
}

impl Incoming {
    /// Reads a Kafka message's value.
    #[must_use]
    pub fn new(entry_id: &str, topic: &str, partition: Option<i32>, value: &[u8]) -> Self {
        let event = serde_json::from_slice(value).map_err(|_| Malformed("not a CloudEvent"));
        Self {
            entry_id: entry_id.to_owned(),
            topic: topic.to_owned(),
            partition,
            event,
        }
    }

    fn from_entry(topic: &str, entry: &BulkEntry) -> Self {
        let partition = entry
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.get("__partition")?.as_str()?.parse().ok());
        let value = entry
            .event
            .as_str()
            .and_then(|text| BASE64_STANDARD.decode(text).ok());
        match value {
            Some(value) => Self::new(&entry.entry_id, topic, partition, &value),
            None => Self {
                entry_id: entry.entry_id.clone(),
                topic: topic.to_owned(),
                partition,
                event: Err(Malformed("not base64")),
            },
        }
    }
}

impl Bulk {
    /// Its events.
    pub(crate) fn incoming(&self) -> Vec<Incoming> {
        let entries = self.entries.iter();
        entries
            .map(|entry| Incoming::from_entry(&self.topic, entry))
            .collect()
    }
}

/// A bulk on its way through a consumer, to whoever watches.
pub(crate) struct Delivery {
    reading: Option<Reading>,
    /// When each event happened, in the order of their answers.
    happened: Vec<Option<Timestamp>>,
    /// A span for each that belongs to a trace.
    spans: Vec<Span>,
}

impl Delivery {
    /// From here on each event's `traceparent` is that of its span in this consumer.
    pub(crate) fn of(consumer: &'static str, bulk: &Bulk, incoming: &mut [Incoming]) -> Self {
        let topic = Topic::ALL
            .into_iter()
            .find(|topic| topic.name() == bulk.topic);
        let happened = |incoming: &Incoming| {
            let time = incoming.event.as_ref().ok()?.time()?;
            Timestamp::from_microsecond(time.timestamp_micros()).ok()
        };
        Self {
            reading: topic.map(|topic| Reading {
                consumer,
                topic: topic.name(),
            }),
            happened: incoming.iter().map(happened).collect(),
            spans: incoming
                .iter_mut()
                .map(|incoming| process_span(consumer, incoming))
                .collect(),
        }
    }

    /// Counts what became of its events, and how old those were that it is done with.
    pub(crate) fn done(self, statuses: &[EntryStatus]) {
        for (status, span) in statuses.iter().zip(self.spans) {
            span.record("verdict", status.status.name());
        }
        let Some(reading) = self.reading else { return };
        let now = SystemClock.now();
        let lag = METRICS.consumer_lag_seconds.get_or_create_owned(&reading);
        let Reading { consumer, topic } = reading;
        for (status, happened) in statuses.iter().zip(self.happened) {
            let delivered = Delivered {
                consumer,
                topic,
                verdict: status.status.name(),
            };
            METRICS.delivered.get_or_create(&delivered).inc();
            if let Some(happened) = happened.filter(|_| status.status == Verdict::Success) {
                lag.observe(seconds_between(happened, now));
            }
        }
    }
}

/// An extension attribute that is text.
pub(crate) fn extension<'e>(event: &'e Event, name: &str) -> Option<&'e str> {
    match event.extension(name) {
        Some(ExtensionValue::String(text)) => Some(text),
        _ => None,
    }
}

/// What a consumer does with an event, in the event's trace; no span for one without.
fn process_span(consumer: &'static str, incoming: &mut Incoming) -> Span {
    let Ok(event) = &mut incoming.event else {
        return Span::none();
    };
    let Some(caller) = extension(event, "traceparent") else {
        return Span::none();
    };
    let span = tracing::info_span!(
        "process",
        otel.name = format!("{consumer} {}", event.ty()),
        otel.kind = "consumer",
        trace_id = field::Empty,
        messaging.system = "kafka",
        messaging.destination.name = incoming.topic,
        messaging.message.id = event.id(),
        verdict = field::Empty,
    );
    let own = trace::follow(&span, Some(caller));
    event.set_extension("traceparent", own);
    span
}

/// The routes of a consumer: what it subscribes to, one route per topic that hands events to
/// `deliver`, and `/healthz`. All but the last ask for the app token.
pub fn router<D, F>(
    topics: &[Topic],
    app_token: &str,
    dead_letters: DeadLetters,
    deliver: D,
) -> Router
where
    D: Fn(Vec<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Vec<EntryStatus>> + Send + 'static,
{
    let deliver = move |bulk: Bulk| {
        let (deliver, dead_letters) = (deliver.clone(), dead_letters.clone());
        async move {
            let mut incoming = bulk.incoming();
            let reasons: Vec<Option<Malformed>> = incoming
                .iter()
                .map(|incoming| incoming.event.as_ref().err().copied())
                .collect();
            let delivery = Delivery::of(dead_letters.consumer(), &bulk, &mut incoming);
            let statuses = deliver(incoming).await;
            let statuses = dead_letters.settle(&bulk, &reasons, statuses).await;
            delivery.done(&statuses);
            statuses
        }
    };
    deliveries((PUBSUB, GATHERS_FOR), topics, app_token, deliver)
        .route("/healthz", get(|| async { StatusCode::OK }))
}

/// The routes that take events in from a pub/sub component, behind the app token; its sidecar
/// gathers a bulk for so many milliseconds.
pub(crate) fn deliveries<D, F>(
    (pubsub, gathers_for): (&str, u32),
    topics: &[Topic],
    app_token: &str,
    deliver: D,
) -> Router
where
    D: Fn(Bulk) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Vec<EntryStatus>> + Send + 'static,
{
    let subscriptions = Json(subscriptions(pubsub, gathers_for, topics));
    let bulk = move |Path(topic): Path<String>, body: Bytes| {
        let deliver = deliver.clone();
        async move { take(&topic, &body, deliver).await }
    };
    Router::new()
        .route("/dapr/subscribe", get(move || async move { subscriptions }))
        .route("/events/{topic}", post(bulk))
        // The sidecar repeats a refused bulk for ever, so there is no size to refuse it for; it
        // holds at most 200 messages that Kafka took.
        .layer(DefaultBodyLimit::disable())
        .route_layer(middleware::from_fn_with_state(
            AppToken::new(app_token),
            authorize,
        ))
}

/// What `GET /dapr/subscribe` answers. Without `rawPayload` the sidecar would hand over its own
/// reading of each event rather than its bytes.
fn subscriptions(pubsub: &str, gathers_for: u32, topics: &[Topic]) -> Value {
    topics
        .iter()
        .map(|topic| {
            json!({
                "pubsubname": pubsub,
                "topic": topic.name(),
                "route": format!("/events/{}", topic.name()),
                "metadata": { "rawPayload": "true" },
                "bulkSubscribe": {
                    "enabled": true,
                    "maxMessagesCount": BULK_COUNT,
                    "maxAwaitDurationMs": gathers_for,
                },
            })
        })
        .collect()
}

async fn take<D, F>(route: &str, body: &[u8], deliver: D) -> Response
where
    D: Fn(Bulk) -> F,
    F: Future<Output = Vec<EntryStatus>>,
{
    // Anything but 404, which would mean: drop them all.
    let Ok(bulk) = serde_json::from_slice::<Bulk>(body) else {
        tracing::error!(topic = route, "a delivery is not a bulk of events");
        return Problem::bad_request("The body is not a bulk of events.").into_response();
    };
    let statuses = deliver(bulk).await;
    Json(json!({ "statuses": statuses })).into_response()
}

/// What the sidecar must show. Digests are compared, so that the time it takes says nothing
/// about the token.
#[derive(Clone)]
struct AppToken(Arc<[u8]>);

impl AppToken {
    fn new(token: &str) -> Self {
        Self(Sha256::digest(token).to_vec().into())
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        headers
            .get("dapr-api-token")
            .is_some_and(|shown| Sha256::digest(shown.as_bytes())[..] == self.0[..])
    }
}

async fn authorize(State(token): State<AppToken>, request: Request, next: Next) -> Response {
    if token.admits(request.headers()) {
        next.run(request).await
    } else {
        Problem::new(Kind::Unauthorized, "The app token is missing or wrong.").into_response()
    }
}

#[cfg(test)]
mod tests;
