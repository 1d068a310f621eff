//! Event-sourced virtual actors on Dapr.
//!
//! The way of a call: [`client`] → sidecar → [`host`] → a [`turn`] of [`user`] or
//! [`conversation`] → its [`journal`] → [`publisher`] → sidecar → Kafka.
//!
//! | module | holds |
//! |---|---|
//! | [`message`] | what travels: requests, outcomes, refusals, failures |
//! | [`client`] | sends messages to actors, wherever they are placed |
//! | [`host`] | Dapr's routes; one activation per live actor, one turn at a time |
//! | [`turn`] | load, decide, store, arm the reminder, publish |
//! | [`journal`] | entries, snapshots in pages, what Kafka has acknowledged |
//! | [`fence`] | the trigger that refuses a second writer |
//! | [`event`] | from entries to CloudEvents |
//! | [`update`] | what open pages hear of events |
//! | [`publisher`] | shared batches, order per key |
//! | [`updates`] | the way to open pages, who must read anew |
//! | [`sidecar`] | the seam to Dapr |
//! | [`metrics`] | what is counted and timed |
//! | [`trace`] | the trace a call belongs to |
//! | [`user`], [`conversation`] | the actors: messages in `mod.rs`, rules in `state.rs` |
//! | [`reconciler`] | the actor that closes gaps |
//!
//! What holds, always:
//!
//! 1. State is the fold of the journal; a turn writes one entry in one transaction, or none.
//! 2. Events leave after their entry is stored, and an entry leaves the store only after Kafka
//!    has its events and a snapshot its effect.
//! 3. Two activations of one actor never both write: the loser reloads and decides anew.
//! 4. A command's key makes it safe to repeat.
//! 5. `decide` and `apply` are synchronous and use neither clock, chance nor I/O.
//! 6. A reminder is armed before the entry that needs it is stored, and never moved later
//!    before.

pub mod client;
pub mod clock;
pub mod conversation;
pub mod event;
pub mod fence;
pub mod host;
pub mod journal;
pub mod message;
pub mod metrics;
pub mod pages;
pub mod publisher;
pub mod receipts;
pub mod reconciler;
pub mod sidecar;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod trace;
pub mod turn;
pub mod update;
pub mod updates;
pub mod user;
