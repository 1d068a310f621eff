//! The rules of turns: who holds one, who takes it over, how it ends.

use jiff::Timestamp;

use super::{
    BeginTurn, ChatMessage, FinishTurn, HoldsTurn, MOST_PENDING, Pending, ReleaseTurn, Released,
    Role, StopTurn, TakeOver, TurnHeld, TurnState,
    event::Event,
    state::{About, Conversation, Decided, OpenTurn, no_such_conversation, unchanged},
};
use crate::{
    journal::Undecided,
    message::Refusal,
    turn::{Command, Decision, Query},
};

const LONGEST_MESSAGE: usize = 4_000;
const LONGEST_REPLY: usize = 16_000;
/// A title made of the first words said has at most this many characters.
const MADE_TITLE: usize = 60;
const LONGEST_ID: usize = 64;
/// What stands in the place of a reply that never came.
const INTERRUPTED: &str = "This answer was interrupted. Look at your tasks to see what was done, and ask again if needed.";

/// What `begin_turn` comes to; a finished turn's reply may have to be read from its page.
pub(super) enum Begin {
    Decided(TurnState, Vec<Event>),
    Finished(u64),
}

impl BeginTurn {
    pub(super) fn begin(&self, state: &Conversation, now: Timestamp) -> Result<Begin, Refusal> {
        let text = self.checked_text()?;
        let Some(about) = state.about() else {
            if !self.create {
                return Err(no_such_conversation());
            }
            let started = Event::Started {
                title: made_title(text),
                created_at: now,
            };
            return Ok(self.open_turn(state, text, now, vec![started], true));
        };
        if about.deleted {
            return Err(no_such_conversation());
        }
        if let Some(index) = state.finished(&self.turn_id) {
            return Ok(Begin::Finished(index));
        }
        let Some(open) = &about.open else {
            return Ok(self.open_turn(state, text, now, Vec::new(), false));
        };
        let age_ms = age_ms(open.since, now);
        let same_turn = open.turn_id == self.turn_id;
        let ours = open.is_held_by(&self.turn_id, &self.attempt);
        let held = open.attempt.is_some() && age_ms < self.lease_ms;
        let begun = |resumed| {
            let said = state.recent(open.said).cloned();
            Ok(TurnState::Begun {
                history: state.history(open.said),
                resumed,
                started: open.said == 0,
                // Nothing can follow it while the turn is open, so it is among the newest.
                said: said.ok_or_else(no_such_conversation)?,
                pending: about.pending.clone(),
            })
        };
        if ours {
            return Ok(Begin::Decided(begun(open.resumed)?, Vec::new()));
        }
        if held {
            return Ok(Begin::Decided(
                TurnState::Busy { age_ms, same_turn },
                Vec::new(),
            ));
        }
        if same_turn {
            let (turn_id, attempt) = (self.turn_id.clone(), self.attempt.clone());
            let resumed = Event::TurnResumed {
                turn_id,
                attempt,
                at: now,
            };
            return Ok(Begin::Decided(begun(true)?, vec![resumed]));
        }
        // Nobody came back for the older turn: its place in the conversation is filled.
        let interrupted = Event::MessageAdded {
            message: interrupted(state, open, now),
            attempt: None,
            pending: None,
        };
        Ok(self.open_turn(state, text, now, vec![interrupted], false))
    }

    fn open_turn(
        &self,
        state: &Conversation,
        text: &str,
        now: Timestamp,
        mut events: Vec<Event>,
        started: bool,
    ) -> Begin {
        let mut history = state.history(u64::MAX);
        let mut index = state.count();
        let mut replaced = false;
        for event in &events {
            if let Event::MessageAdded { message, .. } = event {
                history.push(message.into());
                index += 1;
                replaced = true;
            }
        }
        let message = ChatMessage {
            index,
            role: Role::User,
            ..reply(state, &self.turn_id, text, now)
        };
        events.push(Event::MessageAdded {
            message: message.clone(),
            attempt: Some(self.attempt.clone()),
            pending: None,
        });
        let begun = TurnState::Begun {
            history,
            resumed: false,
            started,
            said: message,
            // A reply that stands in for an older turn's has taken the place of the question.
            pending: state
                .about()
                .and_then(|about| about.pending.clone())
                .filter(|_| !replaced),
        };
        Begin::Decided(begun, events)
    }

    fn checked_text(&self) -> Result<&str, Refusal> {
        if self.turn_id.len() > LONGEST_ID || self.attempt.len() > LONGEST_ID {
            return Err(Refusal::invalid("The turn's ids are too long."));
        }
        let text = self.text.trim();
        if text.is_empty() {
            return Err(Refusal::invalid("Say something: the message is empty."));
        }
        if text.chars().count() > LONGEST_MESSAGE {
            return Err(Refusal::invalid(format!(
                "The message is longer than {LONGEST_MESSAGE} characters. Say it in several."
            )));
        }
        if text.contains('\0') {
            return Err(Refusal::invalid("The message contains a NUL character."));
        }
        Ok(text)
    }
}

impl Command<Conversation> for BeginTurn {
    /// A finished turn answers with a reply that is still in memory; the actor reads older ones
    /// from their pages before it comes here.
    fn decide(&self, state: &Conversation, now: Timestamp) -> Decided<TurnState> {
        match self.begin(state, now)? {
            Begin::Decided(reply, events) => Ok(Decision { events, reply }),
            Begin::Finished(index) => match state.recent(index) {
                Some(reply) => unchanged(TurnState::Done {
                    reply: reply.clone(),
                }),
                None => Err(no_longer_kept().into()),
            },
        }
    }
}

