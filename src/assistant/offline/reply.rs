//! What the planner says. A sentence about a change is made from the outcome of its call.

use jiff::ZonedDateTime;
use serde::Deserialize;
use serde_json::Value;
use todo_actors::user::recurrence::Rule;

use super::{
    intent::{Change, Intent, NewTask, Query},
    reference::TaskView,
};
pub use crate::assistant::words::quote;
use crate::assistant::{
    dates::{self, DateProblem, Due},
    planner::ToolOutcome,
};

/// What we can do.
pub const HELP: &str = "I can add, list, complete, reopen, delete, rename and reschedule tasks, undo the last change, and set your time zone. For example: “remind me to buy milk tomorrow at 9”, “what is due today?”, “complete buy milk”, “move buy milk to friday”.";
/// Not understood.
pub const UNKNOWN: &str = "I did not understand that, so I changed nothing. To put something on your list, start with “add”; for what else I can do, say “help”.";
/// Called off.
pub const NOTHING_CHANGED: &str = "All right, I changed nothing.";
/// A command with a question mark.
pub const ASKED_OR_TOLD: &str = "I am not sure whether that was a question, so I changed nothing. Say it without the question mark and I will do it.";
/// Nothing to add.
pub const ADD_WHAT: &str = "What should I add? For example: “add buy milk tomorrow at 9”.";
/// Nothing to remind of.
pub const REMIND_OF_WHAT: &str =
    "What should I remind you of, and when? For example: “remind me to buy milk tomorrow at 9”.";
/// A repetition that we cannot read.
pub const NO_RECURRENCE: &str = "I did not understand how often that repeats, so I added nothing. Say it at the end, for example “add water plants every monday at 8”, “every 2 weeks” or “every month on the 1st”. If “every” is part of the title, put the title in quotes.";
/// Two dates that do not go together.
pub const TWO_DATES: &str = "That names more than one date, so I added nothing. Which one do you mean? If one is part of the title, put the title in quotes.";
/// Notes.
pub const NO_NOTES: &str = "I cannot write notes from here, so I changed nothing.";
/// Only the last change.
pub const UNDO_LAST: &str = "I can only undo the last change, one at a time. Say “undo” to take it back; I changed nothing yet.";
/// A new date is missing.
pub const TO_WHEN: &str =
    "To when? For example: “move buy milk to friday at 9”. I changed nothing yet.";
/// A new title is missing.
pub const RENAME_TO_WHAT: &str =
    "What should the new title be? For example: “rename buy milk to buy oat milk”.";
/// A zone is missing.
pub const WHICH_ZONE: &str = "I do not know that time zone, so I changed nothing. Name a city such as Berlin, or a zone such as “Europe/Berlin”.";
/// Several at once.
pub const ONE_AT_A_TIME: &str = "I do not change several tasks at once yet, except to delete them, so I changed nothing. Please name them one at a time.";
/// Which tasks "all" leaves out is not clear.
pub const WHICH_TO_DELETE: &str = "I am not sure which tasks you mean, so I deleted nothing. I can delete several by what they are: “delete all done tasks”, “delete everything tagged home”, “delete the milk tasks”; or name each.";
/// Too many clauses.
pub const TOO_MANY: &str = "That is more than ten things at once, so I changed nothing. Please send them in smaller pieces.";
/// A very long message.
pub const TOO_LONG: &str =
    "That message is too long for me, so I changed nothing. Please keep it under 4,000 characters.";
/// An empty message.
pub const EMPTY: &str = "There was nothing in that message. For what I can do, say “help”.";
/// A greeting.
pub const HELLO: &str =
    "Hello! Tell me what to put on your list, or ask what is due. For what I can do, say “help”.";
/// Thanks.
pub const WELCOME: &str = "You are welcome.";
/// Small talk.
pub const ALL_RIGHT: &str = "All right.";
/// "yes" to nothing.
pub const YES_TO_WHAT: &str = "I have no open question, so I changed nothing. Tell me what to do.";
/// The chat went round in circles.
pub const GAVE_UP: &str =
    "I could not finish the rest. Please look at your list before you try again.";

