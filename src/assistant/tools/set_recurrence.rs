//! Makes a task repeat, or stop repeating.

use futures::future::BoxFuture;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::{Value, json};
use todo_actors::{
    message::CallError,
    user::{TaskChange, UpdateTask},
};

use super::{Effect, Scope, Tool, arguments, due, task};

/// What models are told about rules.
pub const RULE: &str = "How it repeats, an RRULE: FREQ=DAILY, FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE, FREQ=MONTHLY;BYMONTHDAY=15 (-1 for the last day) or FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=3; add UNTIL=20271231 or COUNT=10 if it ends. The time of day is that of the due moment.";

/// Takes a rule, and the first due moment if that changes too; null stops the repetition.
pub const TOOL: Tool = Tool {
    name: "set_recurrence",
    description: "Makes a task repeat by a rule, or stop repeating. The series starts at the task's due moment, or at the first day after it that the rule names. Completing the task adds the next occurrence.",
    arguments: schema,
    effect: Effect::Sets,
    run,
    present: task,
};

#[derive(Deserialize)]
struct Arguments {
    task_id: String,
    rule: Option<String>,
    due_at: Option<Timestamp>,
    due_date: Option<Date>,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "task_id": { "type": "string", "description": "The task's id, as list_tasks gives it." },
            "rule": {
                "type": ["string", "null"],
                "description": format!("{RULE} Null to stop the repetition."),
            },
            "due_at": {
                "type": "string",
                "description": "When the first one is due, if that changes, RFC 3339 with an offset. Not with due_date.",
            },
            "due_date": {
                "type": "string",
                "description": "The day the first one is due, if that changes, YYYY-MM-DD.",
            },
        },
        "required": ["task_id", "rule"],
        "additionalProperties": false,
    })
}

fn run<'a>(scope: &'a Scope<'a>, value: Value) -> BoxFuture<'a, Result<Value, CallError>> {
    Box::pin(async move {
        let asked: Arguments = arguments(value)?;
        let change = TaskChange {
            due: due(asked.due_at, asked.due_date)?.map(Some),
            recurrence: Some(asked.rule),
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
