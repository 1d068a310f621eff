//! An actor's journal: one entry per turn, snapshots in pages, and what Kafka has acknowledged.
//!
//! Keys of an actor's state: `e:{seq}` an entry, `manifest` the snapshot's table of contents,
//! `p:{seq}:{activation}:{n}` a snapshot page that entry `seq` was to bring, `tombstone` the last
//! entry that erased all before it. Pages are written ahead under keys that no other activation
//! uses; the manifest that names them, and every deletion, goes in the transaction of an entry,
//! after it, so that the fence in the database decides for all of it.
//!
//! An entry that ends what was before it takes along its state, and the entries themselves
//! whether Kafka has them or not. What one transaction is too small to delete is named in the
//! manifest until it is gone ([`Journal::remove_ended`]). One that erases is also a tombstone: it
//! tells consumers to take in nothing from before it. A page that no manifest names, because
//! whoever wrote it ahead died, shows by its `seq` that it is from before.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, DeserializeOwned},
};
use serde_json::value::RawValue;

use crate::{
    event::{Announce, Envelope, Outgoing, outgoing, updates},
    message::{ActorRef, Refusal, ToolCall},
    receipts::{Json, Receipts, Reply},
    sidecar::{Sidecar, SidecarError, SidecarErrorKind, StateOp, StateReader},
};

/// A snapshot is due after this many entries, or this many of their bytes.
const SNAPSHOT_ENTRIES: u64 = 64;
const SNAPSHOT_BYTES: usize = 256 << 10;
/// Most bytes of pages in one write.
const WRITE_BYTES: usize = 512 << 10;
/// Most entries one snapshot deletes, and most keys one transaction does; what is left waits for
/// the next.
const MOST_DELETED: u64 = 256;
/// Longest the repeat of a write may take; together with the write it is how long a store that
/// says nothing holds a turn up.
const REPEAT_WITHIN: Duration = Duration::from_secs(2);
/// Most reads of one load in flight.
const CONCURRENT_READS: usize = 16;
/// How often a load starts over because another activation wrote meanwhile.
const LOAD_TRIES: usize = 8;

const MANIFEST: &str = "manifest";
const TOMBSTONE: &str = "tombstone";

/// The state of an event-sourced actor: a fold of its events, stored in pages.
pub trait State: Default + Send + Sync + 'static {
    /// The actor type in Dapr.
    const TYPE: &'static str;
    /// What can happen to it.
    type Event: Announce + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Takes an event in. Synchronous, without clock, chance or I/O.
    fn apply(&mut self, event: &Self::Event);

    /// Whether the event leaves nothing of what was before it. It is the only one of its entry.
    fn ends(event: &Self::Event) -> bool {
        Self::erases(event)
    }

    /// Whether it ends that for consumers too: they take in no event from before it.
    fn erases(event: &Self::Event) -> bool;

    /// Why nothing but what does not mind may happen now; see [`crate::turn::Command::ANY_TIME`].
    fn closed(&self, _now: Timestamp) -> Option<Refusal> {
        None
    }

    /// When the actor must be woken once `events` have been applied too.
    fn wake_after(&self, events: &[Self::Event]) -> Option<Timestamp>;

    /// What the state has that may read as the reply to what has just happened: then the receipt
    /// keeps no copy of it.
    fn said(&self, _events: &[Self::Event]) -> Option<Arc<dyn Json>> {
        None
    }

    /// The receipts of its last commands.
    fn receipts(&self) -> &Receipts;

    /// The same, to add to.
    fn receipts_mut(&mut self) -> &mut Receipts;

    /// The names of pages changed since the last snapshot; `{list}/{number}` or a plain name.
    fn dirty_pages(&mut self) -> Vec<String>;

    /// A page's content; `None` once the page is gone.
    fn encode_page(&self, page: &str) -> Option<Vec<u8>>;

    /// Takes a page in. Pages of a list come in the order of their numbers.
    ///
    /// # Errors
    /// Bytes that are not such a page.
    fn decode_page(&mut self, page: &str, bytes: &[u8]) -> Result<(), serde_json::Error>;

    /// Of the snapshot's pages, those that a load leaves in the store until they are asked for.
    fn leave_unread(_pages: &BTreeMap<String, String>) -> Vec<String> {
        Vec::new()
    }

    /// The pages left unread that must be in before `event` is taken in: those it changes, and
    /// those it makes a note from.
    fn unread(&self, _event: &Self::Event) -> Vec<String> {
        Vec::new()
    }

    /// All pages are in: work out what is derived from them.
    fn loaded(&mut self) {}

    /// All dirty pages are stored: memory that they cover may be let go.
    fn stored(&mut self);

    /// A turn is over: memory for pages that can be read again may be let go.
    fn rest(&mut self) {}
}

