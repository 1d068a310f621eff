//! A user's state: how events fold into it, and how it is stored.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    Priority, Profile, Task, UndoneChange,
    erasing::Erasure,
    event::Event,
    kept::{self, Kept, number},
    notes::{self, Note, Notes},
    pages::{self, TaskPages},
};
use crate::{
    journal::{State, Undecided},
    message::Refusal,
    pages::Ring,
    receipts::{Json, Receipts},
};

/// Most tasks one person may keep.
const MOST_TASKS: usize = 20_000;
/// Room beyond that for next occurrences only: nobody would see a series end because a list is full.
const ROOM_FOR_SERIES: usize = 1_000;

/// One person: profile, tasks, due moments, and what can be undone.
#[derive(Debug)]
pub struct User {
    profile: Profile,
    zone: TimeZone,
    /// Without their long notes; shared with what can be taken back.
    tasks: BTreeMap<u64, Arc<Kept>>,
    notes: Notes,
    /// The number the next task gets.
    next_task: u64,
    /// Reminders not given yet, by moment.
    pending: BTreeSet<(Timestamp, u64)>,
    undo: Ring<UndoItem>,
    receipts: Receipts,
    pages: TaskPages,
    core_dirty: bool,
    /// The last one, if the person was ever erased.
    erasure: Option<Erasure>,
}

/// A change that can be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct UndoItem {
    pub(super) change: UndoneChange,
    /// The task before the change; after it, when it had just been added.
    pub(super) task: Arc<Kept>,
    /// The `updated_at` of the reply to the change. Older snapshots have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left_at: Option<Timestamp>,
}

/// What the `core` page holds.
#[derive(Serialize, Deserialize)]
struct Core {
    profile: Profile,
    next_task: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erasure: Option<Erasure>,
}

/// What a `tasks/{n}` page holds.
#[derive(Serialize, Deserialize)]
struct TaskPage<T> {
    tasks: Vec<T>,
    /// Where those notes are that do not stand with their task. Before there were such pages, all
    /// of them did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<notes::Place>,
}

impl Default for User {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            zone: TimeZone::UTC,
            tasks: BTreeMap::new(),
            notes: Notes::default(),
            next_task: 1,
            pending: BTreeSet::new(),
            undo: Ring::new("undo", 20, 4),
            receipts: Receipts::default(),
            pages: TaskPages::default(),
            core_dirty: false,
            erasure: None,
        }
    }
}

impl User {
    /// What is known of the person.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The zone of the person's calendar.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Every task, oldest first, without its long notes.
    pub(super) fn tasks(&self) -> impl ExactSizeIterator<Item = &Kept> {
        self.tasks.values().map(Arc::as_ref)
    }

    /// The tasks with a number above `n`, oldest first, without their long notes.
    pub(super) fn tasks_after(&self, n: u64) -> impl Iterator<Item = &Kept> {
        let later = (Bound::Excluded(n), Bound::Unbounded);
        self.tasks.range(later).map(|(_, task)| task.as_ref())
    }

    /// How many reminders are still to be given.
    pub(super) fn reminders(&self) -> usize {
        self.pending.len()
    }

