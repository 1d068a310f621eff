//! Changes a task's words, priority, tags or how long before it is due to remind.

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use todo_actors::{
    message::CallError,
    user::{Priority, TaskChange, UpdateTask},
};

use super::{Effect, Scope, Tool, arguments, task};

/// What is left out, or null, stays as it is; empty notes are removed.
pub const TOOL: Tool = Tool {
    name: "update_task",
    description: "Changes a task's title, notes, priority, tags or reminder. For dates use reschedule_task, for repetition set_recurrence.",
    arguments: schema,
    effect: Effect::Sets,
    run,
    present: task,
};

#[derive(Deserialize)]
struct Arguments {
    task_id: String,
    title: Option<String>,
    notes: Option<String>,
    priority: Option<Priority>,
    tags: Option<Vec<String>>,
    reminder_offset_minutes: Option<u32>,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "task_id": { "type": "string", "description": "The task's id, as list_tasks gives it." },
            "title": { "type": "string" },
            "notes": { "type": "string", "description": "Empty to remove them." },
            "priority": { "type": "string", "enum": ["low", "normal", "high"] },
            "tags": {
                "type": "array",
                "items": { "type": "string" },
                "description": "Replaces all tags.",
            },
            "reminder_offset_minutes": {
                "type": "integer",
                "description": "Remind this many minutes before it is due; 0 at its moment.",
            },
        },
        "required": ["task_id"],
        "additionalProperties": false,
    })
}

fn run<'a>(scope: &'a Scope<'a>, value: Value) -> BoxFuture<'a, Result<Value, CallError>> {
    Box::pin(async move {
        let asked: Arguments = arguments(value)?;
        let change = TaskChange {
            title: asked.title,
            notes: asked
                .notes
                .map(|notes| Some(notes).filter(|notes| !notes.is_empty())),
            priority: asked.priority,
            tags: asked.tags,
            reminder_offset_minutes: asked.reminder_offset_minutes.map(Some),
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
