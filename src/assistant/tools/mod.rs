//! What the assistant can do, one file per tool.
//!
//! Tools never take a user id: they act on the caller's own actor.

mod add_task;
mod complete_task;
mod delete_task;
mod list_tasks;
mod reopen_task;
mod reschedule_task;
mod set_time_zone;
mod undo;
mod update_task;

use std::{collections::HashMap, sync::LazyLock};

use futures::future::BoxFuture;
use jiff::{Timestamp, civil::Date};
use jsonschema::Validator;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use todo_actors::{
    client::ActorClient,
    clock::to_microseconds,
    message::{CallError, Failure, Message, Refusal, Request, ToolCall},
    user::Due,
};

/// Every tool.
pub const ALL: &[Tool] = &[
    add_task::TOOL,
    list_tasks::TOOL,
    update_task::TOOL,
    complete_task::TOOL,
    reopen_task::TOOL,
    delete_task::TOOL,
    reschedule_task::TOOL,
    undo::TOOL,
    set_time_zone::TOOL,
];

/// A tool as planners see it, and how it runs.
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it does, for a model.
    pub description: &'static str,
    /// The JSON schema of its arguments.
    pub arguments: fn() -> Value,
    /// Whether it changes anything.
    pub effect: Effect,
    /// Runs it: the actor's reply as JSON.
    run: for<'a> fn(&'a Scope<'a>, Value) -> BoxFuture<'a, Result<Value, CallError>>,
    /// What a planner sees of the actor's reply, be it fresh or from a receipt.
    present: fn(Value) -> Value,
}

/// Whether a tool changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only looks; it leaves no receipt and may run again.
    Reads,
    /// It sends one command, under the key of its step.
    Writes,
}

/// On whose behalf a tool runs, and as which step.
pub struct Scope<'a> {
    /// The way to the actors.
    pub actors: &'a ActorClient,
    /// The verified caller.
    pub user_id: &'a str,
    /// W3C `traceparent`.
    pub traceparent: &'a str,
    /// The idempotency key of this step.
    pub key: &'a str,
    /// The call; kept in the receipt.
    pub call: &'a ToolCall,
}

impl Scope<'_> {
    /// Sends the tool's command to the caller's actor.
    async fn command<M: Message>(&self, message: M) -> Result<Value, CallError> {
        let request = Request {
            key: Some(self.key.to_owned()),
            traceparent: Some(self.traceparent.to_owned()),
            tool_call: Some(self.call.clone()),
            message,
        };
        to_value(&self.actors.send(self.user_id, request).await?)
    }

    /// Reads from the caller's actor.
    async fn read<M: Message>(&self, message: M) -> Result<M::Reply, CallError> {
        let traceparent = Some(self.traceparent.to_owned());
        self.actors
            .send(
                self.user_id,
                Request {
                    traceparent,
                    ..Request::read(message)
                },
            )
            .await
    }
}

/// The schemas of all tools, ready to check with. One that is none could check nothing, so its
/// tool refuses every call.
static SCHEMAS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    let compiled = ALL.iter().filter_map(|tool| {
        let schema = jsonschema::validator_for(&(tool.arguments)()).ok()?;
        Some((tool.name, schema))
    });
    compiled.collect()
});
/// The longest complaint about arguments, in characters.
const LONGEST_COMPLAINT: usize = 300;

/// Checks the arguments of a call against its tool's schema.
pub(super) fn check(tool: &Tool, arguments: &Value) -> Result<(), Refusal> {
    let problem = match SCHEMAS
        .get(tool.name)
        .map(|schema| schema.validate(arguments))
    {
        Some(Ok(())) => return Ok(()),
        Some(Err(error)) => match error.instance_path().to_string().trim_start_matches('/') {
            "" => error.to_string(),
            place => format!("{place}: {error}"),
        },
        None => "they cannot be checked".to_owned(),
    };
    let problem: String = problem.chars().take(LONGEST_COMPLAINT).collect();
    Err(misfit(&problem))
}

fn misfit(problem: &str) -> Refusal {
    Refusal::invalid(format!("The arguments do not fit: {problem}."))
}

/// Runs the call of `scope`, if its arguments fit the tool's schema, and answers `{"ok": …}` or `{"refused": {"code", "message"}}`.
///
/// # Errors
/// Something broke.
pub async fn run(scope: &Scope<'_>) -> Result<Value, Failure> {
    let reply = match find(&scope.call.tool) {
        Some(tool) => match check(tool, &scope.call.arguments) {
            Ok(()) => (tool.run)(scope, scope.call.arguments.clone())
                .await
                .map(|reply| (tool.present)(reply)),
            Err(refusal) => Err(refusal.into()),
        },
        None => Err(Refusal::invalid("There is no such tool.").into()),
    };
    match reply {
        Ok(reply) => Ok(json!({ "ok": reply })),
        Err(CallError::Refused(refusal)) => Ok(json!({ "refused": refusal })),
        Err(CallError::Failed(failure)) => Err(failure),
    }
}

