//! What commands were answered, by their idempotency keys.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser};
use serde_json::value::{RawValue, to_raw_value};

use crate::{journal::Undecided, message::ToolCall, pages::Ring};

/// The name of the pages.
const NAME: &str = "receipts";
/// Receipts on one page.
const PER_PAGE: u64 = 16;

/// The reply to a command, by its idempotency key.
#[derive(Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The command's key.
    key: Box<str>,
    /// The tool call it carried out, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<Box<ToolCall>>,
    /// The reply; `None` while it is on its page in the store only, and the call with it.
    #[serde(deserialize_with = "there")]
    reply: Option<Reply>,
}

/// A reply, as JSON: its own, or what the state has of something and is kept only once.
pub struct Reply(Arc<dyn Json>);

/// What can be written as JSON, the same each time.
pub trait Json: Send + Sync {
    /// As JSON; `None` when it cannot be written so.
    fn json(&self) -> Option<Box<RawValue>>;
}

impl<T: Serialize + Send + Sync> Json for T {
    fn json(&self) -> Option<Box<RawValue>> {
        to_raw_value(self).ok()
    }
}

impl Reply {
    /// This reply; from `shared` only if that reads the same to the last byte.
    #[must_use]
    pub fn new(reply: &RawValue, shared: Option<Arc<dyn Json>>) -> Self {
        let same = |shared: &Arc<dyn Json>| {
            let json = shared.json();
            json.is_some_and(|json| json.get() == reply.get())
        };
        Self(
            shared
                .filter(same)
                .unwrap_or_else(|| Arc::new(reply.to_owned())),
        )
    }

    /// The reply as JSON; `None` when it cannot be written so.
    #[must_use]
    pub fn json(&self) -> Option<Box<RawValue>> {
        self.0.json()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json().fmt(f)
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reply = self.json();
        let reply = reply.ok_or_else(|| ser::Error::custom("a reply cannot be written"))?;
        reply.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reply = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(Arc::new(reply)))
    }
}

/// The receipts of an actor's last 256 commands, or of a few more: a page stays as it was stored
/// until none of it is wanted.
///
/// Who repeats a command does so soon. So what stands on a full page is left in the store, but for
/// the keys, and read when it is asked for.
#[derive(Debug)]
pub struct Receipts(Ring<Receipt>);

impl Default for Receipts {
    fn default() -> Self {
        Self(Ring::new(NAME, 256, PER_PAGE))
    }
}

impl Receipts {
    /// Notes what a command was answered.
    pub fn push(&mut self, key: &str, call: Option<ToolCall>, reply: Reply) {
        self.0.push(Receipt {
            key: key.into(),
            call: call.map(Box::new),
            reply: Some(reply),
        });
    }

    /// The reply to the command with this key.
    ///
    /// # Errors
    /// It has to be read.
    pub fn find(&self, key: &str) -> Result<Option<&Reply>, Undecided> {
        let known = |(_, receipt): &(u64, &Receipt)| *receipt.key == *key;
        match self.0.numbered().rev().find(known) {
            Some((n, receipt)) => receipt.reply(n).map(Some),
            None => Ok(None),
        }
    }

    /// The tool calls whose keys begin with `{turn_id}/`, and the replies, oldest first.
    ///
    /// # Errors
    /// Some have to be read.
    pub fn of_turn(&self, turn_id: &str) -> Result<Vec<(&ToolCall, &Reply)>, Undecided> {
        let mut made = Vec::new();
        for (n, receipt) in self.0.numbered() {
            let rest = receipt.key.strip_prefix(turn_id);
            if rest.is_some_and(|rest| rest.starts_with('/')) {
                let reply = receipt.reply(n)?;
                made.extend(receipt.call.as_deref().map(|call| (call, reply)));
            }
        }
        Ok(made)
    }

    /// The pages changed since [`Receipts::stored`], but for one that has only lost some.
    #[must_use]
    pub fn dirty(&self) -> Vec<String> {
        let mut pages = self.0.dirty();
        let oldest = self.0.first();
        if !oldest.is_multiple_of(PER_PAGE) {
            pages.retain(|page| *page != page_name(oldest));
        }
        pages
    }

    /// The content of a page; `None` when no receipt of it is left.
    #[must_use]
    pub fn encode(&self, page: &str) -> Option<Vec<u8>> {
        self.0.encode(page)
    }

    /// Takes a stored page in, for the first time or because it was asked for.
    ///
    /// # Errors
    /// Bytes that are not this page.
    pub fn decode(&mut self, page: &str, bytes: &[u8]) -> Result<(), serde_json::Error> {
        self.0.decode(bytes)?;
        let missing =
            |(n, receipt): (u64, &Receipt)| receipt.reply.is_none() && page_name(n) == page;
        if self.0.numbered().any(missing) {
            return Err(serde_json::Error::custom("a receipt is missing"));
        }
        Ok(())
    }

    /// Every page is stored as it is now.
    pub fn stored(&mut self) {
        self.0.clean();
        self.let_go();
    }

