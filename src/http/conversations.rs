//! Conversations: the list comes from the projected table, everything else from the actor.

use std::{fmt, str::FromStr, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use todo_actors::{
    conversation::{self, ChatMessage, Delete, GetMessages, Rename, Role, actor_id},
    message::{ActorRef, valid_conversation_id},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    Edge,
    chat::ToolCall,
    extract::{
        Body, Caller, CommandKey, ItemId, ItemPath, KeyHeader, Params, UserPath, page_limit,
    },
    problem::{Problem, Problems},
};
use crate::tables::{conversations as table, journals};

/// How many conversations a page has unless told otherwise.
const PAGE: u32 = 50;
/// Longest search, in characters.
const LONGEST_SEARCH: usize = 200;

/// Which page of messages to read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// 1 to 100; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which conversations to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ConversationQuery {
    /// Only conversations in which every word of this is in the title or in some message, in any
    /// case; at most 200 characters.
    search: Option<String>,
    /// 1 to 100; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A conversation as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conversation {
    /// Its id.
    conversation_id: String,
    /// Its title.
    title: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When something was last said in it, or it was renamed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// How many messages it has.
    message_count: i64,
}

impl From<table::Conversation> for Conversation {
    fn from(row: table::Conversation) -> Self {
        let table::Conversation {
            id,
            title,
            created_at,
            updated_at,
            message_count,
        } = row;
        Self {
            conversation_id: id,
            title,
            created_at,
            updated_at,
            message_count,
        }
    }
}

/// A place in the list; its text is a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    updated_at: Timestamp,
    id: String,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.updated_at.as_microsecond(), self.id)
    }
}

impl FromStr for Position {
    type Err = Problem;

    fn from_str(cursor: &str) -> Result<Self, Problem> {
        let read = || {
            let (micros, id) = cursor.split_once('~')?;
            let updated_at = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
            let id = valid_conversation_id(id).then(|| id.to_owned())?;
            Some(Self { updated_at, id })
        };
        read().ok_or_else(wrong_cursor)
    }
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
    /// The person stopped the turn: the text says what had been done by then.
    stopped: bool,
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
            stopped,
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
            stopped,
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
    params(UserPath, ConversationQuery),
    responses((status = 200, body = ConversationPage), Problems))]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    Params(query): Params<ConversationQuery>,
) -> Result<Json<ConversationPage>, Problem> {
    let search = query.search.unwrap_or_default();
    if search.chars().count() > LONGEST_SEARCH {
        return Err(Problem::invalid("search has at most 200 characters."));
    }
    let limit = page_limit(query.limit)?.unwrap_or(PAGE);
    let after: Option<Position> = query.cursor.as_deref().map(str::parse).transpose()?;
    let after = after
        .as_ref()
        .map(|place| (place.updated_at, place.id.as_str()));
    // One more than asked for tells whether there is another page.
    let most = i64::from(limit) + 1;
    let mut rows = table::newest(&edge.pool, &caller.user_id, &search, after, most).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|last| {
        let (updated_at, id) = (last.updated_at, last.id.clone());
        Position { updated_at, id }.to_string()
    });
    let items = rows.into_iter().map(Into::into).collect();
    Ok(Json(ConversationPage { items, next_cursor }))
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
        lease_ms: Some(edge.assistant.lease_ms()),
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
    let actor = ActorRef::new(conversation::TYPE, actor_id(&caller.user_id, &id));
    let command = caller.command(&key, Delete {});
    edge.actors.send(&actor.id, command).await?;
    // What was written ahead by an activation that died before it could name it.
    journals::remove_pages(&edge.pool, &actor.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let position = Position {
            updated_at: "2026-04-01T10:00:00.123456Z".parse().unwrap(),
            id: "c-1".to_owned(),
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["", "~", "1", "x~c", "1~a b", "9223372036854775807~c", "1~"] {
            let problem = bad.parse::<Position>().unwrap_err();
            assert_eq!(problem.status().as_u16(), 422, "{bad}");
        }
    }
}
