//! How a recurring task goes on: once it is done, its next occurrence is a task of its own.
//!
//! The done task names the task that follows it, so rolling twice does nothing however late the
//! second message comes. Opening the done task again takes the next one back unless the person
//! has done something with it; then both stay, and the reopened task does not roll again.

use jiff::Timestamp;

use super::{
    RollForward, Rolled, Status, Task,
    commands::{Decided, set_due},
    event::Event,
    recurrence::Recurrence,
    state::User,
};
use crate::{
    journal::Undecided,
    message::Refusal,
    turn::{Command, Decision},
};

impl Command<User> for RollForward {
    const ANY_TIME: bool = true;

    fn decide(&self, state: &User, now: Timestamp) -> Decided<Rolled> {
        let task = state.known(&self.task_id).ok();
        let next = task.and_then(|task| Some((task, next(&task.task(), state, now)?)));
        let Some((task, next)) = next else {
            // Gone, open again, followed already, or the last of its series.
            return Ok(Decision {
                events: Vec::new(),
                reply: Rolled { next: None },
            });
        };
        state.has_room_for_series()?;
        let task = state.whole(task)?;
        let next = Task {
            notes: task.notes.clone(),
            ..next
        };
        let task = Task {
            followed_by: Some(next.id.clone()),
            ..task
        };
        let reply = Rolled {
            next: Some(next.clone()),
        };
        Ok(Decision {
            events: vec![Event::TaskRolled {
                task,
                next: Box::new(next),
            }],
            reply,
        })
    }
}

/// The task that follows, without long notes, unless there is one already or none is to come.
fn next(task: &Task, state: &User, now: Timestamp) -> Option<Task> {
    if task.status == Status::Open || task.followed_by.is_some() {
        return None;
    }
    let (recurrence, due) = task.recurrence.as_ref()?.next_after(now)?;
    let mut next = Task {
        id: state.next_id(),
        status: Status::Open,
        recurrence: Some(Box::new(recurrence)),
        follows: Some(task.id.clone()),
        reminded_for: None,
        created_at: now,
        updated_at: now,
        completed_at: None,
        ..task.clone()
    };
    set_due(&mut next, Some(due));
    Some(next)
}

/// Opening `task` again takes back the task that follows it, if nobody has touched that one.
///
/// # Errors
/// Its notes have to be read.
pub(super) fn withdraw_next(task: &mut Task, state: &User) -> Result<Option<Event>, Undecided> {
    let next = task.followed_by.as_ref().map(|id| state.known(id));
    let Some(Ok(next)) = next else {
        return Ok(None);
    };
    let next = state.whole(next)?;
    if !untouched(&next, task, state) {
        return Ok(None);
    }
    task.followed_by = None;
    Ok(Some(Event::TaskWithdrawn { task: next }))
}

/// A change that was undone leaves a later `updated_at`, but neither a note nor a difference.
fn untouched(next: &Task, task: &Task, state: &User) -> bool {
    let as_rolled = || {
        next.title == task.title
            && next.notes == task.notes
            && next.priority == task.priority
            && next.tags == task.tags
            && next.reminder_offset_minutes == task.reminder_offset_minutes
            && next.due() == next.recurrence.as_ref().and_then(|series| series.due())
    };
    next.status == Status::Open
        && !state.can_undo(&next.id)
        && (next.updated_at == next.created_at || as_rolled())
}

/// Makes `task` repeat by an RRULE from its due moment on, or moves it to the first day the rule
/// names. The rule it has already, unmoved, stays as it is.
///
/// # Errors
/// The task is done, or the rule is none that tasks can have.
pub(super) fn repeat(
    task: &mut Task,
    rule: &str,
    state: &User,
    now: Timestamp,
) -> Result<(), Refusal> {
    if task.status == Status::Done {
        return Err(Refusal::conflict(
            "That task is done already. Reopen it, or make the open one repeat.",
        ));
    }
    let (series, due) = Recurrence::begin(rule, task.due(), now, state.zone())?;
    let same = task.recurrence.as_ref().is_some_and(|known| {
        (known.rule, &known.zone) == (series.rule, &series.zone) && known.due() == Some(due)
    });
    if !same {
        task.recurrence = Some(Box::new(series));
        set_due(task, Some(due));
    }
    Ok(())
}

/// A series hangs on a due moment.
///
/// # Errors
/// The task repeats and has none.
pub(super) fn needs_due(task: &Task) -> Result<(), Refusal> {
    if task.recurrence.is_some() && task.due().is_none() {
        return Err(Refusal::conflict(
            "A repeating task needs a due date. Stop its repetition first, or give it another date.",
        ));
    }
    Ok(())
}
