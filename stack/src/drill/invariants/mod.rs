//! What must hold after a drill, each as a function from what was written down and found to
//! sentences about what does not.

mod commands;
mod journals;
mod privacy;
mod reminders;

use std::collections::BTreeMap;

use anyhow::Result;
use sqlx::PgConnection;

use super::diary::Diary;
use crate::Stack;
use crate::evidence::{self, ActorEvent, Kept};

pub use commands::acknowledged_once;
pub use journals::{entries_and_events, whole_journals};
pub use privacy::own_data_only;
pub use reminders::reminded_once;

/// What the servers hold.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Every event, repeats included.
    pub events: Vec<ActorEvent>,
    /// Every journal, by actor.
    pub journals: BTreeMap<String, Kept>,
    /// Every projected row.
    pub rows: Vec<String>,
    /// How many journals the tables have not caught up with.
    pub behind: i64,
    /// How many events a consumer gave up on.
    pub dead_letters: usize,
    /// What logs say of panics of the backend's roles.
    pub panics: Vec<String>,
}

impl Evidence {
    /// Reads it all.
    ///
    /// # Errors
    /// A server does not answer.
    pub async fn gather(stack: &Stack, database: &mut PgConnection) -> Result<Self> {
        Ok(Self {
            journals: evidence::journals(database).await?,
            events: evidence::read_events(stack).await?,
            // Before the rows, so that those have at least what is caught up with.
            behind: evidence::behind(database, "").await?,
            rows: evidence::rows(database, "").await?,
            dead_letters: stack.read_topic("dead-letters").await?.len(),
            panics: evidence::panics(stack)?,
        })
    }

    /// What does not hold, or not yet.
    #[must_use]
    pub fn violations(&self, diaries: &[Diary]) -> Vec<String> {
        let mut found: Vec<String> = diaries
            .iter()
            .flat_map(|diary| diary.oddities.iter().cloned())
            .collect();
        let distinct: Vec<&ActorEvent> = evidence::distinct(&self.events).into_values().collect();
        found.extend(acknowledged_once(diaries, &distinct));
        found.extend(entries_and_events(&self.journals, &self.events));
        found.extend(whole_journals(&self.journals));
        found.extend(reminded_once(diaries, &distinct));
        found.extend(own_data_only(&distinct, &self.rows));
        if self.behind > 0 {
            found.push(format!("{} journals are not in the tables", self.behind));
        }
        if self.dead_letters > 0 {
            let letters = self.dead_letters;
            found.push(format!("consumers gave up on {letters} events"));
        }
        found.extend(self.panics.iter().cloned());
        found
    }
}

/// How tables differ from those made anew, row by row.
#[must_use]
pub fn equal_to_a_rebuild(projected: &[String], rebuilt: &[String]) -> Vec<String> {
    let lacks = |rows: &[String], row: &String| rows.binary_search(row).is_err();
    let sorted = |rows: &[String]| {
        let mut rows = rows.to_vec();
        rows.sort();
        rows
    };
    let (projected, rebuilt) = (sorted(projected), sorted(rebuilt));
    let too_many = projected.iter().filter(|row| lacks(&rebuilt, row));
    let missing = rebuilt.iter().filter(|row| lacks(&projected, row));
    too_many
        .map(|row| format!("the tables have, and the journals do not: {row}"))
        .chain(missing.map(|row| format!("the journals have, and the tables do not: {row}")))
        .collect()
}

/// An event of `User/{user}`, for the tests of what must hold.
#[cfg(test)]
fn event(user: &str, sequence: i64, kind: &str, data: serde_json::Value) -> ActorEvent {
    let mut data = data;
    data["user_id"] = user.into();
    ActorEvent {
        topic: "task-events",
        key: user.to_owned(),
        id: format!("User/{user}/{sequence}/0"),
        kind: kind.to_owned(),
        actor: format!("User/{user}"),
        sequence,
        part: Some((0, 1)),
        time: "2026-01-05T09:00:00Z".to_owned(),
        data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_differs_is_named_from_both_sides() {
        let rows = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.to_owned())
                .collect::<Vec<_>>()
        };
        let projected = rows(&["task {\"id\": 1}", "task {\"id\": 2}"]);
        assert!(equal_to_a_rebuild(&projected, &projected).is_empty());
        let found =
            equal_to_a_rebuild(&projected, &rows(&["task {\"id\": 3}", "task {\"id\": 1}"]));
        assert_eq!(
            found,
            [
                "the tables have, and the journals do not: task {\"id\": 2}",
                "the journals have, and the tables do not: task {\"id\": 3}",
            ]
        );
    }

    #[test]
    fn what_people_found_odd_and_consumers_did_not_do_is_a_violation() {
        let diary = Diary {
            oddities: vec!["u1 at 3.0 s: 500 null".to_owned()],
            ..Diary::default()
        };
        let evidence = Evidence {
            behind: 2,
            dead_letters: 1,
            panics: vec!["backend-1.log: panicked".to_owned()],
            ..Evidence::default()
        };
        let found = evidence.violations(&[diary]);
        assert_eq!(
            found,
            [
                "u1 at 3.0 s: 500 null",
                "2 journals are not in the tables",
                "consumers gave up on 1 events",
                "backend-1.log: panicked",
            ]
        );
    }
}
