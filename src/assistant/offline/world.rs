//! A small to-do list in memory that turns are run against.

use jiff::{Timestamp, ZonedDateTime};
use serde_json::{Value, json};
use todo_actors::user::{Due, Recurrence};

use super::plan;
use crate::assistant::{
    confirm,
    planner::{Context, HistoryMessage, Step, ToolCall, ToolOutcome},
    tools,
};

/// Monday 23 November 2026, 10:00, in Berlin.
pub fn now() -> ZonedDateTime {
    "2026-11-23T10:00:00+01:00[Europe/Berlin]".parse().unwrap()
}

/// The list that every phrase is said to.
pub fn tasks() -> Vec<Value> {
    let open = |id: u32, title: &str| json!({"id": format!("task-{id}"), "title": title, "status": "open", "priority": "normal", "tags": []});
    let with = |mut task: Value, name: &str, value: Value| {
        task[name] = value;
        task
    };
    vec![
        with(open(1, "Buy milk"), "due_at", json!("2026-11-23T16:00:00Z")),
        with(open(2, "Call mum"), "due_date", json!("2026-11-24")),
        with(
            open(3, "Finish quarterly report"),
            "due_at",
            json!("2026-11-20T11:00:00Z"),
        ),
        with(open(4, "Book dentist"), "tags", json!(["health"])),
        with(open(5, "Water the plants"), "due_date", json!("2026-11-28")),
        with(open(6, "Pay rent"), "status", json!("done")),
        open(7, "Remove old wallpaper"),
        open(8, "Buy oat milk"),
        with(open(9, "Renew passport"), "status", json!("done")),
        with(
            open(10, "Talk to Bob"),
            "due_at",
            json!("2026-12-02T14:00:00Z"),
        ),
    ]
}

/// A to-do list that runs tools, as the real ones would as far as a reply can tell.
pub struct World {
    pub tasks: Vec<Value>,
}

impl World {
    pub fn run(&mut self, call: &ToolCall) -> Value {
        let tool = tools::ALL.iter().find(|tool| tool.name == call.tool);
        tools::check(tool.unwrap(), &call.arguments).unwrap();
        let text = |name: &str| call.arguments.get(name).and_then(Value::as_str);
        let past = text("due_at")
            .is_some_and(|at| at.parse::<Timestamp>().unwrap() < now().timestamp())
            || text("due_date").is_some_and(|date| date < "2026-11-23");
        if past {
            return json!({"refused": {"code": "invalid", "message": "That due date is in the past."}});
        }
        match call.tool.as_str() {
            "list_tasks" => return self.list(&call.arguments),
            "undo" => return json!({"ok": {"undone": "deleted", "task": self.tasks[0]}}),
            "set_time_zone" => return json!({"ok": {"time_zone": text("time_zone")}}),
            "add_task" => {
                let mut task = call.arguments.clone();
                task["id"] = json!(format!("task-{}", self.tasks.len() + 1));
                task["status"] = json!("open");
                if let Some(rule) = text("recurrence") {
                    let at = text("due_at").map(|at| Due::At(at.parse().unwrap()));
                    let date = text("due_date").map(|date| Due::Date(date.parse().unwrap()));
                    let (at_once, zone) = (now().timestamp(), now().time_zone().clone());
                    let (series, due) =
                        Recurrence::begin(rule, at.or(date), at_once, &zone).unwrap();
                    task["recurrence"] = json!(series);
                    match due {
                        Due::At(at) => task["due_at"] = json!(at),
                        Due::Date(date) => task["due_date"] = json!(date),
                    }
                }
                self.tasks.push(task.clone());
                return json!({"ok": {"task": task}});
            }
            _ => {}
        }
        let Some(at) = self
            .tasks
            .iter()
            .position(|task| task["id"].as_str() == text("task_id"))
        else {
            return json!({"refused": {"code": "not_found", "message": "There is no such task."}});
        };
        let task = &mut self.tasks[at];
        match call.tool.as_str() {
            "complete_task" => task["status"] = json!("done"),
            "reopen_task" => task["status"] = json!("open"),
            "delete_task" => return json!({"ok": {"task": self.tasks.remove(at)}}),
            "update_task" | "reschedule_task" => {
                if call.tool == "reschedule_task" {
                    task["due_at"] = Value::Null;
                    task["due_date"] = Value::Null;
                }
                for (name, value) in call.arguments.as_object().unwrap() {
                    task[name] = value.clone();
                }
                task.as_object_mut().unwrap().remove("task_id");
            }
            other => panic!("no tool {other}"),
        }
        json!({"ok": {"task": self.tasks[at]}})
    }

