//! The chart: what it renders, and what a real Kubernetes API and Dapr's control plane make of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests"
)]

mod deployer;
mod hooks;
mod policies;
mod release;
mod render;
mod resources;
mod scaling;
mod world;
mod wrong_values;
