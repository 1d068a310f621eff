//! Changes when a task is due.

use futures::future::BoxFuture;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::{Value, json};
use todo_actors::{
    message::{CallError, Refusal},
    user::{TaskChange, UpdateTask},
};

use super::{Effect, Scope, Tool, arguments, due, task};

/// Takes an instant, a day, or the wish for neither.
pub const TOOL: Tool = Tool {
    name: "reschedule_task",
    description: "Changes when a task is due, or removes its due moment. Of a repeating task only this occurrence moves; to move the whole series use set_recurrence.",
    arguments: schema,
    effect: Effect::Sets,
    run,
    present: task,
};

#[derive(Deserialize)]
struct Arguments {
    task_id: String,
    due_at: Option<Timestamp>,
    due_date: Option<Date>,
    #[serde(default)]
    clear: bool,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "task_id": { "type": "string", "description": "The task's id, as list_tasks gives it." },
            "due_at": {
                "type": "string",
                "description": "The instant it is due, RFC 3339 with an offset. Not with due_date.",
            },
            "due_date": {
                "type": "string",
                "description": "The day it is due, YYYY-MM-DD, when no time was given.",
            },
            "clear": { "type": "boolean", "description": "True to remove the due moment." },
        },
        "required": ["task_id"],
        "additionalProperties": false,
    })
}

fn run<'a>(scope: &'a Scope<'a>, value: Value) -> BoxFuture<'a, Result<Value, CallError>> {
    Box::pin(async move {
        let asked: Arguments = arguments(value)?;
        let due = due(asked.due_at, asked.due_date)?;
        if due.is_some() == asked.clear {
            return Err(Refusal::invalid("Give due_at, due_date, or clear: true.").into());
        }
        let change = TaskChange {
            due: Some(due),
            ..TaskChange::default()
        };
        scope
            .command(UpdateTask {
                task_id: asked.task_id,
                change,
            })
            .await
    })
}
