//! What the servers hold, read behind the backend's back.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use todo_stack::Stack;

/// An actor's journal as it lies in the state store.
#[derive(Debug, Default)]
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
    /// Every entry from the oldest that must be there to the head, and no other.
    #[track_caller]
    pub fn assert_whole(&self, actor: &str) {
        let wanted: Vec<i64> = (self.first..=self.head).collect();
        assert_eq!(self.entries, wanted, "entries of {actor}: {self:?}");
    }
}

/// A connection to the stack's database.
pub async fn database(stack: &Stack) -> PgConnection {
    PgConnection::connect(stack.database_url()).await.unwrap()
}

/// Every journal there is, by actor, such as `User/ann`.
pub async fn journals(stack: &Stack) -> BTreeMap<String, Kept> {
    let mut database = database(stack).await;
    let mut journals = BTreeMap::new();
    let heads: Vec<(String, i64)> = sqlx::query_as("select actor, seq from journal_head")
        .fetch_all(&mut database)
        .await
        .unwrap();
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
            .fetch_all(&mut database)
            .await
            .unwrap();
    for key in entries {
        let (actor, name) = split(&key);
        let seq = name.trim_start_matches("e:").parse().unwrap();
        // An entry without a head would be a journal that the fence does not know.
        journals.get_mut(&actor).unwrap().entries.push(seq);
    }
    let manifests: Vec<(String, Vec<u8>)> =
        sqlx::query_as("select key, value from dapr_state where key like '%||manifest'")
            .fetch_all(&mut database)
            .await
            .unwrap();
    for (key, value) in manifests {
        let manifest: Value = serde_json::from_slice(&value).unwrap();
        let kept = journals.get_mut(&split(&key).0).unwrap();
        kept.snapshot = manifest["seq"].as_i64();
        kept.first = manifest["first"].as_i64().unwrap();
    }
    for kept in journals.values_mut() {
        kept.entries.sort_unstable();
    }
    journals
}

/// The journal of one actor.
pub async fn journal(stack: &Stack, actor: &str) -> Kept {
    journals(stack).await.remove(actor).unwrap_or_default()
}

/// `{app}||{type}||{id}||{name}` as the actor and the name.
fn split(key: &str) -> (String, &str) {
    let parts: Vec<&str> = key.split("||").collect();
    (format!("{}/{}", parts[1], parts[2]), parts[3])
}

/// The size of the largest message of a topic, in bytes.
pub async fn largest_message(stack: &Stack, topic: &str) -> usize {
    let records = stack.read_topic(topic).await.unwrap();
    let sizes = records.iter().map(|record| record.value.len());
    sizes.max().unwrap_or_default()
}
