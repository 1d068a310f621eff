//! Dapr's side of the app: it serves the actor routes and keeps one activation per live actor,
//! one turn at a time.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request as HttpRequest, State as AxumState},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, put},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use dashmap::DashMap;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::{sync::Mutex, time::Instant};
use tracing::{Instrument, Span, field};

use crate::{
    client::ActorClient,
    clock::Clock,
    conversation::{self, state::Conversation},
    journal::State,
    message::{ActorRef, CallError, Failure, Outcome, Request},
    metrics::METRICS,
    publisher::{Publisher, Room},
    reconciler::{self, Reconciler},
    sidecar::Sidecar,
    trace,
    turn::{Activation, Command, Query, Services},
    updates::Updates,
    user::{self, state::User},
};

/// Largest call body; the edge takes 64 KiB, and tool calls travel back to the conversation.
const LARGEST_BODY: usize = 1 << 20;

/// How a host behaves.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// What Dapr must send as `dapr-api-token`.
    pub app_token: String,
    /// An actor without calls for this long is deactivated.
    pub idle_timeout: Duration,
    /// How long Dapr may wait for running turns where it waits at all. When it moves actors it
    /// is told not to: ARCHITECTURE.md says why.
    pub drain_timeout: Duration,
}

impl HostOptions {
    /// The usual times, with the token Dapr sends.
    #[must_use]
    pub fn new(app_token: impl Into<String>) -> Self {
        Self {
            app_token: app_token.into(),
            idle_timeout: Duration::from_secs(600),
            drain_timeout: Duration::from_millis(500),
        }
    }
}

/// Hosts the actors that Dapr places here.
pub struct Host {
    options: HostOptions,
    services: Arc<Services>,
    users: Slots<User>,
    conversations: Slots<Conversation>,
    reconciler: Option<Reconciler>,
}

type Slots<S> = DashMap<String, Arc<Mutex<Activation<S>>>>;

/// What a method call comes to on the wire.
#[derive(Debug)]
pub enum Answer {
    /// An [`Outcome`], as JSON, and its name.
    Json(Vec<u8>, &'static str),
    /// The actor has no such method.
    NoSuchMethod,
}

impl Host {
    /// A host over `sidecar`. Without a database pool it has no reconciler.
    #[must_use]
    pub fn new(
        sidecar: Arc<dyn Sidecar>,
        clock: Arc<dyn Clock>,
        pool: Option<PgPool>,
        options: HostOptions,
    ) -> Arc<Self> {
        METRICS.begin();
        let publisher = Publisher::start(&sidecar, Room::JOURNAL);
        let updates = Updates::start(&sidecar);
        let client =
            ActorClient::new(Arc::clone(&sidecar)).with_patience(Duration::from_millis(500));
        Arc::new(Self {
            options,
            reconciler: pool.map(|pool| Reconciler::new(pool, client, Arc::clone(&clock))),
            services: Arc::new(Services {
                sidecar,
                publisher,
                updates,
                clock,
            }),
            users: DashMap::new(),
            conversations: DashMap::new(),
        })
    }

    /// How many actors are active here.
    #[must_use]
    pub fn live_actors(&self) -> usize {
        self.users.len() + self.conversations.len()
    }

    /// How many events wait for Kafka here.
    #[must_use]
    pub fn unpublished(&self) -> usize {
        self.services.publisher.backlog()
    }

    /// Sees to it that the reconciler's reminder stands: now, and each minute. Never ends.
    pub async fn keep_reconciler(&self) {
        reconciler::keep_awake(self.services.sidecar.as_ref()).await;
    }

    /// The routes Dapr calls. Every one wants the app token.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/dapr/config", get(config))
            .route("/actors/{kind}/{id}", delete(deactivate))
            .route("/actors/{kind}/{id}/method/{method}", put(invoke))
            .route("/actors/{kind}/{id}/method/remind/{name}", put(remind))
            .route("/actors/{kind}/{id}/method/timer/{name}", put(timer))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(middleware::from_fn_with_state(
                Arc::clone(self),
                check_app_token,
            ))
            .with_state(Arc::clone(self))
    }

    /// Runs a turn of an actor's method.
    ///
    /// The turn is a task of its own: Dapr may hang up in the middle of it, and a turn that is
    /// dropped half way has to be loaded again.
    pub async fn call(self: &Arc<Self>, kind: &str, id: &str, method: &str, body: Bytes) -> Answer {
        let span = turn_span(kind, id, method);
        trace::follow(&span, caller(&body).as_deref());
        let turn = self.take_turn(kind, id, method, body);
        trace::within(span, turn, |answer| {
            matches!(answer, Answer::Json(_, "failed"))
        })
        .await
    }

