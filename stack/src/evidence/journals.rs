//! The journals, as they lie in the state store.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;
use sqlx::PgConnection;

/// An actor's journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The last sequence by the database's own count.
    pub head: i64,
    /// The sequences of the entries that are there, in order.
    pub entries: Vec<i64>,
    /// The entry the last snapshot includes; `None` before the first snapshot.
    pub snapshot: Option<i64>,
    /// The oldest entry that may still be there.
    pub first: i64,
}

impl Kept {
    /// Whether every entry from the oldest that must be there to the head is, and no other.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.entries.iter().copied().eq(self.first..=self.head)
    }

    /// The same, as a test says it.
    ///
    /// # Panics
    /// It is not.
    #[track_caller]
    pub fn assert_whole(&self, actor: &str) {
        let wanted: Vec<i64> = (self.first..=self.head).collect();
        assert_eq!(self.entries, wanted, "entries of {actor}: {self:?}");
    }
}

/// Every journal there is, by actor, such as `User/ann`.
///
/// # Errors
/// The tables cannot be read, or hold an entry of an actor that the fence does not know.
pub async fn journals(database: &mut PgConnection) -> Result<BTreeMap<String, Kept>> {
    let mut journals = BTreeMap::new();
    let heads: Vec<(String, i64)> = sqlx::query_as("select actor, seq from journal_head")
        .fetch_all(&mut *database)
        .await?;
    for (actor, head) in heads {
        let kept = Kept {
            head,
            first: 1,
            ..Kept::default()
        };
        journals.insert(actor, kept);
    }
    let entries: Vec<String> =
        sqlx::query_scalar("select key from dapr_state where key like '%||e:%'")
            .fetch_all(&mut *database)
            .await?;
    for key in entries {
        let (kept, name) = find(&mut journals, &key)?;
        let seq = name.strip_prefix("e:").and_then(|seq| seq.parse().ok());
        let seq = seq.with_context(|| format!("{key} is no entry's key"))?;
        kept.entries.push(seq);
    }
    let manifests: Vec<(String, Vec<u8>)> =
        sqlx::query_as("select key, value from dapr_state where key like '%||manifest'")
            .fetch_all(database)
            .await?;
    for (key, value) in manifests {
        let manifest: Value = serde_json::from_slice(&value)?;
        let (kept, _) = find(&mut journals, &key)?;
        kept.snapshot = manifest["seq"].as_i64();
        let first = manifest["first"].as_i64();
        kept.first = first.with_context(|| format!("{key} does not say where it begins"))?;
    }
    for kept in journals.values_mut() {
        kept.entries.sort_unstable();
    }
    Ok(journals)
}

/// The journal that the key `{app}||{type}||{id}||{name}` belongs to, and the name.
fn find<'a, 'k>(
    journals: &'a mut BTreeMap<String, Kept>,
    key: &'k str,
) -> Result<(&'a mut Kept, &'k str)> {
    let parts: Vec<&str> = key.split("||").collect();
    let [_, kind, id, name] = parts[..] else {
        anyhow::bail!("{key} is no key of an actor's state");
    };
    let kept = journals.get_mut(&format!("{kind}/{id}"));
    let kept = kept.with_context(|| format!("{key} is of a journal that has no head"))?;
    Ok((kept, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_and_a_leftover_are_seen() {
        let kept = |first, entries: &[i64]| Kept {
            head: 4,
            entries: entries.to_vec(),
            snapshot: None,
            first,
        };
        assert!(kept(1, &[1, 2, 3, 4]).is_whole());
        assert!(kept(5, &[]).is_whole());
        assert!(!kept(1, &[1, 2, 4]).is_whole());
        assert!(!kept(3, &[2, 3, 4]).is_whole());
        assert!(!kept(1, &[1, 2, 3]).is_whole());
    }
}
