//! Reading tasks in pages: filters, order, cursor.

use jiff::{Timestamp, civil::Date};

use super::{
    DueFilter, ListTasks, Status, Task, TaskList,
    state::{User, number, urgency},
};
use crate::{message::Refusal, turn::Query};

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
    fn answer(&self, state: &User, now: Timestamp) -> Result<TaskList, Refusal> {
        if self
            .search
            .as_ref()
            .is_some_and(|search| search.chars().count() > LONGEST_SEARCH)
        {
            return Err(Refusal::invalid(format!(
                "A search has at most {LONGEST_SEARCH} characters."
            )));
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
        let mut matching: Vec<(Place, &Task)> = state
            .tasks()
            .filter(|task| self.matches(task, state, now, today, &words))
            .map(|task| (place(task, state), task))
            .collect();
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
            bytes += task.size();
            last = Some(place);
            tasks.push(task.clone());
        }
        let next_cursor = rest.peek().and(last).map(Place::cursor);
        Ok(TaskList {
            tasks,
            total,
            next_cursor,
        })
    }
}

impl ListTasks {
    fn matches(
        &self,
        task: &Task,
        user: &User,
        now: Timestamp,
        today: Date,
        words: &[String],
    ) -> bool {
        self.status.is_none_or(|status| task.status == status)
            && self.tag.as_ref().is_none_or(|tag| task.tags.contains(tag))
            && self
                .due
                .is_none_or(|due| due_matches(due, task, user, now, today))
            && contains_all(task, words)
    }
}

fn due_matches(due: DueFilter, task: &Task, user: &User, now: Timestamp, today: Date) -> bool {
    let Some(day) = task.due_day(user.zone()) else {
        return false;
    };
    let passed = || {
        task.due_moment(user.zone())
            .is_some_and(|moment| moment <= now)
    };
    match due {
        DueFilter::Today => day == today,
        DueFilter::Overdue => task.status == Status::Open && passed(),
        DueFilter::Upcoming => !passed(),
        DueFilter::Between(first, last) => (first..=last).contains(&day),
    }
}

fn contains_all(task: &Task, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let mut text = task.title.to_lowercase();
    if let Some(notes) = &task.notes {
        text.push('\n');
        text.push_str(&notes.to_lowercase());
    }
    words.iter().all(|word| text.contains(word.as_str()))
}

fn place(task: &Task, user: &User) -> Place {
    Place {
        moment: task
            .due_moment(user.zone())
            .map_or(i64::MAX, Timestamp::as_microsecond),
        urgency: urgency(task.priority),
        n: number(&task.id).unwrap_or(u64::MAX),
    }
}
