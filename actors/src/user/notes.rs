//! Where the long notes of tasks are: on snapshot pages of their own, which a load leaves in the
//! store until somebody wants to read one.
//!
//! A task's page says which page its note is on. A note moves to another page only when it is
//! changed itself, so that no other task's page has to be written for it. A page in the store is
//! read before anything on it changes; see [`crate::journal::State::unread`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::Error};

use super::pages::{LARGEST, TARGET};
use crate::pages::page_number;

/// A note of at most this many bytes stays with its task: it is read sooner than looked up.
const SHORT: usize = 128;
/// Pages that are in the store as they are here are kept in memory up to this many bytes.
const KEPT: usize = 4 << 20;

/// The name of the pages.
const NAME: &str = "notes";

/// The long notes of a user's tasks, by the tasks' numbers.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pages: BTreeMap<u64, Page>,
    page_of: BTreeMap<u64, u64>,
    dirty: BTreeSet<u64>,
}

#[derive(Debug, Default)]
struct Page {
    /// How many bytes each note takes.
    sizes: BTreeMap<u64, usize>,
    /// The sum of them.
    bytes: usize,
    /// Absent while they are in the store only.
    texts: Option<BTreeMap<u64, String>>,
}

/// What a page holds.
#[derive(Serialize, Deserialize)]
struct Stored<T> {
    notes: Vec<(u64, T)>,
}

/// Where a task's note is: its number, the page, how many bytes it takes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place(u64, u64, usize);

/// A task's note on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note<'a> {
    /// It has none there.
    Absent,
    /// This.
    Text(&'a str),
    /// It is on this page, which has to be read first.
    Unread(u64),
}

/// The name of page `number`.
pub(super) fn page_name(number: u64) -> String {
    format!("{NAME}/{number}")
}

/// Whether `page` is a page of notes.
pub(super) fn is_page(page: &str) -> bool {
    page_number(page, NAME).is_some()
}

/// Whether a note belongs on a page of its own.
pub(super) fn is_long(text: &str) -> bool {
    text.len() > SHORT
}

