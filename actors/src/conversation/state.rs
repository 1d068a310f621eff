//! The rules of a conversation: its messages, and who holds the turn now open.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    BeginTurn, ChatMessage, Delete, Deleted, FinishTurn, ReleaseTurn, Released, Rename, Renamed,
    Role, TurnState, event::Event,
};
use crate::{
    journal::State,
    message::Refusal,
    pages::{Receipts, Ring, page_number},
    turn::{Command, Decision},
};

/// Messages on one snapshot page; a full page never changes again.
pub(super) const PER_PAGE: u64 = 16;
/// Full pages kept in memory besides the newest: enough for the planner's history.
const PAGES_KEPT: u64 = 2;
/// Messages the planner is given.
const HISTORY: usize = 20;
const LONGEST_MESSAGE: usize = 4_000;
const LONGEST_REPLY: usize = 16_000;
const LONGEST_TITLE: usize = 100;
/// A title made of the first words said has at most this many characters.
const MADE_TITLE: usize = 60;
const LONGEST_ID: usize = 64;
/// What stands in the place of a reply that never came.
const INTERRUPTED: &str = "This answer was interrupted. Look at your tasks to see what was done, and ask again if needed.";

/// One conversation.
#[derive(Debug)]
pub struct Conversation {
    about: Option<About>,
    /// The newest messages; older ones stand on their pages.
    messages: BTreeMap<u64, ChatMessage>,
    /// How many messages there are in all.
    count: u64,
    /// Finished turns and the index of their reply.
    turns: Ring<(String, u64)>,
    receipts: Receipts,
    dirty: BTreeSet<u64>,
    about_dirty: bool,
}

/// What is known of a conversation that exists or existed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct About {
    title: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted: bool,
    open: Option<OpenTurn>,
    count: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OpenTurn {
    turn_id: String,
    /// Absent when nobody holds it.
    attempt: Option<String>,
    /// When that attempt took it.
    since: Timestamp,
    /// The index of the person's message.
    said: u64,
    /// Whether an earlier attempt may have called tools.
    resumed: bool,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            about: None,
            messages: BTreeMap::new(),
            count: 0,
            turns: Ring::new("turns", 256, 64),
            receipts: Receipts::default(),
            dirty: BTreeSet::new(),
            about_dirty: false,
        }
    }
}

impl Conversation {
    /// Whether it was started and not deleted.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.about.as_ref().is_some_and(|about| !about.deleted)
    }

    /// Its title, when it began, and when something last happened to it.
    #[must_use]
    pub fn heading(&self) -> Option<(&str, Timestamp, Timestamp)> {
        let about = self.about.as_ref().filter(|about| !about.deleted)?;
        Some((&about.title, about.created_at, about.updated_at))
    }

    /// How many messages it has.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// A message that is in memory.
    #[must_use]
    pub fn recent(&self, index: u64) -> Option<&ChatMessage> {
        self.messages.get(&index)
    }

    /// The index of the reply of a finished turn, for the last 256.
    pub(super) fn finished(&self, turn_id: &str) -> Option<u64> {
        self.turns
            .iter()
            .rev()
            .find(|(id, _)| id == turn_id)
            .map(|(_, index)| *index)
    }

    /// The page a message stands on once it is stored.
    #[must_use]
    pub fn page_of(index: u64) -> String {
        format!("messages/{}", index / PER_PAGE)
    }

    /// The messages of a stored page.
    ///
    /// # Errors
    /// Bytes that are not such a page.
    pub fn read_page(bytes: &[u8]) -> Result<Vec<ChatMessage>, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    fn live(&self) -> Result<&About, Refusal> {
        self.about
            .as_ref()
            .filter(|about| !about.deleted)
            .ok_or_else(no_such_conversation)
    }

    fn history(&self, before: u64) -> Vec<ChatMessage> {
        let mut newest: Vec<ChatMessage> = self
            .messages
            .range(..before)
            .rev()
            .take(HISTORY)
            .map(|(_, m)| m.clone())
            .collect();
        newest.reverse();
        newest
    }

    fn update(&mut self, change: impl FnOnce(&mut About)) {
        if let Some(about) = &mut self.about {
            change(about);
            self.about_dirty = true;
        }
    }

    /// The first message index that stays in memory.
    fn kept_from(count: u64) -> u64 {
        (count / PER_PAGE).saturating_sub(PAGES_KEPT) * PER_PAGE
    }
}