/// How a question about tasks starts; the answer to it is recognised by this.
pub const WHICH: &str = "Which task do you mean";
/// How an offer starts; a "yes" to it is recognised by this.
pub const OFFER: &str = "Shall I add ";

/// At most this many candidates in a question.
const MOST_CANDIDATES: usize = 5;
/// At most this many lines in a list.
const MOST_LINES: usize = 20;

/// A title beyond the limit.
pub fn title_too_long(length: usize) -> String {
    format!("A title can have at most 200 characters; that one has {length}. I changed nothing.")
}

/// A date that cannot be.
pub fn date_problem(problem: &DateProblem) -> String {
    format!("I changed nothing: {problem}. If it is part of a title, put the title in quotes.")
}

/// The person's zone.
pub fn zone(now: &ZonedDateTime) -> String {
    let name = now.time_zone().iana_name().unwrap_or("UTC");
    format!("Your time zone is {name}.")
}

/// The time where the person is.
pub fn time(now: &ZonedDateTime) -> String {
    let now_described = dates::describe(&Due::At(now.clone()), now);
    format!(
        "It is {}.",
        now_described
            .trim_start_matches("today, ")
            .replace(" at ", ", ")
    )
}

/// Asks whether to add what was mentioned.
pub fn offer(task: &NewTask, now: &ZonedDateTime) -> String {
    let due = task.due.as_ref();
    let due = due.map(|due| format!("due {}", dates::describe(due, now)));
    let rule = task.recurrence.as_ref();
    let rule = rule.and_then(|rule| Rule::parse(rule, Some(now.date())).ok());
    let told: Vec<String> = due
        .into_iter()
        .chain(rule.map(|rule| rule.describe()))
        .collect();
    let told = if told.is_empty() {
        String::new()
    } else {
        format!(", {},", told.join(", "))
    };
    format!(
        "{OFFER}{}{told} to your list? Answer “yes”, or start with “add” to say it in your own words.",
        quote(&task.title)
    )
}

/// Several to-dos without a word of what to do with them.
pub const ADD_THESE: &str =
    "I changed nothing. To put these on your list, write “add:” and then one task per line.";

/// One of several clauses was not understood.
pub fn not_understood(clause: &str) -> String {
    format!(
        "I changed nothing, because I did not understand {}. Please say the rest again without it.",
        quote(clause)
    )
}

/// Asks which of these tasks was meant.
pub fn which(said: &str, tasks: &[&TaskView]) -> String {
    format!("{WHICH} by {}?{}", quote(said), candidates(tasks))
}

/// Asks for a task after nothing fitted.
pub fn no_match(said: &str, status: &str, near: &[&TaskView]) -> String {
    let kind = if status == "all" {
        String::new()
    } else {
        format!("{status} ")
    };
    let none = format!(
        "I found no {kind}task that matches {}, so I changed nothing.",
        quote(said)
    );
    if said.bytes().all(|b| b.is_ascii_digit()) {
        return format!("{none} To name a task by its number, say “task {said}”.");
    }
    if near.is_empty() {
        none
    } else {
        format!("{none} {}", which(said, near))
    }
}

/// There is nothing to delete of what was named.
pub fn none_to_delete(said: &str) -> String {
    format!(
        "I found no task that fits {}, so I deleted nothing.",
        quote(said)
    )
}

/// Asks for a task when none was named.
pub fn which_task(change: &Change) -> String {
    format!(
        "{WHICH}? Say the task's title, for example “{} buy milk”. I changed nothing.",
        change.verb()
    )
}

/// Asks whether a title that starts like the command was meant.
pub fn sounds_like_title(task: &TaskView) -> String {
    format!(
        "{} is itself a task on your list, so I changed nothing. To delete that task say “delete {}”; to mark it done say “complete {}”.",
        quote(&task.title),
        task.id,
        task.id
    )
}

fn candidates(tasks: &[&TaskView]) -> String {
    let mut text = String::new();
    for (number, task) in (1..).zip(tasks.iter().take(MOST_CANDIDATES)) {
        text.push_str(&format!("\n{number}. {} ({})", quote(&task.title), task.id));
    }
    if tasks.len() > MOST_CANDIDATES {
        text.push_str(&format!("\n… and {} more.", tasks.len() - MOST_CANDIDATES));
    }
    text
}

