//! A turn as the AI SDK's UI message stream: server-sent events, each a JSON part.
//!
//! Tools go into one step and the text into the next. A refusal is what a tool answers, so it is
//! the tool's output, `{"refused": {"code", "message"}}`; `tool-output-error` is for calls of
//! which nobody knows what came of them. A turn that the person stopped ends with `abort`, after
//! the text that says what was done.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    http::{HeaderMap, HeaderName, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use serde_json::{Value, json};

use super::super::problem::Problem;
use crate::assistant::{
    Started, TurnError, TurnReply,
    progress::{Follower, Next, Progress},
};

/// After so long without a part a comment keeps proxies from giving up.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The last event of every stream.
const DONE: &str = "[DONE]";

/// Whether the caller would rather have a stream than one JSON document.
pub fn is_preferred(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::ACCEPT).iter();
    let named = named.filter_map(|value| value.to_str().ok());
    let (mut streams, mut json) = (0.0_f32, 0.0_f32);
    for (range, quality) in named.flat_map(|value| value.split(',')).map(weighted) {
        match range.as_str() {
            // What comes first wins a draw.
            "text/event-stream" if quality > json => streams = streams.max(quality),
            "application/json" if quality > streams => json = json.max(quality),
            _ => {}
        }
    }
    streams > json
}

/// A media range in lower case and its `q`.
fn weighted(range: &str) -> (String, f32) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
    (name, quality.unwrap_or(1.0))
}

/// The turn as a stream, from its beginning.
pub fn respond(started: Started) -> Response {
    let mut parts = Parts::default();
    let queue = VecDeque::from([parts.start(&started)]);
    let telling = Telling {
        follower: started.follower,
        parts,
        queue,
        over: false,
    };
    let events = stream::unfold(telling, |mut telling| async move {
        let line = telling.next().await?;
        let event = Event::default().data(line);
        Some((Ok::<_, Infallible>(event), telling))
    });
    let headers = [
        (
            HeaderName::from_static("x-vercel-ai-ui-message-stream"),
            "v1",
        ),
        (HeaderName::from_static("x-accel-buffering"), "no"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    (headers, Sse::new(events).keep_alive(heartbeat)).into_response()
}

/// A follower's progress, part by part.
struct Telling {
    follower: Follower,
    parts: Parts,
    queue: VecDeque<String>,
    over: bool,
}

impl Telling {
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.queue.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            match self.follower.next().await {
                Next::Progress(progress) => self.queue.extend(self.parts.progress(progress)),
                Next::End(end) => {
                    self.queue.extend(self.parts.end(end));
                    self.queue.push_back(DONE.to_owned());
                    self.over = true;
                }
            }
        }
    }
}

/// What is open in the message so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Step {
    #[default]
    None,
    Tools,
    Text,
}

/// Writes parts in the order the protocol asks for.
#[derive(Default)]
struct Parts {
    step: Step,
    texts: usize,
    metadata: Value,
}

impl Parts {
    fn start(&mut self, started: &Started) -> String {
        self.metadata = json!({
            "conversation_id": started.conversation_id,
            "turn_id": started.turn_id,
        });
        // The turn's id: whoever joins the turn sees the same message.
        json!({
            "type": "start",
            "messageId": started.turn_id,
            "messageMetadata": self.metadata,
        })
        .to_string()
    }

    fn progress(&mut self, progress: Progress) -> Vec<String> {
        match progress {
            Progress::ToolStarted { id, call } => {
                let mut parts = self.enter(Step::Tools);
                parts.push(json!({
                    "type": "tool-input-start", "toolCallId": id, "toolName": call.tool,
                    "dynamic": true,
                }));
                parts.push(json!({
                    "type": "tool-input-available", "toolCallId": id, "toolName": call.tool,
                    "input": call.arguments, "dynamic": true,
                }));
                lines(parts)
            }
            Progress::ToolFinished { id, result } => lines([match result {
                Some(output) => json!({
                    "type": "tool-output-available", "toolCallId": id, "output": output,
                    "dynamic": true,
                }),
                None => json!({
                    "type": "tool-output-error", "toolCallId": id, "dynamic": true,
                    "errorText": "It is not known whether this was done.",
                }),
            }]),
            Progress::Text(piece) => self.text(&piece),
            Progress::Reply(text) => {
                let mut lines = lines(self.enter(Step::None));
                lines.extend(self.text(&text));
                lines
            }
        }
    }

