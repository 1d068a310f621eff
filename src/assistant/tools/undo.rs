//! Takes back the newest change.

use futures::future::BoxFuture;
use serde_json::{Value, json};
use todo_actors::{message::CallError, user::Undo};

use super::{Effect, Scope, Tool, as_is};

/// Takes nothing; answers what was taken back and the task.
pub const TOOL: Tool = Tool {
    name: "undo",
    description: "Takes back the newest change to the person's list.",
    arguments: schema,
    effect: Effect::TakesBack,
    run,
    present: as_is,
};

fn schema() -> Value {
    json!({ "type": "object", "properties": {}, "required": [], "additionalProperties": false })
}

fn run<'a>(scope: &'a Scope<'a>, _: Value) -> BoxFuture<'a, Result<Value, CallError>> {
    Box::pin(async move { scope.command(Undo::default()).await })
}
