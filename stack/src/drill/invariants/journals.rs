//! Journals have neither gap nor fork, and their events are all there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::evidence::{ActorEvent, Kept};

/// Every entry from the oldest that must be there to the head is, and no other.
pub fn whole_journals(journals: &BTreeMap<String, Kept>) -> Vec<String> {
    let broken = journals.iter().filter(|(_, kept)| !kept.is_whole());
    broken
        .map(|(actor, kept)| format!("the journal of {actor} has a gap or a leftover: {kept:?}"))
        .collect()
}

/// Each entry has its events on its actor's home topic, all of one turn, and no event is of an
/// entry that is not. `events` has repeats: two with one id must be the same.
pub fn entries_and_events(journals: &BTreeMap<String, Kept>, events: &[ActorEvent]) -> Vec<String> {
    let mut found = Vec::new();
    let mut by_id: HashMap<&str, &ActorEvent> = HashMap::new();
    let mut announced: BTreeMap<(&str, i64), Announced> = BTreeMap::new();
    for event in events {
        match by_id.insert(&event.id, event) {
            None => {
                let entry = announced.entry((&event.actor, event.sequence)).or_default();
                entry.times.insert(&event.time);
                if let Some((part, parts)) = event.part {
                    entry.parts.insert(part);
                    entry.wanted = parts;
                }
            }
            Some(known) if known == event => (),
            Some(_) => found.push(format!("two different events are called {}", event.id)),
        }
    }
    for (&(actor, sequence), entry) in &announced {
        let head = journals.get(actor).map_or(0, |kept| kept.head);
        if !(1..=head).contains(&sequence) {
            found.push(format!(
                "there are events of entry {sequence} of {actor}, whose last entry is {head}"
            ));
        }
        if entry.times.len() > 1 {
            found.push(format!(
                "entry {sequence} of {actor} was decided more than once, at {:?}",
                entry.times
            ));
        }
    }
    for (actor, kept) in journals {
        for sequence in 1..=kept.head {
            let entry = announced.get(&(actor.as_str(), sequence));
            let complete = entry.is_some_and(|entry| {
                entry.wanted > 0 && entry.parts.iter().copied().eq(0..entry.wanted)
            });
            if !complete {
                found.push(format!(
                    "entry {sequence} of {actor} does not have all its events"
                ));
            }
        }
    }
    found
}

/// What Kafka has of one entry.
#[derive(Default)]
struct Announced<'a> {
    times: BTreeSet<&'a str>,
    parts: BTreeSet<i64>,
    wanted: i64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::event;
    use super::*;

    fn journal(head: i64) -> BTreeMap<String, Kept> {
        let kept = Kept {
            head,
            entries: (1..=head).collect(),
            snapshot: None,
            first: 1,
        };
        BTreeMap::from([("User/ann".to_owned(), kept)])
    }

    fn entry(sequence: i64) -> ActorEvent {
        event(
            "ann",
            sequence,
            "com.todo.task.created",
            json!({ "title": "milk" }),
        )
    }

    #[test]
    fn an_event_for_each_entry_and_repeats_are_well() {
        let events = [entry(1), entry(2), entry(1)];
        assert!(entries_and_events(&journal(2), &events).is_empty());
        assert!(whole_journals(&journal(2)).is_empty());
    }

    #[test]
    fn a_gap_in_the_store_is_found() {
        let mut journals = journal(3);
        if let Some(kept) = journals.get_mut("User/ann") {
            kept.entries.remove(1);
        }
        let found = whole_journals(&journals);
        assert!(
            found[0].starts_with("the journal of User/ann has a gap"),
            "{found:?}"
        );
    }

    #[test]
    fn an_entry_without_its_event_is_found() {
        let found = entries_and_events(&journal(2), &[entry(2)]);
        assert_eq!(found, ["entry 1 of User/ann does not have all its events"]);
    }

    #[test]
    fn an_entry_with_half_of_its_events_is_found() {
        let mut half = entry(1);
        half.part = Some((1, 2));
        let found = entries_and_events(&journal(1), &[half]);
        assert_eq!(found, ["entry 1 of User/ann does not have all its events"]);
    }

    #[test]
    fn an_entry_with_events_elsewhere_only_is_found() {
        let mut elsewhere = entry(1);
        elsewhere.topic = "reminders";
        elsewhere.part = None;
        assert_eq!(entries_and_events(&journal(1), &[elsewhere]).len(), 1);
    }

    #[test]
    fn an_event_without_an_entry_is_found() {
        let found = entries_and_events(&journal(1), &[entry(1), entry(2)]);
        let sentence = "there are events of entry 2 of User/ann, whose last entry is 1";
        assert_eq!(found, [sentence]);
        let nobody = entries_and_events(&BTreeMap::new(), &[entry(1)]);
        assert_eq!(nobody.len(), 1, "{nobody:?}");
    }

    #[test]
    fn a_fork_is_found_by_its_events() {
        let mut other = entry(1);
        other.data = json!({ "title": "bread" });
        let found = entries_and_events(&journal(1), &[entry(1), other.clone()]);
        assert_eq!(found, ["two different events are called User/ann/1/0"]);
        other.id = "User/ann/1/1".to_owned();
        other.part = Some((1, 2));
        other.time = "2026-01-05T09:00:01Z".to_owned();
        let mut first = entry(1);
        first.part = Some((0, 2));
        let found = entries_and_events(&journal(1), &[first, other]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("decided more than once"), "{found:?}");
    }
}
