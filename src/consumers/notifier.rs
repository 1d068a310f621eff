//! Role `notify`: what falls due reaches people's browsers, open or not.
//!
//! A reminder's event becomes a row per browser in the outbox, and that is all the sidecar waits
//! for; the rows are sent from there, each until its push service has taken it or it is a day
//! old. So a slow push service holds up no partition of Kafka.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::Context;
use axum::Router;
use cloudevents::{AttributesReader, Data, Event};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgPool;
use todo_actors::{
    clock::{Clock, SystemClock},
    event::Topic,
    message::valid_user_id,
    sidecar::{DaprSidecar, Sidecar},
    user::Task,
};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};

use super::{EntryStatus, Incoming, Malformed, Verdict, dead_letters::DeadLetters, extension};
use crate::{
    config::Config,
    push::{Outcome, Sender, Vapid},
    secrets,
    shutdown::Lifecycle,
    tables::{
        self, Limits,
        push_outbox::{self, Delivery, Notification},
        push_subscriptions,
    },
};

const CONNECTIONS: u32 = 8;
/// Longest one bulk may take before it is given back.
const LIMIT: Duration = Duration::from_secs(8);
/// A reminder older than this is news no more.
const WORTH_SENDING: SignedDuration = SignedDuration::from_hours(24);
/// Between looks at what is due to be tried again.
const LOOK: Duration = Duration::from_secs(2);
/// Deliveries in flight.
const CONCURRENT: usize = 64;
/// Between clearings of what arrived long ago.
const FORGET: Duration = Duration::from_secs(3600);

/// Runs the notifier until it is told to stop.
///
/// # Errors
/// The secrets cannot be read or have no key for push services, or the port is taken.
pub async fn run(config: &Config, life: Lifecycle) -> anyhow::Result<()> {
    let sidecar: Arc<dyn Sidecar> = Arc::new(DaprSidecar::connect(
        &config.dapr.grpc_endpoint,
        config.dapr.api_token.as_deref(),
    )?);
    let secrets = tokio::select! {
        secrets = secrets::read(sidecar.as_ref(), &config.secret_store) => secrets?,
        () = life.stopping() => return Ok(()),
    };
    let key = secrets.vapid_private_key.context(
        "The secret app-secrets has no VAPID_PRIVATE_KEY, without which push services take nothing.",
    )?;
    let sender = Sender::new(Vapid::new(&key, &config.vapid_subject)?)?;
    let pool = tables::pool(&secrets.database_url, CONNECTIONS, Limits::SHORT)?;
    let queued = Arc::new(Notify::new());
    let sending = tokio::spawn(send_queued(pool.clone(), sender, Arc::clone(&queued)));
    let listener = TcpListener::bind(config.app_addr)
        .await
        .with_context(|| format!("{} cannot be listened on.", config.app_addr))?;
    tracing::info!(address = %config.app_addr, "notifier listens for its sidecar");
    let dead_letters = DeadLetters::new(sidecar, "notifier");
    let routes = router(pool, queued, &config.app_api_token, dead_letters);
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move { life.stopping().await })
        .await?;
    // What is in flight is tried again by whoever is next.
    sending.abort();
    Ok(())
}

/// The notifier's routes; `queued` hears of new rows in the outbox.
pub fn router(
    pool: PgPool,
    queued: Arc<Notify>,
    app_token: &str,
    dead_letters: DeadLetters,
) -> Router {
    super::router(
        &[Topic::Reminders],
        app_token,
        dead_letters,
        move |incoming| {
            let (pool, queued) = (pool.clone(), Arc::clone(&queued));
            async move {
                let statuses = queue(&pool, incoming, SystemClock.now()).await;
                queued.notify_one();
                statuses
            }
        },
    )
}

/// Queues what a bulk of events asks for, and answers for each.
async fn queue(pool: &PgPool, incoming: Vec<Incoming>, now: Timestamp) -> Vec<EntryStatus> {
    let mut notifications = Vec::new();
    let mut statuses = Vec::with_capacity(incoming.len());
    for Incoming {
        entry_id, event, ..
    } in incoming
    {
        let status = match event.and_then(|event| notification(&event, now)) {
            Ok(notification) => {
                notifications.extend(notification);
                Verdict::Success
            }
            Err(error) => {
                tracing::error!(wrong = %error, "event dropped: malformed");
                Verdict::Drop
            }
        };
        statuses.push(EntryStatus { entry_id, status });
    }
    let queued = tokio::time::timeout(LIMIT, push_outbox::queue(pool, &notifications)).await;
    if !matches!(queued, Ok(Ok(()))) {
        let events = notifications.len();
        tracing::warn!(events, "reminders wait for the database");
        for status in &mut statuses {
            if status.status == Verdict::Success {
                status.status = Verdict::Retry;
            }
        }
    }
    statuses
}

