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
mod growth;
mod idempotency;
mod live;
mod main_job;
mod outages;
mod replicas;
mod world;
