//! How a user's tasks are spread over snapshot pages.

use std::collections::{BTreeMap, BTreeSet};

use super::task::Task;

/// A new page is begun when the newest has this many bytes.
pub(super) const TARGET: usize = 48 << 10;
/// A page of tasks that edits have made larger than this is split, and a note that would make its
/// page larger moves to the newest.
pub(super) const LARGEST: usize = 192 << 10;

/// Which tasks stand on which page. Physical only: it says nothing about the tasks.
#[derive(Debug, Default)]
pub(super) struct TaskPages {
    pages: BTreeMap<u64, Page>,
    page_of: BTreeMap<u64, u64>,
    dirty: BTreeSet<u64>,
}

#[derive(Debug, Default)]
struct Page {
    tasks: BTreeMap<u64, usize>,
    bytes: usize,
}

impl TaskPages {
    /// Task number `n` is new or has changed.
    pub(super) fn put(&mut self, n: u64, task: &Task) {
        let page = match self.page_of.get(&n) {
            Some(page) => *page,
            None => self.open_page(),
        };
        self.place(page, n, task.size());
        self.dirty.insert(page);
        self.split_if_large(page);
    }

    /// Task number `n` is gone.
    pub(super) fn remove(&mut self, n: u64) {
        let Some(number) = self.page_of.remove(&n) else {
            return;
        };
        self.dirty.insert(number);
        if let Some(page) = self.pages.get_mut(&number) {
            page.bytes -= page.tasks.remove(&n).unwrap_or(0);
            if page.tasks.is_empty() {
                self.pages.remove(&number);
            }
        }
    }

    /// A task read from a stored page.
    pub(super) fn read(&mut self, page: u64, n: u64, task: &Task) {
        self.place(page, n, task.size());
    }

    /// The tasks on a page; empty once it is gone.
    pub(super) fn tasks(&self, page: u64) -> impl Iterator<Item = u64> {
        self.pages
            .get(&page)
            .into_iter()
            .flat_map(|page| page.tasks.keys().copied())
    }

    /// The pages changed since [`TaskPages::clean`].
    pub(super) fn dirty(&self) -> impl Iterator<Item = u64> {
        self.dirty.iter().copied()
    }

    pub(super) fn clean(&mut self) {
        self.dirty.clear();
    }

    fn open_page(&self) -> u64 {
        match self.pages.last_key_value() {
            Some((number, page)) if page.bytes < TARGET => *number,
            Some((number, _)) => number + 1,
            None => 0,
        }
    }

    fn place(&mut self, number: u64, n: u64, size: usize) {
        let page = self.pages.entry(number).or_default();
        let before = page.tasks.insert(n, size).unwrap_or(0);
        page.bytes = page.bytes + size - before;
        self.page_of.insert(n, number);
    }

    fn split_if_large(&mut self, number: u64) {
        let Some(page) = self.pages.get(&number) else {
            return;
        };
        if page.bytes <= LARGEST || page.tasks.len() < 2 {
            return;
        }
        let moving: Vec<(u64, usize)> = page
            .tasks
            .iter()
            .skip(page.tasks.len() / 2)
            .map(|(n, size)| (*n, *size))
            .collect();
        let fresh = self.pages.last_key_value().map_or(0, |(last, _)| last + 1);
        for (n, size) in moving {
            if let Some(page) = self.pages.get_mut(&number) {
                page.bytes -= page.tasks.remove(&n).unwrap_or(0);
            }
            self.place(fresh, n, size);
        }
        self.dirty.insert(fresh);
    }
}
