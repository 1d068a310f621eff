//! How a line of the log looks.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// One flat JSON object a line: `timestamp`, `level`, `target`, `message`, what the event says, and
/// what the spans around it say, the inner ones first. So all that a request or a turn logs has
/// its `trace_id`, and that of a turn also `actor_type`, `actor_id` and `method`.
pub(super) struct JsonLine;

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let metadata = event.metadata();
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let Fields(mut line) = fields;
        line.insert("timestamp".to_owned(), timestamp.into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        let spans = context.event_scope().into_iter().flatten();
        for span in spans {
            let extensions = span.extensions();
            let Some(said) = extensions.get::<FormattedFields<JsonFields>>() else {
                continue;
            };
            let said: Map<String, Value> = serde_json::from_str(said).unwrap_or_default();
            for (name, value) in said {
                // How the span is to be exported, which says nothing about the event.
                if !name.starts_with("otel.") {
                    line.entry(name).or_insert(value);
                }
            }
        }
        let line = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

/// The fields of an event.
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, u64::try_from(value).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use todo_actors::trace;
    use tracing::field;
    use tracing_subscriber::{fmt::layer, prelude::*, registry};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `work` logs.
    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let writer = written.clone();
        let lines = layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLine)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(registry().with(lines), work);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_turn_says_whose_it_is_and_in_which_trace() {
        let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let logged = lines(|| {
            let turn = tracing::info_span!(
                "turn",
                otel.kind = "server",
                trace_id = field::Empty,
                actor_type = "User",
                actor_id = "ann",
                method = "add",
            );
            trace::follow(&turn, Some(caller));
            let _turn = turn.enter();
            let _commit = tracing::info_span!("journal commit", seq = 7).entered();
            tracing::warn!(method = "another", ms = 12_u128, "slow");
        });
        let mut line = logged[0].clone();
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
        line.as_object_mut().unwrap().remove("timestamp");
        let expected = serde_json::json!({
            "level": "WARN",
            "target": module_path!(),
            "message": "slow",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "actor_type": "User",
            "actor_id": "ann",
            "method": "another",
            "ms": 12,
            "seq": 7,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn outside_of_spans_a_line_has_its_own_fields_only() {
        let logged = lines(|| tracing::info!(replicas = 3, "ready"));
        assert_eq!(logged[0]["replicas"], 3);
        assert_eq!(logged[0].get("trace_id"), None);
    }
}
