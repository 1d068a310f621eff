//! Reading tasks in pages: filters, order, cursor.

use jiff::{Timestamp, civil::Date};

use super::{
    DueFilter, ListTasks, Status, TaskList,
    kept::Kept,
    state::{User, urgency},
};
use crate::{journal::Undecided, message::Refusal, turn::Query};

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 100;
/// A page ends here even when the limit would allow more.
const PAGE_BYTES: usize = 512 << 10;
const LONGEST_SEARCH: usize = 200;

/// Where a task stands in a list: due moment (undated last), urgency, age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    moment: i64,
    urgency: u8,
    n: u64,
}

impl Place {
    fn cursor(self) -> String {
        format!("{}.{}.{}", self.moment, self.urgency, self.n)
    }

    fn parse(cursor: &str) -> Option<Self> {
        let mut parts = cursor.splitn(3, '.');
        let place = Self {
            moment: parts.next()?.parse().ok()?,
            urgency: parts.next()?.parse().ok()?,
            n: parts.next()?.parse().ok()?,
        };
        Some(place)
    }
}

impl Query<User> for ListTasks {
    fn answer(&self, state: &User, now: Timestamp) -> Result<TaskList, Undecided> {
        if self
            .search
            .as_ref()
            .is_some_and(|search| search.chars().count() > LONGEST_SEARCH)
        {
            return Err(Refusal::invalid(format!(
                "A search has at most {LONGEST_SEARCH} characters."
            ))
            .into());
        }
        let after = match &self.cursor {
            Some(cursor) => Some(Place::parse(cursor).ok_or_else(|| {
                Refusal::invalid("That cursor is not one this list gave. Start again without it.")
            })?),
            None => None,
        };
        let words: Vec<String> = self
            .search
            .iter()
            .flat_map(|search| search.split_whitespace())
            .map(str::to_lowercase)
            .collect();
        let today = now.to_zoned_datetime(state.zone().clone()).date();
        let candidates = state
            .tasks()
            .filter(|task| self.matches(task, state, now, today))
            .map(|task| (place(task, state), task));
        let mut matching = containing_all(&words, candidates, state)?;
        matching.sort_by_key(|(place, _)| *place);
        let total = matching.len();
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, LARGEST_LIMIT) as usize;
        let mut rest = matching
            .into_iter()
            .filter(|(place, _)| after.is_none_or(|after| *place > after))
            .peekable();
        let mut tasks = Vec::new();
        let mut bytes = 0;
        let mut last = None;
        while tasks.len() < limit && (bytes < PAGE_BYTES || tasks.is_empty()) {
            let Some((place, task)) = rest.next() else {
                break;
            };
            bytes += state.size(task);
            last = Some(place);
            tasks.push(task);
        }
        let next_cursor = rest.peek().and(last).map(Place::cursor);
        state.read(tasks.iter().copied())?;
        let tasks = tasks.into_iter().map(|task| state.whole(task));
        let tasks = tasks.collect::<Result<_, _>>()?;
        Ok(TaskList {
            tasks,
            total,
            next_cursor,
        })
    }
}

impl ListTasks {
    fn matches(&self, task: &Kept, user: &User, now: Timestamp, today: Date) -> bool {
        self.status.is_none_or(|status| task.status() == status)
            && self
                .tag
                .as_ref()
                .is_none_or(|tag| task.tags().contains(tag))
            && self
                .due
                .is_none_or(|due| due_matches(due, task, user, now, today))
    }
}

fn due_matches(filter: DueFilter, task: &Kept, user: &User, now: Timestamp, today: Date) -> bool {
    let Some(due) = task.due() else {
        return false;
    };
    let day = due.day(user.zone());
    let passed = || due.moment(user.zone()).is_some_and(|moment| moment <= now);
    match filter {
        DueFilter::Today => day == today,
        DueFilter::Overdue => task.status() == Status::Open && passed(),
        DueFilter::Upcoming => !passed(),
        DueFilter::Between(first, last) => (first..=last).contains(&day),
    }
}

/// The tasks that have every word in their title or notes.
///
/// # Errors
/// Notes that have to be read, of tasks whose title does not say it already.
fn containing_all<'a>(
    words: &[String],
    tasks: impl Iterator<Item = (Place, &'a Kept)>,
    user: &User,
) -> Result<Vec<(Place, &'a Kept)>, Undecided> {
    let said = |text: &str| {
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    let (mut found, open): (Vec<_>, Vec<_>) = tasks.partition(|(_, task)| said(task.title()));
    user.read(open.iter().map(|(_, task)| *task))?;
    found.extend(open.into_iter().filter(|(_, task)| {
        let notes = user.notes_of(task);
        notes.is_some_and(|notes| said(&format!("{}\n{notes}", task.title())))
    }));
    Ok(found)
}

fn place(task: &Kept, user: &User) -> Place {
    let moment = task.due().and_then(|due| due.moment(user.zone()));
    Place {
        moment: moment.map_or(i64::MAX, Timestamp::as_microsecond),
        urgency: urgency(task.priority()),
        n: task.number(),
    }
}