    /// Whether the person was erased and nothing has happened since.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.erasure.is_some_and(|erasure| !erasure.over)
    }

    pub(super) fn erasure(&self) -> Option<Erasure> {
        self.erasure
    }

    /// The task of that id, without its long notes.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn known(&self, task_id: &str) -> Result<&Arc<Kept>, Refusal> {
        number(task_id)
            .and_then(|n| self.tasks.get(&n))
            .ok_or_else(|| no_such_task(task_id))
    }

    /// The task of that id.
    ///
    /// # Errors
    /// There is none, or its notes have to be read.
    pub(super) fn task(&self, task_id: &str) -> Result<Task, Undecided> {
        self.whole(self.known(task_id)?)
    }

    /// A task of this state with its notes.
    ///
    /// # Errors
    /// They have to be read.
    pub(super) fn whole(&self, task: &Kept) -> Result<Task, Undecided> {
        self.read([task])?;
        let notes = self.notes_of(task).map(str::to_owned);
        Ok(Task {
            notes,
            ..task.task()
        })
    }

    /// Sees to it that the notes of these tasks are in memory.
    ///
    /// # Errors
    /// These have to be read.
    pub(super) fn read<'a>(
        &self,
        tasks: impl IntoIterator<Item = &'a Kept>,
    ) -> Result<(), Undecided> {
        let unread = tasks
            .into_iter()
            .filter_map(|task| match self.notes.get(task.number()) {
                Note::Unread(page) => Some(page),
                Note::Absent | Note::Text(_) => None,
            });
        let unread: BTreeSet<u64> = unread.collect();
        if unread.is_empty() {
            return Ok(());
        }
        let names = unread.into_iter().map(notes::page_name);
        Err(Undecided::Unread(names.collect()))
    }

    /// The notes of a task of this state, as far as they are in memory.
    pub(super) fn notes_of<'a>(&'a self, task: &'a Kept) -> Option<&'a str> {
        match self.notes.get(task.number()) {
            Note::Text(text) => Some(text),
            Note::Absent | Note::Unread(_) => task.notes(),
        }
    }

    /// Roughly how many bytes a task of this state takes with its notes.
    pub(super) fn size(&self, task: &Kept) -> usize {
        task.task().size() + self.notes.size(task.number())
    }

    /// When the next reminder is due.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.pending.first().map(|(at, _)| *at)
    }

    /// Whether one more task may be kept.
    ///
    /// # Errors
    /// The list is full.
    pub(super) fn has_room(&self) -> Result<(), Refusal> {
        self.has_room_up_to(MOST_TASKS)
    }

    /// Whether one more occurrence of a series may be kept.
    ///
    /// # Errors
    /// The list is more than full.
    pub(super) fn has_room_for_series(&self) -> Result<(), Refusal> {
        self.has_room_up_to(MOST_TASKS + ROOM_FOR_SERIES)
    }

    fn has_room_up_to(&self, most: usize) -> Result<(), Refusal> {
        if self.tasks.len() < most {
            return Ok(());
        }
        Err(Refusal::limit_reached(format!(
            "You already have {MOST_TASKS} tasks, the most there can be. Delete some first."
        )))
    }

    /// The id the next new task gets.
    pub(super) fn next_id(&self) -> String {
        kept::id(self.next_task)
    }

    /// The reminders due by `now`, earliest first, with their tasks.
    pub(super) fn due_by(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, &Kept)> {
        let due = self.pending.iter().take_while(move |(at, _)| *at <= now);
        due.filter_map(|(at, n)| Some((*at, self.tasks.get(n)?.as_ref())))
    }

    /// The newest change that can be taken back: of that task, if one is named.
    pub(super) fn newest_undo(&self, task_id: Option<&str>) -> Option<&UndoItem> {
        let meant =
            |item: &&UndoItem| task_id.is_none_or(|id| number(id) == Some(item.task.number()));
        self.undo.iter().rev().find(meant)
    }

    /// Whether a change of that task can still be undone.
    pub(super) fn can_undo(&self, task_id: &str) -> bool {
        self.newest_undo(Some(task_id)).is_some()
    }

    /// A task that is new.
    fn add(&mut self, task: &Task) {
        self.next_task = number(&task.id).map_or(self.next_task, |n| self.next_task.max(n + 1));
        self.core_dirty = true;
        self.put(task);
    }

    fn put(&mut self, task: &Task) {
        let Some(n) = number(&task.id) else { return };
        self.forget_reminder(n);
        if let Some(at) = task.pending_reminder(&self.zone) {
            self.pending.insert((at, n));
        }
        let mut task = task.clone();
        let long = task.notes.take_if(|text| notes::is_long(text));
        self.notes.put(n, long.as_deref());
        self.pages.put(n, &task);
        self.tasks.insert(n, Arc::new(Kept::new(n, task)));
    }

    fn remove(&mut self, task_id: &str) {
        let Some(n) = number(task_id) else { return };
        self.forget_reminder(n);
        self.notes.put(n, None);
        self.pages.remove(n);
        self.tasks.remove(&n);
    }

    fn forget_reminder(&mut self, n: u64) {
        if let Some(at) = self
            .tasks
            .get(&n)
            .and_then(|task| task.pending_reminder(&self.zone))
        {
            self.pending.remove(&(at, n));
        }
    }

    /// Notes what the change can be taken back to, or drops the note when it was taken back.
    fn note_undo(&mut self, undo: bool, change: UndoneChange, task: &Task) {
        if undo {
            self.forget_undo(task);
        } else if let Some(known) = self.as_known(task) {
            self.undo.push(UndoItem {
                change,
                task: known,
                left_at: Some(task.updated_at),
            });
        }
    }

    /// The task as this state has it, or as it is given if it has none.
    fn as_known(&self, task: &Task) -> Option<Arc<Kept>> {
        let whole = match self.known(&task.id) {
            Ok(known) if self.notes_of(known) == known.notes() => return Some(Arc::clone(known)),
            // Of a task that is there, `unread` had the notes read.
            Ok(known) => self.whole(known).unwrap_or_else(|_| task.clone()),
            Err(_) => task.clone(),
        };
        Kept::try_from(whole).ok().map(Arc::new)
    }

    /// Drops the task's newest note: only that one is ever taken back.
    fn forget_undo(&mut self, task: &Task) {
        let n = number(&task.id);
        self.undo.take(|item| Some(item.task.number()) == n);
    }

    fn set_profile(&mut self, profile: &Profile) {
        self.profile = profile.clone();
        self.zone = zone(&profile.time_zone);
        self.core_dirty = true;
        self.index_reminders();
    }

    fn index_reminders(&mut self) {
        self.pending = self
            .tasks
            .iter()
            .filter_map(|(n, task)| Some((task.pending_reminder(&self.zone)?, *n)))
            .collect();
    }
}

