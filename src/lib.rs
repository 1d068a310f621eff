//! A to-do assistant people talk to.
//!
//! Every person and every conversation is a Dapr virtual actor (crate `todo_actors`). This
//! crate is what stands around them:
//!
//! - [`serve`]: the role that hosts actors and answers people;
//!   [`http`] has its routes, [`assistant`] its chat turns and tools.
//! - [`config`], [`secrets`]: what the surroundings decide.
//! - [`telemetry`], [`shutdown`]: how a process is watched and how it ends.

pub mod assistant;
pub mod config;
pub mod http;
pub mod secrets;
pub mod serve;
pub mod shutdown;
pub mod telemetry;

#[cfg(test)]
mod test_actors;
