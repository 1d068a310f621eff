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
//! `daprd-projector`, the other consumers likewise, when wanted `model`, `frontend` with
//! `daprd-frontend` and `nginx`, `sentry` in a secured stack, and after
//! [`Stack::start_isolated_replica`] `placement-2`.
//!
//! | module | holds |
//! |---|---|
//! | `stack` | the whole: what is started in which order, replicas |
//! | `fleet` | servers by name, and who died |
//! | `process`, `ready` | one process; when it is ready |
//! | `servers`, `progress`, `space` | finding or getting the programs, and room for them |
//! | `postgres`, `kafka`, `dapr`, `app` | how each server is configured |
//! | `sentry`, `access`, `pki` | who is who, who may call whom, and certificates, in a secured stack |
//! | `ports`, `secrets` | what differs from stack to stack |
//! | `cluster` | a Kubernetes cluster with Dapr's control plane, for the chart |
//! | [`packages`], `debian` | programs from npm, PyPI, Go modules and Debian |
//! | [`frontend`], `nginx` | the page, and what stands before page and backends |
//! | `model` | the stand-in for the language model |
//! | `issuer`, `topic` | tokens for tests, and what is in Kafka |
//! | `person` | somebody who uses the API |
//! | [`evidence`] | what the servers hold: journals, events, tables |
//! | [`drill`] | faults under load, and what must hold afterwards |
//! | [`bench`] | what things cost, beside what their parts do |

mod access;
mod app;
pub mod bench;
mod cluster;
mod dapr;
mod debian;
pub mod drill;
pub mod evidence;
mod fleet;
pub mod frontend;
mod issuer;
mod kafka;
mod model;
mod nginx;
pub mod packages;
mod person;
mod pki;
mod ports;
mod postgres;
mod process;
mod progress;
mod ready;
mod secrets;
mod sentry;
mod servers;
mod space;
mod stack;
mod topic;

pub use app::Role;
pub use cluster::{Cluster, ClusterSidecar, ClusterTools};
pub use debian::{chromium, chromium_headless_shell, promtool};
pub use fleet::Death;
pub use issuer::{AUDIENCE, Issuer};
pub use kafka::KafkaAccess;
pub use model::{Model, ModelServer};
pub use person::{Answer, Person};
pub use ports::Ports;
pub use process::{Signal, descendants};
pub use sentry::Proof;
pub use servers::Servers;
pub use stack::{DaprAccess, Stack, StackOptions};
pub use topic::KafkaRecord;