/// What an event asks to be sent; nothing when it is another kind of event, or too late.
fn notification(event: &Event, now: Timestamp) -> Result<Option<Notification>, Malformed> {
    #[derive(Deserialize)]
    struct Reminder {
        user_id: String,
        #[serde(flatten)]
        task: Task,
    }
    if event.ty() != "com.todo.reminder.due" {
        return Ok(None);
    }
    let Some(Data::Json(data)) = event.data() else {
        return Err(Malformed("data"));
    };
    let Reminder { user_id, task } = Reminder::deserialize(data).map_err(|_| Malformed("data"))?;
    if !valid_user_id(&user_id) {
        return Err(Malformed("user_id"));
    }
    let sequence = extension(event, "sequence").and_then(|sequence| sequence.parse().ok());
    let sequence = sequence.ok_or(Malformed("sequence"))?;
    let happened = event.time().ok_or(Malformed("time"))?;
    let happened = Timestamp::from_second(happened.timestamp()).map_err(|_| Malformed("time"))?;
    let expires_at = happened
        .checked_add(WORTH_SENDING)
        .map_err(|_| Malformed("time"))?;
    if expires_at <= now {
        return Ok(None);
    }
    let payload = json!({
        "event_id": event.id(),
        "task_id": task.id,
        "title": task.title,
        "due_at": task.due_at,
        "due_date": task.due_date,
    });
    Ok(Some(Notification {
        event_id: event.id().to_owned(),
        user_id,
        sequence,
        payload: payload.to_string(),
        expires_at,
    }))
}

/// Sends what the outbox holds, as it comes due. Never ends.
async fn send_queued(pool: PgPool, sender: Sender, queued: Arc<Notify>) {
    let sender = Arc::new(sender);
    let claim = |most| {
        let pool = pool.clone();
        async move { push_outbox::claim(&pool, most).await }
    };
    let send = |delivery: Delivery| {
        let (pool, sender) = (pool.clone(), Arc::clone(&sender));
        async move {
            if let Err(error) = deliver(&pool, &sender, &delivery).await {
                // It comes due again; the browser shows the same event once.
                tracing::warn!(%error, "what became of a notification is not noted");
            }
        }
    };
    tokio::join!(keep_sending(claim, send, &queued), forget_old(&pool));
}

/// Clears what arrived long ago, now and then. Never ends.
async fn forget_old(pool: &PgPool) {
    loop {
        if let Err(error) = push_outbox::forget_old(pool).await {
            tracing::debug!(%error, "the outbox cannot be cleared yet");
        }
        tokio::time::sleep(FORGET).await;
    }
}

