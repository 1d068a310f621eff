//! What the servers hold, read behind the backend's back.

mod events;
mod journals;
mod metrics;
mod panics;
mod tables;

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection};

use crate::Stack;

pub use events::{ActorEvent, TOPICS, distinct, read_events};
pub use journals::{Kept, journals};
pub use metrics::numbers;
pub use panics::panics;
pub use tables::{behind, rows};

/// A connection to the stack's database.
///
/// # Errors
/// The database does not answer.
pub async fn database(stack: &Stack) -> Result<PgConnection> {
    let connection = PgConnection::connect(stack.database_url()).await;
    connection.context("the stack's database does not answer")
}
