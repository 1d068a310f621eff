//! What a person says, and what the assistant answers.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use todo_actors::{conversation::ToolCallRecord, message::valid_conversation_id};
use tracing::Instrument;
use utoipa::ToSchema;

use super::{
    Edge,
    extract::{Body, Caller, CommandKey, KeyHeader, UserPath, no_such_item},
    problem::{Kind, Problem, Problems},
};
use crate::assistant::{TurnError, TurnRequest, zone_name};

/// Longest message, in characters.
const LONGEST_MESSAGE: usize = 4000;

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
    /// Which planner answered, such as `offline`.
    provider: String,
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
#[utoipa::path(post, path = "/api/{user_id}/chat", tag = "chat", params(UserPath, KeyHeader),
    request_body = ChatRequest, responses((status = 200, body = ChatReply), Problems))]
pub async fn say(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    Body(request): Body<ChatRequest>,
) -> Result<Json<ChatReply>, Problem> {
    let message = request.message.trim();
    if !(1..=LONGEST_MESSAGE).contains(&message.chars().count()) {
        return Err(Problem::invalid("A message has 1 to 4,000 characters."));
    }
    if request
        .conversation_id
        .as_deref()
        .is_some_and(|id| !valid_conversation_id(id))
    {
        return Err(no_such_item());
    }
    let request = TurnRequest {
        message: message.to_owned(),
        conversation_id: request.conversation_id,
        time_zone: request.time_zone.as_deref().map(zone_name).transpose()?,
        user_id: caller.user_id,
        traceparent: caller.traceparent,
        key: key.value,
    };
    // A task of its own: a caller who hangs up must not leave the turn half done, and what is
    // under way is finished before the process ends.
    let busy = edge.life.busy();
    let assistant = Arc::clone(&edge.assistant);
    let turn = async move {
        let _busy = busy;
        assistant.turn(&request).await
    };
    let reply = tokio::spawn(turn.in_current_span())
        .await
        .map_err(|_| Problem::internal())??;
    Ok(Json(ChatReply {
        conversation_id: reply.conversation_id,
        turn_id: reply.message.turn_id,
        response: reply.message.text,
        tool_calls: reply
            .message
            .tool_calls
            .into_iter()
            .map(Into::into)
            .collect(),
        provider: reply.message.provider.unwrap_or_default(),
    }))
}