    fn list(&self, arguments: &Value) -> Value {
        let status = arguments["status"].as_str().unwrap_or("open");
        let words = arguments["search"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase();
        let date = match arguments["due"].as_str() {
            Some("today") => Some("2026-11-23".to_owned()),
            Some("date") => arguments["date"].as_str().map(str::to_owned),
            _ => None,
        };
        let limit = usize::try_from(arguments["limit"].as_u64().unwrap_or(50)).unwrap();
        let due = |task: &Value| {
            task["due_at"]
                .as_str()
                .or(task["due_date"].as_str())
                .map(str::to_owned)
        };
        let found: Vec<&Value> = self
            .tasks
            .iter()
            .filter(|task| status == "all" || task["status"] == status)
            .filter(|task| {
                let title = task["title"].as_str().unwrap().to_lowercase();
                words.split_whitespace().all(|word| title.contains(word))
            })
            .filter(|task| {
                date.as_ref()
                    .is_none_or(|date| due(task).is_some_and(|d| d.starts_with(date)))
            })
            .filter(|task| match arguments["due"].as_str() {
                Some("overdue") => due(task).is_some_and(|due| due.as_str() < "2026-11-23"),
                Some("upcoming") => due(task).is_some_and(|due| due.as_str() >= "2026-11-23"),
                _ => true,
            })
            .filter(|task| match arguments["tag"].as_str() {
                Some(tag) => task["tags"].as_array().unwrap().contains(&json!(tag)),
                None => true,
            })
            .collect();
        let page: Vec<_> = found.iter().take(limit).collect();
        json!({"ok": {"tasks": page, "total": found.len()}})
    }
}

/// Runs a turn to its reply: the calls made, in order, and what is said.
pub fn turn(
    world: &mut World,
    message: &str,
    history: &[HistoryMessage],
    mut outcomes: Vec<ToolOutcome>,
) -> (Vec<ToolCall>, String) {
    let mut calls = Vec::new();
    for _ in 0..8 {
        let ctx = Context {
            message,
            now: now(),
            history,
            outcomes: &outcomes,
            speak: &|_| {},
        };
        match plan(&ctx) {
            Step::Say(reply) => return (calls, reply),
            Step::Call(next) => {
                assert!(
                    !next.is_empty(),
                    "{message:?} makes no call and says nothing"
                );
                // As the chat loop does.
                let held = confirm::held(&next, &outcomes);
                if !held.is_empty() {
                    return (calls, format!("held: {}", held.join(", ")));
                }
                for call in next {
                    let result = world.run(&call);
                    outcomes.push(ToolOutcome {
                        call: call.clone(),
                        result,
                    });
                    calls.push(call);
                }
            }
        }
    }
    panic!("{message:?} never comes to an end: {calls:#?}");
}

/// A turn on a fresh list.
pub fn say(message: &str) -> (Vec<ToolCall>, String) {
    turn(&mut World { tasks: tasks() }, message, &[], Vec::new())
}

/// The calls but for those that only look tasks up.
pub fn told(calls: &[ToolCall]) -> Vec<String> {
    let shown = |call: &&ToolCall| {
        let looked_up =
            call.arguments.get("limit") == Some(&json!(100)) && call.arguments.get("due").is_none();
        call.tool != "list_tasks" || !looked_up
    };
    calls
        .iter()
        .filter(shown)
        .map(|call| format!("{} {}", call.tool, call.arguments))
        .collect()
}
