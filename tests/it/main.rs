//! The main job and what must hold, on the real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests measure real time and print it"
)]

mod audit;
mod bad_input;
mod callbacks;
mod edge;
mod evidence;
mod growth;
mod idempotency;
mod ids;
mod live;
mod main_job;
mod mcp;
mod model;
mod outages;
mod push;
mod rebuild;
mod recurrence;
mod replicas;
mod stopping;
mod streaming;
mod world;
