//! What can happen to a conversation, and how Kafka hears of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ChatMessage, Pending};
use crate::{
    event::{Announce, Draft, Topic},
    message::ActorRef,
};

/// What can happen to a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It began.
    Started {
        /// From the first words said.
        title: String,
        /// When.
        created_at: Timestamp,
    },
    /// Somebody said something. The person's message opens a turn, the assistant's closes it.
    MessageAdded {
        /// The message.
        message: ChatMessage,
        /// For the person's: the attempt that holds the turn now open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<String>,
        /// For the assistant's: what it asks to confirm.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pending: Option<Pending>,
    },
    /// Another attempt took the open turn over.
    TurnResumed {
        /// The turn.
        turn_id: String,
        /// The attempt that holds it now.
        attempt: String,
        /// When.
        at: Timestamp,
    },
    /// Nobody holds the open turn any more.
    TurnReleased {
        /// The turn.
        turn_id: String,
    },
    /// It has a new title.
    Renamed {
        /// The title.
        title: String,
        /// When.
        updated_at: Timestamp,
    },
    /// It is gone, and its messages with it.
    Deleted {
        /// When.
        deleted_at: Timestamp,
    },
    /// Nothing of it is left, not even that it was there.
    Erased {
        /// When.
        at: Timestamp,
    },
}

impl Announce for Event {
    const HOME: Topic = Topic::ConversationEvents;

    fn announce(&self, actor: &ActorRef, _at: Timestamp) -> Vec<Draft> {
        let user_id = actor.user_id();
        let conversation_id = actor
            .id
            .split_once('~')
            .map_or("", |(_, conversation)| conversation);
        let (ty, mut data): (&'static str, Value) = match self {
            Self::Started { title, created_at } => (
                "com.todo.conversation.started",
                json!({ "title": title, "created_at": created_at }),
            ),
            Self::MessageAdded { message, .. } => ("com.todo.message.added", json!(message)),
            Self::TurnResumed { turn_id, .. } => (
                "com.todo.conversation.turn_resumed",
                json!({ "turn_id": turn_id }),
            ),
            Self::TurnReleased { turn_id } => (
                "com.todo.conversation.turn_released",
                json!({ "turn_id": turn_id }),
            ),
            Self::Renamed { title, updated_at } => (
                "com.todo.conversation.renamed",
                json!({ "title": title, "updated_at": updated_at }),
            ),
            Self::Deleted { deleted_at } => (
                "com.todo.conversation.deleted",
                json!({ "deleted_at": deleted_at }),
            ),
            Self::Erased { at } => ("com.todo.conversation.erased", json!({ "erased_at": at })),
        };
        if let Some(object) = data.as_object_mut() {
            object.insert("user_id".to_owned(), user_id.into());
            object.insert("conversation_id".to_owned(), conversation_id.into());
        }
        vec![Draft {
            topic: Self::HOME,
            ty,
            subject: conversation_id.to_owned(),
            data,
        }]
    }
}