    async fn take_turn(
        self: &Arc<Self>,
        kind: &str,
        id: &str,
        method: &str,
        body: Bytes,
    ) -> Answer {
        let started = Instant::now();
        let named = method.to_owned();
        let (kind, answer) = match kind {
            user::TYPE => {
                let slot = slot(&self.users, id, &self.services);
                let turn = run(slot, move |user| {
                    Box::pin(async move { user::actor::call(user, &named, &body).await })
                });
                (user::TYPE, turn.await)
            }
            conversation::TYPE => {
                let slot = slot(&self.conversations, id, &self.services);
                let turn = run(slot, move |chat| {
                    Box::pin(async move { conversation::actor::call(chat, &named, &body).await })
                });
                (conversation::TYPE, turn.await)
            }
            _ => return Answer::NoSuchMethod,
        };
        // Of a method that there is; others could have any name.
        if let Answer::Json(_, outcome) = answer {
            METRICS.turn(kind, method, outcome, started.elapsed());
        }
        answer
    }

    /// Runs the turn of a reminder that fired, in the trace of `traceparent` or in one of its own.
    ///
    /// # Errors
    /// Dapr is to fire it again.
    pub async fn remind(
        self: &Arc<Self>,
        kind: &str,
        id: &str,
        name: &str,
        traceparent: Option<&str>,
    ) -> Result<(), Failure> {
        let span = turn_span(kind, id, "remind");
        let traceparent = trace::follow(&span, traceparent);
        let turn = self.take_reminder(kind, id, name, traceparent);
        trace::within(span, turn, Result::is_err).await
    }

    async fn take_reminder(
        self: &Arc<Self>,
        kind: &str,
        id: &str,
        name: &str,
        traceparent: String,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let name = name.to_owned();
        let (kind, result) = match (kind, &self.reconciler) {
            (user::TYPE, _) => {
                let slot = slot(&self.users, id, &self.services);
                let turn = run(slot, move |user| {
                    Box::pin(async move { user::actor::remind(user, &name, traceparent).await })
                });
                (user::TYPE, turn.await)
            }
            (reconciler::TYPE, Some(reconciler)) => (reconciler::TYPE, reconciler.sweep().await),
            _ => return Ok(()),
        };
        let outcome = if result.is_ok() { "ok" } else { "failed" };
        METRICS.turn(kind, "remind", outcome, started.elapsed());
        result
    }

    /// The sidecar has started anew, and with it nothing is placed here: one that was killed told
    /// nobody that its actors leave. Turns under way go on as after [`Host::deactivate`].
    pub fn forget_actors(&self) {
        let actors = self.live_actors();
        self.users.clear();
        self.conversations.clear();
        tracing::info!(
            actors,
            "the sidecar asks what is hosted here; no actor is active"
        );
    }

    /// Ends an activation.
    ///
    /// A turn under way keeps its activation to its end, and is not waited for: the sidecar
    /// answers no state call while it waits for us, so that turn could not end. Whoever is
    /// active next may overlap with it, here or elsewhere, and the fence decides between them.
    pub fn deactivate(&self, kind: &str, id: &str) {
        match kind {
            user::TYPE => drop(self.users.remove(id)),
            conversation::TYPE => drop(self.conversations.remove(id)),
            _ => {}
        }
    }
}

/// A turn with its wait for the turns before it.
fn turn_span(kind: &str, id: &str, method: &str) -> Span {
    tracing::info_span!(
        "turn",
        otel.name = format!("{kind}.{method}"),
        otel.kind = "server",
        otel.status_code = field::Empty,
        trace_id = field::Empty,
        actor_type = kind,
        actor_id = id,
        method,
    )
}

/// The trace of whoever calls.
fn caller(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Call {
        traceparent: Option<String>,
    }
    serde_json::from_slice::<Call>(body).ok()?.traceparent
}

fn slot<S: State>(
    slots: &Slots<S>,
    id: &str,
    services: &Arc<Services>,
) -> Arc<Mutex<Activation<S>>> {
    let fresh = || {
        let actor = ActorRef::new(S::TYPE, id);
        Arc::new(Mutex::new(Activation::new(actor, Arc::clone(services))))
    };
    Arc::clone(slots.entry(id.to_owned()).or_insert_with(fresh).value())
}

