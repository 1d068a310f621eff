//! Every acknowledged command is present once, and nothing else happened.

use std::collections::BTreeMap;

use super::super::diary::{COMPLETED, CREATED, DELETED, Deed, Diary, REOPENED, SAID, UPDATED};
use crate::evidence::ActorEvent;

/// What only people's own commands cause.
const KINDS: [&str; 6] = [CREATED, UPDATED, COMPLETED, REOPENED, DELETED, SAID];

/// Compares what people were told with the events, each taken once. Of somebody who gave up on a
/// command, one thing more may have happened.
pub fn acknowledged_once(diaries: &[Diary], events: &[&ActorEvent]) -> Vec<String> {
    let mut happened: BTreeMap<&str, BTreeMap<Deed, i64>> = BTreeMap::new();
    for event in events {
        if KINDS.contains(&event.kind.as_str()) {
            let user = happened.entry(event.key.as_str()).or_default();
            *user.entry(Deed::of(&event.kind, &event.data)).or_default() += 1;
        }
    }
    let mut found = Vec::new();
    for diary in diaries {
        let mut counts = happened.remove(diary.user.as_str()).unwrap_or_default();
        for deed in &diary.deeds {
            *counts.entry(deed.clone()).or_default() -= 1;
        }
        for (deed, more) in counts {
            let Deed {
                kind,
                subject,
                words,
            } = deed;
            let what = format!("{}: {kind} of {subject} (“{words}”)", diary.user);
            if more < 0 {
                found.push(format!("{what} was acknowledged and has no event"));
            } else if more > 0 && !diary.unsettled {
                found.push(format!("{what} happened once more than was acknowledged"));
            }
        }
    }
    found.extend(
        happened
            .keys()
            .map(|user| format!("there are events of {user}, who is nobody")),
    );
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::event;
    use super::*;

    fn told(titles: &[&str]) -> Diary {
        let deeds = titles.iter().map(|title| {
            let task = json!({ "task_id": format!("id of {title}"), "title": title });
            Deed::of(CREATED, &task)
        });
        Diary {
            user: "ann".to_owned(),
            deeds: deeds.collect(),
            ..Diary::default()
        }
    }

    fn created(sequence: i64, title: &str) -> ActorEvent {
        let task = json!({ "task_id": format!("id of {title}"), "title": title });
        event("ann", sequence, CREATED, task)
    }

    #[test]
    fn what_was_acknowledged_and_happened_is_well() {
        let (milk, bread) = (created(1, "milk"), created(2, "bread"));
        let other = event("ann", 3, "com.todo.task.reminded", json!({}));
        let found = acknowledged_once(&[told(&["bread", "milk"])], &[&milk, &bread, &other]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_lost_command_is_found() {
        let found = acknowledged_once(&[told(&["milk", "bread"])], &[&created(1, "milk")]);
        let lost = "ann: com.todo.task.created of id of bread (“bread”) was acknowledged and has \
                    no event";
        assert_eq!(found, [lost]);
    }

    #[test]
    fn a_doubled_command_is_found_unless_somebody_gave_up() {
        let (once, twice) = (created(1, "milk"), created(2, "milk"));
        let mut diary = told(&["milk"]);
        let found = acknowledged_once(std::slice::from_ref(&diary), &[&once, &twice]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("once more"), "{found:?}");
        diary.unsettled = true;
        assert!(acknowledged_once(&[diary], &[&once, &twice]).is_empty());
    }

    #[test]
    fn somebody_unknown_is_found() {
        let found = acknowledged_once(&[], &[&created(1, "milk")]);
        assert_eq!(found, ["there are events of ann, who is nobody"]);
    }
}
