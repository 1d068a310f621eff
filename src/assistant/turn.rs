//! What names a turn and its calls, derived so that every try derives the same.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use todo_actors::{
    conversation::{ChatMessage, actor_id},
    message::{Request, ToolCall},
};

use super::{TurnReply, TurnRequest};

/// What names a turn on every try.
pub(super) struct Turn<'a> {
    pub(super) request: &'a TurnRequest,
    pub(super) id: String,
    pub(super) conversation_id: String,
    pub(super) actor: String,
}

impl<'a> Turn<'a> {
    pub(super) fn of(request: &'a TurnRequest) -> Self {
        let id = |purpose: &str| derived_id(purpose, &request.user_id, &request.key);
        let fresh = id("conversation");
        let conversation_id = request.conversation_id.as_ref().unwrap_or(&fresh).clone();
        // One key in two conversations is two turns, or the second would get the receipts of
        // the first; a repeat that has learnt the new conversation's id is still the same turn.
        let turn_id = if conversation_id == fresh {
            id("turn")
        } else {
            id(&format!("turn\0{conversation_id}"))
        };
        let actor = actor_id(&request.user_id, &conversation_id);
        Self {
            request,
            id: turn_id,
            conversation_id,
            actor,
        }
    }

    /// A call that belongs to this turn. Turn messages carry no key: the turn and attempt in
    /// them do what a key does for other commands.
    pub(super) fn call<M>(&self, message: M) -> Request<M> {
        self.request.call(message)
    }

    /// The id of a call after `made` in this turn: whoever makes the same call at the same point
    /// of the same turn gives it the same, and no other call has it.
    pub(super) fn call_id<'m>(
        &self,
        call: &ToolCall,
        made: impl IntoIterator<Item = (&'m str, &'m Value)>,
    ) -> String {
        let same = |(tool, arguments): &(&str, &Value)| {
            *tool == call.tool && **arguments == call.arguments
        };
        let before = made.into_iter().filter(same).count();
        let call = json!([call.tool, call.arguments, before]).to_string();
        derived_id("call", &self.id, &call)
    }

    /// The key of the call with this id: what was done under it is not done again.
    pub(super) fn step_key(&self, call_id: &str) -> String {
        format!("{}/{call_id}", self.id)
    }

    pub(super) fn reply(&self, message: ChatMessage) -> TurnReply {
        TurnReply {
            conversation_id: self.conversation_id.clone(),
            message,
        }
    }
}

/// The first 32 hex digits of a hash; the NULs keep the parts apart, as none can have one.
fn derived_id(purpose: &str, user_id: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{purpose}\0{user_id}\0{key}"));
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
