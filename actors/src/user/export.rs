//! Reading everything, in pages that cross the sidecar.

use jiff::Timestamp;

use super::{
    Export, TaskPage,
    kept::{Kept, number},
    state::User,
};
use crate::{journal::Undecided, message::Refusal, turn::Query};

/// A page ends here.
const PAGE_BYTES: usize = 512 << 10;

impl Query<User> for Export {
    fn answer(&self, state: &User, _now: Timestamp) -> Result<TaskPage, Undecided> {
        self.page(state)
    }
}

impl Export {
    /// The page, whatever the time.
    ///
    /// # Errors
    /// A refusal of `after`, or notes that have to be read first.
    pub fn page(&self, state: &User) -> Result<TaskPage, Undecided> {
        let after = match &self.after {
            Some(task_id) => number(task_id)
                .ok_or_else(|| Refusal::invalid("That is not the task a page ended with."))?,
            None => 0,
        };
        let mut bytes = 0;
        let page = state.tasks_after(after).take_while(|task| {
            let fits = bytes < PAGE_BYTES;
            bytes += state.size(task);
            fits
        });
        let page: Vec<&Kept> = page.collect();
        state.read(page.iter().copied())?;
        let tasks = page.into_iter().map(|task| state.whole(task));
        Ok(TaskPage {
            tasks: tasks.collect::<Result<_, _>>()?,
        })
    }
}
