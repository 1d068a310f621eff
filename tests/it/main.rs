//! The main job and what must hold, on the real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests measure real time and print it"
)]

mod bad_input;
mod growth;
mod idempotency;
mod main_job;
mod mcp;
mod model;
mod outages;
mod push;
mod recurrence;
mod replicas;
mod streaming;
mod world;
