//! Somebody who uses the API.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::Stack;

/// Longer than the backend lets anybody wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// A person with a token, at one replica.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who it is.
    pub id: String,
    base: String,
    token: String,
    client: reqwest::Client,
    traceparent: Option<String>,
}

/// What the API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header of that name.
    pub retry_after: Option<String>,
    /// The body; null if it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Whether the same request, under the same key, may be answered later.
    #[must_use]
    pub fn may_be_repeated(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE && self.retry_after.is_some()
    }

    /// The body of an answer that must be a success.
    ///
    /// # Panics
    /// It is none.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body
    }
}

impl Person {
    /// Somebody with a good token.
    ///
    /// # Errors
    /// There can be no HTTP client.
    pub fn new(stack: &Stack, replica: usize, id: &str) -> Result<Self> {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        Ok(Self {
            id: id.to_owned(),
            base: stack.base_url(replica),
            token: stack.token(id),
            client: client.build().context("there can be no HTTP client")?,
            traceparent: None,
        })
    }

    /// The same person at another edge.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// Somebody else, by the same connections.
    #[must_use]
    pub fn another(&self, stack: &Stack, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            token: stack.token(id),
            ..self.clone()
        }
    }

    /// The same person, whose requests belong to a trace.
    #[must_use]
    pub fn traced(&self, traceparent: &str) -> Self {
        Self {
            traceparent: Some(traceparent.to_owned()),
            ..self.clone()
        }
    }

    /// The same person with another token.
    #[must_use]
    pub fn with_token(&self, token: String) -> Self {
        Self {
            token,
            ..self.clone()
        }
    }

    /// A request to `/api/{user_id}{path}`; an error when no answer came at all.
    ///
    /// # Errors
    /// The edge could not be reached, or hung up.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        self.try_send_to(&self.id, method, path, key, body).await
    }

    /// The same about `user`, who may be somebody else.
    ///
    /// # Errors
    /// The edge could not be reached, or hung up.
    pub async fn try_send_to(
        &self,
        user: &str,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let url = format!("{}/api/{user}{path}", self.base);
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(traceparent) = &self.traceparent {
            request = request.header("traceparent", traceparent);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let bytes = response.bytes().await?;
        Ok(Answer {
            status,
            retry_after,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        })
    }
}
