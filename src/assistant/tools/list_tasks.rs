//! Lists tasks.

use futures::future::BoxFuture;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};
use todo_actors::{
    message::{CallError, Refusal},
    user::{DueFilter, ListTasks, Status},
};

use super::{Effect, Scope, Tool, arguments, as_is, to_value};

/// How many tasks are listed unless told otherwise.
const DEFAULT: u32 = 20;
/// Most tasks a call may ask for.
const MOST: u32 = 100;
/// Characters of each task's notes that a list shows; the rest would only fill the conversation.
const NOTES: usize = 200;

/// Answers `tasks` and the `total` that match.
pub const TOOL: Tool = Tool {
    name: "list_tasks",
    description: "Lists the person's tasks, by due moment. Gives the ids other tools need.",
    arguments: schema,
    effect: Effect::Reads,
    run,
    present: as_is,
};

#[derive(Deserialize)]
struct Arguments {
    status: Option<StatusFilter>,
    due: Option<DueName>,
    date: Option<Date>,
    search: Option<String>,
    tag: Option<String>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusFilter {
    Open,
    Done,
    All,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DueName {
    Today,
    Overdue,
    Upcoming,
    Date,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "status": { "type": "string", "enum": ["open", "done", "all"] },
            "due": {
                "type": "string",
                "enum": ["today", "overdue", "upcoming", "date"],
                "description": "Only tasks due then; with date, on the day of the argument date.",
            },
            "date": { "type": "string", "description": "YYYY-MM-DD." },
            "search": { "type": "string", "description": "Words in the title or notes." },
            "tag": { "type": "string" },
            "limit": { "type": "integer", "description": "At most 100; 20 when left out." },
        },
        "required": [],
        "additionalProperties": false,
    })
}

fn run<'a>(scope: &'a Scope<'a>, value: Value) -> BoxFuture<'a, Result<Value, CallError>> {
    Box::pin(async move {
        let message = message(arguments(value)?)?;
        let list = scope.read(message).await?;
        let mut tasks = list.tasks;
        for task in &mut tasks {
            if let Some(notes) = &mut task.notes
                && let Some((end, _)) = notes.char_indices().nth(NOTES)
            {
                notes.truncate(end);
                notes.push('…');
            }
        }
        Ok(json!({ "tasks": to_value(&tasks)?, "total": list.total }))
    })
}

fn message(asked: Arguments) -> Result<ListTasks, Refusal> {
    let due = match (asked.due, asked.date) {
        (Some(DueName::Today), None) => Some(DueFilter::Today),
        (Some(DueName::Overdue), None) => Some(DueFilter::Overdue),
        (Some(DueName::Upcoming), None) => Some(DueFilter::Upcoming),
        (Some(DueName::Date) | None, Some(date)) => Some(DueFilter::Between(date, date)),
        (None, None) => None,
        _ => {
            return Err(Refusal::invalid(
                "date goes with due: date, and only with it.",
            ));
        }
    };
    Ok(ListTasks {
        status: asked.status.and_then(|status| match status {
            StatusFilter::Open => Some(Status::Open),
            StatusFilter::Done => Some(Status::Done),
            StatusFilter::All => None,
        }),
        due,
        search: asked.search,
        tag: asked.tag,
        cursor: None,
        limit: Some(asked.limit.unwrap_or(DEFAULT).clamp(1, MOST)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_message() {
        let read = |value| message(arguments(value)?);
        let day = jiff::civil::date(2026, 5, 1);
        let list = read(json!({"status": "all", "due": "date", "date": "2026-05-01"})).unwrap();
        assert_eq!(
            (list.status, list.due),
            (None, Some(DueFilter::Between(day, day)))
        );
        let list = read(json!({"status": "open", "due": "overdue", "limit": 1000})).unwrap();
        assert_eq!(list.status, Some(Status::Open));
        assert_eq!(
            (list.due, list.limit),
            (Some(DueFilter::Overdue), Some(100))
        );
        assert_eq!(read(json!({})).unwrap().limit, Some(20));
        for bad in [
            json!({"due": "date"}),
            json!({"due": "today", "date": "2026-05-01"}),
            json!({"status": "x"}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
