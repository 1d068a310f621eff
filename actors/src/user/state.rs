//! The rules of a user: how events fold into state, and what each command decides.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    AddTask, CompleteTask, DeleteTask, Due, FireDue, Fired, GetProfile, GetTask, Priority, Profile,
    Receipts as ReadReceipts, ReopenTask, SetProfile, Status, Task, TurnReceipt, Undo, Undone,
    UndoneChange, UpdateTask,
    erasing::Erasure,
    event::Event,
    notes::{self, Note, Notes},
    pages::TaskPages,
    rolling, rules,
};
use crate::{
    journal::{State, Undecided},
    message::Refusal,
    pages::{Receipts, Ring, page_number},
    turn::{Command, Decision, Query},
};

/// Most tasks one person may keep.
const MOST_TASKS: usize = 20_000;
/// Room beyond that for next occurrences only: nobody would see a series end because a list is full.
const ROOM_FOR_SERIES: usize = 1_000;
/// Most tasks one firing reminds of; the rest come in the next turn, at once.
const MOST_REMINDED: usize = 100;
/// A firing reminds of no more once their tasks have this many bytes.
const REMINDED_BYTES: usize = 512 << 10;

/// One person: profile, tasks, due moments, and what can be undone.
#[derive(Debug)]
pub struct User {
    profile: Profile,
    zone: TimeZone,
    /// Without their long notes.
    tasks: BTreeMap<u64, Task>,
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
struct UndoItem {
    change: UndoneChange,
    /// The task before the change; after it, when it had just been added.
    task: Task,
    /// The `updated_at` of the reply to the change. Older snapshots have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_at: Option<Timestamp>,
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
    pub(super) fn tasks(&self) -> impl ExactSizeIterator<Item = &Task> {
        self.tasks.values()
    }

