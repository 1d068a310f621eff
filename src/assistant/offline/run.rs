//! From intents to tool calls and, once their outcomes are there, to the reply.
//!
//! Which calls are still to be made follows from the outcomes alone. A change is known by its tool
//! and its task, not by when it was made: after a turn is taken over, refused calls and looked-up
//! lists may be missing from the outcomes, the clock has moved on, and the changed task may no
//! longer be on the list.

use jiff::ZonedDateTime;
use serde_json::{Value, json};

use super::{
    bulk,
    clauses::Clause,
    intent::{Change, Intent, due_argument, set},
    reference::{Listed, Matches, Reference, ReferenceKind, TaskView},
    reply,
};
use crate::assistant::{
    dates::{Due, When},
    planner::{Step, ToolCall, ToolOutcome},
    words,
};

/// What was picked from a list of candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// The words it was picked for.
    pub said: String,
    /// Its id; several when they were all picked.
    pub ids: Vec<String>,
}

/// How many tasks are looked at; of a longer list the words are searched for.
const LOOKED_AT: usize = 100;
/// More calls than this per intent mean that the outcomes never fit.
const MOST_CALLS: usize = 4;

/// What an intent needs next.
enum Next {
    /// This call does it.
    Call(ToolCall),
    /// These calls do it together.
    Calls(Vec<ToolCall>),
    /// First the outcome of this one.
    Look(ToolCall),
    /// The person has to say more.
    Ask(String),
}

/// The next step towards doing all of these: every call is settled before the first is made, so
/// that a question changes nothing.
pub fn step(
    clauses: &[Clause],
    pick: Option<&Pick>,
    outcomes: &[ToolOutcome],
    now: &ZonedDateTime,
) -> Step {
    let looked = outcomes
        .iter()
        .filter(|outcome| outcome.call.tool == "list_tasks");
    let run = Run {
        pick,
        lists: looked.map(List::read).collect(),
        now,
    };
    let mut used = vec![false; outcomes.len()];
    let mut reports = Vec::new();
    let mut open = Vec::new();
    for Clause { intent, .. } in clauses {
        let next = run.next(intent);
        let made = outcomes
            .iter()
            .zip(used.iter_mut())
            .find(|(outcome, used)| !**used && run.is_outcome(intent, &next, outcome));
        match made {
            Some((outcome, used)) => {
                *used = true;
                reports.push(reply::report(intent, outcome, now));
            }
            None => open.push(next),
        }
    }
    if open.is_empty() {
        return Step::Say(reports.join("\n"));
    }
    if outcomes.len() > (clauses.len() + 1) * MOST_CALLS {
        reports.push(reply::GAVE_UP.to_owned());
        return Step::Say(reports.join("\n"));
    }
    let mut looks: Vec<ToolCall> = Vec::new();
    let mut calls = Vec::new();
    let mut question = None;
    for next in open {
        match next {
            Next::Look(call) if looks.contains(&call) => {}
            Next::Look(call) => looks.push(call),
            Next::Call(call) => calls.push(call),
            Next::Calls(several) => calls.extend(several),
            Next::Ask(text) => question = question.or(Some(text)),
        }
    }
    match question {
        Some(question) if looks.is_empty() => {
            reports.push(question);
            Step::Say(reports.join("\n"))
        }
        _ if looks.is_empty() => Step::Call(calls),
        _ => Step::Call(looks),
    }
}

struct Run<'r> {
    pick: Option<&'r Pick>,
    lists: Vec<List<'r>>,
    now: &'r ZonedDateTime,
}

/// The outcome of looking tasks up.
struct List<'r> {
    call: &'r ToolCall,
    /// The tasks, and how many there are in all; or the outcome that has none.
    found: Result<(Vec<Listed>, usize), &'r ToolOutcome>,
}

impl<'r> List<'r> {
    fn read(outcome: &'r ToolOutcome) -> Self {
        let found = outcome.result.get("ok").ok_or(outcome).map(|ok| {
            let (tasks, total) = reply::tasks(ok);
            (tasks.into_iter().map(Listed::from).collect(), total)
        });
        Self {
            call: &outcome.call,
            found,
        }
    }
}

