//! What a process counts and times beside its actors, and the port where Prometheus reads it all.
//!
//! As with [`todo_actors::metrics`], instruments belong to the process, and labels have few values
//! each, none of which a person chooses.

use std::{net::SocketAddr, sync::LazyLock, time::Duration};

use anyhow::Context;
use axum::{
    Router,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
pub use todo_actors::metrics::Counted;
use todo_actors::{
    self as actors,
    metrics::{Histograms, quick, slow},
};
use tokio::net::TcpListener;

/// The instruments of this process.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::default);

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::with_prefix("todo");
    actors::metrics::METRICS.register(&mut registry);
    METRICS.register(&mut registry);
    registry
});

/// A route and a method.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Route {
    /// `GET` and the like; `other` for what the API has no use for.
    pub method: &'static str,
    /// As it is declared, such as `/api/{user_id}/tasks`; `unknown` for any other.
    pub route: String,
}

/// Requests to a route by what came of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answered {
    /// As in [`Route`].
    pub method: &'static str,
    /// As in [`Route`].
    pub route: String,
    /// The class of the status, such as `2xx`.
    pub status: &'static str,
}

/// A chat turn by what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChatTurn {
    /// `ok`, `refused`, `busy` or `failed`.
    pub outcome: &'static str,
}

/// A planner's step by what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Planned {
    /// Its name, as replies give it.
    pub planner: &'static str,
    /// `call`, `say` or `failed`.
    pub outcome: &'static str,
}

/// What a model is paid for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Tokens {
    /// The planner's name.
    pub planner: &'static str,
    /// `input` or `output`.
    pub kind: &'static str,
}

/// A consumer and a topic it reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reading {
    /// Its name, such as `projector`; `live` for the live feed.
    pub consumer: &'static str,
    /// The topic's name in Kafka.
    pub topic: &'static str,
}

/// Events that reached a consumer by what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Delivered {
    /// As in [`Reading`].
    pub consumer: &'static str,
    /// As in [`Reading`].
    pub topic: &'static str,
    /// `success`, `retry` or `drop`.
    pub verdict: &'static str,
}

/// A consumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Consumer {
    /// As in [`Reading`].
    pub consumer: &'static str,
}

/// Everything a process counts and times beside its actors.
pub struct Metrics {
    /// Requests that were answered.
    pub requests: Family<Answered, Counter>,
    /// How long answers took to begin.
    pub request_seconds: Histograms<Route>,
    /// Chat turns that ended.
    pub chat_turns: Family<ChatTurn, Counter>,
    /// How long they took in all.
    pub chat_turn_seconds: Histogram,
    /// What planners decided.
    pub planned: Family<Planned, Counter>,
    /// What a model was paid for.
    pub tokens: Family<Tokens, Counter>,
    /// Open pages.
    pub live_connections: Gauge,
    /// Events that reached consumers.
    pub delivered: Family<Delivered, Counter>,
    /// How old events were when a consumer was done with them.
    pub consumer_lag_seconds: Histograms<Reading>,
    /// What consumers gave up.
    pub dead_letters: Family<Consumer, Counter>,
    /// Whether the sidecar was healthy when it was asked last.
    pub sidecar_up: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(quick),
            chat_turns: Family::default(),
            // A model takes its time; a lease ends after a minute.
            chat_turn_seconds: Histogram::new([
                0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0,
            ]),
            planned: Family::default(),
            tokens: Family::default(),
            live_connections: Gauge::default(),
            delivered: Family::default(),
            consumer_lag_seconds: Family::new_with_constructor(slow),
            dead_letters: Family::default(),
            sidecar_up: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Names every instrument. `registry` puts its prefix before the names.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "Requests by method, route and class of status",
            self.requests.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "How long an answer took to begin",
            self.request_seconds.clone(),
        );
        registry.register(
            "chat_turns",
            "Chat turns by outcome",
            self.chat_turns.clone(),
        );
        registry.register(
            "chat_turn_duration_seconds",
            "How long a chat turn took to its end",
            self.chat_turn_seconds.clone(),
        );
        registry.register(
            "planner_steps",
            "Steps of planners by planner and outcome",
            self.planned.clone(),
        );
        registry.register(
            "planner_tokens",
            "Tokens that a model was paid for by kind",
            self.tokens.clone(),
        );
        registry.register(
            "live_connections",
            "Open connections of the live feed",
            self.live_connections.clone(),
        );
        registry.register(
            "consumer_events",
            "Events that reached a consumer by topic and verdict",
            self.delivered.clone(),
        );
        registry.register(
            "consumer_lag_seconds",
            "Age of an event when its consumer was done with it",
            self.consumer_lag_seconds.clone(),
        );
        registry.register(
            "consumer_dead_letters",
            "Messages that a consumer gave up",
            self.dead_letters.clone(),
        );
        registry.register(
            "sidecar_up",
            "Whether the sidecar was healthy when it was asked last",
            self.sidecar_up.clone(),
        );
    }

    /// Counts and times an answered request.
    pub fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = match *method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        let status = match status.as_u16() {
            ..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        let route = route.to_owned();
        let timed = Route { method, route };
        self.request_seconds
            .get_or_create(&timed)
            .observe(took.as_secs_f64());
        let Route { method, route } = timed;
        let answered = Answered {
            method,
            route,
            status,
        };
        self.requests.get_or_create(&answered).inc();
    }

    /// Counts and times a chat turn that ended.
    pub fn chat_turn(&self, outcome: &'static str, took: Duration) {
        self.chat_turns.get_or_create(&ChatTurn { outcome }).inc();
        self.chat_turn_seconds.observe(took.as_secs_f64());
    }
}

