//! Role `audit`: writes down everything that happened, once, for the person to look up.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use axum::Router;
use cloudevents::{AttributesReader, Data, Event};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgPool;
use todo_actors::{
    event::Topic,
    sidecar::{DaprSidecar, Sidecar},
};
use tokio::net::TcpListener;

use super::{
    EntryStatus, Incoming, Malformed, Verdict, dead_letters::DeadLetters, extension,
    projector::change::Owner,
};
use crate::{
    config::Config,
    secrets,
    shutdown::Lifecycle,
    tables::{
        self, Limits,
        audit_log::{self, Record},
    },
};

/// The topics whose events are kept: all that are not derived.
const TOPICS: [Topic; 3] = [
    Topic::TaskEvents,
    Topic::Reminders,
    Topic::ConversationEvents,
];
/// The sidecar delivers one bulk at a time.
const CONNECTIONS: u32 = 2;
/// Longest one bulk may take before it is given back.
const LIMIT: Duration = Duration::from_secs(8);
/// What was said and done stands in the conversation; a second copy would outlive its deletion.
const LEFT_OUT: [&str; 2] = ["text", "tool_calls"];

/// Runs the auditor until it is told to stop.
///
/// # Errors
/// The secrets cannot be read or the port is taken.
pub async fn run(config: &Config, life: Lifecycle) -> anyhow::Result<()> {
    let sidecar: Arc<dyn Sidecar> = Arc::new(DaprSidecar::connect(
        &config.dapr.grpc_endpoint,
        config.dapr.api_token.as_deref(),
    )?);
    let secrets = tokio::select! {
        secrets = secrets::read(sidecar.as_ref(), &config.secret_store) => secrets?,
        () = life.stopping() => return Ok(()),
    };
    let pool = tables::pool(&secrets.database_url, CONNECTIONS, Limits::SHORT)?;
    let listener = TcpListener::bind(config.app_addr)
        .await
        .with_context(|| format!("{} cannot be listened on.", config.app_addr))?;
    tracing::info!(address = %config.app_addr, "auditor listens for its sidecar");
    let dead_letters = DeadLetters::new(sidecar, "auditor");
    axum::serve(listener, router(pool, &config.app_api_token, dead_letters))
        .with_graceful_shutdown(async move { life.stopping().await })
        .await?;
    Ok(())
}

/// The auditor's routes.
pub fn router(pool: PgPool, app_token: &str, dead_letters: DeadLetters) -> Router {
    super::router(&TOPICS, app_token, dead_letters, move |incoming| {
        let pool = pool.clone();
        async move { keep(&pool, incoming).await }
    })
}

/// Writes a bulk of events down, and answers for each. When the database is in trouble all are
/// to be delivered again.
pub async fn keep(pool: &PgPool, incoming: Vec<Incoming>) -> Vec<EntryStatus> {
    let mut ids = Vec::with_capacity(incoming.len());
    let mut records = Vec::with_capacity(incoming.len());
    for incoming in incoming {
        let record = incoming.event.and_then(|event| record(&event));
        if let Err(error) = &record {
            tracing::error!(topic = incoming.topic, wrong = %error, "event given up: malformed");
        }
        ids.push(incoming.entry_id);
        records.push(record.ok());
    }
    let verdicts = match tokio::time::timeout(LIMIT, write(pool, &records)).await {
        Ok(Ok(verdicts)) => verdicts,
        Ok(Err(error)) => {
            tracing::warn!(%error, events = ids.len(), "events wait for the database");
            vec![Verdict::Retry; ids.len()]
        }
        Err(_) => {
            tracing::warn!(
                events = ids.len(),
                "events wait for the database, which is slow"
            );
            vec![Verdict::Retry; ids.len()]
        }
    };
    ids.into_iter()
        .zip(verdicts)
        .map(|(entry_id, status)| EntryStatus { entry_id, status })
        .collect()
}

