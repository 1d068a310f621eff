//! What happened to a person, as the auditor wrote it down.

use std::sync::Arc;

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Edge,
    extract::{Caller, Params, UserPath, page_limit},
    problem::{Problem, Problems},
};
use crate::tables::audit_log::{self, Record};

/// How many items a page has unless told otherwise.
const PAGE: u32 = 50;

/// Which page to read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    /// 1 to 100; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activity {
    /// The event's id.
    id: String,
    /// What happened, such as `com.todo.task.created`.
    #[serde(rename = "type")]
    ty: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The task or conversation it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Its place among the changes of the person, or of the conversation.
    sequence: i64,
    /// What is known of it, by type.
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

impl From<Record> for Activity {
    fn from(record: Record) -> Self {
        let Record {
            event_id,
            ty,
            at,
            subject,
            sequence,
            data,
            ..
        } = record;
        Self {
            id: event_id,
            ty,
            at,
            subject,
            sequence,
            data,
        }
    }
}

/// A page of what happened, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivityPage {
    /// The page.
    items: Vec<Activity>,
    /// Where the next page starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists what happened, newest first. The list follows within moments.
#[utoipa::path(get, path = "/api/{user_id}/activity", tag = "activity",
    params(UserPath, ActivityQuery), responses((status = 200, body = ActivityPage), Problems))]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    Params(query): Params<ActivityQuery>,
) -> Result<Json<ActivityPage>, Problem> {
    let limit = page_limit(query.limit)?.unwrap_or(PAGE);
    let after = match &query.cursor {
        Some(cursor) => Some(place(cursor).ok_or_else(|| {
            Problem::invalid("cursor must be the next_cursor of the page before.")
        })?),
        None => None,
    };
    // One more than asked for tells whether there is another page.
    let most = i64::from(limit) + 1;
    let mut records = audit_log::newest(&edge.pool, &caller.user_id, after, most).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let last = records.last().filter(|_| more);
    let next_cursor = last.map(|last| format!("{}.{}", last.at.as_microsecond(), last.event_id));
    let items = records.into_iter().map(Into::into).collect();
    Ok(Json(ActivityPage { items, next_cursor }))
}

/// Reads a cursor: the moment and the event id where the page before ended.
fn place(cursor: &str) -> Option<(Timestamp, &str)> {
    let (micros, id) = cursor.split_once('.')?;
    let at = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
    let fits = (1..=300).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some((at, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_moment_and_an_event_and_nothing_else() {
        let (at, id) = place("1767000000123456.User/ann/1/0").unwrap();
        assert_eq!(at.as_microsecond(), 1_767_000_000_123_456);
        assert_eq!(id, "User/ann/1/0");
        for bad in [
            "",
            ".",
            "1",
            "1.",
            "x.User",
            "9223372036854775807.User",
            "1.a b",
            "1.\0",
        ] {
            assert!(place(bad).is_none(), "{bad}");
        }
    }
}