/// What Prometheus reads: all instruments, in its text format.
///
/// # Errors
/// Never: text can always be written to a string.
pub fn render() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    prometheus_text::encode(&mut text, &REGISTRY)?;
    Ok(text)
}

/// Serves `/metrics` at `address`, if there is one, for as long as the process lives.
///
/// # Errors
/// The port is taken.
pub async fn serve(address: Option<SocketAddr>) -> anyhow::Result<()> {
    let Some(address) = address else {
        return Ok(());
    };
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("Cannot listen on {address} (METRICS_ADDR)"))?;
    let routes = Router::new().route("/metrics", get(answer));
    tokio::spawn(axum::serve(listener, routes).into_future());
    Ok(())
}

async fn answer() -> Response {
    match render() {
        Ok(text) => (
            [(header::CONTENT_TYPE, prometheus_text::CONTENT_TYPE)],
            text,
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        path::{Path, PathBuf},
    };

    use todo_actors::metrics::{Actor, Queue, Repair, Sweep};

    use super::*;

    #[test]
    fn what_was_counted_stands_in_the_text_under_its_labels() {
        // Given instruments of our own
        let metrics = Metrics::default();
        let mut registry = Registry::with_prefix("todo");
        metrics.register(&mut registry);
        // When things happen
        let route = "/api/{user_id}/tasks";
        let took = Duration::from_millis(30);
        metrics.answered(&Method::GET, route, StatusCode::OK, took);
        metrics.answered(&Method::GET, route, StatusCode::NOT_FOUND, took);
        let strange = Method::from_bytes(b"BREW").unwrap();
        metrics.answered(&strange, "unknown", StatusCode::BAD_GATEWAY, took);
        let page = Counted::new(&metrics.live_connections);
        drop(Counted::new(&metrics.live_connections));
        // Then the text says so
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        for line in [
            "# TYPE todo_http_requests_total counter",
            r#"todo_http_requests_total{method="GET",route="/api/{user_id}/tasks",status="2xx"} 1"#,
            r#"todo_http_requests_total{method="GET",route="/api/{user_id}/tasks",status="4xx"} 1"#,
            r#"todo_http_requests_total{method="other",route="unknown",status="5xx"} 1"#,
            "# TYPE todo_http_request_duration_seconds histogram",
            "todo_live_connections 1",
            "todo_sidecar_up 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let bucket = |le: &str, n: u64| {
            let labels = r#"method="GET",route="/api/{user_id}/tasks""#;
            let with = |labels: String| {
                format!("todo_http_request_duration_seconds_bucket{{{labels}}} {n}\n")
            };
            text.contains(&with(format!("le=\"{le}\",{labels}")))
                || text.contains(&with(format!("{labels},le=\"{le}\"")))
        };
        assert!(bucket("0.025", 0) && bucket("0.05", 2), "{text}");
        drop(page);
    }

    /// Every name that can be read: of a histogram, those of its parts.
    fn names() -> BTreeSet<String> {
        let (ours, hosts) = (Metrics::default(), actors::metrics::Metrics::default());
        let mut registry = Registry::with_prefix("todo");
        ours.register(&mut registry);
        hosts.register(&mut registry);
        // What has labels is there once something happened.
        let (took, consumer, topic) = (Duration::ZERO, "auditor", "reminders");
        ours.answered(&Method::GET, "unknown", StatusCode::OK, took);
        ours.chat_turn("ok", took);
        let (planner, outcome) = ("offline", "say");
        let planned = Planned { planner, outcome };
        ours.planned.get_or_create(&planned).inc();
        let kind = "input";
        let tokens = Tokens { planner, kind };
        ours.tokens.get_or_create(&tokens).inc();
        let delivered = Delivered {
            consumer,
            topic,
            verdict: "drop",
        };
        ours.delivered.get_or_create(&delivered).inc();
        let reading = Reading { consumer, topic };
        ours.consumer_lag_seconds
            .get_or_create(&reading)
            .observe(1.0);
        let consumer = Consumer { consumer };
        ours.dead_letters.get_or_create(&consumer).inc();
        hosts.turn("User", "get", "ok", took);
        hosts.activation("User", 1, took);
        let actor = Actor { actor: "User" };
        hosts.active_actors.get_or_create(&actor).inc();
        hosts.batch(topic, 1, true);
        let queue = Queue { queue: "journal" };
        hosts.queued_events.get_or_create(&queue).inc();
        hosts.sweeps.get_or_create(&Sweep { outcome: "ok" }).inc();
        let gap = Repair { gap: "overdue" };
        hosts.repairs.get_or_create(&gap).inc();
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.split(['{', ' ']).next().unwrap().to_owned())
            .collect()
    }

    /// What others count and dashboards and rules use: Dapr, kube-state-metrics, the kubelet.
    const OTHERS: [&str; 9] = [
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
        "dapr_component_pubsub_egress_bulk_event_count",
        "dapr_component_state_latencies_bucket",
        "dapr_runtime_actor_rebalanced_total",
        "dapr_runtime_actor_reminders_fired_total",
        "kube_deployment_status_replicas_available",
        "kube_job_failed",
        "kube_pod_container_resource_requests",
    ];

    #[test]
    fn dashboards_and_rules_ask_for_what_there_is_and_nothing_is_left_unseen() {
        let names = names();
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("chart");
        let dashboards = std::fs::read_dir(chart.join("dashboards")).unwrap();
        let mut files: Vec<PathBuf> = dashboards.map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 5);
        files.push(chart.join("rules/todo.yaml"));
        let mut asked = BTreeSet::new();
        for file in &files {
            let text = std::fs::read_to_string(file).unwrap();
            if file.extension().is_some_and(|ending| ending == "json") {
                let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert!(!dashboard["panels"].as_array().unwrap().is_empty());
            }
            let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            let words = text.split(|c| !part_of_name(c));
            let metrics = words.filter(|word| {
                let begins = |with: &&str| word.starts_with(*with);
                ["todo_", "dapr_", "kube_", "container_"].iter().any(begins)
            });
            asked.extend(metrics.map(str::to_owned));
        }
        for name in &asked {
            let known = names.contains(name) || OTHERS.contains(&name.as_str());
            assert!(known, "nobody exports {name}");
        }
        for name in &names {
            let base = |name: &str| {
                let parts = ["_bucket", "_count", "_sum"].into_iter();
                let mut bases = parts.filter_map(|part| name.strip_suffix(part));
                bases.next().unwrap_or(name).to_owned()
            };
            let seen = asked.iter().any(|asked| base(asked) == base(name));
            assert!(seen, "no dashboard and no rule shows {name}");
        }
    }

    #[test]
    fn every_instrument_has_a_name_and_a_sentence() {
        // What has labels is there once something happened.
        let took = Duration::from_millis(3);
        actors::metrics::METRICS.turn("User", "get", "ok", took);
        METRICS.answered(&Method::GET, "/healthz", StatusCode::OK, took);
        let text = render().unwrap();
        for line in text.lines().filter(|line| line.starts_with("# HELP ")) {
            let mut words = line.splitn(4, ' ').skip(2);
            assert!(words.next().unwrap().starts_with("todo_"), "{line}");
            assert!(words.next().unwrap().ends_with('.'), "{line}");
        }
        assert!(text.contains("# HELP todo_publisher_lag_seconds "));
        assert!(text.contains("# HELP todo_actor_turns_total "));
        assert!(text.contains("# HELP todo_http_requests_total "));
        // As the rules spell it.
        assert!(text.contains(r#"todo_reminder_lag_seconds_bucket{le="60"}"#));
        assert!(text.contains(r#"todo_chat_turn_duration_seconds_bucket{le="10"}"#));
    }
}
