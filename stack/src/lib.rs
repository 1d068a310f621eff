//! The local stack as a library: the real servers the backend runs on, got,
//! started, scaled, broken and stopped, on loopback.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use todo_stack::{Signal, Stack, StackOptions};
//!
//! let stack = Stack::start(StackOptions::new("target/debug/todo-backend").replicas(2)).await?;
//! let url = format!("{}/api/alice/tasks", stack.base_url(1));
//! let token = stack.token("alice");
//! stack.kill("backend-2", Signal::Kill).await?;
//! stack.start_server("backend-2").await?;
//! let events = stack.read_topic("task-events").await?;
//! stack.shutdown().await?;
//! # let _ = (url, token, events);
//! # Ok(())
//! # }
//! ```
//!
//! Servers are called `postgres`, `kafka`, `placement`, `scheduler`,
//! `backend-1` with `daprd-1`, `backend-2` with `daprd-2`, …, `projector` with
//! `daprd-projector`, the other consumers likewise, `model` when one is wanted, and after [`Stack::start_isolated_replica`] `placement-2`.
//!
//! | module | holds |
//! |---|---|
//! | `stack` | the whole: what is started in which order, replicas |
//! | `fleet` | servers by name, and who died |
//! | `process`, `ready` | one process; when it is ready |
//! | `servers`, `progress` | finding or getting the programs |
//! | `postgres`, `kafka`, `dapr`, `app` | how each server is configured |
//! | `ports`, `secrets` | what differs from stack to stack |
//! | [`packages`] | programs from npm and PyPI |
//! | `model` | the stand-in for the language model |
//! | `issuer`, `topic` | tokens for tests, and what is in Kafka |

mod app;
mod dapr;
mod fleet;
mod issuer;
mod kafka;
mod model;
pub mod packages;
mod ports;
mod postgres;
mod process;
mod progress;
mod ready;
mod secrets;
mod servers;
mod stack;
mod topic;

pub use app::Role;
pub use fleet::Death;
pub use issuer::{AUDIENCE, Issuer};
pub use model::{Model, ModelServer};
pub use ports::Ports;
pub use process::Signal;
pub use servers::Servers;
pub use stack::{DaprAccess, Stack, StackOptions};
pub use topic::KafkaRecord;