/// The due moment of a task as the tools show it.
pub fn due(task: &TaskView, now: &ZonedDateTime) -> Option<Due> {
    let at = task
        .due_at
        .map(|at| Due::At(at.to_zoned_datetime(now.time_zone().clone())));
    at.or(task.due_date.map(Due::Date))
}

/// ", every weekday", if the task repeats.
fn repeats(task: &TaskView) -> String {
    let series = task.recurrence.as_ref();
    series.map_or(String::new(), |series| format!(", {}", series.describe()))
}

/// The task in an outcome, if there is one.
pub fn task(outcome: &ToolOutcome) -> Option<TaskView> {
    let ok = outcome.result.get("ok")?;
    let task = ok.get("task").unwrap_or(ok);
    TaskView::deserialize(task).ok()
}

/// What came of a call, in words.
pub fn report(intent: &Intent, outcome: &ToolOutcome, now: &ZonedDateTime) -> String {
    if let Some(refusal) = outcome.result.get("refused") {
        return refused(intent, outcome, refusal);
    }
    let Some(ok) = outcome.result.get("ok") else {
        return format!(
            "Something went wrong, and I cannot tell whether I could {}. Please look at your list.",
            attempted(intent, outcome)
        );
    };
    let task = task(outcome);
    let title = task
        .as_ref()
        .map_or_else(|| "the task".to_owned(), |task| quote(&task.title));
    let due = task.as_ref().and_then(|task| due(task, now));
    match intent {
        Intent::Add(_) => {
            let due = due.map_or(String::new(), |due| {
                format!(", due {}", dates::describe(&due, now))
            });
            let series = task.as_ref().map_or(String::new(), repeats);
            let mut text = format!("Added {title}{due}{series}.");
            if let Some(task) = task {
                if task.priority == "high" || task.priority == "low" {
                    text.push_str(&format!(" Priority: {}.", task.priority));
                }
                if !task.tags.is_empty() {
                    text.push_str(&format!(" Tags: {}.", task.tags.join(", ")));
                }
            }
            text
        }
        Intent::Change { change, .. } => match (change, due) {
            (Change::Complete, _) => format!("Marked {title} as done."),
            (Change::Reopen, _) => format!("{title} is open again."),
            (Change::Delete, _) => format!("Deleted {title}. Say “undo” to bring it back."),
            (Change::Reschedule(_), Some(due)) => {
                format!("{title} is now due {}.", dates::describe(&due, now))
            }
            (Change::Reschedule(_), None) => format!("Rescheduled {title}."),
            (Change::ClearDue, _) => format!("{title} has no due date any more."),
            (Change::Prioritise(level), _) => format!("{title} now has {level} priority."),
        },
        Intent::Rename(_) => format!("Renamed: the task is now called {title}."),
        Intent::Undo => undone(ok, &title),
        Intent::SetZone(name) => {
            let profile = ok.get("profile").unwrap_or(ok);
            let name = profile
                .get("time_zone")
                .and_then(Value::as_str)
                .unwrap_or(name);
            format!("Your time zone is now {name}.")
        }
        Intent::List(query) => list(query, ok, now),
        _ => String::new(),
    }
}

/// Tasks could not be looked up.
pub fn no_list(outcome: &ToolOutcome) -> String {
    let message = outcome
        .result
        .get("refused")
        .and_then(|refusal| refusal.get("message"));
    let message = message.and_then(Value::as_str).unwrap_or_default();
    format!("I could not look at your tasks, so I changed nothing. {message}")
        .trim()
        .to_owned()
}

fn undone(ok: &Value, title: &str) -> String {
    match ok.get("undone").and_then(Value::as_str) {
        Some("added") => format!("Undone: {title} is off your list again."),
        Some("updated") => format!("Undone: {title} is as it was before."),
        Some("completed") => format!("Undone: {title} is open again."),
        Some("reopened") => format!("Undone: {title} is done again."),
        Some("deleted") => format!("Undone: {title} is back on your list."),
        _ => "I took back the last change.".to_owned(),
    }
}

