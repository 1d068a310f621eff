//! The public API: every route is in [`table`], and who may take it is decided around it.

#![expect(
    unused_qualifications,
    reason = "the macro that documents routes writes them"
)]

mod activity;
pub mod auth;
mod chat;
mod conversations;
pub mod erase;
mod export;
mod extract;
pub mod health;
pub mod limits;
mod live;
pub mod problem;
mod profile;
pub mod push;
mod task_body;
mod tasks;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, RawPathParams, Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use sqlx::PgPool;
use todo_actors::{client::ActorClient, message::valid_user_id, trace};
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument, Span, field};
use utoipa::openapi::{
    InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    auth::{Authenticator, Proven},
    erase::Confirmations,
    extract::{BODY_LIMIT, Caller, CommandKey, bad_path},
    health::Health,
    limits::Limits,
    problem::{Kind, Problem},
    push::Push,
};
use crate::{
    assistant::Assistant,
    erasure::Eraser,
    live::Hub,
    mcp::{self, Principal},
    metrics::METRICS,
    shutdown::Lifecycle,
};

/// What the routes need.
pub struct Edge {
    /// The way to the actors.
    pub actors: ActorClient,
    /// For the tables that lists are read from.
    pub pool: PgPool,
    /// Who calls.
    pub auth: Authenticator,
    /// How often they may.
    pub limits: Limits,
    /// Who answers in a chat.
    pub assistant: Arc<Assistant>,
    /// What browsers need to be notified.
    pub push: Push,
    /// Hosts that other assistants may name for the MCP server, besides this machine.
    pub mcp_hosts: Vec<String>,
    /// The open pages.
    pub live: Arc<Hub>,
    /// The end of everything about a person.
    pub eraser: Eraser,
    /// What they must send to bring it about.
    pub confirmations: Confirmations,
    /// What the process still has to finish.
    pub life: Lifecycle,
}

/// Every route for a person: a line is one path with all its methods.
fn table() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::with_openapi(description())
        // /api/{user_id}/chat
        .routes(routes!(chat::say))
        // /api/{user_id}/chat/{turn_id}/stop
        .routes(routes!(chat::stop))
        // /api/{user_id}/tasks
        .routes(routes!(tasks::list, tasks::add))
        // /api/{user_id}/tasks/{id}
        .routes(routes!(tasks::get, tasks::update, tasks::delete))
        // /api/{user_id}/tasks/{id}/complete
        .routes(routes!(tasks::complete))
        // /api/{user_id}/tasks/{id}/reopen
        .routes(routes!(tasks::reopen))
        // /api/{user_id}/undo
        .routes(routes!(tasks::undo))
        // /api/{user_id}/conversations
        .routes(routes!(conversations::list))
        // /api/{user_id}/conversations/{id}
        .routes(routes!(conversations::rename, conversations::delete))
        // /api/{user_id}/conversations/{id}/messages
        .routes(routes!(conversations::messages))
        // /api/{user_id}/profile
        .routes(routes!(profile::get, profile::put))
        // /api/{user_id}/push/key
        .routes(routes!(push::key))
        // /api/{user_id}/push/subscriptions
        .routes(routes!(push::subscribe, push::unsubscribe))
        // /api/{user_id}/events
        .routes(routes!(live::events))
        // /api/{user_id}/activity
        .routes(routes!(activity::list))
        // /api/{user_id}/export
        .routes(routes!(export::export))
        // /api/{user_id}
        .routes(routes!(erase::erase))
}

/// The routes that ask nobody who they are.
fn open_table() -> OpenApiRouter<Health> {
    OpenApiRouter::new()
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
}

/// The OpenAPI document of all of them.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = table().into_openapi();
    if let Some(components) = &mut document.components {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        components
            .security_schemes
            .insert("bearer".to_owned(), SecurityScheme::Http(bearer).into());
        let (name, schema) = problem::schema();
        components.schemas.insert(name, schema);
    }
    document.merge(open_table().into_openapi());
    document
}

fn description() -> OpenApi {
    let info = InfoBuilder::new()
        .title("todo-backend")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("A to-do assistant people talk to."))
        .build();
    let bearer = SecurityRequirement::new("bearer", Vec::<String>::new());
    OpenApiBuilder::new()
        .info(info)
        .security(Some([bearer]))
        .build()
}

/// The API with everything around it but the health routes.
pub fn api(edge: Arc<Edge>) -> Router {
    let (routes, _) = table().split_for_parts();
    let document = document();
    let mcp = mcp::service(edge.actors.clone(), &edge.mcp_hosts);
    let mcp = Router::new()
        .route_service("/api/mcp", mcp)
        .route_layer(from_fn_with_state(Arc::clone(&edge), authenticate_mcp));
    routes
        .route_layer(from_fn_with_state(Arc::clone(&edge), authenticate))
        .merge(mcp)
        .route(
            "/openapi.json",
            get(move || std::future::ready(Json(document.clone()))),
        )
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::unknown_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Arc::clone(&edge), limit_address))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(Arc::clone(&edge), observe))
        .with_state(edge)
}

