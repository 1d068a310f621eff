//! What handlers take from a request; whatever cannot be taken is a problem document.

use axum::{
    Json,
    extract::{
        FromRequest, FromRequestParts, Query, RawPathParams, Request,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{HeaderMap, request::Parts},
};
use serde::de::DeserializeOwned;
use todo_actors::message::{Request as Call, valid_conversation_id};
use utoipa::IntoParams;
use uuid::Uuid;

use super::problem::{Kind, Problem};

/// Largest body, in bytes.
pub const BODY_LIMIT: usize = 64 << 10;

/// Who calls, proven by their token, and the trace the call belongs to.
#[derive(Debug, Clone)]
pub struct Caller {
    /// From the verified token; equal to the path's.
    pub user_id: String,
    /// W3C `traceparent`.
    pub traceparent: String,
}

impl Caller {
    /// A command of this caller to an actor.
    pub fn command<M>(&self, key: &CommandKey, message: M) -> Call<M> {
        let traceparent = Some(self.traceparent.clone());
        Call {
            traceparent,
            ..Call::command(key.for_actor(), message)
        }
    }

    /// A read of this caller from an actor.
    pub fn read<M>(&self, message: M) -> Call<M> {
        Call {
            traceparent: Some(self.traceparent.clone()),
            ..Call::read(message)
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a route that needs a caller stands outside the auth layer");
            Problem::internal()
        })
    }
}

/// The `Idempotency-Key` of a writing request, or a random one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandKey {
    /// As the caller sent it.
    pub value: String,
    command: String,
}

impl CommandKey {
    /// The key of the one actor command this request becomes. The kind of command is part of
    /// it, so that a stored reply is never read as the reply to another kind of command.
    fn for_actor(&self) -> String {
        format!("http:{}:{}", self.command, self.value)
    }

    /// The key a request brings, or a random one.
    ///
    /// # Errors
    /// It is not 1 to 128 visible ASCII characters, given once.
    pub fn of(headers: &HeaderMap) -> Result<String, Problem> {
        Ok(Self::read(headers)?.unwrap_or_else(|| Uuid::new_v4().to_string()))
    }

    fn read(headers: &HeaderMap) -> Result<Option<String>, Problem> {
        let mut values = headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let visible = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_graphic);
        let bytes = value.as_bytes();
        match value.to_str() {
            Ok(text)
                if values.next().is_none()
                    && (1..=128).contains(&bytes.len())
                    && visible(bytes) =>
            {
                Ok(Some(text.to_owned()))
            }
            _ => Err(Problem::bad_request(
                "Idempotency-Key must be given once, as 1 to 128 visible ASCII characters.",
            )),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CommandKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = Self::of(&parts.headers)?;
        // What follows the user's id names the kind of command; ids in it do not matter, as
        // the arguments of a repeated key do not.
        let route = parts.extensions.get::<axum::extract::MatchedPath>();
        let kind = route.map_or("", |route| {
            route.as_str().trim_start_matches("/api/{user_id}/")
        });
        Ok(Self {
            value,
            command: format!("{} {kind}", parts.method),
        })
    }
}

/// The id of a task or conversation in the path. One that could not name anything answers as
/// one that names nothing.
#[derive(Debug, Clone)]
pub struct ItemId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for ItemId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(path_id(parts, state, "id").await?))
    }
}

/// The id of a turn in the path, read as [`ItemId`] is.
#[derive(Debug, Clone)]
pub struct TurnId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for TurnId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(path_id(parts, state, "turn_id").await?))
    }
}

async fn path_id<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    named: &str,
) -> Result<String, Problem> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| bad_path())?;
    let id = params
        .iter()
        .find(|(name, _)| *name == named)
        .map(|(_, id)| id.to_owned());
    id.filter(|id| valid_conversation_id(id))
        .ok_or_else(no_such_item)
}

/// For a path whose percent-encoding is not UTF-8.
pub fn bad_path() -> Problem {
    Problem::bad_request("The address is not valid UTF-8.")
}

/// For an id that names nothing.
pub fn no_such_item() -> Problem {
    Problem::not_found("There is nothing by that id.")
}

/// A JSON body of at most 64 KiB.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::JsonDataError(error)) => Err(Problem::invalid(format!(
                "The body does not fit: {}.",
                innermost(&error)
            ))),
            Err(JsonRejection::JsonSyntaxError(error)) => {
                let detail = format!("The body is not valid JSON: {}.", innermost(&error));
                Err(Problem::bad_request(detail))
            }
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::new(
                Kind::UnsupportedMediaType,
                "The body must be JSON, with Content-Type: application/json.",
            )),
            Err(rejection) if rejection.status().as_u16() == 413 => Err(Problem::new(
                Kind::TooLarge,
                "The body is larger than 64 KiB.",
            )),
            Err(_) => Err(Problem::bad_request("The body could not be read.")),
        }
    }
}

/// Query parameters.
#[derive(Debug, Clone)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => Err(Problem::invalid(
                format!("The query does not fit: {}.", innermost(&error)),
            )),
            Err(_) => Err(Problem::bad_request("The query could not be read.")),
        }
    }
}

/// The error that names the field, without the layers around it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string().trim_end_matches('.').to_owned()
}

/// How many items a page may have.
///
/// # Errors
/// Fewer than 1 or more than 100.
pub fn page_limit(limit: Option<u32>) -> Result<Option<u32>, Problem> {
    match limit {
        Some(0 | 101..) => Err(Problem::invalid("limit must be between 1 and 100.")),
        limit => Ok(limit),
    }
}

/// In the API document: the path of everything.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes the path")]
pub struct UserPath {
    /// The caller's own id, as in their token.
    user_id: String,
}

/// In the API document: the path of one task or conversation.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes the path")]
pub struct ItemPath {
    /// The caller's own id, as in their token.
    user_id: String,
    /// The task or conversation.
    id: String,
}

/// In the API document: the header of every writing route.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the header")]
pub struct KeyHeader {
    /// 1 to 128 visible ASCII characters. A repeat with the same key gets the first reply.
    #[param(rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_key_is_visible_ascii_given_once() {
        let read = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("idempotency-key", HeaderValue::from_bytes(value).unwrap());
            }
            CommandKey::read(&headers)
        };
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[b"a-1/b"]).unwrap().as_deref(), Some("a-1/b"));
        assert!(read(&[&[b'x'; 128]]).is_ok());
        let bad: [&[&[u8]]; 5] = [
            &[b""],
            &[&[b'x'; 129]],
            &[b"two words"],
            &["ü".as_bytes()],
            &[b"a", b"b"],
        ];
        for values in bad {
            assert_eq!(read(values).unwrap_err().status(), 400);
        }
    }

    #[test]
    fn pages_are_bounded() {
        assert_eq!(page_limit(None).unwrap(), None);
        assert_eq!(page_limit(Some(100)).unwrap(), Some(100));
        assert!(page_limit(Some(0)).is_err() && page_limit(Some(101)).is_err());
    }
}