impl State for Conversation {
    const TYPE: &'static str = super::TYPE;
    type Event = Event;

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { title, created_at } => {
                self.about = Some(About {
                    title: title.clone(),
                    created_at: *created_at,
                    updated_at: *created_at,
                    deleted: false,
                    open: None,
                    count: 0,
                });
                self.about_dirty = true;
            }
            Event::MessageAdded { message, attempt } => {
                self.count = message.index + 1;
                self.dirty.insert(message.index / PER_PAGE);
                self.messages.insert(message.index, message.clone());
                let open = match message.role {
                    Role::User => Some(OpenTurn {
                        turn_id: message.turn_id.clone(),
                        attempt: attempt.clone(),
                        since: message.created_at,
                        said: message.index,
                        resumed: false,
                    }),
                    Role::Assistant => {
                        self.turns.push((message.turn_id.clone(), message.index));
                        None
                    }
                };
                let count = self.count;
                self.update(|about| {
                    about.open = open;
                    about.count = count;
                    about.updated_at = message.created_at;
                });
            }
            Event::TurnResumed { attempt, at, .. } => self.update(|about| {
                if let Some(open) = &mut about.open {
                    open.attempt = Some(attempt.clone());
                    open.since = *at;
                    open.resumed = true;
                }
            }),
            Event::TurnReleased { .. } => self.update(|about| {
                if let Some(open) = &mut about.open {
                    open.attempt = None;
                }
            }),
            Event::Renamed { title, updated_at } => self.update(|about| {
                about.title.clone_from(title);
                about.updated_at = *updated_at;
            }),
            Event::Deleted { deleted_at } => {
                self.dirty.extend(0..=self.count / PER_PAGE);
                self.messages.clear();
                self.count = 0;
                self.update(|about| {
                    about.title.clear();
                    about.updated_at = *deleted_at;
                    about.deleted = true;
                    about.open = None;
                    about.count = 0;
                });
            }
        }
    }

    fn wake_after(&self, _events: &[Event]) -> Option<Timestamp> {
        None
    }

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    fn receipts_mut(&mut self) -> &mut Receipts {
        &mut self.receipts
    }

    fn dirty_pages(&mut self) -> Vec<String> {
        let mut pages: Vec<String> = self.dirty.iter().map(|n| format!("messages/{n}")).collect();
        pages.extend(self.turns.dirty());
        pages.extend(self.receipts.0.dirty());
        if self.about_dirty {
            pages.push("about".to_owned());
        }
        pages
    }

    fn encode_page(&self, page: &str) -> Option<Vec<u8>> {
        if page == "about" {
            return serde_json::to_vec(self.about.as_ref()?).ok();
        }
        if let Some(n) = page_number(page, "messages") {
            let messages: Vec<&ChatMessage> = self
                .messages
                .range(n * PER_PAGE..(n + 1) * PER_PAGE)
                .map(|(_, m)| m)
                .collect();
            return if messages.is_empty() {
                None
            } else {
                serde_json::to_vec(&messages).ok()
            };
        }
        if self.turns.owns(page) {
            self.turns.encode(page)
        } else {
            self.receipts.0.encode(page)
        }
    }

    fn decode_page(&mut self, page: &str, bytes: &[u8]) -> Result<(), serde_json::Error> {
        if page == "about" {
            let about: About = serde_json::from_slice(bytes)?;
            self.count = about.count;
            self.about = Some(about);
        } else if page_number(page, "messages").is_some() {
            let messages = Self::read_page(bytes)?;
            self.messages
                .extend(messages.into_iter().map(|message| (message.index, message)));
        } else if self.turns.owns(page) {
            self.turns.decode(bytes)?;
        } else {
            self.receipts.0.decode(bytes)?;
        }
        Ok(())
    }

    fn leave_unread(pages: &BTreeMap<String, String>) -> Vec<String> {
        let mut numbers: Vec<u64> = pages
            .keys()
            .filter_map(|page| page_number(page, "messages"))
            .collect();
        numbers.sort_unstable();
        let newest = numbers.last().copied().unwrap_or(0);
        numbers
            .into_iter()
            .filter(|n| n + PAGES_KEPT < newest)
            .map(|n| format!("messages/{n}"))
            .collect()
    }

    fn stored(&mut self) {
        self.dirty.clear();
        self.turns.clean();
        self.receipts.0.clean();
        self.about_dirty = false;
        self.messages = self.messages.split_off(&Self::kept_from(self.count));
    }
}

type Decided<R> = Result<Decision<Event, R>, Refusal>;

