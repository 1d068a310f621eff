//! Marks a task done.

use futures::future::BoxFuture;
use serde_json::Value;
use todo_actors::{message::CallError, user::CompleteTask};

use super::{Effect, Scope, Tool, arguments, task, task_id_only};

/// Takes a task's id.
pub const TOOL: Tool = Tool {
    name: "complete_task",
    description: "Marks a task done.",
    arguments: task_id_only,
    effect: Effect::Sets,
    run,
    present: task,
};

fn run<'a>(scope: &'a Scope<'a>, value: Value) -> BoxFuture<'a, Result<Value, CallError>> {
    Box::pin(async move { scope.command(arguments::<CompleteTask>(value)?).await })
}