    /// The tasks with a number above `n`, oldest first, without their long notes.
    pub(super) fn tasks_after(&self, n: u64) -> impl Iterator<Item = &Task> {
        let later = (Bound::Excluded(n), Bound::Unbounded);
        self.tasks.range(later).map(|(_, task)| task)
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
    pub(super) fn known(&self, task_id: &str) -> Result<&Task, Refusal> {
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
    pub(super) fn whole(&self, task: &Task) -> Result<Task, Undecided> {
        self.read([task])?;
        let notes = self.notes_of(task).map(str::to_owned);
        Ok(Task {
            notes,
            ..task.clone()
        })
    }

    /// Sees to it that the notes of these tasks are in memory.
    ///
    /// # Errors
    /// These have to be read.
    pub(super) fn read<'a>(
        &self,
        tasks: impl IntoIterator<Item = &'a Task>,
    ) -> Result<(), Undecided> {
        let unread = tasks
            .into_iter()
            .filter_map(|task| match self.notes.get(number(&task.id)?) {
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
    pub(super) fn notes_of<'a>(&'a self, task: &'a Task) -> Option<&'a str> {
        match number(&task.id).map(|n| self.notes.get(n)) {
            Some(Note::Text(text)) => Some(text),
            _ => task.notes.as_deref(),
        }
    }

    /// Roughly how many bytes a task of this state takes with its notes.
    pub(super) fn size(&self, task: &Task) -> usize {
        task.size() + number(&task.id).map_or(0, |n| self.notes.size(n))
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
    fn has_room(&self) -> Result<(), Refusal> {
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
        format!("task-{}", self.next_task)
    }

    /// Whether a change of that task can still be undone.
    pub(super) fn can_undo(&self, task_id: &str) -> bool {
        self.undo.iter().any(|item| item.task.id == task_id)
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
        self.tasks.insert(n, task);
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
        } else {
            // Of a task that is there, `unread` had the notes read.
            let before = self.task(&task.id).unwrap_or_else(|_| task.clone());
            self.undo.push(UndoItem {
                change,
                task: before,
                left_at: Some(task.updated_at),
            });
        }
    }

    /// Drops the task's newest note: only that one is ever taken back.
    fn forget_undo(&mut self, task: &Task) {
        self.undo.take(|item| item.task.id == task.id);
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
                self.note_undo(false, UndoneChange::Added, task);
                self.add(task);
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

    fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    fn receipts_mut(&mut self) -> &mut Receipts {
        &mut self.receipts
    }

    fn dirty_pages(&mut self) -> Vec<String> {
        let mut pages: Vec<String> = self.pages.dirty().map(|n| format!("tasks/{n}")).collect();
        pages.extend(self.notes.dirty());
        pages.extend(self.undo.dirty());
        pages.extend(self.receipts.0.dirty());
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
        if let Some(n) = page_number(page, "tasks") {
            let tasks: Vec<&Task> = self
                .pages
                .tasks(n)
                .filter_map(|n| self.tasks.get(&n))
                .collect();
            if tasks.is_empty() {
                return None;
            }
            let notes = self.pages.tasks(n).filter_map(|n| self.notes.place(n));
            let notes = notes.collect();
            return serde_json::to_vec(&TaskPage { tasks, notes }).ok();
        }
        if notes::is_page(page) {
            return self.notes.encode(page);
        }
        if self.undo.owns(page) {
            self.undo.encode(page)
        } else {
            self.receipts.0.encode(page)
        }
    }

    fn decode_page(&mut self, page: &str, bytes: &[u8]) -> Result<(), serde_json::Error> {
        if page == "core" {
            let core: Core = serde_json::from_slice(bytes)?;
            self.zone = zone(&core.profile.time_zone);
            self.profile = core.profile;
            self.next_task = core.next_task;
            self.erasure = core.erasure;
        } else if let Some(number_of_page) = page_number(page, "tasks") {
            let page: TaskPage<Task> = serde_json::from_slice(bytes)?;
            for task in page.tasks {
                if let Some(n) = number(&task.id) {
                    self.pages.read(number_of_page, n, &task);
                    self.tasks.insert(n, task);
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
            self.receipts.0.decode(bytes)?;
        }
        Ok(())
    }

    fn leave_unread(pages: &BTreeMap<String, String>) -> Vec<String> {
        let notes = pages.keys().filter(|page| notes::is_page(page));
        notes.cloned().collect()
    }

    fn loaded(&mut self) {
        self.index_reminders();
    }

    fn rest(&mut self) {
        self.notes.let_go();
    }

    fn stored(&mut self) {
        self.pages.clean();
        self.notes.clean();
        self.undo.clean();
        self.receipts.0.clean();
        self.core_dirty = false;
    }
}

pub(super) type Decided<R> = Result<Decision<Event, R>, Undecided>;

fn happens<R>(event: Event, reply: R) -> Decided<R> {
    Ok(Decision {
        events: vec![event],
        reply,
    })
}

fn nothing_to_do<R>(reply: R) -> Decided<R> {
    Ok(Decision {
        events: Vec::new(),
        reply,
    })
}

impl Command<User> for AddTask {
    fn decide(&self, state: &User, now: Timestamp) -> Decided<Task> {
        state.has_room()?;
        rules::due_in_future(self.due, now, &state.zone)?;
        let mut task = Task {
            id: state.next_id(),
            title: rules::title(&self.title)?,
            notes: rules::notes(self.notes.as_deref())?,
            status: Status::Open,
            priority: self.priority,
            tags: rules::tags(&self.tags)?,
            due_at: None,
            due_date: None,
            reminder_offset_minutes: rules::offset(self.reminder_offset_minutes)?,
            reminded_for: None,
            recurrence: None,
            follows: None,
            followed_by: None,
            created_at: now,
            updated_at: now,
            completed_at: None,
        };
        set_due(&mut task, self.due);
        if let Some(rule) = &self.recurrence {
            rolling::repeat(&mut task, rule, state, now)?;
        }
        happens(Event::TaskCreated { task: task.clone() }, task)
    }
}

impl Command<User> for UpdateTask {
    fn decide(&self, state: &User, now: Timestamp) -> Decided<Task> {
        let before = &state.task(&self.task_id)?;
        let mut task = before.clone();
        let change = &self.change;
        if let Some(title) = &change.title {
            task.title = rules::title(title)?;
        }
        if let Some(notes) = &change.notes {
            task.notes = rules::notes(notes.as_deref())?;
        }
        if let Some(priority) = change.priority {
            task.priority = priority;
        }
        if let Some(tags) = &change.tags {
            task.tags = rules::tags(tags)?;
        }
        if let Some(offset) = change.reminder_offset_minutes {
            task.reminder_offset_minutes = rules::offset(offset)?;
        }
        if let Some(due) = change.due {
            if due != before.due() {
                rules::due_in_future(due, now, &state.zone)?;
            }
            set_due(&mut task, due);
        }
        match &change.recurrence {
            Some(Some(rule)) => rolling::repeat(&mut task, rule, state, now)?,
            Some(None) => task.recurrence = None,
            None => {}
        }
        rolling::needs_due(&task)?;
        if task == *before {
            return nothing_to_do(task);
        }
        if task.due() != before.due()
            || task.reminder_offset_minutes != before.reminder_offset_minutes
        {
            task.reminded_for = None;
        }
        task.updated_at = now;
        happens(
            Event::TaskUpdated {
                task: task.clone(),
                undo: false,
            },
            task,
        )
    }
}

impl Command<User> for CompleteTask {
    fn decide(&self, state: &User, now: Timestamp) -> Decided<Task> {
        let mut task = state.task(&self.task_id)?;
        if task.status == Status::Done {
            return nothing_to_do(task);
        }
        complete(&mut task, now);
        happens(
            Event::TaskCompleted {
                task: task.clone(),
                undo: false,
            },
            task,
        )
    }
}

impl Command<User> for ReopenTask {
    fn decide(&self, state: &User, now: Timestamp) -> Decided<Task> {
        let mut task = state.task(&self.task_id)?;
        if task.status == Status::Open {
            return nothing_to_do(task);
        }
        reopen(&mut task, now, &state.zone);
        let withdrawn = rolling::withdraw_next(&mut task, state)?;
        let reopened = Event::TaskReopened {
            task: task.clone(),
            undo: false,
        };
        Ok(Decision {
            events: std::iter::once(reopened).chain(withdrawn).collect(),
            reply: task,
        })
    }
}

impl Command<User> for DeleteTask {
    fn decide(&self, state: &User, _now: Timestamp) -> Decided<Task> {
        let task = state.task(&self.task_id)?;
        happens(
            Event::TaskDeleted {
                task: task.clone(),
                undo: false,
            },
            task,
        )
    }
}

impl Command<User> for Undo {
    fn decide(&self, state: &User, now: Timestamp) -> Decided<Undone> {
        let meant = |item: &&UndoItem| self.task_id.as_ref().is_none_or(|id| item.task.id == *id);
        let Some(item) = state.undo.iter().rev().find(meant) else {
            return Err(Refusal::conflict("There is nothing left to undo.").into());
        };
        if self.updated_at.is_some() && self.updated_at != item.left_at {
            return Err(Refusal::conflict(
                "This cannot be undone any more: the task was changed since.",
            )
            .into());
        }
        let mut task = item.task.clone();
        task.updated_at = now;
        // What follows a task is a fact, not a change of the person's.
        if let Ok(known) = state.known(&task.id) {
            task.followed_by.clone_from(&known.followed_by);
        }
        let mut withdrawn = None;
        let event = match item.change {
            UndoneChange::Added => {
                let task = state.task(&task.id)?;
                Event::TaskDeleted { task, undo: true }
            }
            UndoneChange::Updated => {
                hush_passed(&mut task, now, &state.zone);
                Event::TaskUpdated {
                    task: task.clone(),
                    undo: true,
                }
            }
            UndoneChange::Completed => {
                hush_passed(&mut task, now, &state.zone);
                withdrawn = rolling::withdraw_next(&mut task, state)?;
                Event::TaskReopened {
                    task: task.clone(),
                    undo: true,
                }
            }
            UndoneChange::Reopened => Event::TaskCompleted {
                task: task.clone(),
                undo: true,
            },
            UndoneChange::Deleted => {
                hush_passed(&mut task, now, &state.zone);
                Event::TaskRestored { task: task.clone() }
            }
        };
        Ok(Decision {
            events: std::iter::once(event).chain(withdrawn).collect(),
            reply: Undone {
                undone: item.change,
                task,
            },
        })
    }
}

impl Command<User> for SetProfile {
    fn decide(&self, state: &User, now: Timestamp) -> Decided<Profile> {
        let time_zone = rules::time_zone(&self.time_zone)?;
        let known = &state.profile;
        let unchanged = known.time_zone_set && known.time_zone == time_zone;
        if unchanged || (self.only_if_unset && known.time_zone_set) {
            return nothing_to_do(known.clone());
        }
        let profile = Profile {
            time_zone,
            time_zone_set: true,
            updated_at: Some(now),
        };
        happens(
            Event::ProfileChanged {
                profile: profile.clone(),
            },
            profile,
        )
    }
}

impl Command<User> for FireDue {
    const ANY_TIME: bool = true;

    fn decide(&self, state: &User, now: Timestamp) -> Decided<Fired> {
        let mut bytes = 0;
        let due: Vec<(Timestamp, &Task)> = state
            .pending
            .iter()
            .take_while(|(at, _)| *at <= now)
            .take(MOST_REMINDED)
            .filter_map(|(at, n)| Some((*at, state.tasks.get(n)?)))
            .take_while(|(_, task)| {
                let fits = bytes < REMINDED_BYTES;
                bytes += state.size(task);
                fits
            })
            .collect();
        state.read(due.iter().map(|(_, task)| *task))?;
        let mut events = Vec::new();
        for (at, task) in due {
            let task = Task {
                reminded_for: Some(at),
                ..state.whole(task)?
            };
            events.push(Event::TaskReminded { task });
        }
        let reply = Fired {
            reminded: events.len(),
            next: state.wake_after(&events),
        };
        Ok(Decision { events, reply })
    }
}

impl Query<User> for GetTask {
    fn answer(&self, state: &User, _now: Timestamp) -> Result<Task, Undecided> {
        state.task(&self.task_id)
    }
}

impl Query<User> for GetProfile {
    fn answer(&self, state: &User, _now: Timestamp) -> Result<Profile, Undecided> {
        Ok(state.profile.clone())
    }
}

impl Query<User> for ReadReceipts {
    fn answer(&self, state: &User, _now: Timestamp) -> Result<Vec<TurnReceipt>, Undecided> {
        let of_turn = |key: &str| {
            let rest = key.strip_prefix(&self.turn_id);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let made = state.receipts.0.iter().filter(|made| of_turn(&made.key));
        let made = made.filter_map(|made| {
            Some(TurnReceipt {
                call: made.call.clone()?,
                reply: serde_json::from_str(made.reply.get()).ok()?,
            })
        });
        Ok(made.collect())
    }
}

fn complete(task: &mut Task, now: Timestamp) {
    task.status = Status::Done;
    task.completed_at = Some(now);
    task.updated_at = now;
}

fn reopen(task: &mut Task, now: Timestamp, zone: &TimeZone) {
    task.status = Status::Open;
    task.completed_at = None;
    task.updated_at = now;
    hush_passed(task, now, zone);
}

/// A task that comes back after its reminder's moment does not remind at once.
fn hush_passed(task: &mut Task, now: Timestamp, zone: &TimeZone) {
    if let Some(at) = task.pending_reminder(zone).filter(|at| *at <= now) {
        task.reminded_for = Some(at);
    }
}

pub(super) fn set_due(task: &mut Task, due: Option<Due>) {
    (task.due_at, task.due_date) = match due {
        Some(Due::At(at)) => (Some(crate::clock::to_microseconds(at)), None),
        Some(Due::Date(date)) => (None, Some(date)),
        None => (None, None),
    };
}

/// The number in a task id.
pub(super) fn number(task_id: &str) -> Option<u64> {
    let digits = task_id.strip_prefix("task-")?;
    let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if canonical { digits.parse().ok() } else { None }
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