fn unchanged<R>(reply: R) -> Decided<R> {
    Ok(Decision {
        events: Vec::new(),
        reply,
    })
}

/// What `begin_turn` comes to; a finished turn's reply may have to be read from its page.
pub(super) enum Begin {
    Decided(TurnState, Vec<Event>),
    Finished(u64),
}

impl BeginTurn {
    pub(super) fn begin(&self, state: &Conversation, now: Timestamp) -> Result<Begin, Refusal> {
        let text = self.checked_text()?;
        let Some(about) = &state.about else {
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
        let ours = same_turn && open.attempt.as_deref() == Some(self.attempt.as_str());
        let held = open.attempt.is_some() && age_ms < self.lease_ms;
        let begun = |resumed| {
            let said = state.recent(open.said).cloned();
            Ok(TurnState::Begun {
                history: state.history(open.said),
                resumed,
                started: open.said == 0,
                // Nothing can follow it while the turn is open, so it is among the newest.
                said: said.ok_or_else(no_such_conversation)?,
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
        let interrupted = ChatMessage {
            index: state.count,
            turn_id: open.turn_id.clone(),
            role: Role::Assistant,
            text: INTERRUPTED.to_owned(),
            tool_calls: Vec::new(),
            provider: None,
            interrupted: true,
            created_at: now,
        };
        let interrupted = Event::MessageAdded {
            message: interrupted,
            attempt: None,
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
        let mut index = state.count;
        for event in &events {
            if let Event::MessageAdded { message, .. } = event {
                history.push(message.clone());
                index += 1;
            }
        }
        let message = ChatMessage {
            index,
            turn_id: self.turn_id.clone(),
            role: Role::User,
            text: text.to_owned(),
            tool_calls: Vec::new(),
            provider: None,
            interrupted: false,
            created_at: now,
        };
        events.push(Event::MessageAdded {
            message: message.clone(),
            attempt: Some(self.attempt.clone()),
        });
        let begun = TurnState::Begun {
            history,
            resumed: false,
            started,
            said: message,
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
                None => Err(Refusal::not_found(
                    "The reply to that message is no longer kept.",
                )),
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
        let held = about.open.as_ref().is_some_and(|open| {
            open.turn_id == self.turn_id && open.attempt.as_deref() == Some(self.attempt.as_str())
        });
        if !held {
            return Err(Refusal::conflict(
                "Another attempt has taken this turn over.",
            ));
        }
        let message = ChatMessage {
            index: state.count,
            turn_id: self.turn_id.clone(),
            role: Role::Assistant,
            text: self.text.chars().take(LONGEST_REPLY).collect(),
            tool_calls: self.tool_calls.clone(),
            provider: Some(self.provider.clone()),
            interrupted: false,
            created_at: now,
        };
        let event = Event::MessageAdded {
            message: message.clone(),
            attempt: None,
        };
        Ok(Decision {
            events: vec![event],
            reply: message,
        })
    }
}

impl Command<Conversation> for ReleaseTurn {
    fn decide(&self, state: &Conversation, _now: Timestamp) -> Decided<Released> {
        let held = state.live()?.open.as_ref().is_some_and(|open| {
            open.turn_id == self.turn_id && open.attempt.as_deref() == Some(self.attempt.as_str())
        });
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

impl Command<Conversation> for Rename {
    fn decide(&self, state: &Conversation, now: Timestamp) -> Decided<Renamed> {
        let about = state.live()?;
        let title = self.title.trim();
        let length = title.chars().count();
        if length == 0 || length > LONGEST_TITLE || title.chars().any(char::is_control) {
            return Err(Refusal::invalid(format!(
                "A title has 1 to {LONGEST_TITLE} characters."
            )));
        }
        let reply = Renamed {
            title: title.to_owned(),
        };
        if about.title == title {
            return unchanged(reply);
        }
        let event = Event::Renamed {
            title: title.to_owned(),
            updated_at: now,
        };
        Ok(Decision {
            events: vec![event],
            reply,
        })
    }
}

impl Command<Conversation> for Delete {
    fn decide(&self, state: &Conversation, now: Timestamp) -> Decided<Deleted> {
        state.live()?;
        Ok(Decision {
            events: vec![Event::Deleted { deleted_at: now }],
            reply: Deleted {},
        })
    }
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

/// Says the same of a conversation that is another's, is deleted, or never was.
pub(super) fn no_such_conversation() -> Refusal {
    Refusal::not_found("There is no such conversation.")
}
