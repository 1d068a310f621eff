//! The main job and what must hold, on the real servers.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests measure real time and print it"
)]

mod audit;
mod bad_input;
mod bench;
mod callbacks;
mod drill;
mod edge;
mod erase;
mod evidence;
mod gaps;
mod growth;
mod idempotency;
mod ids;
mod knock;
mod live;
mod main_job;
mod mcp;
mod metrics;
mod model;
mod outages;
mod page;
mod push;
mod rebuild;
mod recurrence;
mod regions;
mod replicas;
mod restore;
mod rotation;
mod secure;
mod shared;
mod stopping;
mod streaming;
mod topics;
mod traces;
mod up;
mod world;