impl Command<Conversation> for FinishTurn {
    fn decide(&self, state: &Conversation, now: Timestamp) -> Decided<ChatMessage> {
        let about = state.live()?;
        if let Some(reply) = state
            .finished(&self.turn_id)
            .and_then(|index| state.recent(index))
        {
            return unchanged(reply.clone());
        }
        let held = holds(about, &self.turn_id, &self.attempt);
        if !held {
            return Err(Refusal::conflict("Another attempt has taken this turn over.").into());
        }
        if let Some(Pending { task_ids }) = &self.pending {
            let long = task_ids.iter().any(|id| id.len() > LONGEST_ID);
            if task_ids.is_empty() || task_ids.len() > MOST_PENDING || long {
                return Err(Refusal::invalid(format!(
                    "A confirmation is about 1 to {MOST_PENDING} tasks."
                ))
                .into());
            }
        }
        let message = ChatMessage {
            tool_calls: self.tool_calls.clone(),
            provider: Some(self.provider.clone()),
            ..reply(state, &self.turn_id, &self.text, now)
        };
        let event = Event::MessageAdded {
            message: message.clone(),
            attempt: None,
            pending: self.pending.clone(),
        };
        Ok(Decision {
            events: vec![event],
            reply: message,
        })
    }
}

impl Command<Conversation> for ReleaseTurn {
    fn decide(&self, state: &Conversation, _now: Timestamp) -> Decided<Released> {
        let held = holds(state.live()?, &self.turn_id, &self.attempt);
        let events = if held {
            vec![Event::TurnReleased {
                turn_id: self.turn_id.clone(),
            }]
        } else {
            Vec::new()
        };
        Ok(Decision {
            events,
            reply: Released { held },
        })
    }
}

impl Command<Conversation> for StopTurn {
    /// A finished turn answers with its reply, as [`BeginTurn`] does.
    fn decide(&self, state: &Conversation, now: Timestamp) -> Decided<ChatMessage> {
        let about = state.live()?;
        if let Some(index) = state.finished(&self.turn_id) {
            return match state.recent(index) {
                Some(reply) => unchanged(reply.clone()),
                None => Err(no_longer_kept().into()),
            };
        }
        if about
            .open
            .as_ref()
            .is_none_or(|open| open.turn_id != self.turn_id)
        {
            return Err(Refusal::not_found(
                "There is nothing to stop: this answer is not being worked on.",
            )
            .into());
        }
        let message = ChatMessage {
            tool_calls: self.tool_calls.clone(),
            stopped: true,
            ..reply(state, &self.turn_id, &self.text, now)
        };
        let event = Event::MessageAdded {
            message: message.clone(),
            attempt: None,
            pending: None,
        };
        Ok(Decision {
            events: vec![event],
            reply: message,
        })
    }
}

impl Command<Conversation> for TakeOver {
    fn decide(&self, state: &Conversation, now: Timestamp) -> Decided<TurnHeld> {
        let open = state.live()?.open.as_ref();
        let Some(open) = open.filter(|open| open.turn_id == self.turn_id) else {
            return unchanged(TurnHeld { held: false });
        };
        let reply = TurnHeld { held: true };
        if open.is_held_by(&self.turn_id, &self.attempt) {
            return unchanged(reply);
        }
        let event = Event::TurnResumed {
            turn_id: self.turn_id.clone(),
            attempt: self.attempt.clone(),
            at: now,
        };
        Ok(Decision {
            events: vec![event],
            reply,
        })
    }
}

impl Query<Conversation> for HoldsTurn {
    fn answer(&self, state: &Conversation, _now: Timestamp) -> Result<TurnHeld, Undecided> {
        Ok(TurnHeld {
            held: holds(state.live()?, &self.turn_id, &self.attempt),
        })
    }
}

fn holds(about: &About, turn_id: &str, attempt: &str) -> bool {
    let open = about.open.as_ref();
    open.is_some_and(|open| open.is_held_by(turn_id, attempt))
}

/// What is shown for an open turn that nobody works on any more: its holder let go of it, or is
/// past its lease. Nothing is stored, so whoever asks for the turn again brings it to its end.
pub(super) fn cut_off(state: &Conversation, lease_ms: u64, now: Timestamp) -> Option<ChatMessage> {
    let open = state.about()?.open.as_ref()?;
    let held = open.attempt.is_some() && age_ms(open.since, now) < lease_ms;
    (!held).then(|| interrupted(state, open, open.since))
}

fn interrupted(state: &Conversation, open: &OpenTurn, at: Timestamp) -> ChatMessage {
    ChatMessage {
        interrupted: true,
        ..reply(state, &open.turn_id, INTERRUPTED, at)
    }
}

/// The assistant's next message, without calls and marks.
fn reply(state: &Conversation, turn_id: &str, text: &str, now: Timestamp) -> ChatMessage {
    ChatMessage {
        index: state.count(),
        turn_id: turn_id.to_owned(),
        role: Role::Assistant,
        text: text.chars().take(LONGEST_REPLY).collect(),
        tool_calls: Vec::new(),
        provider: None,
        interrupted: false,
        stopped: false,
        created_at: now,
    }
}

fn no_longer_kept() -> Refusal {
    Refusal::not_found("The reply to that message is no longer kept.")
}

fn age_ms(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.as_millisecond() - since.as_millisecond()).unwrap_or(0)
}

fn made_title(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().filter(|c| !c.is_control()).collect();
    if words.chars().count() <= MADE_TITLE {
        return words;
    }
    let cut: String = words.chars().take(MADE_TITLE - 1).collect();
    format!("{}…", cut.trim_end())
}