    fn text(&mut self, piece: &str) -> Vec<String> {
        let mut parts = self.enter(Step::Text);
        let id = format!("text-{}", self.texts);
        parts.push(json!({ "type": "text-delta", "id": id, "delta": piece }));
        lines(parts)
    }

    fn end(&mut self, end: Result<TurnReply, TurnError>) -> Vec<String> {
        let mut parts = self.enter(Step::None);
        match end {
            Ok(reply) if reply.message.stopped => {
                parts.push(json!({ "type": "abort", "reason": "stopped by the person" }));
            }
            Ok(reply) => {
                if let Some(metadata) = self.metadata.as_object_mut() {
                    let provider = reply.message.provider.unwrap_or_default();
                    metadata.insert("provider".to_owned(), provider.into());
                }
                parts.push(json!({
                    "type": "finish", "finishReason": "stop", "messageMetadata": self.metadata,
                }));
            }
            Err(error) => {
                let problem = Problem::from(error);
                parts.push(json!({ "type": "error", "errorText": problem.detail() }));
            }
        }
        lines(parts)
    }

    /// The parts between what is open and what is to come.
    fn enter(&mut self, step: Step) -> Vec<Value> {
        if self.step == step {
            return Vec::new();
        }
        let mut parts = Vec::new();
        if self.step == Step::Text {
            let id = format!("text-{}", self.texts);
            parts.push(json!({ "type": "text-end", "id": id }));
        }
        if self.step != Step::None {
            parts.push(json!({ "type": "finish-step" }));
        }
        if step != Step::None {
            parts.push(json!({ "type": "start-step" }));
        }
        if step == Step::Text {
            self.texts += 1;
            let id = format!("text-{}", self.texts);
            parts.push(json!({ "type": "text-start", "id": id }));
        }
        self.step = step;
        parts
    }
}

fn lines(parts: impl IntoIterator<Item = Value>) -> Vec<String> {
    parts.into_iter().map(|part| part.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use todo_actors::message::{Failure, ToolCall};

    use super::*;

    #[test]
    fn json_unless_a_stream_is_asked_for() {
        for (accept, streams) in [
            ("", false),
            ("*/*", false),
            ("application/json", false),
            ("text/event-stream", true),
            ("text/event-stream, */*", true),
            ("Text/Event-Stream;q=0.9, application/json;q=0.5", true),
            ("text/event-stream;q=0.5, application/json", false),
            ("application/json, text/event-stream", false),
            ("text/event-stream, application/json", true),
            ("text/event-stream;q=0", false),
            ("text/html", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(is_preferred(&headers), streams, "{accept}");
        }
        assert!(!is_preferred(&HeaderMap::new()));
    }

    fn types(lines: &[String]) -> Vec<String> {
        let part = |line: &String| serde_json::from_str::<Value>(line).unwrap();
        let ty = |line| part(line)["type"].as_str().unwrap().to_owned();
        lines.iter().map(ty).collect()
    }

    #[test]
    fn tools_and_text_stand_in_steps_of_their_own() {
        let mut parts = Parts::default();
        let call = ToolCall {
            tool: "add_task".to_owned(),
            arguments: json!({"title": "milk"}),
        };
        let id = "1".to_owned();
        let mut told = parts.progress(Progress::ToolStarted {
            id: id.clone(),
            call,
        });
        let result = Some(json!({"refused": {"message": "No."}}));
        told.extend(parts.progress(Progress::ToolFinished { id, result }));
        told.extend(parts.progress(Progress::Text("I ".to_owned())));
        told.extend(parts.progress(Progress::Text("did".to_owned())));
        told.extend(parts.progress(Progress::Reply("Done.".to_owned())));
        told.extend(parts.end(Err(Failure::retryable("secret host").into())));
        assert_eq!(
            types(&told),
            [
                "start-step",
                "tool-input-start",
                "tool-input-available",
                "tool-output-available",
                "finish-step",
                "start-step",
                "text-start",
                "text-delta",
                "text-delta",
                "text-end",
                "finish-step",
                "start-step",
                "text-start",
                "text-delta",
                "text-end",
                "finish-step",
                "error",
            ]
        );
        assert!(told.iter().all(|line| !line.contains("secret")));
    }
}
