//! What a conversation holds, how events change it, and the rules of its title and its end. The
//! rules of its turns are in [`super::turns`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ChatMessage, Delete, Deleted, EraseConversation, GetHeading, Heading, HistoryMessage, Pending,
    Removed, Rename, Renamed, Role, event::Event,
};
use crate::{
    journal::{State, Undecided},
    message::Refusal,
    pages::{Ring, page_number},
    receipts::Receipts,
    turn::{Command, Decision, Query},
};

/// Messages on one snapshot page; a full page never changes again.
pub(super) const PER_PAGE: u64 = 16;
/// Full pages kept in memory besides the newest: enough for the planner's history.
const PAGES_KEPT: u64 = 2;
/// Messages the planner is given.
const HISTORY: usize = 20;
const LONGEST_TITLE: usize = 100;

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
pub(super) struct About {
    title: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    pub(super) deleted: bool,
    /// Then it is deleted too, and there is nothing else to know of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
    pub(super) open: Option<OpenTurn>,
    count: u64,
    /// What the newest reply asked to confirm; the turn after it decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<Pending>,
}

impl About {
    fn new(title: String, created_at: Timestamp) -> Self {
        Self {
            title,
            created_at,
            updated_at: created_at,
            deleted: false,
            erased: false,
            open: None,
            count: 0,
            pending: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct OpenTurn {
    pub(super) turn_id: String,
    /// Absent when nobody holds it.
    pub(super) attempt: Option<String>,
    /// When that attempt took it.
    pub(super) since: Timestamp,
    /// The index of the person's message.
    pub(super) said: u64,
    /// Whether an earlier attempt may have called tools.
    pub(super) resumed: bool,
}

impl OpenTurn {
    /// Whether this attempt holds this turn.
    pub(super) fn is_held_by(&self, turn_id: &str, attempt: &str) -> bool {
        self.turn_id == turn_id && self.attempt.as_deref() == Some(attempt)
    }
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

    /// What is known of it, once it was started.
    pub(super) fn about(&self) -> Option<&About> {
        self.about.as_ref()
    }

    pub(super) fn live(&self) -> Result<&About, Refusal> {
        self.about
            .as_ref()
            .filter(|about| !about.deleted)
            .ok_or_else(no_such_conversation)
    }

    pub(super) fn history(&self, before: u64) -> Vec<HistoryMessage> {
        let mut newest: Vec<HistoryMessage> = self
            .messages
            .range(..before)
            .rev()
            .take(HISTORY)
            .map(|(_, message)| message.into())
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
                self.about = Some(About::new(title.clone(), *created_at));
                self.about_dirty = true;
            }
            Event::Deleted { deleted_at: at } | Event::Erased { at } => {
                let about = About {
                    deleted: true,
                    erased: matches!(event, Event::Erased { .. }),
                    ..About::new(String::new(), *at)
                };
                *self = Self {
                    about: Some(about),
                    about_dirty: true,
                    ..Self::default()
                };
            }
            Event::MessageAdded {
                message,
                attempt,
                pending,
            } => {
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
                    // Whoever takes the open turn over must find what it may confirm.
                    if open.is_none() {
                        about.pending.clone_from(pending);
                    }
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
        }
    }

    fn ends(event: &Event) -> bool {
        matches!(event, Event::Deleted { .. } | Event::Erased { .. })
    }

    fn erases(event: &Event) -> bool {
        matches!(event, Event::Erased { .. })
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
        pages.extend(self.receipts.dirty());
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
            self.receipts.encode(page)
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
            self.receipts.decode(page, bytes)?;
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

    fn loaded(&mut self) {
        self.receipts.let_go();
    }

    fn stored(&mut self) {
        self.dirty.clear();
        self.turns.clean();
        self.receipts.stored();
        self.about_dirty = false;
        self.messages = self.messages.split_off(&Self::kept_from(self.count));
    }
}

pub(super) type Decided<R> = Result<Decision<Event, R>, Undecided>;

pub(super) fn unchanged<R>(reply: R) -> Decided<R> {
    Ok(Decision {
        events: Vec::new(),
        reply,
    })
}

impl Command<Conversation> for Rename {
    fn decide(&self, state: &Conversation, now: Timestamp) -> Decided<Renamed> {
        let about = state.live()?;
        let title = self.title.trim();
        let length = title.chars().count();
        if length == 0 || length > LONGEST_TITLE || title.chars().any(char::is_control) {
            return Err(
                Refusal::invalid(format!("A title has 1 to {LONGEST_TITLE} characters.")).into(),
            );
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

impl Command<Conversation> for EraseConversation {
    fn decide(&self, state: &Conversation, now: Timestamp) -> Decided<Removed> {
        if state.about.as_ref().is_some_and(|about| about.erased) {
            return unchanged(Removed::default());
        }
        Ok(Decision {
            events: vec![Event::Erased { at: now }],
            reply: Removed {
                conversations: u64::from(state.exists()),
                messages: state.count,
            },
        })
    }
}

impl Query<Conversation> for GetHeading {
    fn answer(&self, state: &Conversation, _now: Timestamp) -> Result<Heading, Undecided> {
        let about = state.live()?;
        Ok(Heading {
            title: about.title.clone(),
            created_at: about.created_at,
            updated_at: about.updated_at,
            messages: state.count,
        })
    }
}

/// Says the same of a conversation that is another's, is deleted, or never was.
pub(super) fn no_such_conversation() -> Refusal {
    Refusal::not_found("There is no such conversation.")
}
