//! Errors as RFC 9457 problem documents.

use axum::{
    Json,
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use todo_actors::message::{CallError, Failure, Refusal, RefusalCode};
use utoipa::{PartialSchema, ToSchema, openapi::RefOr, openapi::response::Response as ResponseDoc};

/// What a person reads when something broke; the log has the rest.
const BROKEN: &str = "Something went wrong on our side.";
/// What a person reads when trying again can help.
const UNAVAILABLE: &str = "This is not possible at the moment. Please try again shortly.";

/// An error on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    detail: String,
    retry_after: Option<u64>,
}

/// The kinds of problem a program may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read.
    BadRequest,
    /// No token, or one that proves nothing.
    Unauthorized,
    /// The token is somebody else's.
    Forbidden,
    /// There is no such thing, or not for this caller.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The state does not allow it now.
    Conflict,
    /// A limit on how much one person may keep is reached.
    LimitReached,
    /// The body is larger than 64 KiB.
    TooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// A value is missing, too long or makes no sense.
    Invalid,
    /// Too many requests in a short time.
    TooManyRequests,
    /// Something broke, and will again.
    Internal,
    /// Something broke that may work again soon.
    Unavailable,
}

impl Kind {
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad_request", "Bad request"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "Not signed in"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Not yours"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Method not allowed",
            ),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "Not possible now"),
            Self::LimitReached => (StatusCode::CONFLICT, "limit_reached", "Limit reached"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large"),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Not JSON",
            ),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid value"),
            Self::TooManyRequests => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "Too many requests",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Internal error",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Temporarily unavailable",
            ),
        }
    }
}

/// The document itself, as RFC 9457 has it, with a code of our own.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `/problems/` and the code.
    #[serde(rename = "type")]
    ty: String,
    /// The code in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A sentence for people.
    detail: String,
    /// For programs: `not_found`, `invalid`, `conflict`, `limit_reached`, …
    code: &'static str,
}

/// In the API document: any status that is not a success.
pub struct Problems;

impl utoipa::IntoResponses for Problems {
    fn responses() -> std::collections::BTreeMap<String, RefOr<ResponseDoc>> {
        let reference = utoipa::openapi::Ref::from_schema_name("Problem");
        let content = utoipa::openapi::ContentBuilder::new()
            .schema(Some(reference))
            .build();
        let response = utoipa::openapi::ResponseBuilder::new()
            .description("A problem document (RFC 9457)")
            .content("application/problem+json", content)
            .build();
        [("default".to_owned(), RefOr::T(response))].into()
    }
}

/// Name and schema of the document, for the API document.
pub fn schema() -> (String, RefOr<utoipa::openapi::Schema>) {
    (ProblemBody::name().into_owned(), ProblemBody::schema())
}

impl Problem {
    /// A problem of this kind; `detail` is a sentence for people.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The same problem, with the seconds after which trying again makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// The request cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, detail)
    }

    /// A value is missing, too long or makes no sense.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, detail)
    }

    /// There is no such thing, or not for this caller.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    /// Something broke that may work again soon. The caller logs what.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(Kind::Unavailable, UNAVAILABLE).retry_after(1)
    }

    /// Something broke, and will again. The caller logs what.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Kind::Internal, BROKEN)
    }

    /// The sentence for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Its HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind.parts().0
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.code {
            RefusalCode::NotFound => Kind::NotFound,
            RefusalCode::Invalid => Kind::Invalid,
            RefusalCode::Conflict => Kind::Conflict,
            RefusalCode::LimitReached => Kind::LimitReached,
        };
        Self::new(kind, refusal.message)
    }
}

/// The log gets the failure, the caller a sentence.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        if failure.retryable {
            tracing::warn!(%failure, "a call failed; it may succeed later");
            Self::unavailable()
        } else {
            tracing::error!(%failure, "a call failed for good");
            Self::internal()
        }
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => refusal.into(),
            CallError::Failed(failure) => failure.into(),
        }
    }
}

/// The database is a dependency that comes back.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        tracing::warn!(%error, "the database did not answer");
        Self::unavailable()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let (status, code, title) = self.kind.parts();
        let body = ProblemBody {
            ty: format!("/problems/{code}"),
            title,
            status: status.as_u16(),
            detail: self.detail,
            code,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == Kind::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// For a path nobody serves.
pub async fn unknown_route() -> Problem {
    Problem::not_found("There is nothing at this address.")
}

/// For a path that is served, by another method.
pub async fn unknown_method() -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        "This address does not understand this method.",
    )
}

/// For a handler that panicked; the panic hook has logged where.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response<Body> {
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_keeps_its_sentence_and_a_failure_loses_it() {
        let refused = Problem::from(Refusal::not_found("There is no such task."));
        assert_eq!(refused.status(), StatusCode::NOT_FOUND);
        assert_eq!(refused.detail, "There is no such task.");
        let failed = Problem::from(Failure::retryable("10.0.0.7 refused the connection"));
        assert_eq!(failed.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!failed.detail.contains("10.0.0.7"));
        let response = failed.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 16)
            .await
            .unwrap();
        let body: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(body["type"], "/problems/unavailable");
        assert_eq!(body["status"], 503);
        assert_eq!(
            Problem::from(Failure::terminal("x")).status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}
