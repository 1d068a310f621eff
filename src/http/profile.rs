//! What is known of a person besides their tasks.

use std::sync::Arc;

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use todo_actors::user::{self, GetProfile, SetProfile};
use utoipa::ToSchema;

use super::{
    Edge,
    extract::{Body, Caller, CommandKey, KeyHeader, UserPath},
    problem::{Problem, Problems},
};
use crate::assistant::zone_name;

/// A person's profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct Profile {
    /// IANA name; `UTC` until set.
    time_zone: String,
    /// Whether the person, or their browser, ever set it.
    time_zone_set: bool,
    /// When the profile last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl From<user::Profile> for Profile {
    fn from(profile: user::Profile) -> Self {
        let user::Profile {
            time_zone,
            time_zone_set,
            updated_at,
        } = profile;
        Self {
            time_zone,
            time_zone_set,
            updated_at,
        }
    }
}

/// A profile to set.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewProfile {
    /// IANA name, such as `Europe/Berlin`.
    time_zone: String,
}

/// Reads the profile.
#[utoipa::path(get, path = "/api/{user_id}/profile", tag = "profile", params(UserPath),
    responses((status = 200, body = Profile), Problems))]
pub async fn get(State(edge): State<Arc<Edge>>, caller: Caller) -> Result<Json<Profile>, Problem> {
    let profile = edge
        .actors
        .send(&caller.user_id, caller.read(GetProfile {}))
        .await?;
    Ok(Json(profile.into()))
}

/// Sets the profile. Date-only reminders move with the zone; instants stay.
#[utoipa::path(put, path = "/api/{user_id}/profile", tag = "profile", params(UserPath, KeyHeader),
    request_body = NewProfile, responses((status = 200, body = Profile), Problems))]
pub async fn put(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    Body(profile): Body<NewProfile>,
) -> Result<Json<Profile>, Problem> {
    let message = SetProfile {
        time_zone: zone_name(&profile.time_zone)?,
        only_if_unset: false,
    };
    let profile = edge
        .actors
        .send(&caller.user_id, caller.command(&key, message))
        .await?;
    Ok(Json(profile.into()))
}
