//! Lists that a snapshot stores in pages, so that a change rewrites one page, not the list.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::journal::sequence;

/// How many more items a ring takes room for when it has none left.
const GROWTH: usize = 4;

/// The newest `capacity` items, numbered from 0 in the order they came.
///
/// Page `{name}/{n}` holds the items `n * per_page` and following.
#[derive(Debug)]
pub struct Ring<T> {
    name: &'static str,
    capacity: usize,
    per_page: u64,
    /// The number of the first item kept.
    first: u64,
    items: VecDeque<T>,
    dirty: BTreeSet<u64>,
}

#[derive(Serialize, Deserialize)]
struct Page<T> {
    #[serde(deserialize_with = "sequence")]
    first: u64,
    items: Vec<T>,
}

impl<T: Serialize + DeserializeOwned> Ring<T> {
    /// An empty ring.
    #[must_use]
    pub fn new(name: &'static str, capacity: usize, per_page: u64) -> Self {
        Self {
            name,
            capacity,
            per_page,
            first: 0,
            items: VecDeque::new(),
            dirty: BTreeSet::new(),
        }
    }

    /// The items, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    /// The items with their numbers, oldest first.
    pub fn numbered(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        self.items
            .iter()
            .enumerate()
            .map(|(at, item)| (self.first + at as u64, item))
    }

    /// The items, to change what their pages do not tell.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut()
    }

    /// The number of the oldest item, or of the first to come.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The items on pages that are full and stored as they are now, to leave something of them
    /// there.
    pub fn stored_for_good(&mut self) -> impl Iterator<Item = &mut T> {
        let open = (self.first + self.items.len() as u64) / self.per_page;
        let (first, per_page, dirty) = (self.first, self.per_page, &self.dirty);
        let items = self.items.iter_mut().enumerate();
        items.filter_map(move |(at, item)| {
            let page = (first + at as u64) / per_page;
            (page < open && !dirty.contains(&page)).then_some(item)
        })
    }

    /// Adds an item; the oldest makes room.
    pub fn push(&mut self, item: T) {
        self.dirty
            .insert((self.first + self.items.len() as u64) / self.per_page);
        if self.items.len() == self.items.capacity() {
            // As good as none of it unused: every active actor has rings.
            self.items.reserve_exact(GROWTH);
        }
        self.items.push_back(item);
        while self.items.len() > self.capacity {
            self.items.pop_front();
            // Stored again without it, or a load would bring it back.
            self.dirty.insert(self.first / self.per_page);
            self.first += 1;
        }
    }

    /// Takes the newest of the items away that match; those after it close up.
    pub fn take(&mut self, matches: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.items.iter().rposition(matches)?;
        let from = (self.first + at as u64) / self.per_page;
        let last = (self.first + self.items.len() as u64 - 1) / self.per_page;
        self.dirty.extend(from..=last);
        self.items.remove(at)
    }

    /// The pages changed since [`Ring::clean`].
    #[must_use]
    pub fn dirty(&self) -> Vec<String> {
        self.dirty
            .iter()
            .map(|page| format!("{}/{page}", self.name))
            .collect()
    }

    /// Every page is stored as it is now.
    pub fn clean(&mut self) {
        self.dirty.clear();
    }

    /// Whether `page` is one of this ring's.
    #[must_use]
    pub fn owns(&self, page: &str) -> bool {
        page_number(page, self.name).is_some()
    }

    /// The content of a page; `None` when no item of it is left.
    #[must_use]
    pub fn encode(&self, page: &str) -> Option<Vec<u8>> {
        let n = page_number(page, self.name)?;
        let from = (n * self.per_page).max(self.first);
        let to = ((n + 1) * self.per_page).min(self.first + self.items.len() as u64);
        if from >= to {
            return None;
        }
        let skip = usize::try_from(from - self.first).ok()?;
        let count = usize::try_from(to - from).ok()?;
        let items: Vec<&T> = self.items.iter().skip(skip).take(count).collect();
        serde_json::to_vec(&Page { first: from, items }).ok()
    }

    /// Takes a stored page in; pages come in the order of their numbers, or a second time.
    ///
    /// # Errors
    /// Bytes that are not a page of this ring.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<(), serde_json::Error> {
        let page: Page<T> = serde_json::from_slice(bytes)?;
        if self.items.is_empty() {
            self.first = page.first;
        }
        for (at, item) in page.items.into_iter().enumerate() {
            let known = (page.first + at as u64).checked_sub(self.first);
            match known.map(|at| self.items.get_mut(at as usize)) {
                Some(Some(known)) => *known = item,
                Some(None) => self.items.push_back(item),
                // It has made room meanwhile.
                None => {}
            }
        }
        Ok(())
    }
}

/// The number in a page name `{name}/{number}`.
#[must_use]
pub fn page_number(page: &str, name: &str) -> Option<u64> {
    page.strip_prefix(name)?.strip_prefix('/')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_ring_read_back_from_its_pages_equals_itself(
            steps in prop::collection::vec(prop::option::weighted(0.8, any::<u8>()), 0..200),
            snapshot_every in 1_usize..20,
        ) {
            // Given a store that receives dirty pages now and then
            let mut ring: Ring<u8> = Ring::new("r", 20, 4);
            let mut store = std::collections::BTreeMap::new();
            for (n, step) in steps.iter().enumerate() {
                match step {
                    Some(item) => ring.push(*item),
                    None => { ring.take(|item| item % 3 == 0); }
                }
                if n % snapshot_every == 0 || n + 1 == steps.len() {
                    for page in ring.dirty() {
                        match ring.encode(&page) {
                            Some(bytes) => { store.insert(page, bytes); }
                            None => { store.remove(&page); }
                        }
                    }
                    ring.clean();
                }
            }
            // When the pages are read back in the order of their numbers
            let mut pages: Vec<_> = store.into_iter().collect();
            pages.sort_by_key(|(name, _)| page_number(name, "r"));
            let mut back: Ring<u8> = Ring::new("r", 20, 4);
            for (_, bytes) in &pages {
                back.decode(bytes).unwrap();
            }
            // Then the items are the same
            prop_assert_eq!(&ring.items, &back.items);
        }
    }
}