/// Why nothing was decided, or answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecided {
    /// The actor declines.
    Refused(Refusal),
    /// These pages, which the load left in the store, have to be read first.
    Unread(Vec<String>),
}

impl From<Refusal> for Undecided {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// One turn's entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "E: DeserializeOwned"))]
pub struct Entry<E> {
    /// Its place in the journal, from 1.
    #[serde(deserialize_with = "sequence")]
    pub seq: u64,
    /// When the turn decided.
    pub at: Timestamp,
    /// W3C trace context of the call that caused it.
    pub traceparent: String,
    /// The command's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The tool call it carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<ToolCall>,
    /// What happened.
    pub events: Vec<E>,
    /// The reply, kept for repeats of the command.
    pub reply: Box<RawValue>,
    /// When the actor must next be woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<Timestamp>,
    /// The highest sequence Kafka had acknowledged when it was written.
    #[serde(deserialize_with = "sequence")]
    pub acked: u64,
}

impl<E: Announce> Entry<E> {
    /// The CloudEvents that announce this entry of `actor`.
    #[must_use]
    pub fn outgoing(&self, actor: &ActorRef) -> Vec<Outgoing> {
        outgoing(self.envelope(actor), &self.events)
    }

    /// The CloudEvents that tell open pages of it.
    #[must_use]
    pub fn updates(&self, actor: &ActorRef) -> Vec<Outgoing> {
        updates(self.envelope(actor), &self.events)
    }

    fn envelope<'a>(&'a self, actor: &'a ActorRef) -> Envelope<'a> {
        Envelope {
            actor,
            seq: self.seq,
            at: self.at,
            traceparent: &self.traceparent,
            wake: self.wake,
        }
    }
}

/// The snapshot's table of contents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    /// The entry the pages include.
    #[serde(deserialize_with = "sequence")]
    seq: u64,
    /// The oldest entry that may still be there.
    #[serde(deserialize_with = "sequence")]
    first: u64,
    /// The highest sequence Kafka had acknowledged.
    #[serde(deserialize_with = "sequence")]
    acked: u64,
    /// Page names and the keys they are stored under.
    pages: BTreeMap<String, String>,
    /// What was ended and may still be there.
    #[serde(default, skip_serializing_if = "Ended::is_empty", rename = "erased")]
    ended: Ended,
}

/// Keys of what an entry has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    /// The entries from this one …
    #[serde(deserialize_with = "sequence")]
    first: u64,
    /// … up to this one, which is not among them.
    #[serde(deserialize_with = "sequence")]
    end: u64,
    /// The keys of pages.
    pages: Vec<String>,
}

impl Ended {
    fn is_empty(&self) -> bool {
        self.first >= self.end && self.pages.is_empty()
    }

    /// Takes out as many keys as one transaction deletes, entries first.
    fn take(&mut self) -> Vec<StateOp> {
        let most = self.end.min(self.first + MOST_DELETED);
        let mut keys: Vec<String> = (self.first..most).map(entry_key).collect();
        self.first = self.first.max(most);
        let room = MOST_DELETED as usize - keys.len();
        keys.extend(self.pages.drain(..room.min(self.pages.len())));
        keys.into_iter().map(StateOp::Delete).collect()
    }
}

/// Reads a sequence. The database counts them in 63 bits: whatever is beyond was put there by
/// other hands, and would have no next one.
pub(crate) fn sequence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let seq = u64::deserialize(deserializer)?;
    i64::try_from(seq).map_err(de::Error::custom)?;
    Ok(seq)
}