impl State for User {
    const TYPE: &'static str = super::TYPE;
    type Event = Event;

    fn apply(&mut self, event: &Event) {
        if let Some(erasure) = self.erasure.as_mut().filter(|erasure| !erasure.over) {
            erasure.over = true;
            self.core_dirty = true;
        }
        match event {
            Event::TaskCreated { task } => {
                self.add(task);
                self.note_undo(false, UndoneChange::Added, task);
            }
            Event::TaskUpdated { task, undo } => {
                self.note_undo(*undo, UndoneChange::Updated, task);
                self.put(task);
            }
            Event::TaskCompleted { task, undo } => {
                self.note_undo(*undo, UndoneChange::Completed, task);
                self.put(task);
            }
            Event::TaskReopened { task, undo } => {
                self.note_undo(*undo, UndoneChange::Reopened, task);
                self.put(task);
            }
            Event::TaskDeleted { task, undo } => {
                self.note_undo(*undo, UndoneChange::Deleted, task);
                self.remove(&task.id);
            }
            Event::TaskRestored { task } => {
                self.forget_undo(task);
                self.put(task);
            }
            Event::TaskRolled { task, next } => {
                self.put(task);
                self.add(next);
            }
            Event::TaskWithdrawn { task } => self.remove(&task.id),
            Event::TaskReminded { task } => self.put(task),
            Event::ProfileChanged { profile } => self.set_profile(profile),
            Event::Erased {
                asked_at, until, ..
            } => {
                *self = Self {
                    erasure: Some(Erasure {
                        asked_at: *asked_at,
                        until: *until,
                        over: false,
                    }),
                    core_dirty: true,
                    ..Self::default()
                };
            }
        }
    }

    fn erases(event: &Event) -> bool {
        matches!(event, Event::Erased { .. })
    }

    fn closed(&self, now: Timestamp) -> Option<Refusal> {
        self.erasure?.refusal(now)
    }

    fn unread(&self, event: &Event) -> Vec<String> {
        let pages = event
            .tasks_after()
            .chain(event.tasks_gone())
            .filter_map(|task| {
                let long = task.notes.as_deref().filter(|text| notes::is_long(text));
                self.notes.unread_before(number(&task.id)?, long)
            });
        pages.map(notes::page_name).collect()
    }

    fn wake_after(&self, events: &[Event]) -> Option<Timestamp> {
        let mut zone_after = None;
        let mut changed: BTreeMap<u64, Option<&Task>> = BTreeMap::new();
        for event in events {
            match event {
                Event::Erased { .. } => return None,
                Event::ProfileChanged { profile } => zone_after = Some(zone(&profile.time_zone)),
                _ => {}
            }
            let gone = event.tasks_gone().map(|task| (task, None));
            let there = event.tasks_after().map(|task| (task, Some(task)));
            let both = gone.chain(there);
            changed.extend(both.filter_map(|(task, after)| Some((number(&task.id)?, after))));
        }
        let unchanged = match &zone_after {
            Some(zone) => self
                .tasks
                .iter()
                .filter(|(n, _)| !changed.contains_key(n))
                .filter_map(|(_, task)| task.pending_reminder(zone))
                .min(),
            None => self
                .pending
                .iter()
                .find(|(_, n)| !changed.contains_key(n))
                .map(|(at, _)| *at),
        };
        let zone = zone_after.as_ref().unwrap_or(&self.zone);
        let changed = changed
            .values()
            .flatten()
            .filter_map(|task| task.pending_reminder(zone))
            .min();
        unchanged.into_iter().chain(changed).min()
    }

