//! Adds a task.

use futures::future::BoxFuture;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::{Value, json};
use todo_actors::{
    message::CallError,
    user::{AddTask, Priority},
};

use super::{Effect, Scope, Tool, arguments, due, set_recurrence::RULE, task};

/// See [`schema`].
pub const TOOL: Tool = Tool {
    name: "add_task",
    description: "Adds a task to the person's list.",
    arguments: schema,
    effect: Effect::Adds,
    run,
    present: task,
};

#[derive(Deserialize)]
struct Arguments {
    title: String,
    notes: Option<String>,
    due_at: Option<Timestamp>,
    due_date: Option<Date>,
    priority: Option<Priority>,
    tags: Option<Vec<String>>,
    reminder_offset_minutes: Option<u32>,
    recurrence: Option<String>,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "title": { "type": "string", "description": "What to do, in at most 200 characters." },
            "notes": { "type": "string", "description": "Anything longer." },
            "due_at": {
                "type": "string",
                "description": "The instant it is due, RFC 3339 with an offset. Not with due_date.",
            },
            "due_date": {
                "type": "string",
                "description": "The day it is due, YYYY-MM-DD, when no time was given.",
            },
            "priority": { "type": "string", "enum": ["low", "normal", "high"] },
            "tags": { "type": "array", "items": { "type": "string" } },
            "reminder_offset_minutes": {
                "type": "integer",
                "description": "Remind this many minutes before it is due.",
            },
            "recurrence": {
                "type": "string",
                "description": RULE,
            },
        },
        "required": ["title"],
        "additionalProperties": false,
    })
}

fn run<'a>(scope: &'a Scope<'a>, value: Value) -> BoxFuture<'a, Result<Value, CallError>> {
    Box::pin(async move {
        let asked: Arguments = arguments(value)?;
        let message = AddTask {
            title: asked.title,
            notes: asked.notes,
            due: due(asked.due_at, asked.due_date)?,
            priority: asked.priority.unwrap_or_default(),
            tags: asked.tags.unwrap_or_default(),
            reminder_offset_minutes: asked.reminder_offset_minutes,
            recurrence: asked.recurrence,
        };
        scope.command(message).await
    })
}
