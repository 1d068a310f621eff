//! Every reminder that came due fired, once, and none before its time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::diary::Diary;
use crate::evidence::ActorEvent;

const DUE: &str = "com.todo.reminder.due";

/// Compares what people wait to be reminded of with the events, each taken once.
pub fn reminded_once(diaries: &[Diary], events: &[&ActorEvent]) -> Vec<String> {
    let mut fired: BTreeMap<(&str, &str), Vec<Option<Timestamp>>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == DUE) {
        let task = event.data["task_id"].as_str().unwrap_or_default();
        let about = fired.entry((event.key.as_str(), task)).or_default();
        about.push(event.time.parse().ok());
    }
    let mut found = Vec::new();
    for diary in diaries {
        for promise in &diary.promises {
            let what = format!(
                "the reminder of {} of {}, due {},",
                promise.task_id, diary.user, promise.due_at
            );
            match fired.remove(&(&diary.user, &promise.task_id)).as_deref() {
                None => found.push(format!("{what} did not fire")),
                Some([Some(at)]) if *at < promise.due_at => {
                    found.push(format!("{what} fired too early, at {at}"));
                }
                Some([_]) => (),
                Some(times) => found.push(format!("{what} fired {} times", times.len())),
            }
        }
    }
    let unsettled = |user: &str| {
        let diary = diaries.iter().find(|diary| diary.user == user);
        diary.is_some_and(|diary| diary.unsettled)
    };
    let strange = fired.keys().filter(|(user, _)| !unsettled(user));
    found.extend(
        strange
            .map(|(user, task)| format!("{user} was reminded of {task}, which nobody asked for")),
    );
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::diary::Promise;
    use super::super::event;
    use super::*;

    fn waits_until(due_at: &str) -> Diary {
        let promise = Promise {
            task_id: "task-1".to_owned(),
            due_at: due_at.parse().unwrap(),
        };
        Diary {
            user: "ann".to_owned(),
            promises: vec![promise],
            ..Diary::default()
        }
    }

    /// At nine.
    fn fires(sequence: i64) -> ActorEvent {
        event("ann", sequence, DUE, json!({ "task_id": "task-1" }))
    }

    #[test]
    fn once_and_in_time_is_well() {
        let diary = waits_until("2026-01-05T09:00:00Z");
        assert!(reminded_once(&[diary], &[&fires(2)]).is_empty());
    }

    #[test]
    fn one_that_did_not_fire_is_found() {
        let found = reminded_once(&[waits_until("2026-01-05T08:59:00Z")], &[]);
        assert!(found[0].ends_with("did not fire"), "{found:?}");
    }

    #[test]
    fn one_that_fired_twice_or_too_early_is_found() {
        let diary = [waits_until("2026-01-05T09:00:00Z")];
        let found = reminded_once(&diary, &[&fires(2), &fires(3)]);
        assert!(found[0].ends_with("fired 2 times"), "{found:?}");
        let found = reminded_once(&[waits_until("2026-01-05T09:00:01Z")], &[&fires(2)]);
        assert!(found[0].contains("too early"), "{found:?}");
    }

    #[test]
    fn one_that_nobody_waits_for_is_found() {
        let found = reminded_once(&[], &[&fires(2)]);
        assert_eq!(
            found,
            ["ann was reminded of task-1, which nobody asked for"]
        );
    }
}