    fn said(&self, events: &[Event]) -> Option<Arc<dyn Json>> {
        let event = events.first()?;
        let task = event.tasks_after().chain(event.tasks_gone()).next()?;
        let known = self.known(&task.id).ok();
        let gone = || Some(&self.newest_undo(Some(&task.id))?.task);
        Some(Arc::clone(known.or_else(gone)?) as Arc<dyn Json>)
    }

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    fn receipts_mut(&mut self) -> &mut Receipts {
        &mut self.receipts
    }

    fn dirty_pages(&mut self) -> Vec<String> {
        let mut pages: Vec<String> = self.pages.dirty().map(pages::page_name).collect();
        pages.extend(self.notes.dirty());
        pages.extend(self.undo.dirty());
        pages.extend(self.receipts.dirty());
        if self.core_dirty {
            pages.push("core".to_owned());
        }
        pages
    }

    fn encode_page(&self, page: &str) -> Option<Vec<u8>> {
        if page == "core" {
            let core = Core {
                profile: self.profile.clone(),
                next_task: self.next_task,
                erasure: self.erasure,
            };
            return serde_json::to_vec(&core).ok();
        }
        if let Some(n) = pages::number_of(page) {
            let numbers: Vec<u64> = self.pages.tasks(n).collect();
            let tasks = numbers.iter().filter_map(|n| self.tasks.get(n));
            let tasks: Vec<&Arc<Kept>> = tasks.collect();
            if tasks.is_empty() {
                return None;
            }
            let notes = numbers.iter().filter_map(|n| self.notes.place(*n));
            let notes = notes.collect();
            return serde_json::to_vec(&TaskPage { tasks, notes }).ok();
        }
        if notes::is_page(page) {
            return self.notes.encode(page);
        }
        if self.undo.owns(page) {
            self.undo.encode(page)
        } else {
            self.receipts.encode(page)
        }
    }

    fn decode_page(&mut self, page: &str, bytes: &[u8]) -> Result<(), serde_json::Error> {
        if page == "core" {
            let core: Core = serde_json::from_slice(bytes)?;
            self.zone = zone(&core.profile.time_zone);
            self.profile = core.profile;
            self.next_task = core.next_task;
            self.erasure = core.erasure;
        } else if let Some(number_of_page) = pages::number_of(page) {
            let page: TaskPage<Task> = serde_json::from_slice(bytes)?;
            for task in page.tasks {
                let size = task.size();
                if let Ok(task) = Kept::try_from(task) {
                    self.pages.read(number_of_page, task.number(), size);
                    self.tasks.insert(task.number(), Arc::new(task));
                }
            }
            for place in page.notes {
                self.notes.learn(place);
            }
        } else if notes::is_page(page) {
            self.notes.decode(page, bytes)?;
        } else if self.undo.owns(page) {
            self.undo.decode(bytes)?;
        } else {
            self.receipts.decode(page, bytes)?;
        }
        Ok(())
    }

    fn leave_unread(pages: &BTreeMap<String, String>) -> Vec<String> {
        let notes = pages.keys().filter(|page| notes::is_page(page));
        notes.cloned().collect()
    }

    fn loaded(&mut self) {
        for item in self.undo.iter_mut() {
            let known = self.tasks.get(&item.task.number());
            if let Some(known) = known.filter(|known| **known == item.task) {
                item.task = Arc::clone(known);
            }
        }
        self.receipts.let_go();
        self.index_reminders();
    }

    fn rest(&mut self) {
        self.notes.let_go();
    }

    fn stored(&mut self) {
        self.pages.clean();
        self.notes.clean();
        self.undo.clean();
        self.receipts.stored();
        self.core_dirty = false;
    }
}

fn no_such_task(task_id: &str) -> Refusal {
    // Only an id of the right form is repeated; anything else may be of any length.
    match number(task_id) {
        Some(n) => Refusal::not_found(format!("There is no task-{n}.")),
        None => Refusal::not_found("There is no such task: task ids look like “task-12”."),
    }
}

/// A zone that was checked when it was set; UTC should the zone database have lost it since.
fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// For the ordering of lists: the more urgent first.
pub(super) fn urgency(priority: Priority) -> u8 {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}