/// A place for the API that is filled once everything it needs is there.
#[derive(Clone, Default)]
pub struct Gate(Arc<OnceLock<Router>>);

impl Gate {
    /// From now on requests go to `api`.
    pub fn open(&self, api: Router) {
        // A second opening would be a mistake in `serve`; the first one stands.
        let _ = self.0.set(api);
    }

    async fn pass(self, request: Request) -> Response {
        match self.0.get() {
            Some(api) => api
                .clone()
                .oneshot(request)
                .await
                .unwrap_or_else(|never: Infallible| match never {}),
            None => Problem::new(Kind::Unavailable, "Starting.")
                .retry_after(1)
                .into_response(),
        }
    }
}

/// What listens on the public address, from the first moment on.
pub fn public(health: Health, gate: Gate) -> Router {
    let (routes, _) = open_table().split_for_parts();
    routes
        .with_state(health)
        .method_not_allowed_fallback(problem::unknown_method)
        .fallback(move |request| gate.clone().pass(request))
}

/// What a role without an API has on the public address.
pub fn health_only(health: Health) -> Router {
    let (routes, _) = open_table().split_for_parts();
    routes
        .with_state(health)
        .method_not_allowed_fallback(problem::unknown_method)
        .fallback(problem::unknown_route)
}

/// What listens on the callback port: `actors` are the host's routes, `live` those of the live
/// feed, and, for service invocation, the API. Updates go on after our actors have gone, so
/// their deliveries are no sign that the sidecar still has calls for us.
pub fn callbacks(health: Health, actors: Router, live: Router, api: Router) -> Router {
    let life = health.life.clone();
    actors
        .layer(from_fn(move |request: Request, next: Next| {
            let (life, busy) = (life.clone(), life.busy());
            async move {
                life.called();
                let response = next.run(request).await;
                life.called();
                drop(busy);
                response
            }
        }))
        .route("/healthz", get(health::app).with_state(health))
        .merge(live)
        .fallback_service(api)
}

/// Lets a caller through to their own paths only.
async fn authenticate(
    State(edge): State<Arc<Edge>>,
    params: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let params = params.map_err(|_| bad_path())?;
    let owner = params
        .iter()
        .find(|(name, _)| *name == "user_id")
        .map(|(_, id)| id);
    let Some(owner) = owner.filter(|owner| valid_user_id(owner)) else {
        return Err(Problem::bad_request("The address has no valid user id."));
    };
    let Proven { user_id, expiry } = edge.auth.verify(request.headers()).await?;
    if user_id != owner {
        return Err(Problem::new(
            Kind::Forbidden,
            "The token belongs to somebody else.",
        ));
    }
    edge.limits.check_user(&user_id)?;
    let traceparent = traceparent(&request);
    request.extensions_mut().insert(expiry);
    request.extensions_mut().insert(Caller {
        user_id,
        traceparent,
    });
    Ok(next.run(request).await)
}

/// Lets a caller through to the MCP server, which acts for whomever the token names.
async fn authenticate_mcp(
    State(edge): State<Arc<Edge>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Proven { user_id, .. } = edge.auth.verify(request.headers()).await?;
    edge.limits.check_user(&user_id)?;
    let key = CommandKey::of(request.headers())?;
    let traceparent = traceparent(&request);
    request.extensions_mut().insert(Principal {
        user_id,
        traceparent,
        key,
    });
    Ok(next.run(request).await)
}

fn traceparent(request: &Request) -> String {
    match request.extensions().get::<Trace>() {
        Some(Trace(traceparent)) => traceparent.clone(),
        None => trace::begin(),
    }
}

/// Counts requests by address. The callback port has no peer addresses: there the peer is the
/// sidecar, which speaks for everybody, and only people are counted.
async fn limit_address(
    State(edge): State<Arc<Edge>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        edge.limits.check_address(peer.ip(), request.headers())?;
    }
    Ok(next.run(request).await)
}

/// The `traceparent` of a request.
#[derive(Clone)]
struct Trace(String);

/// Gives a request its span, its line in the log and its place in the drain.
async fn observe(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let _busy = edge.life.busy();
    let offered = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    // The route, not the address: an address has ids in it, and whatever strangers put there.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let named = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let span = tracing::info_span!(
        "http",
        otel.name = format!("{method} {named}"),
        otel.kind = "server",
        otel.status_code = field::Empty,
        trace_id = field::Empty,
        http.request.method = %method,
        http.route = named,
        http.response.status_code = field::Empty,
    );
    let traceparent = trace::follow(&span, offered);
    request.extensions_mut().insert(Trace(traceparent));
    let started = Instant::now();
    async move {
        let response = next.run(request).await;
        let (status, took) = (response.status(), started.elapsed());
        let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
        METRICS.answered(&method, route, status, took);
        let (status, ms) = (status.as_u16(), took.as_millis());
        let span = Span::current();
        span.record("http.response.status_code", i64::from(status));
        if status >= 500 {
            span.record("otel.status_code", "ERROR");
            tracing::warn!(status, ms, "answered");
        } else {
            tracing::debug!(status, ms, "answered");
        }
        response
    }
    .instrument(span)
    .await
}

#[cfg(test)]
mod tests;
