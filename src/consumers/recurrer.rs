//! Role `recur`: adds the next occurrence of a recurring task that is done.
//!
//! It reads task-events and sends the task's user a [`RollForward`]. The actor knows which tasks
//! are followed already, so neither repeats nor old events can add an occurrence twice.

use std::time::Duration;

use anyhow::Context;
use axum::Router;
use cloudevents::{AttributesReader, Data, Event};
use futures::{StreamExt, stream};
use serde::Deserialize;
use std::sync::Arc;
use todo_actors::{
    client::ActorClient,
    event::Topic,
    message::{CallError, Request, valid_user_id},
    sidecar::{DaprSidecar, Sidecar},
    user::{RollForward, Task},
};
use tokio::net::TcpListener;

use super::{EntryStatus, Incoming, Malformed, Verdict, dead_letters::DeadLetters, extension};
use crate::{config::Config, shutdown::Lifecycle};

/// What the recurrer reads.
const TOPICS: [Topic; 1] = [Topic::TaskEvents];
/// Calls to actors in flight for one bulk.
const CONCURRENT: usize = 16;
/// Longest one event is worked on before it is given back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the recurrer until it is told to stop.
///
/// # Errors
/// The sidecar's address makes no sense or the port is taken.
pub async fn run(config: &Config, life: Lifecycle) -> anyhow::Result<()> {
    let sidecar: Arc<dyn Sidecar> = Arc::new(DaprSidecar::connect(
        &config.dapr.grpc_endpoint,
        config.dapr.api_token.as_deref(),
    )?);
    let actors = ActorClient::new(Arc::clone(&sidecar)).with_patience(PATIENCE);
    let dead_letters = DeadLetters::new(sidecar, "recurrer");
    let listener = TcpListener::bind(config.app_addr)
        .await
        .with_context(|| format!("{} cannot be listened on.", config.app_addr))?;
    tracing::info!(address = %config.app_addr, "recurrer listens for its sidecar");
    axum::serve(
        listener,
        router(actors, &config.app_api_token, dead_letters),
    )
    .with_graceful_shutdown(async move { life.stopping().await })
    .await?;
    Ok(())
}

/// The recurrer's routes.
pub fn router(actors: ActorClient, app_token: &str, dead_letters: DeadLetters) -> Router {
    super::router(&TOPICS, app_token, dead_letters, move |incoming| {
        let actors = actors.clone();
        async move { roll(&actors, incoming).await }
    })
}

/// Rolls what a bulk of events says is done, and answers for each event. Order does not matter:
/// each task has one next occurrence.
pub async fn roll(actors: &ActorClient, incoming: Vec<Incoming>) -> Vec<EntryStatus> {
    stream::iter(incoming)
        .map(|incoming| async move {
            let status = match incoming.event.and_then(|event| Done::read(&event)) {
                Ok(Some(done)) => done.roll(actors).await,
                Ok(None) => Verdict::Success,
                Err(wrong) => {
                    let partition = incoming.partition;
                    tracing::error!(topic = %incoming.topic, ?partition, %wrong, "event dropped: malformed");
                    Verdict::Drop
                }
            };
            EntryStatus {
                entry_id: incoming.entry_id,
                status,
            }
        })
        .buffered(CONCURRENT)
        .collect()
        .await
}

/// A recurring task that is done.
#[derive(Debug, PartialEq)]
struct Done {
    user_id: String,
    task_id: String,
    event_id: String,
    traceparent: Option<String>,
}

impl Done {
    /// Reads an event; `None` when no occurrence is to follow it.
    fn read(event: &Event) -> Result<Option<Self>, Malformed> {
        #[derive(Deserialize)]
        struct Body {
            user_id: String,
            #[serde(flatten)]
            task: Task,
        }
        // A task deleted before it was rolled and brought back later is rolled then.
        if !matches!(
            event.ty(),
            "com.todo.task.completed" | "com.todo.task.restored"
        ) {
            return Ok(None);
        }
        let Some(Data::Json(body)) = event.data() else {
            return Err(Malformed("data"));
        };
        let Body { user_id, task } = Body::deserialize(body).map_err(|_| Malformed("data"))?;
        if !valid_user_id(&user_id) {
            return Err(Malformed("user_id"));
        }
        let rolls =
            task.completed_at.is_some() && task.recurrence.is_some() && task.followed_by.is_none();
        let traceparent = extension(event, "traceparent").map(str::to_owned);
        Ok(rolls.then(|| Self {
            user_id,
            task_id: task.id,
            event_id: event.id().to_owned(),
            traceparent,
        }))
    }

