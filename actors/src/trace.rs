//! The trace that a call belongs to. It travels as a W3C `traceparent`: in requests, journal
//! entries, reminders and events.
//!
//! Every hop opens a span below the one it was called from and hands its own on. Where nothing
//! takes spans in, as without a collector, the caller's `traceparent` goes on as it came.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

/// Puts `span`, which nobody has entered yet, below its caller's, and answers the `traceparent` to
/// hand on. The span's field `trace_id`, for the log, is filled in.
pub fn follow(span: &Span, caller: Option<&str>) -> String {
    if let Some(caller) = caller.and_then(parse) {
        // Fails only where nothing takes spans in.
        let _ = span.set_parent(Context::new().with_remote_span_context(caller));
    }
    let traceparent = traceparent_of(span).unwrap_or_else(|| valid_or_new(caller));
    span.record("trace_id", traceparent.get(3..35));
    traceparent
}

/// Does the work of a span, and marks the span if the work has failed.
pub async fn within<T>(
    span: Span,
    work: impl Future<Output = T>,
    failed: impl FnOnce(&T) -> bool,
) -> T {
    let outcome = work.instrument(span.clone()).await;
    if failed(&outcome) {
        span.record("otel.status_code", "ERROR");
    }
    outcome
}

/// The `traceparent` of the span we are in; none outside of spans, or where nothing takes them in.
#[must_use]
pub fn current() -> Option<String> {
    traceparent_of(&Span::current())
}

fn valid_or_new(offered: Option<&str>) -> String {
    match offered {
        Some(offered) if parse(offered).is_some() => offered.to_owned(),
        _ => begin(),
    }
}

/// A `traceparent` of a trace that nobody else knows.
#[must_use]
pub fn begin() -> String {
    let span = Uuid::new_v4().simple().to_string();
    let span = span.get(..16).unwrap_or(&span);
    format!("00-{}-{span}-01", Uuid::new_v4().simple())
}

fn traceparent_of(span: &Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let context = span.span_context();
    context.is_valid().then(|| {
        let (trace, span) = (context.trace_id(), context.span_id());
        format!("00-{trace}-{span}-{:02x}", context.trace_flags())
    })
}

/// Version 00 of <https://www.w3.org/TR/trace-context/>.
fn parse(traceparent: &str) -> Option<SpanContext> {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts: Vec<&str> = traceparent.split('-').collect();
    let ["00", trace, span, flags] = parts[..] else {
        return None;
    };
    if !(hex(trace, 32) && hex(span, 16) && hex(flags, 2)) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::info_span;
    use tracing_subscriber::prelude::*;

    use super::*;

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_trace_goes_on_and_anything_else_starts_a_new_one() {
        assert_eq!(valid_or_new(Some(CALLER)), CALLER);
        for bad in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            let fresh = valid_or_new(Some(bad));
            assert!(parse(&fresh).is_some() && fresh != bad, "{bad} → {fresh}");
        }
        assert_ne!(valid_or_new(None), valid_or_new(None));
    }

    #[test]
    fn where_nothing_takes_spans_in_the_callers_trace_goes_on() {
        let span = info_span!("hop");
        assert_eq!(follow(&span, Some(CALLER)), CALLER);
        assert_eq!(span.in_scope(current), None);
    }

    #[test]
    fn a_hop_hands_on_a_span_of_its_own_in_the_callers_trace() {
        let provider = SdkTracerProvider::default();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let hop = info_span!("hop");
            let own = follow(&hop, Some(CALLER));
            assert_eq!(own[..36], CALLER[..36]);
            assert_ne!(own, CALLER);
            assert_eq!(hop.in_scope(current).as_deref(), Some(own.as_str()));
            // One without a caller is below the span it was opened in, or begins a trace.
            let inner = hop.in_scope(|| info_span!("inner"));
            assert_eq!(follow(&inner, None)[..36], own[..36]);
            let alone = follow(&info_span!("alone"), Some("nonsense"));
            assert!(
                parse(&alone).is_some() && alone[..36] != own[..36],
                "{alone}"
            );
        });
    }
}
