//! The main job and what must hold, on the real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod bad_input;
mod growth;
mod idempotency;
mod main_job;
mod outages;
mod replicas;
mod world;