/// What a planner sees of a reply that stands in a receipt.
#[must_use]
pub fn present(name: &str, reply: Value) -> Value {
    match find(name) {
        Some(tool) => (tool.present)(reply),
        None => reply,
    }
}

/// When something is due, from the two ways to say it.
///
/// # Errors
/// Both were given.
pub fn due(at: Option<Timestamp>, date: Option<Date>) -> Result<Option<Due>, Refusal> {
    match (at, date) {
        (Some(_), Some(_)) => Err(Refusal::invalid(
            "Give either due_at or due_date, not both.",
        )),
        (Some(at), None) => Ok(Some(Due::At(to_microseconds(at)))),
        (None, date) => Ok(date.map(Due::Date)),
    }
}

fn find(name: &str) -> Option<&'static Tool> {
    ALL.iter().find(|tool| tool.name == name)
}

/// Reads the arguments of a call.
fn arguments<T: DeserializeOwned>(arguments: Value) -> Result<T, Refusal> {
    serde_json::from_value(arguments).map_err(|error| misfit(&error.to_string()))
}

fn to_value<T: serde::Serialize>(reply: &T) -> Result<Value, CallError> {
    serde_json::to_value(reply)
        .map_err(|error| Failure::terminal(format!("a reply cannot be encoded: {error}")).into())
}

/// Presents a task.
fn task(reply: Value) -> Value {
    json!({ "task": reply })
}

/// Presents a reply as it is.
fn as_is(reply: Value) -> Value {
    reply
}

/// The schema of the arguments of tools that take one task.
fn task_id_only() -> Value {
    json!({
        "type": "object",
        "properties": {
            "task_id": { "type": "string", "description": "The task's id, as list_tasks gives it." },
        },
        "required": ["task_id"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_schema_is_an_object() {
        for (n, tool) in ALL.iter().enumerate() {
            assert!(
                ALL[..n].iter().all(|other| other.name != tool.name),
                "{}",
                tool.name
            );
            assert!(!tool.description.is_empty());
            let schema = (tool.arguments)();
            assert_eq!(schema["type"], "object", "{}", tool.name);
            let properties = schema["properties"].as_object().unwrap();
            for required in schema["required"].as_array().unwrap() {
                assert!(
                    properties.contains_key(required.as_str().unwrap()),
                    "{}",
                    tool.name
                );
            }
            assert!(
                properties.keys().all(|name| name != "user_id"),
                "{}",
                tool.name
            );
        }
    }

    #[test]
    fn arguments_are_checked_before_a_tool_runs() {
        let problem = |tool: &str, arguments: Value| {
            check(find(tool).unwrap(), &arguments)
                .err()
                .map(|r| r.message)
        };
        assert_eq!(SCHEMAS.len(), ALL.len());
        assert_eq!(problem("add_task", json!({"title": "milk"})), None);
        assert_eq!(problem("undo", json!({})), None);
        for (tool, arguments) in [
            ("add_task", json!({})),
            ("add_task", json!({"title": 7})),
            ("add_task", json!({"title": "milk", "user_id": "bob"})),
            ("add_task", json!({"title": "milk", "priority": "huge"})),
            ("delete_task", json!({"task_id": ["a", "b"]})),
            ("delete_task", json!("all")),
            ("undo", json!({"steps": 20})),
        ] {
            let problem = problem(tool, arguments).unwrap();
            assert!(
                problem.starts_with("The arguments do not fit: "),
                "{problem}"
            );
        }
        let long = problem("delete_task", json!("x".repeat(5_000))).unwrap();
        assert!(long.len() < 400, "{}", long.len());
    }

    #[test]
    fn due_is_an_instant_or_a_day() {
        let at: Timestamp = "2026-05-01T09:00:00+02:00".parse().unwrap();
        let date = jiff::civil::date(2026, 5, 1);
        assert_eq!(due(None, None).unwrap(), None);
        assert_eq!(due(Some(at), None).unwrap(), Some(Due::At(at)));
        assert_eq!(due(None, Some(date)).unwrap(), Some(Due::Date(date)));
        assert!(due(Some(at), Some(date)).is_err());
    }

    #[test]
    fn a_receipt_looks_like_a_fresh_reply() {
        assert_eq!(
            present("add_task", json!({"task_id": "t"})),
            json!({"task": {"task_id": "t"}})
        );
        assert_eq!(
            present("undo", json!({"undone": "added"})),
            json!({"undone": "added"})
        );
    }
}
