//! The actors on the memory twin: rules, crash points, reminders, order.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod client;
mod conversation;
mod deleting;
mod erasing;
mod hostile;
mod journal;
mod notes;
mod overtaken;
mod receipts;
mod recurrence;
mod reminders;
mod rolling;
mod sidecar_restart;
mod stored;
mod turns;
mod updates;
mod user;

use todo_actors::{
    message::{CallError, Message, Request},
    testkit::World,
    user::{AddTask, Task},
};

/// Monday, 23 November 2026, 10:00 UTC.
fn world() -> World {
    World::at("2026-11-23T10:00:00Z".parse().unwrap())
}

/// Runs one case of a property.
fn block_on<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(case)
}

async fn read<M: Message>(world: &World, id: &str, message: M) -> Result<M::Reply, CallError> {
    world.client.send(id, Request::read(message)).await
}

async fn command<M: Message>(
    world: &World,
    id: &str,
    key: &str,
    message: M,
) -> Result<M::Reply, CallError> {
    world.client.send(id, Request::command(key, message)).await
}

fn titled(title: &str) -> AddTask {
    AddTask {
        title: title.to_owned(),
        ..AddTask::default()
    }
}

async fn add(world: &World, id: &str, title: &str) -> Task {
    command(world, id, &format!("add {title}"), titled(title))
        .await
        .unwrap()
}

/// The sentence of a refusal.
fn refused<R: std::fmt::Debug>(result: Result<R, CallError>) -> String {
    match result {
        Err(CallError::Refused(refusal)) => refusal.message,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
