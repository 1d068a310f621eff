//! Logs and traces of a process.
//!
//! No log and no span has a token, a message's text, a task's title or an e-mail address in it.

mod export;
mod line;

use std::{io::IsTerminal, time::Duration};

use anyhow::bail;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, FilterFn, LevelFilter, dynamic_filter_fn, filter_fn},
    fmt,
    fmt::format::JsonFields,
    layer::{Context, Filter},
    prelude::*,
};

/// Longest wait, at the end of a process, for a collector to take the last spans.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Spans on their way out, for as long as the process lives.
#[must_use]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Hands the last spans over. Waits for 2 s at most, and blocks.
    pub fn end(self) {
        if let Some(provider) = self.0 {
            // Whether the collector takes spans is told when it changes.
            let _ = provider.shutdown_with_timeout(LAST_SPANS);
        }
    }
}

/// Starts logging to standard output, as `LOG_FORMAT` and `RUST_LOG` say, and tracing to where
/// `OTEL_EXPORTER_OTLP_ENDPOINT` says, if it says anything: as `service`, unless
/// `OTEL_SERVICE_NAME` names another. Call it within the runtime.
///
/// # Errors
/// One of these variables makes no sense, or logging was started before.
pub fn init(service: &'static str) -> anyhow::Result<Telemetry> {
    let chosen = match std::env::var("RUST_LOG") {
        Ok(directives) if !directives.trim().is_empty() => match EnvFilter::try_new(&directives) {
            Ok(filter) => filter,
            Err(error) => bail!("RUST_LOG is wrong: {error}."),
        },
        _ => EnvFilter::new("info"),
    };
    // Whatever is logged, the spans around it say where it belongs.
    let logged = chosen.or(our_spans()).and(asked_each_time());
    let provider = export::provider(service)?;
    let spans = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("todo-backend"))
            .with_context_activation(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(our_spans().and(asked_each_time()))
    });
    let registry = tracing_subscriber::registry().with(spans);
    match std::env::var("LOG_FORMAT").ok().as_deref().map(str::trim) {
        None | Some("" | "json") => {
            let lines = fmt::layer()
                .fmt_fields(JsonFields::new())
                .event_format(line::JsonLine);
            registry.with(lines.with_filter(logged)).try_init()?;
        }
        Some("text") => {
            let lines = fmt::layer().with_ansi(std::io::stdout().is_terminal());
            registry.with(lines.with_filter(logged)).try_init()?;
        }
        Some(_) => bail!("LOG_FORMAT is wrong: it must be json or text."),
    }
    // A panic is logged like everything else, so that it reaches whoever reads the logs.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
    Ok(Telemetry(provider))
}

/// Of the spans that libraries open none is of use, and what is in them is not ours to know.
fn our_spans() -> FilterFn {
    let ours: fn(&Metadata<'_>) -> bool =
        |metadata| metadata.is_span() && metadata.target().starts_with("todo_");
    filter_fn(ours).with_max_level_hint(LevelFilter::INFO)
}

/// Lets everything through, but has a filter asked for each span and each line. Otherwise what it
/// says to a library that asks and then logs nothing, as `log_enabled!` does, would stay behind on
/// the thread and be taken for the answer about the next.
fn asked_each_time<S: 'static>() -> impl Filter<S> {
    dynamic_filter_fn(|_: &Metadata<'_>, _: &Context<'_, S>| true)
        .with_max_level_hint(LevelFilter::TRACE)
}
