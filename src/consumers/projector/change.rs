//! From an event of a home topic to the change it makes in the tables.

use std::fmt;

use cloudevents::{AttributesReader, Data, Event, event::ExtensionValue};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use todo_actors::{
    conversation::ChatMessage,
    message::{valid_conversation_id, valid_user_id},
    user::{Profile, Task},
};

use crate::{consumers::Malformed, tables::progress::Place};

/// What an event means for the tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whose journal the event is from.
    pub owner: Owner,
    /// Its place there.
    pub place: Place,
    /// When it happened.
    pub at: Timestamp,
    /// When the actor must next be woken, after the event's entry.
    pub wake: Option<Timestamp>,
    /// What it does.
    pub effect: Effect,
}

/// Whose journal an event is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A user.
    User {
        /// Their id.
        user_id: String,
    },
    /// A conversation of a user.
    Conversation {
        /// Whose it is.
        user_id: String,
        /// Unique within its user.
        id: String,
    },
}

/// What an event does to the tables.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The task is now this.
    Task(Box<Task>),
    /// The task is gone.
    TaskDeleted {
        /// Which.
        task_id: String,
    },
    /// The profile is now this.
    Profile(Profile),
    /// The conversation began.
    Started {
        /// What it is called.
        title: String,
        /// When.
        created_at: Timestamp,
    },
    /// The conversation has another title.
    Renamed {
        /// The new one.
        title: String,
        /// When.
        updated_at: Timestamp,
    },
    /// A message was added.
    Message(Box<ChatMessage>),
    /// The conversation is gone, and events before this one may be missing for good.
    Deleted,
    /// The same of all there was of the person, or of the conversation.
    Erased,
    /// Nothing that a table shows.
    Nothing,
}

impl Owner {
    /// Reads `User/alice` or `Conversation/alice~c1`.
    #[must_use]
    pub fn parse(actor: &str) -> Option<Self> {
        match actor.split_once('/')? {
            ("User", user_id) if valid_user_id(user_id) => Some(Self::User {
                user_id: user_id.to_owned(),
            }),
            ("Conversation", actor_id) => {
                let (user_id, id) = actor_id.split_once('~')?;
                (valid_user_id(user_id) && valid_conversation_id(id)).then(|| Self::Conversation {
                    user_id: user_id.to_owned(),
                    id: id.to_owned(),
                })
            }
            _ => None,
        }
    }
}

/// The actor as the journal and the progress name it.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { user_id } => write!(f, "User/{user_id}"),
            Self::Conversation { user_id, id } => write!(f, "Conversation/{user_id}~{id}"),
        }
    }
}

/// Why an event of a kind that this build does not know is none. A newer one may know it.
pub const UNKNOWN_TYPE: Malformed = Malformed("type");

/// Whose journal an event is from, and its place there.
///
/// # Errors
/// What is missing or makes no sense.
pub fn origin(event: &Event) -> Result<(Owner, Place), Malformed> {
    let owner = text(event, "actor")?
        .and_then(Owner::parse)
        .ok_or(Malformed("actor"))?;
    let seq = text(event, "sequence")?.and_then(|seq| seq.parse().ok());
    let seq: i64 = seq.filter(|seq| *seq >= 1).ok_or(Malformed("sequence"))?;
    let (part, parts) = (number(event, "part")?, number(event, "parts")?);
    if !(0..parts).contains(&part) {
        return Err(Malformed("part"));
    }
    Ok((owner, Place { seq, part, parts }))
}

impl Change {
    /// Reads an event.
    ///
    /// # Errors
    /// What is missing or makes no sense.
    pub fn read(event: &Event) -> Result<Self, Malformed> {
        let (owner, place) = origin(event)?;
        let at = event.time().ok_or(Malformed("time"))?;
        let at =
            Timestamp::from_microsecond(at.timestamp_micros()).map_err(|_| Malformed("time"))?;
        let wake = text(event, "wake")?
            .map(|wake| wake.parse().map_err(|_| Malformed("wake")))
            .transpose()?;
        let effect = effect(&owner, event)?;
        Ok(Self {
            owner,
            place,
            at,
            wake,
            effect,
        })
    }
}

fn effect(owner: &Owner, event: &Event) -> Result<Effect, Malformed> {
    #[derive(Deserialize)]
    struct TaskId {
        task_id: String,
    }
    #[derive(Deserialize)]
    struct Started {
        title: String,
        created_at: Timestamp,
    }
    #[derive(Deserialize)]
    struct Renamed {
        title: String,
        updated_at: Timestamp,
    }
    let ty = event.ty().strip_prefix("com.todo.").ok_or(UNKNOWN_TYPE)?;
    Ok(match (owner, ty) {
        (
            Owner::User { .. },
            "task.created" | "task.updated" | "task.completed" | "task.reopened" | "task.restored"
            | "task.reminded",
        ) => Effect::Task(Box::new(data(event)?)),
        (Owner::User { .. }, "task.deleted") => Effect::TaskDeleted {
            task_id: data::<TaskId>(event)?.task_id,
        },
        (Owner::User { .. }, "profile.changed") => Effect::Profile(data(event)?),
        (Owner::User { .. }, "user.erased")
        | (Owner::Conversation { .. }, "conversation.erased") => Effect::Erased,
        (Owner::Conversation { .. }, "conversation.started") => {
            let Started { title, created_at } = data(event)?;
            Effect::Started { title, created_at }
        }
        (Owner::Conversation { .. }, "conversation.renamed") => {
            let Renamed { title, updated_at } = data(event)?;
            Effect::Renamed { title, updated_at }
        }
        (Owner::Conversation { .. }, "message.added") => Effect::Message(Box::new(data(event)?)),
        (Owner::Conversation { .. }, "conversation.deleted") => Effect::Deleted,
        (
            Owner::Conversation { .. },
            "conversation.turn_resumed" | "conversation.turn_released",
        ) => Effect::Nothing,
        // Not skipped as done: a newer build may know it, and the reconciler brings it back.
        _ => return Err(UNKNOWN_TYPE),
    })
}

fn text<'e>(event: &'e Event, name: &str) -> Result<Option<&'e str>, Malformed> {
    match event.extension(name) {
        None => Ok(None),
        Some(ExtensionValue::String(value)) => Ok(Some(value)),
        Some(_) => Err(Malformed("extension")),
    }
}

fn number(event: &Event, name: &str) -> Result<i32, Malformed> {
    match event.extension(name) {
        Some(ExtensionValue::Integer(value)) => {
            i32::try_from(*value).map_err(|_| Malformed("part"))
        }
        _ => Err(Malformed("part")),
    }
}

fn data<T: DeserializeOwned>(event: &Event) -> Result<T, Malformed> {
    let value: &Value = match event.data() {
        Some(Data::Json(value)) => value,
        _ => return Err(Malformed("data")),
    };
    T::deserialize(value).map_err(|_| Malformed("data"))
}

#[cfg(test)]
mod tests;