type Turn<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A turn that panicked or was cut short left its journal unloaded; the next one loads it.
async fn run<S: State, T: FromPanic + Send + 'static>(
    slot: Arc<Mutex<Activation<S>>>,
    turn: impl for<'a> FnOnce(&'a mut Activation<S>) -> Turn<'a, T> + Send + 'static,
) -> T {
    let turn = async move { turn(&mut *slot.lock_owned().await).await };
    let task = tokio::spawn(turn.in_current_span());
    task.await
        .unwrap_or_else(|_| T::from_panic(Failure::terminal("the turn panicked")))
}

trait FromPanic {
    fn from_panic(failure: Failure) -> Self;
}

impl FromPanic for Answer {
    fn from_panic(failure: Failure) -> Self {
        answer::<()>(Err(failure.into()))
    }
}

impl FromPanic for Result<(), Failure> {
    fn from_panic(failure: Failure) -> Self {
        Err(failure)
    }
}

/// Decodes a call's body.
pub(crate) fn parse<M: DeserializeOwned>(body: &[u8]) -> Result<Request<M>, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::terminal(format!(
            "the call's body is malformed at column {}",
            error.column()
        ))
    })
}

/// Encodes what a turn came to.
pub(crate) fn answer<R: Serialize>(result: Result<R, CallError>) -> Answer {
    if let Err(CallError::Failed(failure)) = &result {
        tracing::warn!(%failure, "turn failed");
    }
    let outcome: Outcome<R> = result.into();
    match serde_json::to_vec(&outcome) {
        Ok(body) => Answer::Json(body, outcome.name()),
        Err(error) => answer::<()>(Err(Failure::terminal(format!(
            "a reply cannot be encoded: {error}"
        ))
        .into())),
    }
}

/// Decodes, runs and encodes a command.
pub(crate) async fn command<C: Command<S>, S: State>(
    actor: &mut Activation<S>,
    body: &[u8],
) -> Answer {
    answer(match parse::<C>(body) {
        Ok(request) => actor.command(request).await,
        Err(failure) => Err(failure.into()),
    })
}

/// Decodes, runs and encodes a read.
pub(crate) async fn query<Q: Query<S>, S: State>(actor: &mut Activation<S>, body: &[u8]) -> Answer {
    answer(match parse::<Q>(body) {
        Ok(request) => actor.query(request).await,
        Err(failure) => Err(failure.into()),
    })
}

/// Dapr asks once, when a sidecar begins. What is active here is then from before: the sidecar of
/// that time has gone without deactivating it, and its actors have lived elsewhere meanwhile.
async fn config(AxumState(host): AxumState<Arc<Host>>) -> Json<serde_json::Value> {
    host.forget_actors();
    let millis = |duration: Duration| format!("{}ms", duration.as_millis());
    Json(json!({
        "entities": [user::TYPE, conversation::TYPE, reconciler::TYPE],
        "actorIdleTimeout": millis(host.options.idle_timeout),
        "drainOngoingCallTimeout": millis(host.options.drain_timeout),
        "drainRebalancedActors": false,
    }))
}

async fn invoke(
    AxumState(host): AxumState<Arc<Host>>,
    Path((kind, id, method)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    match host.call(&kind, &id, &method, body).await {
        Answer::Json(body, _) => {
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Answer::NoSuchMethod => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn remind(
    AxumState(host): AxumState<Arc<Host>>,
    Path((kind, id, name)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    let traceparent = set_by(&body);
    match host.remind(&kind, &id, &name, traceparent.as_deref()).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(failure) => {
            tracing::warn!(kind, name, %failure, "a reminder failed; Dapr fires it again");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The trace of whoever set the reminder, which is all that ours carry along.
fn set_by(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Fired {
        data: Option<String>,
    }
    let fired: Fired = serde_json::from_slice(body).ok()?;
    let traceparent = BASE64_STANDARD.decode(fired.data?).ok()?;
    String::from_utf8(traceparent).ok()
}

/// No actor here has timers.
async fn timer(Path(_): Path<BTreeMap<String, String>>) -> StatusCode {
    StatusCode::OK
}

async fn deactivate(
    AxumState(host): AxumState<Arc<Host>>,
    Path((kind, id)): Path<(String, String)>,
) -> StatusCode {
    host.deactivate(&kind, &id);
    StatusCode::OK
}

async fn check_app_token(
    AxumState(host): AxumState<Arc<Host>>,
    request: HttpRequest,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get("dapr-api-token")
        .map(|token| token.as_bytes())
        .unwrap_or_default();
    // Digests compare in a time that says nothing about the token.
    if Sha256::digest(given) == Sha256::digest(host.options.app_token.as_bytes()) {
        next.run(request).await
    } else {
        let problem = json!({
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": "The app token is missing or wrong.",
        });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (StatusCode::UNAUTHORIZED, kind, problem.to_string()).into_response()
    }
}
