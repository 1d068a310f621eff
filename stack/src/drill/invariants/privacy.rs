//! Nobody's data is among another's. People call their things `{who}-thing-{n}`.

use serde_json::Value;

use crate::evidence::ActorEvent;

/// Looks at whom events and rows belong to, and whose words are in them.
pub fn own_data_only(events: &[&ActorEvent], rows: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for event in events {
        let id = event.actor.split('/').nth(1).unwrap_or_default();
        let owner = id.split('~').next().unwrap_or_default();
        let said = event.data["user_id"].as_str().unwrap_or_default();
        if event.key != owner || said != owner {
            found.push(format!(
                "the event {} has the key {} and says it is of {said}",
                event.id, event.key
            ));
        }
        if let Some(other) = foreign(&event.data, owner) {
            found.push(format!("the event {} has words of {other}", event.id));
        }
    }
    for row in rows {
        let json = row.split_once(' ').map_or("", |(_, json)| json);
        let row_data: Value = serde_json::from_str(json).unwrap_or_default();
        let owner = row_data["user_id"].as_str();
        if let Some(other) = owner.and_then(|owner| foreign(&row_data, owner)) {
            found.push(format!("a row has words of {other}: {row}"));
        }
    }
    found
}

/// Somebody else whose things are named in texts of `data`.
fn foreign(data: &Value, owner: &str) -> Option<String> {
    let fields = ["title", "text"];
    let texts = fields.iter().filter_map(|field| data[field].as_str());
    let words = texts.flat_map(|text| text.split(|c: char| c.is_whitespace() || c == '“'));
    words
        .filter_map(|word| word.split_once("-thing-"))
        .map(|(who, _)| who)
        .find(|who| *who != owner)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::event;
    use super::*;

    #[test]
    fn what_is_one_s_own_is_well() {
        let own = event(
            "u1",
            1,
            "com.todo.task.created",
            json!({ "title": "u1-thing-3" }),
        );
        let row = "message {\"user_id\": \"u1\", \"text\": \"Added “u1-thing-3”.\"}".to_owned();
        assert_eq!(own_data_only(&[&own], &[row]), Vec::<String>::new());
    }

    #[test]
    fn an_event_under_another_s_key_is_found() {
        let mut event = event("u1", 1, "com.todo.task.created", json!({}));
        event.key = "u2".to_owned();
        let found = own_data_only(&[&event], &[]);
        assert_eq!(
            found,
            ["the event User/u1/1/0 has the key u2 and says it is of u1"]
        );
    }

    #[test]
    fn another_s_words_are_found_in_events_and_rows() {
        let event = event(
            "u1",
            1,
            "com.todo.task.created",
            json!({ "title": "u2-thing-3" }),
        );
        let row = "message {\"user_id\": \"u1\", \"text\": \"Added “u2-thing-3”.\"}".to_owned();
        let found = own_data_only(&[&event], &[row]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|found| found.contains("words of u2")));
    }
}
