//! From journal entries to the CloudEvents that leave for Kafka.
//!
//! The derivation is pure, so an entry published again yields the same bytes: consumers can
//! drop repeats by id. Every entry has at least one event on its actor's home topic, last.

use cloudevents::{EventBuilder, EventBuilderV10};
use jiff::Timestamp;
use serde_json::Value;

use crate::{message::ActorRef, update};

/// A Kafka topic the backend publishes to; 3 partitions, 7 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Home topic of `User`.
    TaskEvents,
    /// Home topic of `Conversation`.
    ConversationEvents,
    /// What fell due.
    Reminders,
    /// Derived, for open pages; may be lost.
    TaskUpdates,
    /// What a consumer could never take in.
    DeadLetters,
}

impl Topic {
    /// Every topic, for those who create or read them all.
    pub const ALL: [Self; 5] = [
        Self::TaskEvents,
        Self::ConversationEvents,
        Self::Reminders,
        Self::TaskUpdates,
        Self::DeadLetters,
    ];

    /// Its name in Kafka.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TaskEvents => "task-events",
            Self::ConversationEvents => "conversation-events",
            Self::Reminders => "reminders",
            Self::TaskUpdates => "task-updates",
            Self::DeadLetters => "dead-letters",
        }
    }
}

/// A CloudEvent before it is numbered.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Where it goes.
    pub topic: Topic,
    /// Its type, such as `com.todo.task.created`.
    pub ty: &'static str,
    /// What it is about: a task or conversation id.
    pub subject: String,
    /// Its body.
    pub data: Value,
}

/// Events of a domain know which CloudEvents announce them.
pub trait Announce {
    /// The topic every entry of this actor type has an event on.
    const HOME: Topic;

    /// The CloudEvents that announce this event of `actor`, which happened at `at`.
    fn announce(&self, actor: &ActorRef, at: Timestamp) -> Vec<Draft>;
}

/// A CloudEvent ready for the publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where it goes.
    pub topic: Topic,
    /// `{actor type}/{actor id}/{seq}/{n}`.
    pub id: String,
    /// The JSON envelope.
    pub body: Vec<u8>,
}

/// What an entry says about all its events.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Whose journal it is.
    pub actor: &'a ActorRef,
    /// The entry's sequence.
    pub seq: u64,
    /// When the turn decided.
    pub at: Timestamp,
    /// W3C trace context of the call that caused it.
    pub traceparent: &'a str,
    /// When the actor must next be woken, after this entry.
    pub wake: Option<Timestamp>,
}

/// The CloudEvents of one entry, in publishing order: home topic last.
///
/// Extensions: `actor`, `sequence` (the entry's), `part` and `parts` (place and number among
/// the entry's events on the home topic; absent elsewhere), `wake`, `traceparent`.
pub fn outgoing<E: Announce>(envelope: Envelope<'_>, events: &[E]) -> Vec<Outgoing> {
    let mut drafts: Vec<Draft> = events
        .iter()
        .flat_map(|event| event.announce(envelope.actor, envelope.at))
        .collect();
    drafts.sort_by_key(|draft| draft.topic == E::HOME);
    let parts = drafts.iter().filter(|draft| draft.topic == E::HOME).count();
    debug_assert!(parts > 0, "every entry has an event on its home topic");
    let first_home = drafts.len() - parts;
    drafts
        .into_iter()
        .enumerate()
        .map(|(n, draft)| {
            let part = (draft.topic == E::HOME).then(|| (n - first_home, parts));
            number(envelope, n, part, draft)
        })
        .collect()
}

/// The CloudEvents that tell open pages of one entry; see [`crate::update`]. Their ids are
/// `{actor}/{seq}/u{n}`, beside those of [`outgoing`], which they leave as they are.
pub fn updates<E: Announce>(envelope: Envelope<'_>, events: &[E]) -> Vec<Outgoing> {
    events
        .iter()
        .flat_map(|event| event.announce(envelope.actor, envelope.at))
        .filter_map(|draft| update::of(&draft))
        .enumerate()
        .map(|(n, draft)| {
            let id = format!("{}/{}/u{n}", envelope.actor, envelope.seq);
            build(envelope, id, None, draft)
        })
        .collect()
}

fn number(
    envelope: Envelope<'_>,
    n: usize,
    part: Option<(usize, usize)>,
    draft: Draft,
) -> Outgoing {
    let id = format!("{}/{}/{n}", envelope.actor, envelope.seq);
    build(envelope, id, part, draft)
}

fn build(
    envelope: Envelope<'_>,
    id: String,
    part: Option<(usize, usize)>,
    draft: Draft,
) -> Outgoing {
    let mut builder = EventBuilderV10::new()
        .id(id.clone())
        .source("backend")
        .ty(draft.ty)
        .subject(draft.subject)
        .time(envelope.at.to_string())
        .extension("actor", envelope.actor.to_string())
        .extension("sequence", envelope.seq.to_string())
        .extension("traceparent", envelope.traceparent.to_owned())
        .data("application/json", draft.data);
    if let Some((part, parts)) = part {
        builder = builder
            .extension("part", i64::try_from(part).unwrap_or(i64::MAX))
            .extension("parts", i64::try_from(parts).unwrap_or(i64::MAX));
    }
    if let Some(wake) = envelope.wake {
        builder = builder.extension("wake", wake.to_string());
    }
    let body = builder
        .build()
        .map_err(|error| error.to_string())
        .and_then(|event| serde_json::to_vec(&event).map_err(|error| error.to_string()))
        // Every required attribute is set above and the body is already JSON.
        .unwrap_or_else(|error| unreachable!("the event {id} cannot be built: {error}"));
    Outgoing {
        topic: draft.topic,
        id,
        body,
    }
}