/// An actor's journal with its state, as one activation sees it.
pub struct Journal<S> {
    actor: ActorRef,
    state: S,
    seq: u64,
    manifest: Manifest,
    acked: Arc<AtomicU64>,
    entries_since_snapshot: u64,
    bytes_since_snapshot: usize,
    activation: String,
    pages_written: u64,
}

impl<S: State> Journal<S> {
    /// Reads an actor's journal. `activation` is part of the keys of pages this journal writes:
    /// it must be unique among all activations of the actor.
    ///
    /// # Errors
    /// The store cannot be read, holds what cannot be understood, or changes all the time.
    pub async fn load(
        reader: &dyn StateReader,
        actor: &ActorRef,
        activation: String,
    ) -> Result<Self, SidecarError> {
        for _ in 0..LOAD_TRIES {
            if let Some(journal) = Self::try_load(reader, actor, &activation).await? {
                return Ok(journal);
            }
        }
        let message =
            format!("the journal of {actor} changed {LOAD_TRIES} times while it was read");
        Err(SidecarError::new(SidecarErrorKind::Unavailable, message))
    }

    /// One try; `None` when another activation wrote a snapshot meanwhile.
    async fn try_load(
        reader: &dyn StateReader,
        actor: &ActorRef,
        activation: &str,
    ) -> Result<Option<Self>, SidecarError> {
        let stored = reader.get(actor, MANIFEST).await?;
        let manifest: Manifest = match &stored {
            Some(bytes) => parse(actor, MANIFEST, bytes)?,
            None => Manifest {
                first: 1,
                ..Manifest::default()
            },
        };
        let Some(state) = Self::read_snapshot(reader, actor, &manifest).await? else {
            return Ok(None);
        };
        let mut journal = Self {
            actor: actor.clone(),
            state,
            seq: manifest.seq,
            acked: Arc::new(AtomicU64::new(manifest.acked)),
            manifest,
            entries_since_snapshot: 0,
            bytes_since_snapshot: 0,
            activation: activation.to_owned(),
            pages_written: 0,
        };
        match journal.read_entries(reader).await {
            Err(error) if error.kind == SidecarErrorKind::Forked => return Ok(None),
            read => read?,
        }
        if reader.get(actor, MANIFEST).await? == stored {
            Ok(Some(journal))
        } else {
            Ok(None)
        }
    }

    /// The state a snapshot holds; `None` when a page of it has been replaced.
    async fn read_snapshot(
        reader: &dyn StateReader,
        actor: &ActorRef,
        manifest: &Manifest,
    ) -> Result<Option<S>, SidecarError> {
        let unread: BTreeSet<String> = S::leave_unread(&manifest.pages).into_iter().collect();
        let mut wanted: Vec<(&String, &String)> = manifest
            .pages
            .iter()
            .filter(|(page, _)| !unread.contains(*page))
            .collect();
        wanted.sort_by_key(|(page, _)| page_order(page));
        let reads: Vec<_> = wanted
            .iter()
            .map(|(_, key)| reader.get(actor, key))
            .collect();
        let mut state = S::default();
        // One is understood while others are on their way.
        let mut reads = stream::iter(reads).buffered(CONCURRENT_READS);
        for (page, key) in &wanted {
            let Some(Some(bytes)) = reads.try_next().await? else {
                return Ok(None);
            };
            state
                .decode_page(page, &bytes)
                .map_err(|error| unreadable(actor, key, &error))?;
        }
        state.loaded();
        Ok(Some(state))
    }

    /// Folds the entries after the snapshot, in windows that double until one comes back short:
    /// when a replica joins or leaves, hundreds of actors load at once, and every key costs.
    async fn read_entries(&mut self, reader: &dyn StateReader) -> Result<(), SidecarError> {
        let actor = self.actor.clone();
        for window in [2_u64, 4, 8, 16, 32]
            .into_iter()
            .chain(std::iter::repeat(64))
        {
            let keys: Vec<String> = (1..=window).map(|n| entry_key(self.seq + n)).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            for (key, bytes) in keys.iter().zip(read_all(reader, &actor, &keys).await?) {
                let Some(bytes) = bytes else { return Ok(()) };
                let entry: Entry<S::Event> = parse(&actor, key, &bytes)?;
                self.read_for(reader, &entry.events).await?;
                self.take_in(entry, bytes.len());
            }
        }
        Ok(())
    }

