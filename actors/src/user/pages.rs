//! How a user's tasks are spread over snapshot pages.

use std::collections::{BTreeMap, BTreeSet};

use super::task::Task;
use crate::pages::page_number;

/// A new page is begun when the newest has this many bytes.
pub(super) const TARGET: usize = 48 << 10;
/// A page of tasks that edits have made larger than this is split, and a note that would make its
/// page larger moves to the newest.
pub(super) const LARGEST: usize = 192 << 10;

/// The name of the pages.
const NAME: &str = "tasks";

/// Which tasks stand on which page. Physical only: it says nothing about the tasks.
#[derive(Debug, Default)]
pub(super) struct TaskPages {
    /// How many bytes each page has that has any tasks.
    bytes: BTreeMap<u32, usize>,
    /// Where each task stands, in the order of their numbers. The one list of all: every active
    /// actor keeps it, so it is packed, while the tasks of a page are wanted once per snapshot.
    places: Vec<(u64, Place)>,
    dirty: BTreeSet<u32>,
}

/// A task's page, and how many bytes it takes there.
#[derive(Debug, Clone, Copy)]
struct Place {
    page: u32,
    bytes: u32,
}

/// The name of page `number`.
pub(super) fn page_name(number: u32) -> String {
    format!("{NAME}/{number}")
}

/// The number of a page of tasks.
pub(super) fn number_of(page: &str) -> Option<u32> {
    page_number(page, NAME)?.try_into().ok()
}

impl TaskPages {
    /// Task number `n` is new or has changed.
    pub(super) fn put(&mut self, n: u64, task: &Task) {
        let known = self.find(n).ok().map(|at| self.places[at].1.page);
        let page = known.unwrap_or_else(|| self.open_page());
        self.place(page, n, task.size());
        self.dirty.insert(page);
        self.split_if_large(page);
    }

    /// Task number `n` is gone.
    pub(super) fn remove(&mut self, n: u64) {
        if let Some(place) = self.take_away(n) {
            self.dirty.insert(place.page);
        }
    }

    /// Task number `n`, of so many bytes, was read from a stored page.
    pub(super) fn read(&mut self, page: u32, n: u64, bytes: usize) {
        self.place(page, n, bytes);
    }

    /// The tasks on a page; empty once it is gone.
    pub(super) fn tasks(&self, page: u32) -> impl Iterator<Item = u64> {
        let places = self.places.iter();
        let there = places.filter(move |(_, place)| place.page == page);
        there.map(|(n, _)| *n)
    }

    /// The pages changed since [`TaskPages::clean`].
    pub(super) fn dirty(&self) -> impl Iterator<Item = u32> {
        self.dirty.iter().copied()
    }

    pub(super) fn clean(&mut self) {
        self.dirty.clear();
    }

    fn open_page(&self) -> u32 {
        match self.bytes.last_key_value() {
            Some((page, bytes)) if *bytes < TARGET => *page,
            Some((page, _)) => page + 1,
            None => 0,
        }
    }

    fn place(&mut self, page: u32, n: u64, bytes: usize) {
        let place = Place {
            page,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        };
        match self.find(n) {
            Ok(at) => {
                let (_, before) = std::mem::replace(&mut self.places[at], (n, place));
                self.lighten(before);
            }
            Err(at) => self.places.insert(at, (n, place)),
        }
        *self.bytes.entry(page).or_default() += place.bytes as usize;
    }

    fn take_away(&mut self, n: u64) -> Option<Place> {
        let at = self.find(n).ok()?;
        let (_, place) = self.places.remove(at);
        self.lighten(place);
        Some(place)
    }

    /// Where task number `n` is in the list, or belongs.
    fn find(&self, n: u64) -> Result<usize, usize> {
        self.places.binary_search_by_key(&n, |(n, _)| *n)
    }

    /// A task has left its place. It took more than no bytes, so a page of none has no tasks.
    fn lighten(&mut self, place: Place) {
        if let Some(bytes) = self.bytes.get_mut(&place.page) {
            *bytes -= place.bytes as usize;
            if *bytes == 0 {
                self.bytes.remove(&place.page);
            }
        }
    }

    fn split_if_large(&mut self, page: u32) {
        if self.bytes.get(&page).is_none_or(|bytes| *bytes <= LARGEST) {
            return;
        }
        let tasks: Vec<u64> = self.tasks(page).collect();
        if tasks.len() < 2 {
            return;
        }
        let fresh = self.bytes.last_key_value().map_or(0, |(last, _)| last + 1);
        for n in &tasks[tasks.len() / 2..] {
            if let Ok(at) = self.find(*n) {
                let bytes = self.places[at].1.bytes;
                self.place(fresh, *n, bytes as usize);
            }
        }
        self.dirty.insert(fresh);
    }
}
