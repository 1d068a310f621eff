//! The browsers in which a person wants to be notified.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use todo_actors::user::Admit;
use utoipa::ToSchema;

use super::{
    Edge,
    extract::{Body, Caller, CommandKey, KeyHeader, UserPath},
    problem::{Problem, Problems},
};
use crate::{
    push::{Services, Vapid},
    tables::push_subscriptions::{self, Subscription},
};

/// What subscribing needs.
pub struct Push {
    /// Our key pair; absent when nobody set one up.
    pub vapid: Option<Vapid>,
    /// The push services browsers may name.
    pub services: Services,
}

/// The key a browser subscribes with.
#[derive(Debug, Serialize, ToSchema)]
pub struct PushKey {
    /// P-256, uncompressed, base64url: the `applicationServerKey`.
    public_key: String,
}

/// A subscription, as `PushSubscription.toJSON()` gives it.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewSubscription {
    /// The address at the browser's push service.
    endpoint: String,
    /// The browser's keys.
    keys: SubscriptionKeys,
}

/// The keys of a subscription.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SubscriptionKeys {
    /// P-256, uncompressed, base64url.
    p256dh: String,
    /// 16 bytes, base64url.
    auth: String,
}

/// A subscription to end.
#[derive(Debug, Deserialize, ToSchema)]
pub struct OldSubscription {
    /// The address at the browser's push service.
    endpoint: String,
}

/// Reads the key a browser subscribes with.
#[utoipa::path(get, path = "/api/{user_id}/push/key", tag = "push", params(UserPath),
    responses((status = 200, body = PushKey), Problems))]
pub async fn key(State(edge): State<Arc<Edge>>, _: Caller) -> Result<Json<PushKey>, Problem> {
    let vapid = edge.push.vapid.as_ref().ok_or_else(not_set_up)?;
    Ok(Json(PushKey {
        public_key: vapid.public_key().to_owned(),
    }))
}

/// Subscribes a browser, or renews its subscription. Repeating it changes nothing, with or
/// without a key.
#[utoipa::path(put, path = "/api/{user_id}/push/subscriptions", tag = "push",
    params(UserPath, KeyHeader), request_body = NewSubscription,
    responses((status = 204, description = "Reminders go there too"), Problems))]
pub async fn subscribe(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    _key: CommandKey,
    Body(asked): Body<NewSubscription>,
) -> Result<StatusCode, Problem> {
    if edge.push.vapid.is_none() {
        return Err(not_set_up());
    }
    let browser = Subscription {
        endpoint: asked.endpoint,
        p256dh: asked.keys.p256dh,
        auth: asked.keys.auth,
    };
    edge.push
        .services
        .check(&browser)
        .map_err(Problem::invalid)?;
    let admit = caller.read(Admit {});
    edge.actors.send(&caller.user_id, admit).await?;
    push_subscriptions::put(&edge.pool, &caller.user_id, &browser).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a browser's subscription; one that is not there is no error.
#[utoipa::path(delete, path = "/api/{user_id}/push/subscriptions", tag = "push",
    params(UserPath, KeyHeader), request_body = OldSubscription,
    responses((status = 204, description = "Nothing goes there any more"), Problems))]
pub async fn unsubscribe(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    _key: CommandKey,
    Body(asked): Body<OldSubscription>,
) -> Result<StatusCode, Problem> {
    push_subscriptions::remove(&edge.pool, &caller.user_id, &asked.endpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn not_set_up() -> Problem {
    Problem::not_found("Notifications in the browser are not set up here.")
}
