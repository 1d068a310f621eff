//! Journals of arbitrary bytes, for tests and fuzzing of what reads them.

use bytes::Bytes;
use futures::future::{BoxFuture, ready};

use crate::{
    conversation::state::Conversation,
    journal::{Journal, State},
    message::ActorRef,
    sidecar::{SidecarError, StateReader},
    user::state::User,
};

/// What stands between the pieces: no text of UTF-8 has this byte.
pub const BETWEEN: u8 = 0xFF;

/// An actor's state, cut from bytes.
struct Stored<'a> {
    manifest: Option<&'a [u8]>,
    page: &'a [u8],
    entries: Vec<&'a [u8]>,
}

impl<'a> Stored<'a> {
    /// The manifest, the content of every page, and the entries from the first on, with
    /// [`BETWEEN`] between them. An empty manifest is none.
    fn cut(bytes: &'a [u8]) -> Self {
        let mut pieces = bytes.split(|byte| *byte == BETWEEN);
        let manifest = pieces.next().filter(|piece| !piece.is_empty());
        Self {
            manifest,
            page: pieces.next().unwrap_or_default(),
            entries: pieces.collect(),
        }
    }

    fn find(&self, key: &str) -> Option<&'a [u8]> {
        if key == "manifest" {
            return self.manifest;
        }
        let Some(seq) = key.strip_prefix("e:") else {
            return Some(self.page);
        };
        let before = seq.parse::<usize>().ok()?.checked_sub(1)?;
        self.entries.get(before).copied()
    }
}

impl StateReader for Stored<'_> {
    fn get<'a>(
        &'a self,
        _: &'a ActorRef,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Bytes>, SidecarError>> {
        let found = self.find(key).map(Bytes::copy_from_slice);
        Box::pin(ready(Ok(found)))
    }
}

/// Reads bytes as the state of a user and of a conversation: the manifest, what every page has,
/// and the entries, with [`BETWEEN`] between them. Says how many entries each of the two could
/// read, as far as it could be read at all; announces what was read, as a rebuild does.
pub async fn read_stored(bytes: &[u8]) -> [Option<u64>; 2] {
    let user = ActorRef::new(User::TYPE, "ann");
    let conversation = ActorRef::new(Conversation::TYPE, "ann~c1");
    [
        read::<User>(bytes, &user).await,
        read::<Conversation>(bytes, &conversation).await,
    ]
}

async fn read<S: State>(bytes: &[u8], actor: &ActorRef) -> Option<u64> {
    let stored = Stored::cut(bytes);
    let journal = Journal::<S>::load(&stored, actor, "a".to_owned())
        .await
        .ok()?;
    for seq in 1..=stored.entries.len() as u64 {
        if let Ok(Some(entry)) = journal.entry(&stored, seq).await
            && !entry.events.is_empty()
        {
            let _ = (entry.outgoing(actor), entry.updates(actor));
        }
    }
    let _ = journal.state().wake_after(&[]);
    Some(journal.seq())
}
