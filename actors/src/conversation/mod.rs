//! The `Conversation` actor: the messages of one conversation and the turn now open in it.
//!
//! This page lists its messages; the rules are in [`state`] and `turns`.

pub(crate) mod actor;
pub mod event;
pub mod state;
mod turns;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    message::Message,
    user::{Republish, Republished},
};

/// The actor type in Dapr.
pub const TYPE: &str = "Conversation";

/// The actor id of a conversation of a user.
#[must_use]
pub fn actor_id(user_id: &str, conversation_id: &str) -> String {
    format!("{user_id}~{conversation_id}")
}

macro_rules! messages {
    ($($message:ident = $method:literal -> $reply:ty),+ $(,)?) => {$(
        impl Message for $message {
            type Reply = $reply;
            const ACTOR: &'static str = TYPE;
            const METHOD: &'static str = $method;
        }
    )+};
}

messages! {
    BeginTurn = "begin_turn" -> TurnState,
    FinishTurn = "finish_turn" -> ChatMessage,
    ReleaseTurn = "release_turn" -> Released,
    StopTurn = "stop_turn" -> ChatMessage,
    HoldsTurn = "holds_turn" -> TurnHeld,
    TakeOver = "take_over" -> TurnHeld,
    GetMessages = "messages" -> MessagePage,
    Rename = "rename" -> Renamed,
    Delete = "delete_conversation" -> Deleted,
    RepublishConversation = "republish" -> Republished,
    GetHeading = "heading" -> Heading,
    EraseConversation = "erase" -> Removed,
}

/// Stores what the person said and opens a turn, or says how the turn stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BeginTurn {
    /// Derived from the user and their Idempotency-Key.
    pub turn_id: String,
    /// Unique to this try: a call delivered twice gets the same answer.
    pub attempt: String,
    /// What the person said; 1 to 4,000 characters after trimming.
    pub text: String,
    /// Create the conversation when it does not exist; otherwise that is a refusal.
    pub create: bool,
    /// How long the edge may take before another may take the turn over, in milliseconds.
    pub lease_ms: u64,
}

/// How a turn stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "turn")]
pub enum TurnState {
    /// This attempt owns the turn.
    Begun {
        /// The newest messages before this one, oldest first; at most 20.
        history: Vec<HistoryMessage>,
        /// An earlier attempt may have called tools: read the receipts first.
        resumed: bool,
        /// This is the conversation's first turn.
        started: bool,
        /// What the person said, as stored when the turn first began: a resumed turn goes by
        /// this, whatever its retry says, and reads dates from its moment.
        said: ChatMessage,
        /// What the reply before asked to confirm: this turn confirms it or drops it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pending: Option<Pending>,
    },
    /// The turn is done; this is the reply.
    Done {
        /// The assistant's message.
        reply: ChatMessage,
    },
    /// Another attempt, or another turn, holds the conversation.
    Busy {
        /// How old that turn is, in milliseconds.
        age_ms: u64,
        /// Whether it is this very turn.
        same_turn: bool,
    },
}

/// Stores the assistant's reply and closes the turn. Refused to an attempt that was superseded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinishTurn {
    /// The turn.
    pub turn_id: String,
    /// The attempt that holds it.
    pub attempt: String,
    /// The reply.
    pub text: String,
    /// What was done.
    pub tool_calls: Vec<ToolCallRecord>,
    /// Which planner answered, such as `offline`.
    pub provider: String,
    /// What the reply asks the person to confirm with their next message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// The most tasks one confirmation can be about.
pub const MOST_PENDING: usize = 100;

/// A deletion that waits for the person's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The tasks, 1 to [`MOST_PENDING`].
    pub task_ids: Vec<String>,
}

/// Ends an open turn, whoever holds it; its holder is refused from now on. Answers the reply
/// that says so, or that of a turn that is finished already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StopTurn {
    /// The turn.
    pub turn_id: String,
    /// The reply.
    pub text: String,
    /// What was done before.
    pub tool_calls: Vec<ToolCallRecord>,
}

/// Asks whether an attempt still holds its turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoldsTurn {
    /// The turn.
    pub turn_id: String,
    /// The attempt.
    pub attempt: String,
}

/// Takes an open turn from whoever holds it, however long their lease: to read what they did
/// before it is stopped. A turn that is not open stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakeOver {
    /// The turn.
    pub turn_id: String,
    /// The attempt that is to hold it.
    pub attempt: String,
}

/// The answer to [`HoldsTurn`] and [`TakeOver`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnHeld {
    /// Not so once the turn was stopped, finished or taken over.
    pub held: bool,
}

/// Lets go of a turn that could not be finished, so that the person's retry can go on with it
/// at once instead of waiting for the lease to run out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseTurn {
    /// The turn.
    pub turn_id: String,
    /// The attempt that holds it; another's call changes nothing.
    pub attempt: String,
}

/// What a [`ReleaseTurn`] came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Released {
    /// Whether the attempt held the turn until now.
    pub held: bool,
}

/// A tool call with its result, as the person sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCallRecord {
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub arguments: Value,
    /// `{"ok": …}` or `{"refused": {"code", "message"}}`.
    pub result: Value,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Its place in the conversation, from 0.
    pub index: u64,
    /// The turn it belongs to.
    pub turn_id: String,
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub text: String,
    /// What the assistant did; empty for the person's messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallRecord>,
    /// Which planner answered; absent for the person's messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The turn was abandoned: the reply stands for what is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// The person stopped the turn: the reply says what had been done by then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// When it was said.
    pub created_at: Timestamp,
}

/// What a planner is told of an earlier message. What was done then, and what came of it, is most
/// of a message and would only be carried along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryMessage {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub text: String,
}

impl From<&ChatMessage> for HistoryMessage {
    fn from(ChatMessage { role, text, .. }: &ChatMessage) -> Self {
        Self {
            role: *role,
            text: text.clone(),
        }
    }
}

/// Who said a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// The assistant.
    Assistant,
}

/// Reads messages, newest page first; within a page oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetMessages {
    /// Only messages with an index below this; absent for the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// At most this many; 50 when absent, 100 at most. A page also ends at 512 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How long an attempt may take, in milliseconds: a turn that nobody works on any more is then
    /// shown with a reply that says so, in the place of the one to come. Absent: only what is
    /// stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
}

/// A page of messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessagePage {
    /// Oldest first.
    pub messages: Vec<ChatMessage>,
    /// How many there are in all.
    pub total: u64,
    /// Pass as `before` for the page of older messages; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before: Option<u64>,
}

/// Gives the conversation a title of 1 to 100 characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rename {
    /// The new title.
    pub title: String,
}

/// The title as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Renamed {
    /// The title.
    pub title: String,
}

/// Deletes the conversation and its messages for good.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delete {}

/// The conversation is gone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Deleted {}

/// [`Republish`] for a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RepublishConversation(pub Republish);

/// Reads what the conversation is called, and how long it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GetHeading {}

/// A conversation without its messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// What it is called.
    pub title: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last started, renamed or added to.
    pub updated_at: Timestamp,
    /// How many messages it has.
    pub messages: u64,
}

/// [`crate::user::Erase`] for a conversation, which then is as one deleted, for good: it does
/// not begin anew.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EraseConversation {}

/// What an [`EraseConversation`] removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// 1, or 0 if it had been deleted before.
    pub conversations: u64,
    /// Its messages.
    pub messages: u64,
}