async fn write(pool: &PgPool, records: &[Option<Record>]) -> sqlx::Result<Vec<Verdict>> {
    let readable: Vec<Record> = records.iter().flatten().cloned().collect();
    let together = if readable.is_empty() {
        Ok(0)
    } else {
        audit_log::append(pool, &readable).await
    };
    let verdict = |record: &Option<Record>| match record {
        Some(_) => Verdict::Success,
        None => Verdict::Drop,
    };
    match together {
        Ok(_) => Ok(records.iter().map(verdict).collect()),
        // One that the database will never take must not hold up the others.
        Err(error) if tables::refuses_data(&error) => {
            let mut verdicts = Vec::with_capacity(records.len());
            for record in records {
                verdicts.push(match record {
                    None => Verdict::Drop,
                    Some(record) => {
                        match audit_log::append(pool, std::slice::from_ref(record)).await {
                            Ok(_) => Verdict::Success,
                            Err(error) if tables::refuses_data(&error) => {
                                tracing::error!(
                                    actor = record.actor,
                                    "event given up: cannot be stored"
                                );
                                Verdict::Drop
                            }
                            Err(error) => return Err(error),
                        }
                    }
                });
            }
            Ok(verdicts)
        }
        Err(error) => Err(error),
    }
}

/// Reads an event, whatever its type: a new one is kept without a change here.
fn record(event: &Event) -> Result<Record, Malformed> {
    let text = |name: &'static str| extension(event, name).ok_or(Malformed(name));
    let actor = text("actor")?;
    let (user_id, of_conversation) = match Owner::parse(actor).ok_or(Malformed("actor"))? {
        Owner::User { user_id } => (user_id, false),
        Owner::Conversation { user_id, .. } => (user_id, true),
    };
    let sequence = text("sequence")?.parse().ok();
    let sequence: i64 = sequence.filter(|n| *n >= 1).ok_or(Malformed("sequence"))?;
    let at = event.time().ok_or(Malformed("time"))?;
    let at = Timestamp::from_microsecond(at.timestamp_micros()).map_err(|_| Malformed("time"))?;
    let Some(Data::Json(Value::Object(fields))) = event.data() else {
        return Err(Malformed("data"));
    };
    let mut data = fields.clone();
    data.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
    if of_conversation {
        // Its first words; a task's title is kept.
        data.remove("title");
    }
    Ok(Record {
        event_id: event.id().to_owned(),
        user_id,
        ty: event.ty().to_owned(),
        actor: actor.to_owned(),
        sequence,
        at,
        subject: event.subject().map(str::to_owned),
        data: data.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(change: impl FnOnce(&mut Value)) -> Event {
        let mut event = json!({
            "specversion": "1.0", "id": "Conversation/ann~c1/2/0", "source": "backend",
            "type": "com.todo.message.added", "subject": "c1", "time": "2026-11-23T10:00:00.5Z",
            "actor": "Conversation/ann~c1", "sequence": "2",
            "data": { "user_id": "ann", "conversation_id": "c1", "role": "user", "text": "hush",
                "title": "hush hour" },
        });
        change(&mut event);
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn an_event_of_any_type_is_kept_without_what_was_said() {
        let kept = record(&event(|event| event["type"] = "com.todo.new.thing".into())).unwrap();
        assert_eq!(kept.user_id, "ann");
        assert_eq!(kept.sequence, 2);
        assert_eq!(kept.at.to_string(), "2026-11-23T10:00:00.5Z");
        assert_eq!(kept.data["role"], "user");
        assert!(!kept.data.to_string().contains("hush"));
    }

    #[test]
    fn of_a_task_the_title_is_kept() {
        let kept = record(&event(|event| event["actor"] = "User/ann".into())).unwrap();
        assert_eq!(kept.data["title"], "hush hour");
        assert!(kept.data.get("text").is_none());
    }

    #[test]
    fn an_event_that_names_nobody_is_given_up() {
        for (field, wrong) in [
            ("actor", json!("User/a b")),
            ("actor", json!(null)),
            ("sequence", json!("0")),
            ("data", json!("text")),
        ] {
            let broken = event(|event| event[field] = wrong.clone());
            assert_eq!(record(&broken).unwrap_err(), Malformed(field), "{wrong}");
        }
    }

    #[tokio::test]
    async fn without_the_database_everything_comes_again() {
        let pool = PgPool::connect_lazy("postgres://127.0.0.1:1/none").unwrap();
        let good = event(|_| ());
        let value = serde_json::to_vec(&good).unwrap();
        let incoming = vec![
            Incoming::new("0", "task-events", None, &value),
            Incoming::new("1", "task-events", None, b"nonsense"),
        ];
        let answers = keep(&pool, incoming).await;
        assert!(answers.iter().all(|entry| entry.status == Verdict::Retry));
    }
}
