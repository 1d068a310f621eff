//! Logs, and the trace context that travels with every call.
//!
//! No log has a token, a message's text, a task's title or an e-mail address in it.

use std::io::IsTerminal;

use anyhow::bail;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};
use uuid::Uuid;

/// Starts logging to standard output, as `LOG_FORMAT` and `RUST_LOG` say.
///
/// # Errors
/// `LOG_FORMAT` or `RUST_LOG` makes no sense, or logging was started before.
pub fn init() -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(directives) if !directives.trim().is_empty() => match EnvFilter::try_new(&directives) {
            Ok(filter) => filter,
            Err(error) => bail!("RUST_LOG is wrong: {error}."),
        },
        _ => EnvFilter::new("info"),
    };
    let registry = tracing_subscriber::registry().with(filter);
    match std::env::var("LOG_FORMAT").ok().as_deref().map(str::trim) {
        None | Some("" | "json") => {
            registry
                .with(fmt::layer().json().flatten_event(true))
                .try_init()?;
        }
        Some("text") => {
            let colours = std::io::stdout().is_terminal();
            registry.with(fmt::layer().with_ansi(colours)).try_init()?;
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
    Ok(())
}

/// The W3C `traceparent` to go on with: the caller's when it is valid, else one of our own.
#[must_use]
pub fn traceparent(offered: Option<&str>) -> String {
    match offered {
        Some(offered) if valid_traceparent(offered) => offered.to_owned(),
        _ => {
            let span = Uuid::new_v4().simple().to_string();
            format!("00-{}-{}-01", Uuid::new_v4().simple(), &span[..16])
        }
    }
}

/// The trace id within a valid `traceparent`.
#[must_use]
pub fn trace_id(traceparent: &str) -> &str {
    traceparent.get(3..35).unwrap_or("")
}

/// Version 00 of <https://www.w3.org/TR/trace-context/>.
fn valid_traceparent(value: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let nonzero = |part: &str| part.bytes().any(|b| b != b'0');
    let parts: Vec<&str> = value.split('-').collect();
    matches!(parts[..], ["00", trace, span, flags]
        if hex(trace, 32) && nonzero(trace) && hex(span, 16) && nonzero(span) && hex(flags, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_trace_goes_on_and_anything_else_starts_a_new_one() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(Some(valid)), valid);
        assert_eq!(trace_id(valid), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            let fresh = traceparent(Some(bad));
            assert!(valid_traceparent(&fresh) && fresh != bad, "{bad} → {fresh}");
        }
        assert_ne!(traceparent(None), traceparent(None));
    }
}
