//! The live feed as server-sent events: what happens to a person, while it happens.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use todo_actors::clock::{Clock, SystemClock};
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use super::{
    Edge,
    auth::Expiry,
    extract::{Caller, UserPath},
    problem::{Kind, Problem, Problems},
};
use crate::live::{Feed, Full};

/// Between signs of life, so that nothing between here and the page takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// In the API document: where a page that comes back goes on.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the header")]
pub struct LastEventId {
    /// The id of the last event seen. What came after it follows; if that is not known any
    /// more, a `resync`.
    #[param(rename = "Last-Event-ID")]
    last_event_id: Option<String>,
}

/// Streams what happens: events `task` (with the task as it is now, null once it is gone),
/// `reminder`, and `chat` (how far a conversation is, not what was said), each with an id and
/// the `sequence` of its actor's journal; and `resync`, when the page has to read anew. The
/// stream ends when the token does: the page comes back with a fresh one.
#[utoipa::path(get, path = "/api/{user_id}/events", tag = "live", params(UserPath, LastEventId),
    responses((status = 200, content_type = "text/event-stream", body = String), Problems))]
pub async fn events(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    expiry: Expiry,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last_id = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    let feed = edge.live.open(&caller.user_id, last_id).map_err(refusal)?;
    let left = expiry.0.duration_since(SystemClock.now());
    let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        // Proxies would otherwise wait for more.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)));
    Ok((headers, body(feed, left)).into_response())
}

fn refusal(full: Full) -> Problem {
    match full {
        Full::User => Problem::new(
            Kind::TooManyRequests,
            "Too many pages are open. Close one and this one will follow.",
        )
        .retry_after(15),
        Full::Replica => Problem::unavailable(),
    }
}

/// The stream of a connection that may stay open for `left`.
fn body(mut feed: Feed, left: Duration) -> Body {
    // Comments, so that the answer begins at once, and how soon to come back, in milliseconds.
    let mut first = vec![Bytes::from_static(b"retry: 1000\n: open\n\n")];
    first.append(&mut feed.first);
    let end = Instant::now() + left;
    let state = (first.into_iter(), feed, Instant::now() + HEARTBEAT);
    Body::from_stream(stream::unfold(
        state,
        move |(mut first, mut feed, beat)| async move {
            let frame = match first.next() {
                Some(frame) => frame,
                None => tokio::select! {
                    biased;
                    () = sleep_until(end.min(beat)) => {
                        if end <= beat {
                            return None;
                        }
                        Bytes::from_static(b":\n\n")
                    }
                    update = feed.updates.recv() => update?,
                },
            };
            let next = (first, feed, Instant::now() + HEARTBEAT);
            Some((Ok::<_, std::convert::Infallible>(frame), next))
        },
    ))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::live::Hub;

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_shows_signs_of_life_and_ends_with_its_token() {
        let hub = Hub::default();
        let feed = hub.open("ann", None).unwrap();
        let started = Instant::now();
        let stream = body(feed, Duration::from_secs(40)).into_data_stream();
        let frames: Vec<Bytes> = stream.map(Result::unwrap).collect().await;
        assert_eq!(started.elapsed(), Duration::from_secs(40));
        assert_eq!(frames.len(), 4);
        assert!(frames[0].starts_with(b"retry: "));
        assert!(frames[1].starts_with(b"event: resync"));
        assert_eq!(frames[2..], [Bytes::from(":\n\n"), Bytes::from(":\n\n")]);
        assert_eq!(hub.open_count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_at_once_when_the_replica_does() {
        let hub = Hub::default();
        let feed = hub.open("ann", None).unwrap();
        hub.close();
        let started = Instant::now();
        let stream = body(feed, Duration::from_secs(900)).into_data_stream();
        assert_eq!(stream.count().await, 2);
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
