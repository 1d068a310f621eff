//! Conversations: the list comes from the projected table, everything else from the actor.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use todo_actors::conversation::{ChatMessage, Delete, GetMessages, Rename, Role, actor_id};
use utoipa::{IntoParams, ToSchema};

use super::{
    Edge,
    chat::ToolCall,
    conversation_table::{self, Conversation, Position},
    extract::{
        Body, Caller, CommandKey, ItemId, ItemPath, KeyHeader, Params, UserPath, page_limit,
    },
    problem::{Problem, Problems},
};

/// How many conversations a page has unless told otherwise.
const PAGE: u32 = 50;

/// Which page to read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// 1 to 100; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of conversations, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationPage {
    /// The page.
    items: Vec<Conversation>,
    /// Where the next page starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One message of a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// Its place in the conversation, from 0.
    index: u64,
    /// The turn it belongs to.
    turn_id: String,
    /// `user` or `assistant`.
    #[schema(value_type = String)]
    role: Role,
    /// What was said.
    text: String,
    /// What the assistant did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
    /// Which planner answered; absent for the person's messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// The turn was abandoned: what it did is not known.
    interrupted: bool,
    /// When it was said.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<ChatMessage> for Message {
    fn from(message: ChatMessage) -> Self {
        let ChatMessage {
            index,
            turn_id,
            role,
            text,
            tool_calls,
            provider,
            interrupted,
            created_at,
        } = message;
        let tool_calls = tool_calls.into_iter().map(Into::into).collect();
        Self {
            index,
            turn_id,
            role,
            text,
            tool_calls,
            provider,
            interrupted,
            created_at,
        }
    }
}

/// A page of messages; the newest page first, oldest first within it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessagePage {
    /// The page.
    messages: Vec<Message>,
    /// How many there are in all.
    total: u64,
    /// Where the page of older messages starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What can be changed of a conversation, and its value afterwards.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Title {
    /// 1 to 100 characters after trimming.
    title: String,
}

/// Lists conversations. The list follows what was said within moments.
#[utoipa::path(get, path = "/api/{user_id}/conversations", tag = "conversations",
    params(UserPath, PageQuery), responses((status = 200, body = ConversationPage), Problems))]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Json<ConversationPage>, Problem> {
    let limit = page_limit(query.limit)?.unwrap_or(PAGE);
    let after = query.cursor.as_deref().map(position).transpose()?;
    let mut items =
        conversation_table::page(&edge.pool, &caller.user_id, after.as_ref(), limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items
        .last()
        .filter(|_| more)
        .map(|last| last.position().to_string());
    Ok(Json(ConversationPage { items, next_cursor }))
}

fn position(cursor: &str) -> Result<Position, Problem> {
    cursor.parse().map_err(|()| wrong_cursor())
}

fn wrong_cursor() -> Problem {
    Problem::invalid("cursor must be the next_cursor of the page before.")
}

/// Reads messages.
#[utoipa::path(get, path = "/api/{user_id}/conversations/{id}/messages", tag = "conversations",
    params(ItemPath, PageQuery), responses((status = 200, body = MessagePage), Problems))]
pub async fn messages(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    ItemId(id): ItemId,
    Params(query): Params<PageQuery>,
) -> Result<Json<MessagePage>, Problem> {
    let before = query
        .cursor
        .map(|cursor| cursor.parse().map_err(|_| wrong_cursor()))
        .transpose()?;
    let message = GetMessages {
        before,
        limit: page_limit(query.limit)?,
    };
    let page = edge
        .actors
        .send(&actor_id(&caller.user_id, &id), caller.read(message))
        .await?;
    Ok(Json(MessagePage {
        messages: page.messages.into_iter().map(Into::into).collect(),
        total: page.total,
        next_cursor: page.next_before.map(|before| before.to_string()),
    }))
}

/// Renames a conversation.
#[utoipa::path(patch, path = "/api/{user_id}/conversations/{id}", tag = "conversations",
    params(ItemPath, KeyHeader), request_body = Title,
    responses((status = 200, body = Title), Problems))]
pub async fn rename(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    ItemId(id): ItemId,
    Body(Title { title }): Body<Title>,
) -> Result<Json<Title>, Problem> {
    let command = caller.command(&key, Rename { title });
    let renamed = edge
        .actors
        .send(&actor_id(&caller.user_id, &id), command)
        .await?;
    Ok(Json(Title {
        title: renamed.title,
    }))
}

/// Deletes a conversation and its messages for good.
#[utoipa::path(delete, path = "/api/{user_id}/conversations/{id}", tag = "conversations",
    params(ItemPath, KeyHeader), responses((status = 204, description = "It is gone"), Problems))]
pub async fn delete(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    ItemId(id): ItemId,
) -> Result<StatusCode, Problem> {
    let command = caller.command(&key, Delete {});
    edge.actors
        .send(&actor_id(&caller.user_id, &id), command)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
