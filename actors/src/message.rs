//! What travels between a caller and an actor: a request in, an outcome out.
//!
//! A refusal is a value: it reaches the person as a sentence. A failure is an error: it says
//! whether calling again can help.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The type and id of a virtual actor; together they name one journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorRef {
    /// `User`, `Conversation` or `Reconciler`.
    pub kind: &'static str,
    /// 1 to 128 characters of `[A-Za-z0-9_~-]`.
    pub id: String,
}

impl ActorRef {
    /// Names an actor. The id is checked where it enters the system ([`valid_user_id`]).
    #[must_use]
    pub fn new(kind: &'static str, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
        }
    }

    /// The Kafka key of everything this actor publishes: the user it belongs to.
    #[must_use]
    pub fn user_id(&self) -> &str {
        self.id.split('~').next().unwrap_or(&self.id)
    }
}

impl fmt::Display for ActorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// Whether `id` can name a user: 1 to 64 characters of `[A-Za-z0-9_-]`.
#[must_use]
pub fn valid_user_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Whether `id` can name a conversation within its user; the same rule as for users.
#[must_use]
pub fn valid_conversation_id(id: &str) -> bool {
    valid_user_id(id)
}

/// A message type names the actor it goes to, its method and the reply it brings back.
pub trait Message: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the actor answers.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
    /// The actor type that understands it.
    const ACTOR: &'static str;
    /// The method name in Dapr's route.
    const METHOD: &'static str;
}

/// One call as it crosses the sidecar.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request<M> {
    /// Idempotency key of a command; the first stored reply comes back for the last 256 keys.
    /// Reads carry none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// W3C `traceparent` of the call; the events it causes keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The tool call this command carries out; kept in the receipt so that a turn taken over
    /// can be shown what was done already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call: Option<ToolCall>,
    /// The message itself.
    pub message: M,
}

impl<M> Request<M> {
    /// A request without key, trace or tool call: a read.
    pub fn read(message: M) -> Self {
        Self {
            key: None,
            traceparent: None,
            tool_call: None,
            message,
        }
    }

    /// A command under an idempotency key.
    pub fn command(key: impl Into<String>, message: M) -> Self {
        Self {
            key: Some(key.into()),
            traceparent: None,
            tool_call: None,
            message,
        }
    }
}

/// A tool and the arguments it was called with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool's name, such as `add_task`.
    pub tool: String,
    /// Its arguments, a JSON object.
    pub arguments: Value,
}

/// What an actor answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<R> {
    /// Done, or read.
    Ok(R),
    /// The actor understood and declined; nothing changed.
    Refused(Refusal),
    /// Something broke; nothing is known to have changed.
    Failed(Failure),
}

/// Why an actor declined, in words for the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people: a sentence that says what is wrong and what to do.
    pub message: String,
}

/// The kinds of refusal a program may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// There is no such task, conversation or page.
    NotFound,
    /// A value is missing, too long or makes no sense.
    Invalid,
    /// The state does not allow it now.
    Conflict,
    /// A limit on how much one person may keep is reached.
    LimitReached,
}

impl Refusal {
    /// Nothing by that name.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self {
            code: RefusalCode::NotFound,
            message: message.into(),
        }
    }

    /// A value that cannot be accepted.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            code: RefusalCode::Invalid,
            message: message.into(),
        }
    }

    /// Not in this state.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self {
            code: RefusalCode::Conflict,
            message: message.into(),
        }
    }

    /// No more of these.
    pub fn limit_reached(message: impl Into<String>) -> Self {
        Self {
            code: RefusalCode::LimitReached,
            message: message.into(),
        }
    }
}

/// Something broke on the way; says whether calling again can help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// For operators; no message text, no secrets.
    pub message: String,
    /// Whether the same call, with the same key, may succeed later.
    pub retryable: bool,
}

impl Failure {
    /// The same call may succeed later.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retryable: true,
        }
    }

    /// The same call will fail again.
    pub fn terminal(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retryable: false,
        }
    }
}

/// Why a call brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The actor declined.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl<R> Outcome<R> {
    /// `ok`, `refused` or `failed`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ok(_) => "ok",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}

impl<R> From<Result<R, CallError>> for Outcome<R> {
    fn from(result: Result<R, CallError>) -> Self {
        match result {
            Ok(reply) => Self::Ok(reply),
            Err(CallError::Refused(refusal)) => Self::Refused(refusal),
            Err(CallError::Failed(failure)) => Self::Failed(failure),
        }
    }
}

impl<R> From<Outcome<R>> for Result<R, CallError> {
    fn from(outcome: Outcome<R>) -> Self {
        match outcome {
            Outcome::Ok(reply) => Ok(reply),
            Outcome::Refused(refusal) => Err(refusal.into()),
            Outcome::Failed(failure) => Err(failure.into()),
        }
    }
}
