//! What each command to a user decides, and what each question is answered.

use jiff::{Timestamp, tz::TimeZone};

use super::{
    AddTask, CompleteTask, DeleteTask, Due, FireDue, Fired, GetProfile, GetTask, Profile, Receipts,
    ReopenTask, SetProfile, Status, Task, TurnReceipt, Undo, Undone, UndoneChange, UpdateTask,
    event::Event, kept::Kept, rolling, rules, state::User,
};
use crate::{
    journal::{State, Undecided},
    message::Refusal,
    turn::{Command, Decision, Query},
};

/// Most tasks one firing reminds of; the rest come in the next turn, at once.
const MOST_REMINDED: usize = 100;
/// A firing reminds of no more once their tasks have this many bytes.
const REMINDED_BYTES: usize = 512 << 10;

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
        rules::due_in_future(self.due, now, state.zone())?;
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
                rules::due_in_future(due, now, state.zone())?;
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
        reopen(&mut task, now, state.zone());
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
        let Some(item) = state.newest_undo(self.task_id.as_deref()) else {
            return Err(Refusal::conflict("There is nothing left to undo.").into());
        };
        if self.updated_at.is_some() && self.updated_at != item.left_at {
            return Err(Refusal::conflict(
                "This cannot be undone any more: the task was changed since.",
            )
            .into());
        }
        let mut task = item.task.task();
        task.updated_at = now;
        // What follows a task is a fact, not a change of the person's.
        if let Ok(known) = state.known(&task.id) {
            task.followed_by = known.task().followed_by;
        }
        let mut withdrawn = None;
        let event = match item.change {
            UndoneChange::Added => {
                let task = state.task(&task.id)?;
                Event::TaskDeleted { task, undo: true }
            }
            UndoneChange::Updated => {
                hush_passed(&mut task, now, state.zone());
                Event::TaskUpdated {
                    task: task.clone(),
                    undo: true,
                }
            }
            UndoneChange::Completed => {
                hush_passed(&mut task, now, state.zone());
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
                hush_passed(&mut task, now, state.zone());
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
        let known = state.profile();
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
        let due: Vec<(Timestamp, &Kept)> = state
            .due_by(now)
            .take(MOST_REMINDED)
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
        Ok(state.profile().clone())
    }
}

impl Query<User> for Receipts {
    fn answer(&self, state: &User, _now: Timestamp) -> Result<Vec<TurnReceipt>, Undecided> {
        let made = state.receipts().of_turn(&self.turn_id)?.into_iter();
        let made = made.filter_map(|(call, reply)| {
            Some(TurnReceipt {
                call: call.clone(),
                reply: serde_json::from_str(reply.json()?.get()).ok()?,
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