impl Notes {
    /// The note of task `n`.
    pub(super) fn get(&self, n: u64) -> Note<'_> {
        let found = self.page_of.get(&n);
        let Some((number, page)) = found.and_then(|of| self.pages.get_key_value(of)) else {
            return Note::Absent;
        };
        match &page.texts {
            Some(texts) => texts.get(&n).map_or(Note::Absent, |text| Note::Text(text)),
            None => Note::Unread(*number),
        }
    }

    /// How many bytes the note of task `n` takes, read or not.
    pub(super) fn size(&self, n: u64) -> usize {
        self.place(n).map_or(0, |Place(_, _, size)| size)
    }

    /// Where the note of task `n` is.
    pub(super) fn place(&self, n: u64) -> Option<Place> {
        let number = *self.page_of.get(&n)?;
        let size = *self.pages.get(&number)?.sizes.get(&n)?;
        Some(Place(n, number, size))
    }

    /// A note that a task's stored page tells of.
    pub(super) fn learn(&mut self, Place(n, number, size): Place) {
        self.pages.entry(number).or_default().place(n, size);
        self.page_of.insert(n, number);
    }

    /// The page to read before task `n` may be put with this note, or without one.
    pub(super) fn unread_before(&self, n: u64, text: Option<&str>) -> Option<u64> {
        match (self.get(n), text) {
            (Note::Unread(number), _) => Some(number),
            (Note::Absent, Some(_)) => {
                let (number, newest) = self.pages.last_key_value()?;
                (newest.bytes < TARGET && newest.texts.is_none()).then_some(*number)
            }
            (Note::Absent | Note::Text(_), _) => None,
        }
    }

    /// The note of task `n` is now this.
    pub(super) fn put(&mut self, n: u64, text: Option<&str>) {
        if self.get(n) == text.map_or(Note::Absent, Note::Text) {
            return;
        }
        let size = text.map_or(0, encoded_size);
        let stays = self.page_of.get(&n).filter(|number| {
            let page = self.pages.get(number);
            page.is_some_and(|page| page.texts.is_some() && page.bytes_with(n, size) <= LARGEST)
        });
        let stays = stays.copied();
        self.take_away(n);
        let Some(text) = text else { return };
        let number = stays.unwrap_or_else(|| self.open_page());
        let page = self.pages.entry(number).or_default();
        page.place(n, size);
        let texts = page.texts.get_or_insert_default();
        texts.insert(n, text.to_owned());
        self.page_of.insert(n, number);
        self.dirty.insert(number);
    }

    fn take_away(&mut self, n: u64) {
        let Some(number) = self.page_of.remove(&n) else {
            return;
        };
        let Some(page) = self.pages.get_mut(&number) else {
            return;
        };
        page.bytes -= page.sizes.remove(&n).unwrap_or(0);
        if let Some(texts) = &mut page.texts {
            texts.remove(&n);
            self.dirty.insert(number);
        }
        if page.sizes.is_empty() {
            self.pages.remove(&number);
            self.dirty.insert(number);
        }
    }

    /// The newest page, while it has room.
    fn open_page(&self) -> u64 {
        match self.pages.last_key_value() {
            Some((number, page)) if page.bytes < TARGET && page.texts.is_some() => *number,
            Some((number, _)) => number + 1,
            None => 0,
        }
    }

    /// The content of a page; `None` once it is gone.
    pub(super) fn encode(&self, page: &str) -> Option<Vec<u8>> {
        let page = self.pages.get(&page_number(page, NAME)?)?;
        let notes = page.texts.as_ref()?.iter();
        let notes = notes.map(|(n, text)| (*n, text.as_str())).collect();
        serde_json::to_vec(&Stored::<&str> { notes }).ok()
    }

    /// Takes a page in.
    ///
    /// # Errors
    /// Bytes that are not the page which the tasks tell of.
    pub(super) fn decode(&mut self, page: &str, bytes: &[u8]) -> Result<(), serde_json::Error> {
        let stored: Stored<String> = serde_json::from_slice(bytes)?;
        let number = page_number(page, NAME);
        let Some(page) = number.and_then(|number| self.pages.get_mut(&number)) else {
            return Err(serde_json::Error::custom("a page that no task tells of"));
        };
        let mut texts: BTreeMap<u64, String> = stored.notes.into_iter().collect();
        texts.retain(|n, _| page.sizes.contains_key(n));
        if texts.len() < page.sizes.len() {
            return Err(serde_json::Error::custom("a note is missing"));
        }
        page.texts = Some(texts);
        Ok(())
    }

    /// The pages changed since [`Notes::clean`].
    pub(super) fn dirty(&self) -> impl Iterator<Item = String> {
        self.dirty.iter().copied().map(page_name)
    }

    /// Every page is stored as it is now.
    pub(super) fn clean(&mut self) {
        self.dirty.clear();
    }

    /// Leaves what is in the store there, if there is much of it here.
    pub(super) fn let_go(&mut self) {
        let stored = self
            .pages
            .iter()
            .filter(|(number, page)| page.texts.is_some() && !self.dirty.contains(number));
        if stored.map(|(_, page)| page.bytes).sum::<usize>() <= KEPT {
            return;
        }
        for (number, page) in &mut self.pages {
            if !self.dirty.contains(number) {
                page.texts = None;
            }
        }
    }
}

impl Page {
    fn place(&mut self, n: u64, size: usize) {
        self.bytes = self.bytes_with(n, size);
        self.sizes.insert(n, size);
    }

    fn bytes_with(&self, n: u64, size: usize) -> usize {
        self.bytes - self.sizes.get(&n).unwrap_or(&0) + size
    }
}