impl Run<'_> {
    fn next(&self, intent: &Intent) -> Next {
        match intent {
            Intent::Add(task) => Next::Call(task.call()),
            Intent::Change { change, target } => self.change(change, target),
            Intent::Rename(splits) => self.rename(splits),
            Intent::Undo => Next::Call(call("undo", json!({}))),
            Intent::SetZone(name) => Next::Call(call("set_time_zone", json!({"time_zone": name}))),
            Intent::List(query) => Next::Call(call("list_tasks", query.arguments.clone())),
            _ => Next::Ask(reply::UNKNOWN.to_owned()),
        }
    }

    fn change(&self, change: &Change, target: &Reference) -> Next {
        if *change == Change::Delete
            && let Some(next) = self.delete_several(target)
        {
            return next;
        }
        let picked = self.picked(target);
        let target = picked.as_ref().unwrap_or(target);
        let task = match &target.kind {
            ReferenceKind::Bulk => return Next::Ask(reply::ONE_AT_A_TIME.to_owned()),
            ReferenceKind::Vague => return Next::Ask(reply::which_task(change)),
            ReferenceKind::Id(id) if !matches!(change, Change::Reschedule(_)) => {
                return Next::Call(self.call(change, id, None));
            }
            _ => match self.find(target, change.status()) {
                Ok(task) => task,
                Err(next) => return next,
            },
        };
        match (task, &target.kind) {
            (Found::One(task) | Found::Likely(task), _)
                if target.reported && !target.explicit && !target.covers(&task) =>
            {
                Next::Ask(reply::which(&target.said, &[&task]))
            }
            (Found::One(task), _) => {
                if *change == Change::Delete && starts_like_deleting(&task, target) {
                    return Next::Ask(reply::sounds_like_title(&task));
                }
                Next::Call(self.call(change, &task.id, Some(&task)))
            }
            // Deleting on a guess, even a good one, is not for us to do.
            (Found::Likely(task), _) if *change == Change::Delete => {
                Next::Ask(reply::no_match(&target.said, change.status(), &[&task]))
            }
            (Found::Likely(task), _) => Next::Call(self.call(change, &task.id, Some(&task))),
            (Found::None, ReferenceKind::Id(id)) => Next::Call(self.call(change, id, None)),
            (Found::None, _) => Next::Ask(reply::no_match(&target.said, change.status(), &[])),
        }
    }

    /// What to do about words that name several tasks to delete; `None` if they name one. Each
    /// is a call of its own, and it is the chat loop that asks before it runs more than one.
    fn delete_several(&self, target: &Reference) -> Option<Next> {
        let deletions = |ids: &mut dyn Iterator<Item = String>| {
            let calls = ids.map(|id| self.call(&Change::Delete, &id, None));
            Next::Calls(calls.collect())
        };
        if let Some(pick) = self.pick.filter(|pick| pick.said == target.said)
            && pick.ids.len() > 1
        {
            return Some(deletions(&mut pick.ids.iter().cloned()));
        }
        match &target.kind {
            ReferenceKind::Bulk => {
                let Some(filter) = bulk::filter(&target.said) else {
                    return Some(Next::Ask(reply::WHICH_TO_DELETE.to_owned()));
                };
                Some(match self.list(filter) {
                    Err(next) => next,
                    Ok(([], _)) => Next::Ask(reply::none_to_delete(&target.said)),
                    Ok((tasks, _)) => {
                        deletions(&mut tasks.iter().map(|listed| listed.task.id.clone()))
                    }
                })
            }
            ReferenceKind::Title { several: true, .. } => self.delete_each(target),
            _ => None,
        }
    }

    /// "delete call mum and book dentist": unless that is one title, each part must name a task.
    fn delete_each(&self, target: &Reference) -> Option<Next> {
        match self.find(target, Change::Delete.status()) {
            Ok(Found::None) | Err(Next::Ask(_)) => {}
            Ok(_) | Err(_) => return None,
        }
        let tokens = words::tokens(&target.said);
        let joins = |token: &words::Token| ["and", ",", "&", "plus"].iter().any(|w| token.is(w));
        let parts: Vec<Reference> = tokens
            .split(joins)
            .filter(|part| !part.is_empty())
            .map(|part| Reference::read(&target.said, part))
            .collect();
        let mut calls = Vec::new();
        for part in parts {
            if matches!(part.kind, ReferenceKind::Bulk | ReferenceKind::Vague) {
                return Some(Next::Ask(reply::WHICH_TO_DELETE.to_owned()));
            }
            match self.change(&Change::Delete, &part) {
                Next::Call(call) => calls.push(call),
                other => return Some(other),
            }
        }
        Some(Next::Calls(calls))
    }

    fn call(&self, change: &Change, id: &str, task: Option<&TaskView>) -> ToolCall {
        let mut arguments = json!({"task_id": id});
        match change {
            Change::Complete | Change::Reopen | Change::Delete => {}
            Change::Reschedule(when) => {
                let (name, value) = due_argument(&self.new_due(when, task));
                set(&mut arguments, name, value.into());
            }
            Change::ClearDue => set(&mut arguments, "clear", true.into()),
            Change::Prioritise(level) => set(&mut arguments, "priority", (*level).into()),
        }
        call(change.tool(), arguments)
    }

    /// A new day keeps the task's time, a new time keeps its day unless that has passed.
    fn new_due(&self, when: &When, task: Option<&TaskView>) -> Due {
        let old = task.and_then(|task| reply::due(task, self.now));
        let zone = self.now.time_zone();
        let merged = match (&when.due, old) {
            (Due::Date(date), Some(Due::At(old))) => date
                .to_datetime(old.datetime().time())
                .to_zoned_datetime(zone.clone())
                .ok(),
            (Due::At(at), Some(old)) if !when.names_day => {
                let day = match old {
                    Due::Date(date) => date,
                    Due::At(old) => old.date(),
                };
                let kept = day
                    .to_datetime(at.datetime().time())
                    .to_zoned_datetime(zone.clone());
                kept.ok().filter(|kept| kept > self.now)
            }
            _ => None,
        };
        merged.map_or_else(|| when.due.clone(), Due::At)
    }

    fn rename(&self, splits: &[(Reference, String)]) -> Next {
        let rename = |id: &str, title: &str| {
            Next::Call(call("update_task", json!({"task_id": id, "title": title})))
        };
        let mut first_problem = None;
        let mut fitting: Vec<(TaskView, &str)> = Vec::new();
        for (target, title) in splits {
            if let Some(Reference {
                kind: ReferenceKind::Id(id),
                ..
            }) = self.picked(target)
            {
                return rename(&id, title);
            }
            let problem = match &target.kind {
                ReferenceKind::Id(id) => return rename(id, title),
                ReferenceKind::Bulk => Next::Ask(reply::ONE_AT_A_TIME.to_owned()),
                ReferenceKind::Vague => Next::Ask(reply::RENAME_TO_WHAT.to_owned()),
                ReferenceKind::Title { .. } => match self.find(target, "all") {
                    Ok(Found::One(task) | Found::Likely(task)) => {
                        fitting.push((task, title));
                        continue;
                    }
                    Ok(Found::None) => Next::Ask(reply::no_match(&target.said, "all", &[])),
                    Err(Next::Look(call)) => return Next::Look(call),
                    Err(problem) => problem,
                },
            };
            first_problem = first_problem.or(Some(problem));
        }
        match fitting.as_slice() {
            [(task, title)] => rename(&task.id, title),
            [(first, title), rest @ ..] if rest.iter().all(|(task, ..)| task.id == first.id) => {
                // "rename talk to Bob to call Bob": the split that names the whole title, or else
                // the one that says no more than needed.
                let exact = |target: &Reference| target.is_title(first);
                let whole = splits.iter().find(|(target, _)| exact(target));
                rename(&first.id, whole.map_or(title, |(_, title)| title))
            }
            [_, ..] => {
                let tasks: Vec<_> = fitting.iter().map(|(task, _)| task).collect();
                let said = splits
                    .first()
                    .map_or("", |(target, _)| target.said.as_str());
                Next::Ask(reply::which(said, &tasks))
            }
            [] => first_problem.unwrap_or_else(|| Next::Ask(reply::RENAME_TO_WHAT.to_owned())),
        }
    }

    /// The task that was picked for these words in answer to our question.
    fn picked(&self, target: &Reference) -> Option<Reference> {
        let pick = self.pick.filter(|pick| pick.said == target.said)?;
        match pick.ids.as_slice() {
            [id] => Some(Reference::by_id(id)),
            // Only deletions take several.
            _ => None,
        }
    }

    /// The task that the words mean, looked for in the lists we have.
    fn find(&self, target: &Reference, status: &str) -> Result<Found, Next> {
        let (mut tasks, mut total) = self.list(json!({"status": status, "limit": LOOKED_AT}))?;
        if total > tasks.len() && !matches!(target.kind, ReferenceKind::Id(_)) {
            let search = target.search();
            (tasks, total) =
                self.list(json!({"status": status, "search": search, "limit": LOOKED_AT}))?;
        }
        let said = &target.said;
        match target.resolve(tasks) {
            Matches::One(task) if total == tasks.len() || target.kind == by_id(task) => {
                Ok(Found::One(task.clone()))
            }
            Matches::One(task) | Matches::Likely(task) if total > tasks.len() => {
                Err(Next::Ask(reply::which(said, &[task])))
            }
            Matches::One(task) => Ok(Found::One(task.clone())),
            Matches::Likely(task) => Ok(Found::Likely(task.clone())),
            Matches::Several(found) => Err(Next::Ask(reply::which(said, &found))),
            Matches::None(_)
                if matches!(target.kind, ReferenceKind::Title { several: true, .. }) =>
            {
                Err(Next::Ask(reply::ONE_AT_A_TIME.to_owned()))
            }
            Matches::None(near) if !near.is_empty() => {
                Err(Next::Ask(reply::no_match(said, status, &near)))
            }
            Matches::None(_) => Ok(Found::None),
        }
    }

    fn list(&self, arguments: Value) -> Result<(&[Listed], usize), Next> {
        let look = call("list_tasks", arguments);
        let Some(list) = self.lists.iter().rev().find(|list| *list.call == look) else {
            return Err(Next::Look(look));
        };
        match &list.found {
            Ok((tasks, total)) => Ok((tasks, *total)),
            Err(outcome) => Err(Next::Ask(reply::no_list(outcome))),
        }
    }

    /// Whether this is what came of the intent.
    fn is_outcome(&self, intent: &Intent, next: &Next, outcome: &ToolOutcome) -> bool {
        let made = &outcome.call;
        let planned = match next {
            Next::Call(planned) => planned == made,
            Next::Calls(planned) => planned.contains(made),
            Next::Look(_) | Next::Ask(_) => false,
        };
        if planned {
            return true;
        }
        let argument = |name| {
            made.arguments
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let same_task = |target: &Reference| {
            let planned = match next {
                Next::Call(planned) => planned.arguments.get("task_id").and_then(Value::as_str),
                _ => None,
            };
            let target = self.picked(target).unwrap_or_else(|| target.clone());
            planned == Some(argument("task_id"))
                || target.kind == ReferenceKind::Id(argument("task_id").to_owned())
                || reply::task(outcome).is_some_and(|task| target.fits(task))
        };
        match intent {
            Intent::Add(task) => made.tool == "add_task" && argument("title") == task.title,
            Intent::Change { change, target } => {
                let kind = match change {
                    Change::Prioritise(level) => argument("priority") == *level,
                    Change::ClearDue => made.arguments.get("clear").is_some(),
                    Change::Reschedule(_) => made.arguments.get("clear").is_none(),
                    _ => true,
                };
                // What "all" named is off the list once it is deleted.
                let bulk = *change == Change::Delete && target.kind == ReferenceKind::Bulk;
                made.tool == change.tool() && kind && (bulk || same_task(target))
            }
            Intent::Rename(splits) => {
                made.tool == "update_task"
                    && splits.iter().any(|(_, title)| argument("title") == title)
            }
            _ => false,
        }
    }
}

/// What was found for a reference.
enum Found {
    One(TaskView),
    Likely(TaskView),
    None,
}

fn by_id(task: &TaskView) -> ReferenceKind {
    ReferenceKind::Id(task.id.clone())
}

fn call(tool: &str, arguments: Value) -> ToolCall {
    ToolCall {
        tool: tool.to_owned(),
        arguments,
    }
}

/// "remove old wallpaper", when that is the title of a task.
fn starts_like_deleting(task: &TaskView, target: &Reference) -> bool {
    let first = words::tokens(&task.title)
        .into_iter()
        .next()
        .map(|token| token.text);
    let first = first.unwrap_or_default();
    let deleting =
        ["delete", "remove", "erase", "clear", "cancel", "drop"].contains(&first.as_str());
    deleting && !target.explicit && !target.said.to_lowercase().starts_with(&first)
}
