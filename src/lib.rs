//! A to-do assistant people talk to.
//!
//! Every person and every conversation is a Dapr virtual actor (crate `todo_actors`). This
//! crate is what stands around them:
//!
//! - [`serve`]: the role that hosts actors and answers people;
//!   [`http`] has its routes, [`assistant`] its chat turns and tools, [`mcp`] the same tools for
//!   other assistants; [`live`] tells open pages what happens.
//! - [`erasure`]: the end of everything about a person.
//! - [`consumers`]: the roles that read the event topics; [`tables`] is what they keep.
//! - [`push`]: what push services are sent.
//! - [`migrate`], [`topics`], [`rebuild`]: jobs that prepare the database and Kafka, and make the
//!   tables anew; [`kafka`] is a client for them.
//! - [`config`], [`secrets`]: what the surroundings decide.
//! - [`telemetry`], [`metrics`], [`shutdown`]: how a process is watched and how it ends.

pub mod assistant;
pub mod config;
pub mod consumers;
pub mod erasure;
pub mod http;
pub mod kafka;
pub mod live;
pub mod mcp;
pub mod metrics;
pub mod migrate;
pub mod push;
pub mod rebuild;
pub mod secrets;
pub mod serve;
pub mod shutdown;
pub mod tables;
pub mod telemetry;
pub mod topics;

#[cfg(test)]
mod test_actors;
