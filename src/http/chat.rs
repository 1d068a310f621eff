//! What a person says, and what the assistant answers.

mod stream;

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use todo_actors::{conversation::ToolCallRecord, message::valid_conversation_id};
use tracing::Instrument;
use utoipa::{IntoParams, ToSchema};

use super::{
    Edge,
    extract::{Body, Caller, CommandKey, KeyHeader, TurnId, UserPath, no_such_item},
    problem::{Kind, Problem, Problems},
};
use crate::assistant::{StopRequest, TurnError, TurnReply, TurnRequest, zone_name};

/// Longest message, in characters.
const LONGEST_MESSAGE: usize = 4000;

/// A stream begins after so long at the latest, even if the turn still waits for its beginning:
/// longer than another turn is waited for, so that this one's refusal keeps its status.
const BEGIN_WITHIN: Duration = Duration::from_secs(20);

/// What a person says.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChatRequest {
    /// 1 to 4,000 characters after trimming.
    message: String,
    /// The conversation it belongs to; absent to start one.
    conversation_id: Option<String>,
    /// IANA zone in which "tomorrow at 9" is meant; the profile's when absent.
    time_zone: Option<String>,
}

/// What the assistant answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatReply {
    /// The conversation, to go on with.
    conversation_id: String,
    /// The turn; the same for every repeat of the request under its key.
    turn_id: String,
    /// What it says.
    response: String,
    /// What it did.
    tool_calls: Vec<ToolCall>,
    /// Which planner answered, such as `offline`; `server` when none was asked.
    provider: String,
    /// The person stopped the turn: the response says what had been done by then.
    stopped: bool,
}

impl From<TurnReply> for ChatReply {
    fn from(reply: TurnReply) -> Self {
        let message = reply.message;
        Self {
            conversation_id: reply.conversation_id,
            turn_id: message.turn_id,
            response: message.text,
            tool_calls: message.tool_calls.into_iter().map(Into::into).collect(),
            provider: message.provider.unwrap_or_default(),
            stopped: message.stopped,
        }
    }
}

/// Which conversation's turn to stop.
#[derive(Debug, Deserialize, ToSchema)]
pub struct StopBody {
    /// The conversation the turn belongs to.
    conversation_id: String,
}

/// In the API document: the path of a turn.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes the path")]
pub struct TurnPath {
    /// The caller's own id, as in their token.
    user_id: String,
    /// The turn, as the chat's reply or the stream's first part names it.
    turn_id: String,
}

/// One thing the assistant did.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToolCall {
    /// The tool's name, such as `add_task`.
    tool: String,
    /// Its arguments.
    #[schema(value_type = Object)]
    arguments: Value,
    /// `{"ok": …}` or `{"refused": {"code", "message"}}`.
    #[schema(value_type = Object)]
    result: Value,
}

impl From<ToolCallRecord> for ToolCall {
    fn from(record: ToolCallRecord) -> Self {
        let ToolCallRecord {
            tool,
            arguments,
            result,
        } = record;
        Self {
            tool,
            arguments,
            result,
        }
    }
}

impl From<TurnError> for Problem {
    fn from(error: TurnError) -> Self {
        match error {
            TurnError::Refused(refusal) => refusal.into(),
            TurnError::Failed(failure) => failure.into(),
            TurnError::Busy { retry_after } => {
                let detail =
                    "The assistant is still answering another message of this conversation.";
                Self::new(Kind::Conflict, detail).retry_after(retry_after)
            }
        }
    }
}

/// Says something to the assistant.
///
/// With `Accept: text/event-stream` the answer is a UI message stream of the AI SDK (version 1):
/// tools as they start and finish, text as it comes. The turn goes on when the caller hangs up;
/// the same key joins it or gets its result.
#[utoipa::path(post, path = "/api/{user_id}/chat", tag = "chat", params(UserPath, KeyHeader),
    request_body = ChatRequest,
    responses(
        (status = 200, content((ChatReply = "application/json"), (String = "text/event-stream"))),
        Problems
    ))]
pub async fn say(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    headers: HeaderMap,
    Body(request): Body<ChatRequest>,
) -> Result<Response, Problem> {
    let message = request.message.trim();
    if !(1..=LONGEST_MESSAGE).contains(&message.chars().count()) {
        return Err(Problem::invalid("A message has 1 to 4,000 characters."));
    }
    let conversation_id = request.conversation_id.map(checked).transpose()?;
    let mut started = edge.assistant.start(TurnRequest {
        message: message.to_owned(),
        conversation_id,
        time_zone: request.time_zone.as_deref().map(zone_name).transpose()?,
        user_id: caller.user_id,
        traceparent: caller.traceparent,
        key: key.value,
    });
    if !stream::is_preferred(&headers) {
        let reply = started.follower.end().await?;
        return Ok(Json(ChatReply::from(reply)).into_response());
    }
    if let Ok(Some(Err(error))) = tokio::time::timeout(BEGIN_WITHIN, started.follower.begun()).await
    {
        return Err(error.into());
    }
    Ok(stream::respond(started))
}

/// Stops a turn.
///
/// No further tool runs, and the reply says what was done before. A turn that has finished
/// already answers with its reply.
#[utoipa::path(post, path = "/api/{user_id}/chat/{turn_id}/stop", tag = "chat",
    params(TurnPath, KeyHeader), request_body = StopBody,
    responses((status = 200, body = ChatReply), Problems))]
pub async fn stop(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    _key: CommandKey,
    TurnId(turn_id): TurnId,
    Body(body): Body<StopBody>,
) -> Result<Json<ChatReply>, Problem> {
    let request = StopRequest {
        user_id: caller.user_id,
        conversation_id: checked(body.conversation_id)?,
        turn_id,
        traceparent: caller.traceparent,
    };
    // A task of its own: the reply is stored even if the caller hangs up.
    let (assistant, busy) = (Arc::clone(&edge.assistant), edge.life.busy());
    let stop = async move {
        let _busy = busy;
        assistant.stop(&request).await
    };
    let reply = tokio::spawn(stop.in_current_span())
        .await
        .map_err(|_| Problem::internal())??;
    Ok(Json(reply.into()))
}

/// An id that could not name a conversation answers as one that names none.
fn checked(conversation_id: String) -> Result<String, Problem> {
    if valid_conversation_id(&conversation_id) {
        Ok(conversation_id)
    } else {
        Err(no_such_item())
    }
}