/// How many bytes a note takes on a page, its number included.
fn encoded_size(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    });
    16 + escaped.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What was stored last: where each note is, and the pages.
    #[derive(Default)]
    struct Store {
        places: Vec<Place>,
        pages: BTreeMap<String, Vec<u8>>,
    }

    impl Store {
        fn take(&mut self, notes: &mut Notes, tasks: u64) {
            for page in notes.dirty() {
                match notes.encode(&page) {
                    Some(bytes) => self.pages.insert(page, bytes),
                    None => self.pages.remove(&page),
                };
            }
            self.places = (0..tasks).filter_map(|n| notes.place(n)).collect();
            notes.clean();
        }

        fn load(&self) -> Notes {
            let mut notes = Notes::default();
            for place in &self.places {
                notes.learn(*place);
            }
            notes
        }

        fn read(&self, notes: &mut Notes, number: u64) {
            let page = page_name(number);
            notes.decode(&page, &self.pages[&page]).unwrap();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
        #[test]
        fn notes_are_what_was_put_wherever_they_are(
            steps in prop::collection::vec((0..40_u64, prop::option::of(0..30_000_usize)), 0..200),
            store_every in 1_usize..20,
            load_every in 1_usize..40,
        ) {
            let mut notes = Notes::default();
            let mut store = Store::default();
            let mut expected = BTreeMap::new();
            for (step, (n, length)) in steps.into_iter().enumerate() {
                // Given that what the change needs is read first
                let text = length.map(|length| "\"n".repeat(length / 2));
                if let Some(page) = notes.unread_before(n, text.as_deref()) {
                    store.read(&mut notes, page);
                }
                // When a note is put, or taken away
                notes.put(n, text.as_deref());
                match text {
                    Some(text) => expected.insert(n, text),
                    None => expected.remove(&n),
                };
                if step % store_every == 0 {
                    store.take(&mut notes, 40);
                    if step % load_every == 0 {
                        notes = store.load();
                    }
                }
            }
            // Then each is what it was put to, read back or still here, and no page is too large
            store.take(&mut notes, 40);
            let mut back = store.load();
            for page in store.pages.keys() {
                store.read(&mut back, page_number(page, NAME).unwrap());
            }
            for n in 0..40 {
                let text = expected.get(&n).map_or(Note::Absent, |text| Note::Text(text));
                prop_assert_eq!(back.get(n), text);
                prop_assert!(matches!(notes.get(n), Note::Unread(_)) || notes.get(n) == text);
            }
            prop_assert!(store.pages.values().all(|page| page.len() <= 256 << 10));
        }
    }

    #[test]
    fn a_note_that_grows_takes_no_other_with_it() {
        // Given a page of notes and a newer one
        let mut notes = Notes::default();
        for n in 0..20 {
            notes.put(n, Some(&"n".repeat(4_000)));
        }
        let before: Vec<Option<Place>> = (0..20).map(|n| notes.place(n)).collect();
        notes.clean();
        // When one grows past what its page may have
        notes.put(0, Some(&"n".repeat(170 << 10)));
        // Then it alone has moved
        let after: Vec<Option<Place>> = (0..20).map(|n| notes.place(n)).collect();
        assert_ne!(
            before[0].map(|place| place.1),
            after[0].map(|place| place.1)
        );
        assert_eq!(before[1..], after[1..]);
    }

    #[test]
    fn much_that_is_stored_is_let_go_and_nothing_else() {
        let mut notes = Notes::default();
        for n in 0..2_000 {
            notes.put(n, Some(&"n".repeat(4_000)));
        }
        // Nothing is stored yet
        notes.let_go();
        assert_ne!(notes.get(0), Note::Unread(0));
        notes.clean();
        notes.put(0, Some("changed"));
        notes.let_go();
        assert_eq!(notes.get(0), Note::Text("changed"));
        assert!(matches!(notes.get(1_000), Note::Unread(_)));
        assert_eq!(notes.size(1_000), encoded_size(&"n".repeat(4_000)));
    }

    #[test]
    fn a_note_is_as_large_as_it_is_written() {
        let text = "a\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}ü\u{1f95b}";
        let written = serde_json::to_string(text).unwrap();
        assert_eq!(encoded_size(text), written.len() - 2 + 16);
    }
}