    async fn roll(self, actors: &ActorClient) -> Verdict {
        let Self {
            user_id,
            task_id,
            event_id,
            traceparent,
        } = self;
        let message = RollForward { task_id };
        let request = Request {
            traceparent,
            ..Request::command(format!("roll/{event_id}"), message)
        };
        match actors.send(&user_id, request).await {
            Ok(_) => Verdict::Success,
            Err(CallError::Failed(failure)) if failure.retryable => {
                tracing::warn!(user_id, event = event_id, error = %failure, "a task waits to be rolled forward");
                Verdict::Retry
            }
            Err(CallError::Failed(failure)) => {
                tracing::error!(user_id, event = event_id, error = %failure, "a task was not rolled forward");
                Verdict::Drop
            }
            Err(CallError::Refused(refusal)) => {
                tracing::warn!(user_id, event = event_id, code = ?refusal.code, "a task was not rolled forward");
                Verdict::Drop
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use todo_actors::{
        message::{Failure, Outcome, Refusal},
        sidecar::{SidecarError, SidecarErrorKind},
    };

    use super::*;
    use crate::test_actors::Script;

    fn event(ty: &str, change: impl FnOnce(&mut Value)) -> Incoming {
        let mut event = json!({
            "specversion": "1.0", "id": "User/ann/3/0", "source": "backend",
            "type": ty, "subject": "task-1", "time": "2026-11-23T10:00:00Z",
            "datacontenttype": "application/json", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "data": {
                "user_id": "ann", "task_id": "task-1", "title": "water plants", "status": "done",
                "due_date": "2026-11-23",
                "recurrence": {
                    "rule": "FREQ=DAILY", "start": "2026-11-23", "zone": "Europe/Berlin",
                    "occurrence": "2026-11-23",
                },
                "created_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-23T10:00:00Z",
                "completed_at": "2026-11-23T10:00:00Z",
            },
        });
        change(&mut event["data"]);
        Incoming::new("e", "task-events", None, event.to_string().as_bytes())
    }

    async fn verdict(script: &Arc<Script>, incoming: Incoming) -> Verdict {
        let actors = script.client().with_patience(Duration::ZERO);
        roll(&actors, vec![incoming]).await[0].status
    }

    fn rolled() -> Arc<Script> {
        Script::new(|_| Ok(Outcome::Ok(json!({}))))
    }

    #[tokio::test]
    async fn a_recurring_task_that_is_done_is_rolled_under_a_key_of_its_event() {
        let script = rolled();
        let done = event("com.todo.task.completed", |_| {});
        assert_eq!(verdict(&script, done).await, Verdict::Success);
        let call = &script.calls()[0];
        assert_eq!(
            (call.actor.as_str(), call.method.as_str()),
            ("User/ann", "roll_forward")
        );
        assert_eq!(call.request["key"], "roll/User/ann/3/0");
        assert_eq!(
            call.request["traceparent"],
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        );
        assert_eq!(call.request["message"], json!({ "task_id": "task-1" }));
    }

    #[tokio::test]
    async fn what_needs_no_next_occurrence_calls_nobody() {
        let script = rolled();
        let others = [
            event("com.todo.task.created", |_| {}),
            event("com.todo.profile.changed", |data| *data = json!({})),
            event("com.todo.something.new", |data| *data = json!({})),
            event("com.todo.task.completed", |data| {
                data.as_object_mut().unwrap().remove("recurrence");
            }),
            event("com.todo.task.completed", |data| {
                data["followed_by"] = "task-2".into()
            }),
            event("com.todo.task.restored", |data| {
                data["status"] = "open".into();
                data.as_object_mut().unwrap().remove("completed_at");
            }),
        ];
        for other in others {
            assert_eq!(verdict(&script, other).await, Verdict::Success);
        }
        assert_eq!(script.calls(), []);
    }

    #[tokio::test]
    async fn a_done_task_that_comes_back_is_rolled() {
        let script = rolled();
        let back = event("com.todo.task.restored", |_| {});
        assert_eq!(verdict(&script, back).await, Verdict::Success);
        assert_eq!(script.methods(), ["roll_forward"]);
    }

    #[tokio::test]
    async fn malformed_events_are_dropped_and_failures_say_what_becomes_of_theirs() {
        let malformed = [
            event("com.todo.task.completed", |data| {
                data["user_id"] = "a/b".into()
            }),
            event("com.todo.task.completed", |data| {
                data["title"] = Value::Null
            }),
            event("com.todo.task.completed", |data| {
                data["recurrence"]["rule"] = "FREQ=X".into()
            }),
            Incoming::new("e", "task-events", None, b"no event"),
        ];
        let script = rolled();
        for malformed in malformed {
            assert_eq!(verdict(&script, malformed).await, Verdict::Drop);
        }
        assert_eq!(script.calls(), []);
        let answers = [
            (Outcome::Failed(Failure::retryable("later")), Verdict::Retry),
            (Outcome::Failed(Failure::terminal("never")), Verdict::Drop),
            (
                Outcome::Refused(Refusal::limit_reached("full")),
                Verdict::Drop,
            ),
        ];
        for (answer, expected) in answers {
            let script = Script::new(move |_| Ok(answer.clone()));
            let done = event("com.todo.task.completed", |_| {});
            assert_eq!(verdict(&script, done).await, expected);
        }
    }

    #[tokio::test]
    async fn a_sidecar_that_refuses_us_is_asked_again_until_it_is_mended() {
        for kind in [SidecarErrorKind::Denied, SidecarErrorKind::Unavailable] {
            let script = Script::new(move |_| Err(SidecarError::new(kind, "no")));
            let done = event("com.todo.task.completed", |_| {});
            assert_eq!(verdict(&script, done).await, Verdict::Retry, "{kind:?}");
        }
    }
}