    /// The state after the last entry.
    #[must_use]
    pub fn state(&self) -> &S {
        &self.state
    }

    /// The state, for caches it keeps; events are the only way to change what it says.
    pub fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    /// Whose journal it is.
    #[must_use]
    pub fn actor(&self) -> &ActorRef {
        &self.actor
    }

    /// The sequence of the last entry; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The highest sequence known to be acknowledged by Kafka, shared with the publisher.
    #[must_use]
    pub fn acked(&self) -> &Arc<AtomicU64> {
        &self.acked
    }

    /// The oldest entry that may still be in the store.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.manifest.first
    }

    /// Reads an entry back.
    ///
    /// # Errors
    /// The store cannot be read or the entry not be understood.
    pub async fn entry(
        &self,
        reader: &dyn StateReader,
        seq: u64,
    ) -> Result<Option<Entry<S::Event>>, SidecarError> {
        let key = entry_key(seq);
        let Some(bytes) = reader.get(&self.actor, &key).await? else {
            return Ok(None);
        };
        parse(&self.actor, &key, &bytes).map(Some)
    }

    /// Whether another activation has written since. Two small reads: the next entry, and the
    /// manifest, which is past this journal's end once a snapshot has taken that entry away.
    ///
    /// # Errors
    /// The store cannot be read, or not be understood.
    pub async fn overtaken(&self, reader: &dyn StateReader) -> Result<bool, SidecarError> {
        let next = entry_key(self.seq + 1);
        if reader.get(&self.actor, &next).await?.is_some() {
            return Ok(true);
        }
        let Some(bytes) = reader.get(&self.actor, MANIFEST).await? else {
            return Ok(false);
        };
        let manifest: Manifest = parse(&self.actor, MANIFEST, &bytes)?;
        Ok(manifest.seq > self.seq)
    }

    /// Reads a page that the load left in the store; `None` when no snapshot has it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn page(
        &self,
        reader: &dyn StateReader,
        page: &str,
    ) -> Result<Option<Bytes>, SidecarError> {
        match self.manifest.pages.get(page) {
            Some(key) => reader.get(&self.actor, key).await,
            None => Ok(None),
        }
    }

    /// What `ask` makes of the state, once the pages that it finds unread are in.
    ///
    /// # Errors
    /// [`SidecarErrorKind::Forked`]: another activation has replaced one of them. Any other: the
    /// store cannot be read, or not be understood. Either way this journal must be loaded again.
    pub async fn ask<T>(
        &mut self,
        reader: &dyn StateReader,
        ask: impl Fn(&S) -> Result<T, Undecided>,
    ) -> Result<Result<T, Refusal>, SidecarError> {
        loop {
            match ask(&self.state) {
                Ok(answer) => return Ok(Ok(answer)),
                Err(Undecided::Refused(refusal)) => return Ok(Err(refusal)),
                Err(Undecided::Unread(pages)) => self.read_pages(reader, &pages).await?,
            }
        }
    }

    /// Reads what `events` need before they are taken in.
    async fn read_for(
        &mut self,
        reader: &dyn StateReader,
        events: &[S::Event],
    ) -> Result<(), SidecarError> {
        let pages = events.iter().flat_map(|event| self.state.unread(event));
        let pages: BTreeSet<String> = pages.collect();
        self.read_pages(reader, &Vec::from_iter(pages)).await
    }

    async fn read_pages(
        &mut self,
        reader: &dyn StateReader,
        pages: &[String],
    ) -> Result<(), SidecarError> {
        let gone = |page: &str| {
            let message = format!("page {page} of {} has been replaced", self.actor);
            SidecarError::new(SidecarErrorKind::Forked, message)
        };
        let mut keys = Vec::new();
        for page in pages {
            let key = self.manifest.pages.get(page).ok_or_else(|| gone(page))?;
            keys.push(key.as_str());
        }
        let read = read_all(reader, &self.actor, &keys).await?;
        for ((page, key), bytes) in pages.iter().zip(keys).zip(read) {
            let bytes = bytes.ok_or_else(|| gone(page))?;
            self.state
                .decode_page(page, &bytes)
                .map_err(|error| unreadable(&self.actor, key, &error))?;
        }
        Ok(())
    }

    /// Writes the next entry, with a snapshot of the state before it when one is due, and takes
    /// it in. Sets the entry's `seq` and `acked`.
    ///
    /// # Errors
    /// [`SidecarErrorKind::Forked`]: another activation has written meanwhile. Any other:
    /// whether the entry stands is not known. Either way this journal must be loaded again.
    pub async fn append(
        &mut self,
        sidecar: &dyn Sidecar,
        mut entry: Entry<S::Event>,
    ) -> Result<Entry<S::Event>, SidecarError> {
        self.read_for(sidecar, &entry.events).await?;
        entry.seq = self.seq + 1;
        entry.acked = self.acked.load(Ordering::Relaxed);
        let key = entry_key(entry.seq);
        let bytes = encode(&self.actor, &key, &entry)?;
        let size = bytes.len();
        let mut ops = vec![StateOp::Put(key, bytes)];
        let ends = entry.events.iter().any(S::ends);
        let snapshot = if ends {
            let mut manifest = self.ended(entry.seq);
            let deletions = manifest.ended.take();
            let bytes = encode(&self.actor, MANIFEST, &manifest)?;
            ops.push(StateOp::Put(MANIFEST.to_owned(), bytes));
            if entry.events.iter().any(S::erases) {
                let tombstone = encode(&self.actor, TOMBSTONE, &entry.seq)?;
                ops.push(StateOp::Put(TOMBSTONE.to_owned(), tombstone));
            }
            ops.extend(deletions);
            Some(manifest)
        } else if self.snapshot_due() {
            let (manifest, replaced) = self.write_pages(sidecar).await?;
            ops.push(StateOp::Put(
                MANIFEST.to_owned(),
                encode(&self.actor, MANIFEST, &manifest)?,
            ));
            ops.extend(
                (self.manifest.first..manifest.first)
                    .map(entry_key)
                    .map(StateOp::Delete),
            );
            ops.extend(replaced.into_iter().map(StateOp::Delete));
            Some(manifest)
        } else {
            None
        };
        self.transact(sidecar, ops).await?;
        if let Some(manifest) = snapshot {
            self.manifest = manifest;
            self.state.stored();
            self.entries_since_snapshot = 0;
            self.bytes_since_snapshot = 0;
        }
        if ends {
            self.state = S::default();
            self.acked.fetch_max(entry.seq - 1, Ordering::Relaxed);
        }
        let entry = self.take_in(entry, size);
        Ok(entry)
    }

    /// The manifest of an actor that begins anew with entry `seq`.
    fn ended(&self, seq: u64) -> Manifest {
        let old = &self.manifest;
        let before = &old.ended;
        let first = if before.first < before.end {
            before.first
        } else {
            old.first
        };
        let pages = before.pages.iter().chain(old.pages.values());
        Manifest {
            seq: seq - 1,
            first: seq,
            // Nobody waits for them any more.
            acked: seq - 1,
            pages: BTreeMap::new(),
            ended: Ended {
                first,
                end: seq,
                pages: pages.cloned().collect(),
            },
        }
    }

    /// Whether something that was ended may still be there.
    #[must_use]
    pub fn has_remains(&self) -> bool {
        !self.manifest.ended.is_empty()
    }

    /// Deletes what was ended, as far as it is still there. It is done once this returns; the
    /// manifest says so with the next snapshot.
    ///
    /// # Errors
    /// The store cannot be written; what is left can be deleted by another call.
    pub async fn remove_ended(&mut self, sidecar: &dyn Sidecar) -> Result<(), SidecarError> {
        let mut left = self.manifest.ended.clone();
        while !left.is_empty() {
            sidecar.transact(&self.actor, left.take()).await?;
        }
        self.manifest.ended = left;
        Ok(())
    }

    /// One repeat when the outcome is not known: the fence lets the very same entry pass twice.
    async fn transact(&self, sidecar: &dyn Sidecar, ops: Vec<StateOp>) -> Result<(), SidecarError> {
        match sidecar.transact(&self.actor, ops.clone()).await {
            Err(error) if error.kind.is_unknown() => {
                tracing::debug!(actor = %self.actor, %error, "entry written again");
                let again = sidecar.transact(&self.actor, ops);
                match tokio::time::timeout(REPEAT_WITHIN, again).await {
                    Ok(answer) => answer,
                    Err(_) => Err(SidecarError::new(
                        SidecarErrorKind::Silent,
                        format!("{error}; written again, nothing answered either"),
                    )),
                }
            }
            answer => answer,
        }
    }

    fn take_in(&mut self, entry: Entry<S::Event>, size: usize) -> Entry<S::Event> {
        for event in &entry.events {
            self.state.apply(event);
        }
        if let Some(key) = &entry.key {
            let reply = Reply::new(&entry.reply, self.state.said(&entry.events));
            let receipts = self.state.receipts_mut();
            receipts.push(key, entry.call.clone(), reply);
        }
        self.seq = entry.seq;
        self.acked.fetch_max(entry.acked, Ordering::Relaxed);
        self.entries_since_snapshot += 1;
        self.bytes_since_snapshot += size;
        entry
    }

    fn snapshot_due(&self) -> bool {
        self.entries_since_snapshot >= SNAPSHOT_ENTRIES
            || self.bytes_since_snapshot >= SNAPSHOT_BYTES
    }

    /// Stores the changed pages and answers the manifest that names them, with the keys of the
    /// pages it replaces.
    async fn write_pages(
        &mut self,
        sidecar: &dyn Sidecar,
    ) -> Result<(Manifest, Vec<String>), SidecarError> {
        let mut manifest = self.manifest.clone();
        manifest.seq = self.seq;
        manifest.acked = self.acked.load(Ordering::Relaxed);
        // An entry goes only when the snapshot holds its effect and Kafka its events.
        let deletable = manifest.acked.min(manifest.seq) + 1;
        manifest.first = deletable.clamp(manifest.first, manifest.first + MOST_DELETED);
        let mut replaced = Vec::new();
        let mut ops = Vec::new();
        let mut size = 0;
        for page in self.state.dirty_pages() {
            let Some(bytes) = self.state.encode_page(&page) else {
                replaced.extend(manifest.pages.remove(&page));
                continue;
            };
            if size + bytes.len() > WRITE_BYTES && !ops.is_empty() {
                self.transact(sidecar, std::mem::take(&mut ops)).await?;
                size = 0;
            }
            size += bytes.len();
            self.pages_written += 1;
            let brings = self.seq + 1;
            let key = format!("p:{brings}:{}:{}", self.activation, self.pages_written);
            ops.push(StateOp::Put(key.clone(), bytes.into()));
            replaced.extend(manifest.pages.insert(page, key));
        }
        if !ops.is_empty() {
            self.transact(sidecar, ops).await?;
        }
        Ok((manifest, replaced))
    }
}

