//! Turns of a conversation that two stories have: how it is deleted, and how it is erased.

use todo_actors::{
    conversation::{self, BeginTurn, FinishTurn, actor_id},
    message::ActorRef,
};

pub fn chat() -> ActorRef {
    ActorRef::new(conversation::TYPE, actor_id("ann", "c1"))
}

pub fn begin(turn: usize, text: &str) -> BeginTurn {
    BeginTurn {
        turn_id: format!("t{turn}"),
        attempt: "a".into(),
        text: text.into(),
        create: true,
        lease_ms: 60_000,
    }
}

pub fn finish(turn: usize) -> FinishTurn {
    FinishTurn {
        turn_id: format!("t{turn}"),
        attempt: "a".into(),
        text: "said".into(),
        tool_calls: Vec::new(),
        provider: "offline".into(),
        pending: None,
    }
}