    /// Leaves what full pages have in the store.
    pub fn let_go(&mut self) {
        for receipt in self.0.stored_for_good() {
            (receipt.call, receipt.reply) = (None, None);
        }
    }
}

impl Receipt {
    fn reply(&self, n: u64) -> Result<&Reply, Undecided> {
        let unread = || Undecided::Unread(vec![page_name(n)]);
        self.reply.as_ref().ok_or_else(unread)
    }
}

/// The page of receipt number `n`.
fn page_name(n: u64) -> String {
    format!("{NAME}/{}", n / PER_PAGE)
}

fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Reply>, D::Error> {
    Reply::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn key(n: u64) -> String {
        format!("key-{n}")
    }

    fn push(receipts: &mut Receipts, n: u64) {
        let reply = to_raw_value(&n).unwrap();
        receipts.push(&key(n), None, Reply::new(&reply, None));
    }

    /// Stores what has changed; answers the pages written.
    fn store(receipts: &mut Receipts, pages: &mut BTreeMap<String, Vec<u8>>) -> Vec<String> {
        let dirty = receipts.dirty();
        for page in &dirty {
            match receipts.encode(page) {
                Some(bytes) => pages.insert(page.clone(), bytes),
                None => pages.remove(page),
            };
        }
        receipts.stored();
        dirty
    }

    fn find(receipts: &Receipts, n: u64) -> Result<Option<u64>, Undecided> {
        let reply = receipts.find(&key(n))?;
        Ok(reply.map(|reply| reply.json().unwrap().get().parse().unwrap()))
    }

    #[test]
    fn what_full_pages_have_is_read_when_it_is_asked_for() {
        // Given two full pages and a part of a third
        let (mut receipts, mut pages) = (Receipts::default(), BTreeMap::new());
        for n in 0..40 {
            push(&mut receipts, n);
        }
        assert_eq!(find(&receipts, 3), Ok(Some(3)));
        store(&mut receipts, &mut pages);
        // Then only the third is here, and goes on
        let unread = |page: &str| Err(Undecided::Unread(vec![page.to_owned()]));
        assert_eq!(find(&receipts, 3), unread("receipts/0"));
        assert_eq!(find(&receipts, 31), unread("receipts/1"));
        assert_eq!(find(&receipts, 32), Ok(Some(32)));
        assert_eq!(find(&receipts, 40), Ok(None));
        push(&mut receipts, 40);
        assert_eq!(store(&mut receipts, &mut pages), ["receipts/2"]);
        // When one of the others is read, then its replies are back, and no other's
        receipts.decode("receipts/0", &pages["receipts/0"]).unwrap();
        assert_eq!(find(&receipts, 3), Ok(Some(3)));
        assert_eq!(find(&receipts, 31), unread("receipts/1"));
        assert_eq!(find(&receipts, 40), Ok(Some(40)));
        // And a page that is not the one asked for is refused
        let other = receipts.decode("receipts/1", &pages["receipts/0"]);
        assert!(other.is_err());
    }

    #[test]
    fn a_page_is_written_again_only_to_be_filled_and_goes_when_none_of_it_is_wanted() {
        let (mut receipts, mut pages) = (Receipts::default(), BTreeMap::new());
        for n in 0..256 {
            push(&mut receipts, n);
        }
        assert_eq!(store(&mut receipts, &mut pages).len(), 16);
        // When a few have no room any more, then their page stays as it is
        (256..260).for_each(|n| push(&mut receipts, n));
        assert_eq!(store(&mut receipts, &mut pages), ["receipts/16"]);
        assert_eq!((find(&receipts, 3), pages.len()), (Ok(None), 17));
        // When all of it have, then it goes
        (260..272).for_each(|n| push(&mut receipts, n));
        assert_eq!(
            store(&mut receipts, &mut pages),
            ["receipts/0", "receipts/16"]
        );
        assert_eq!(pages.len(), 16);
    }

    #[test]
    fn pages_from_before_that_were_cut_are_read() {
        // Given a first page that was written again without those that had no room
        let mut receipts = Receipts::default();
        let cut = |first: u64, end: u64| {
            let items = (first..end).map(|n| format!(r#"{{"key":"key-{n}","reply":{n}}}"#));
            let items = items.collect::<Vec<_>>().join(",");
            format!(r#"{{"first":{first},"items":[{items}]}}"#).into_bytes()
        };
        receipts.decode("receipts/0", &cut(5, 16)).unwrap();
        receipts.decode("receipts/1", &cut(16, 20)).unwrap();
        receipts.let_go();
        // Then what is on it is found where it is
        assert_eq!(find(&receipts, 17), Ok(Some(17)));
        let unread = Undecided::Unread(vec!["receipts/0".to_owned()]);
        assert_eq!(find(&receipts, 5), Err(unread));
        receipts.decode("receipts/0", &cut(5, 16)).unwrap();
        assert_eq!(
            (find(&receipts, 5), find(&receipts, 4)),
            (Ok(Some(5)), Ok(None))
        );
    }
}
