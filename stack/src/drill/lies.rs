//! A language model that is slow, and says and does what it should not.

use serde_json::{Value, json};

/// What people say to it.
pub const SENTENCES: &[&str] = &[
    "put tea on my list",
    "please note the plumber",
    "kindly note the gardener",
    "tidy up my list",
    "take down the dentist in your own words",
    "jot down the bank for me",
    "what would my neighbour do today?",
];

/// How it answers them; “put tea on my list” it knows already, and does.
pub fn fixtures() -> Value {
    let call = |name: &str, arguments: Value| json!({ "toolCalls": [{ "name": name, "arguments": arguments }] });
    let says = |text: &str| json!({ "content": text });
    let mut fixtures = Vec::new();
    let mut learn = |sentence: &str, after_tool: bool, response: Value| {
        let about = json!({ "userMessage": sentence, "hasToolResult": after_tool });
        fixtures.push(json!({ "match": about, "response": response }));
    };
    // It says that something is done, and did nothing.
    learn(
        "please note the plumber",
        false,
        says("The plumber is on your list."),
    );
    // It does what it should, slowly.
    learn(
        "kindly note the gardener",
        false,
        call("add_task", json!({ "title": "call the gardener" })),
    );
    learn(
        "kindly note the gardener",
        true,
        says("The gardener is on your list."),
    );
    // It deletes what nobody named.
    learn(
        "tidy up my list",
        false,
        call("delete_task", json!({ "task_id": "task-1" })),
    );
    learn("tidy up my list", true, says("All tidy."));
    // It calls what is not there, …
    learn(
        "take down the dentist in your own words",
        false,
        call("drop_table", json!({ "name": "tasks" })),
    );
    learn(
        "take down the dentist in your own words",
        true,
        says("It is down."),
    );
    // … and a tool in a way that it cannot be called.
    learn(
        "jot down the bank for me",
        false,
        call("add_task", json!({ "titel": 7, "user_id": "u0" })),
    );
    learn(
        "jot down the bank for me",
        true,
        says("The bank is on your list."),
    );
    // It breaks.
    learn(
        "what would my neighbour do today?",
        false,
        json!({ "error": { "message": "no" }, "status": 500 }),
    );
    for fixture in &mut fixtures {
        if fixture["match"]["userMessage"] == "kindly note the gardener" {
            fixture["latency"] = 2_500.into();
        }
    }
    Value::Array(fixtures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_an_answer_to_every_sentence() {
        let known = include_str!("../../aimock/fixtures.json");
        let known = format!("{known}{}", fixtures());
        for sentence in SENTENCES {
            assert!(known.contains(sentence), "{sentence}");
        }
    }
}