/// Sends what `claim` gives, so many at a time, each for itself: a slow one takes up its own place
/// and no other. Never ends.
async fn keep_sending<T, C, S>(claim: impl Fn(usize) -> C, send: impl Fn(T) -> S, queued: &Notify)
where
    C: Future<Output = sqlx::Result<Vec<T>>>,
    S: Future<Output = ()> + Send + 'static,
{
    let mut sending = JoinSet::new();
    loop {
        while sending.try_join_next().is_some() {}
        if sending.len() == CONCURRENT {
            sending.join_next().await;
        }
        match claim(CONCURRENT - sending.len()).await {
            Ok(due) if due.is_empty() => {
                let _ = tokio::time::timeout(LOOK, queued.notified()).await;
            }
            Ok(due) => {
                for delivery in due {
                    sending.spawn(send(delivery));
                }
            }
            Err(error) => {
                tracing::debug!(%error, "the outbox cannot be read yet");
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

async fn deliver(pool: &PgPool, sender: &Sender, delivery: &Delivery) -> sqlx::Result<()> {
    let (now, event) = (SystemClock.now(), &delivery.event_id);
    if delivery.expires_at <= now {
        tracing::warn!(event, "notification given up: a day has passed");
        return push_outbox::done(pool, delivery).await;
    }
    match sender.send(delivery, now).await {
        Ok(Outcome::Accepted) => push_outbox::done(pool, delivery).await,
        Ok(Outcome::Gone) => {
            tracing::info!(event, "a browser is no longer subscribed");
            push_subscriptions::remove_gone(pool, &delivery.to.endpoint).await
        }
        Ok(Outcome::Later(Some(seconds))) => push_outbox::put_off(pool, delivery, seconds).await,
        Ok(Outcome::Later(None)) => Ok(()),
        Ok(Outcome::Refused(status)) => {
            tracing::error!(event, %status, "notification given up: refused by the push service");
            push_outbox::done(pool, delivery).await
        }
        Err(error) => {
            tracing::error!(event, %error, "notification given up: it cannot be written");
            push_outbox::done(pool, delivery).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(ty: &str, data: &serde_json::Value) -> Event {
        serde_json::from_value(json!({
            "specversion": "1.0", "id": "User/ann/3/0", "source": "backend", "type": ty,
            "time": "2026-04-01T10:00:00Z", "datacontenttype": "application/json",
            "sequence": "3", "data": data,
        }))
        .unwrap()
    }

    fn task() -> serde_json::Value {
        json!({
            "user_id": "ann", "task_id": "task-1", "title": "milk", "notes": "a secret",
            "status": "open", "due_at": "2026-04-01T10:00:00Z",
            "created_at": "2026-04-01T09:00:00Z", "updated_at": "2026-04-01T09:00:00Z",
        })
    }

    #[test]
    fn a_reminder_is_sent_for_a_day_and_says_no_more_than_it_must() {
        let reminder = event("com.todo.reminder.due", &task());
        let at = |hour: &str| {
            format!("2026-04-{hour}:00:00Z")
                .parse::<Timestamp>()
                .unwrap()
        };
        let sent = notification(&reminder, at("01T10")).unwrap().unwrap();
        assert_eq!((sent.user_id.as_str(), sent.sequence), ("ann", 3));
        assert_eq!(sent.expires_at, at("02T10"));
        assert!(sent.payload.contains("milk") && !sent.payload.contains("secret"));
        assert_eq!(notification(&reminder, at("02T10")).unwrap(), None);
        let other = event("com.todo.other", &task());
        assert_eq!(notification(&other, at("01T10")).unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_push_service_keeps_nobody_waiting_but_itself() {
        // Given a service that says nothing, and all places but one taken up by it
        let due = std::sync::Mutex::new(vec!["slow"; CONCURRENT - 1]);
        let claim = |most: usize| {
            let mut due = due.lock().unwrap();
            let most = most.min(due.len());
            std::future::ready(Ok(due.drain(..most).collect()))
        };
        let (begun, mut began) = tokio::sync::mpsc::unbounded_channel();
        let send = |service: &'static str| {
            let begun = begun.clone();
            async move {
                begun.send(service).unwrap();
                if service == "slow" {
                    std::future::pending::<()>().await;
                }
            }
        };
        let queued = Notify::new();
        let watch = async {
            for _ in 1..CONCURRENT {
                assert_eq!(began.recv().await, Some("slow"));
            }
            // When others come, then they go out through the place that is left
            due.lock().unwrap().extend(["quick"; 3]);
            queued.notify_one();
            for _ in 0..3 {
                assert_eq!(began.recv().await, Some("quick"));
            }
            // And once that is taken up too, no more is claimed than can be sent
            due.lock().unwrap().extend(["slow", "quick"]);
            assert_eq!(began.recv().await, Some("slow"));
            let more = tokio::time::timeout(Duration::from_secs(60), began.recv());
            assert!(more.await.is_err());
            assert_eq!(*due.lock().unwrap(), ["quick"]);
        };
        tokio::select! {
            () = keep_sending(claim, send, &queued) => unreachable!(),
            () = watch => {}
        }
    }

    #[test]
    fn what_is_no_reminder_is_malformed() {
        for (field, value) in [("user_id", json!("a/b")), ("title", json!(7))] {
            let mut data = task();
            data[field] = value;
            let now = "2026-04-01T10:00:00Z".parse().unwrap();
            assert!(notification(&event("com.todo.reminder.due", &data), now).is_err());
        }
    }
}
