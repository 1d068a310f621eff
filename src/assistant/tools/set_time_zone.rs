//! Sets the person's time zone.

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use todo_actors::{message::CallError, user::SetProfile};

use super::{Effect, Scope, Tool, arguments, as_is};
use crate::assistant::zone_name;

/// Takes a zone; answers the profile.
pub const TOOL: Tool = Tool {
    name: "set_time_zone",
    description: "Sets the time zone in which the person's dates and times are meant.",
    arguments: schema,
    effect: Effect::Sets,
    run,
    present: as_is,
};

#[derive(Deserialize)]
struct Arguments {
    time_zone: String,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "time_zone": { "type": "string", "description": "IANA name, such as Europe/Berlin." },
        },
        "required": ["time_zone"],
        "additionalProperties": false,
    })
}

fn run<'a>(scope: &'a Scope<'a>, value: Value) -> BoxFuture<'a, Result<Value, CallError>> {
    Box::pin(async move {
        let Arguments { time_zone } = arguments(value)?;
        let message = SetProfile {
            time_zone: zone_name(&time_zone)?,
            only_if_unset: false,
        };
        scope.command(message).await
    })
}
