//! What a stored reply keeps of the calls made for it.

use serde_json::{Value, json};
use todo_actors::conversation::ToolCallRecord;

use super::planner::ToolOutcome;

/// What all results of a turn may take in the stored reply, in bytes: eight replies share a
/// snapshot page of 256 KiB with what the person said.
pub(super) const MOST_RESULT_BYTES: usize = 20 << 10;

/// What the stored reply shows of the calls; a conversation keeps its messages small.
pub(super) fn records(outcomes: Vec<ToolOutcome>) -> Vec<ToolCallRecord> {
    let mut room = MOST_RESULT_BYTES;
    outcomes
        .into_iter()
        .map(|ToolOutcome { call, result }| {
            let (result, size) = fitted(result, room);
            room = room.saturating_sub(size);
            ToolCallRecord {
                tool: call.tool,
                arguments: call.arguments,
                result,
            }
        })
        .collect()
}

/// A result that takes at most `room` bytes, and what it takes: a list loses its end, which its
/// `total` tells; anything else that is too long is left out.
fn fitted(mut result: Value, room: usize) -> (Value, usize) {
    let mut size = result.to_string().len();
    if size > room
        && let Some(tasks) = result
            .pointer_mut("/ok/tasks")
            .and_then(Value::as_array_mut)
    {
        while size > room
            && let Some(last) = tasks.pop()
        {
            // The element and the comma before it.
            size = size.saturating_sub(last.to_string().len() + 1);
        }
    }
    if size > room {
        result = json!({ "ok": { "omitted": "too long to keep" } });
    }
    (result, size.min(room))
}
