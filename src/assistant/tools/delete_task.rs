//! Deletes a task.

use futures::future::BoxFuture;
use serde_json::Value;
use todo_actors::{message::CallError, user::DeleteTask};

use super::{Effect, Scope, Tool, arguments, task, task_id_only};

/// Takes a task's id.
pub const TOOL: Tool = Tool {
    name: "delete_task",
    description: "Deletes a task. The undo tool brings it back. When several are to be deleted the person is asked to confirm first; that happens by itself.",
    arguments: task_id_only,
    effect: Effect::Removes,
    run,
    present: task,
};

fn run<'a>(scope: &'a Scope<'a>, value: Value) -> BoxFuture<'a, Result<Value, CallError>> {
    Box::pin(async move { scope.command(arguments::<DeleteTask>(value)?).await })
}