/// The key of an entry.
fn entry_key(seq: u64) -> String {
    format!("e:{seq}")
}

/// Lists by name, their pages by number.
fn page_order(page: &str) -> (&str, u64) {
    page.split_once('/').map_or((page, 0), |(name, number)| {
        (name, number.parse().unwrap_or(0))
    })
}

async fn read_all(
    reader: &dyn StateReader,
    actor: &ActorRef,
    keys: &[&str],
) -> Result<Vec<Option<Bytes>>, SidecarError> {
    let reads: Vec<_> = keys.iter().map(|key| reader.get(actor, key)).collect();
    stream::iter(reads)
        .buffered(CONCURRENT_READS)
        .try_collect()
        .await
}

fn parse<T: DeserializeOwned>(
    actor: &ActorRef,
    key: &str,
    bytes: &[u8],
) -> Result<T, SidecarError> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(actor, key, &error))
}

fn encode<T: Serialize>(actor: &ActorRef, key: &str, value: &T) -> Result<Bytes, SidecarError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| {
        SidecarError::new(
            SidecarErrorKind::Rejected,
            format!("{key} of {actor} cannot be encoded: {error}"),
        )
    })
}

fn unreadable(actor: &ActorRef, key: &str, error: &serde_json::Error) -> SidecarError {
    // The position says enough to find it; the content may be a person's words.
    let message = format!(
        "{key} of {actor} cannot be understood at line {} column {}",
        error.line(),
        error.column()
    );
    SidecarError::new(SidecarErrorKind::Rejected, message)
}