/// The attempt in words, for "I could not …".
fn attempted(intent: &Intent, outcome: &ToolOutcome) -> String {
    let said = match intent {
        Intent::Change { target, .. } => quote(&target.said),
        Intent::Rename(splits) => splits
            .first()
            .map_or_else(|| "the task".to_owned(), |(target, _)| quote(&target.said)),
        _ => String::new(),
    };
    match intent {
        Intent::Add(task) => format!("add {}", quote(&task.title)),
        Intent::Change { change, .. } => format!("{} {said}", change.verb()),
        Intent::Rename(_) => format!("rename {said}"),
        Intent::Undo => "undo the last change".to_owned(),
        Intent::SetZone(name) => format!("set your time zone to {name}"),
        Intent::List(_) => "look at your list".to_owned(),
        _ => format!("run {}", outcome.call.tool),
    }
}

fn refused(intent: &Intent, outcome: &ToolOutcome, refusal: &Value) -> String {
    let message = refusal
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim();
    let mut sentence = format!("I could not {}.", attempted(intent, outcome));
    let mut letters = message.chars();
    if let Some(first) = letters.next() {
        sentence.push(' ');
        sentence.extend(first.to_uppercase());
        sentence.push_str(letters.as_str());
        if !message.ends_with(['.', '!', '?']) {
            sentence.push('.');
        }
    }
    sentence
}

/// The tasks of a `list_tasks` result, and how many there are in all.
pub fn tasks(ok: &Value) -> (Vec<TaskView>, usize) {
    let items = ok
        .get("tasks")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let tasks: Vec<TaskView> = items
        .iter()
        .filter_map(|task| TaskView::deserialize(task).ok())
        .collect();
    let total = ok
        .get("total")
        .and_then(Value::as_u64)
        .and_then(|n| usize::try_from(n).ok());
    let total = total.unwrap_or(tasks.len()).max(tasks.len());
    (tasks, total)
}

fn list(query: &Query, ok: &Value, now: &ZonedDateTime) -> String {
    let (mut tasks, mut total) = tasks(ok);
    if let Some((first, last)) = query.days {
        let before = tasks.len();
        tasks.retain(|task| match due(task, now) {
            Some(Due::Date(date)) => (first..=last).contains(&date),
            Some(Due::At(at)) => (first..=last).contains(&at.date()),
            None => false,
        });
        // The tool sorts by due moment: if some were beyond the span, the page held all of it.
        total = if tasks.len() < before {
            tasks.len()
        } else {
            total
        };
    }
    let what = if query.label == "on your list"
        || query.label.starts_with("due")
        || query.label.starts_with("matching")
        || query.label.starts_with("tagged")
        || query.label.starts_with("coming")
    {
        format!(
            "{} {}",
            if total == 1 { "task" } else { "tasks" },
            query.label
        )
    } else {
        format!(
            "{} {}",
            query.label,
            if total == 1 { "task" } else { "tasks" }
        )
    };
    if total == 0 {
        return format!("You have no {what}.");
    }
    let heading = format!("You have {total} {what}");
    if query.count {
        return format!("{heading}.");
    }
    let mut text = format!("{heading}:");
    for task in tasks.iter().take(MOST_LINES) {
        text.push_str(&format!("\n- {}", line(task, query, now)));
        // Only where the title alone does not tell which is meant.
        if tasks
            .iter()
            .filter(|other| other.title == task.title)
            .count()
            > 1
        {
            text.push_str(&format!(" ({})", task.id));
        }
    }
    let shown = tasks.len().min(MOST_LINES);
    if total > shown {
        text.push_str(&format!("\n… and {} more.", total - shown));
    }
    text
}

fn line(task: &TaskView, query: &Query, now: &ZonedDateTime) -> String {
    let mut text = quote(&task.title);
    if task.status == "done" && query.label != "done" {
        text.push_str(", done");
    } else if let Some(due) = due(task, now).filter(|_| task.status != "done") {
        text.push_str(&format!(", due {}", dates::describe(&due, now)));
    }
    if task.status != "done" {
        text.push_str(&repeats(task));
    }
    if task.priority == "high" {
        text.push_str(", high priority");
    }
    text
}
