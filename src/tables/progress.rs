//! Tables `projection_progress` and `projection_position`: how far the projection has come,
//! per actor and per partition.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::Timestamp;
use sqlx::{PgConnection, Row};

use super::time::Moment;

/// The place of an event in its actor's journal: the entry, and which of the entry's events on
/// the home topic it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The entry's sequence, from 1.
    pub seq: i64,
    /// Which of its home events, from 0.
    pub part: i32,
    /// How many home events the entry has.
    pub parts: i32,
}

/// Whose turn an event is, given what was applied before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Applied already.
    Past,
    /// The very next one.
    Now,
    /// One before it is still missing.
    Ahead,
}

impl Place {
    /// Before the first event.
    pub const START: Self = Self {
        seq: 0,
        part: 0,
        parts: 1,
    };

    /// Whether it is `event`'s turn after this place.
    #[must_use]
    pub fn turn(self, event: Self) -> Turn {
        let next = if self.part + 1 < self.parts {
            (self.seq, self.part + 1)
        } else {
            (self.seq + 1, 0)
        };
        match (event.seq, event.part).cmp(&next) {
            Ordering::Less => Turn::Past,
            Ordering::Equal => Turn::Now,
            Ordering::Greater => Turn::Ahead,
        }
    }
}

/// Locks the progress of `actors` until the transaction ends, and answers it. Rows are taken in
/// the order of their names, so that transactions with actors in common never deadlock. An actor
/// that has none begins right before its tombstone.
///
/// # Errors
/// The database does not answer.
pub async fn lock(
    connection: &mut PgConnection,
    actors: &[&str],
) -> sqlx::Result<BTreeMap<String, Place>> {
    let rows = sqlx::query(
        "INSERT INTO projection_progress (actor, seq, part, parts, applied_at)
         SELECT DISTINCT a, greatest($2::bigint, h.tombstone - 1), $3::integer, $4::integer, now()
         FROM unnest($1::text[]) AS a LEFT JOIN journal_head h ON h.actor = a ORDER BY a
         ON CONFLICT (actor) DO UPDATE SET actor = excluded.actor
         RETURNING actor, seq, part, parts",
    )
    .bind(actors)
    .bind(Place::START.seq)
    .bind(Place::START.part)
    .bind(Place::START.parts)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let place = Place {
                seq: row.try_get("seq")?,
                part: row.try_get("part")?,
                parts: row.try_get("parts")?,
            };
            Ok((row.try_get("actor")?, place))
        })
        .collect()
}

/// Moves actors, locked before, to where they are now.
///
/// # Errors
/// The database does not take it.
pub async fn advance(connection: &mut PgConnection, places: &[(&str, Place)]) -> sqlx::Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE projection_progress p
         SET seq = n.seq, part = n.part, parts = n.parts, applied_at = clock_timestamp()
         FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::integer[])
             AS n (actor, seq, part, parts)
         WHERE p.actor = n.actor",
    )
    .bind(places.iter().map(|(actor, _)| *actor).collect::<Vec<_>>())
    .bind(
        places
            .iter()
            .map(|(_, place)| place.seq)
            .collect::<Vec<_>>(),
    )
    .bind(
        places
            .iter()
            .map(|(_, place)| place.part)
            .collect::<Vec<_>>(),
    )
    .bind(
        places
            .iter()
            .map(|(_, place)| place.parts)
            .collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes the progress of actors that have no journal.
///
/// # Errors
/// The database does not answer.
pub async fn remove_orphans(connection: &mut PgConnection) -> sqlx::Result<u64> {
    let removed = sqlx::query(
        "DELETE FROM projection_progress p WHERE NOT EXISTS
             (SELECT FROM journal_head h WHERE h.actor = p.actor)",
    )
    .execute(connection)
    .await?;
    Ok(removed.rows_affected())
}

/// Notes the newest event taken in from partitions of a topic. An old event published again
/// does not move a partition back.
///
/// # Errors
/// The database does not take it.
pub async fn reach(
    connection: &mut PgConnection,
    newest: &BTreeMap<(&str, i32), Timestamp>,
) -> sqlx::Result<()> {
    if newest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO projection_position AS p (topic, partition, event_at, applied_at)
         SELECT n.topic, n.partition, n.event_at, clock_timestamp()
         FROM unnest($1::text[], $2::integer[], $3::timestamptz[])
             AS n (topic, partition, event_at)
         ORDER BY n.topic, n.partition
         ON CONFLICT (topic, partition) DO UPDATE
             SET event_at = greatest(p.event_at, excluded.event_at),
                 applied_at = excluded.applied_at",
    )
    .bind(newest.keys().map(|(topic, _)| *topic).collect::<Vec<_>>())
    .bind(
        newest
            .keys()
            .map(|(_, partition)| *partition)
            .collect::<Vec<_>>(),
    )
    .bind(newest.values().copied().map(Moment).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seq: i64, part: i32, parts: i32) -> Place {
        Place { seq, part, parts }
    }

    #[test]
    fn an_actors_first_event_is_the_first_part_of_its_first_entry() {
        assert_eq!(Place::START.turn(at(1, 0, 1)), Turn::Now);
        assert_eq!(Place::START.turn(at(1, 1, 2)), Turn::Ahead);
        assert_eq!(Place::START.turn(at(2, 0, 1)), Turn::Ahead);
    }

    #[test]
    fn the_next_part_comes_before_the_next_entry() {
        let place = at(7, 0, 2);
        assert_eq!(place.turn(at(6, 0, 1)), Turn::Past);
        assert_eq!(place.turn(at(7, 0, 2)), Turn::Past);
        assert_eq!(place.turn(at(7, 1, 2)), Turn::Now);
        assert_eq!(place.turn(at(8, 0, 1)), Turn::Ahead);
    }

    #[test]
    fn the_last_part_makes_way_for_the_next_entry() {
        let place = at(7, 1, 2);
        assert_eq!(place.turn(at(7, 1, 2)), Turn::Past);
        assert_eq!(place.turn(at(8, 0, 3)), Turn::Now);
        assert_eq!(place.turn(at(8, 1, 3)), Turn::Ahead);
        assert_eq!(place.turn(at(9, 0, 1)), Turn::Ahead);
    }
}
