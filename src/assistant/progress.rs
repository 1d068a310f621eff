//! What a turn shows while it runs, and which turns run in this process.
//!
//! Whoever asks for a turn that is under way here joins it: they see everything shown so far, and
//! then the rest. Whoever stops looking changes nothing.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use todo_actors::message::{Failure, ToolCall};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{TurnError, TurnReply};

/// A piece of what a turn shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// A tool begins.
    ToolStarted {
        /// The same whoever runs the turn.
        id: String,
        /// Which tool, with which arguments.
        call: ToolCall,
    },
    /// A tool has ended.
    ToolFinished {
        /// As in [`Progress::ToolStarted`].
        id: String,
        /// `{"ok": …}` or `{"refused": …}`; absent when it is not known what came of it.
        result: Option<Value>,
    },
    /// The next piece of the reply.
    Text(String),
    /// The whole reply, in place of the pieces before: whoever wrote those did not finish.
    Reply(String),
}

/// What a follower sees next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Something happened.
    Progress(Progress),
    /// The turn is over.
    End(Result<TurnReply, TurnError>),
}

#[derive(Default)]
struct Shown {
    begun: bool,
    parts: Vec<Progress>,
    /// The pieces of the reply, put together.
    text: String,
    started: HashSet<String>,
    running: Vec<String>,
    end: Option<Result<TurnReply, TurnError>>,
}

/// Where a turn shows how far it is, and hears that it shall stop.
#[derive(Clone, Default)]
pub struct Show(Arc<Inner>);

#[derive(Default)]
struct Inner {
    shown: watch::Sender<Shown>,
    stop: CancellationToken,
}

impl Show {
    /// The turn is ours: from now on there may be something to see.
    pub fn begun(&self) {
        self.0.shown.send_modify(|shown| shown.begun = true);
    }

    /// A tool begins; told once however often the turn is taken up again.
    pub fn tool_started(&self, id: &str, call: &ToolCall) {
        self.0.shown.send_modify(|shown| shown.start(id, call));
    }

    /// A tool has ended.
    pub fn tool_finished(&self, id: &str, result: &Value) {
        self.0
            .shown
            .send_modify(|shown| shown.finish(id, Some(result.clone())));
    }

    /// The next piece of the reply.
    pub fn say(&self, piece: &str) {
        if !piece.is_empty() {
            self.0.shown.send_modify(|shown| shown.say(piece));
        }
    }

    /// Shows what a finished turn has that was not shown yet: `calls` are those of the reply,
    /// each with its id and result.
    pub fn settle(&self, text: &str, calls: &[(String, ToolCall, Value)]) {
        self.0.shown.send_modify(|shown| {
            for (id, call, result) in calls {
                shown.start(id, call);
                shown.finish(id, Some(result.clone()));
            }
            shown.give_up();
            if let Some(rest) = text.strip_prefix(shown.text.as_str()) {
                if !rest.is_empty() {
                    shown.say(rest);
                }
            } else if !shown.text.starts_with(text) {
                text.clone_into(&mut shown.text);
                shown.parts.push(Progress::Reply(text.to_owned()));
            }
        });
    }

    fn end(&self, end: Result<TurnReply, TurnError>) {
        self.0.shown.send_modify(|shown| {
            shown.give_up();
            shown.end.get_or_insert(end);
        });
    }

    /// Asks the turn to stop: no further tool, no further thought.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Whether it shall stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    /// Returns once it shall stop.
    pub async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// Follows the turn from its beginning.
    #[must_use]
    pub fn follow(&self) -> Follower {
        Follower {
            shown: self.0.shown.subscribe(),
            at: 0,
        }
    }
}

impl Shown {
    fn start(&mut self, id: &str, call: &ToolCall) {
        if self.started.insert(id.to_owned()) {
            self.running.push(id.to_owned());
            self.parts.push(Progress::ToolStarted {
                id: id.to_owned(),
                call: call.clone(),
            });
        }
    }

    fn finish(&mut self, id: &str, result: Option<Value>) {
        if let Some(at) = self.running.iter().position(|running| running == id) {
            self.running.remove(at);
            self.parts.push(Progress::ToolFinished {
                id: id.to_owned(),
                result,
            });
        }
    }

    fn say(&mut self, piece: &str) {
        self.text.push_str(piece);
        self.parts.push(Progress::Text(piece.to_owned()));
    }

    /// Nobody will tell what came of the tools that still run.
    fn give_up(&mut self) {
        for id in std::mem::take(&mut self.running) {
            self.parts.push(Progress::ToolFinished { id, result: None });
        }
    }
}

/// Sees a turn from its beginning to its end.
pub struct Follower {
    shown: watch::Receiver<Shown>,
    at: usize,
}

impl Follower {
    /// Returns once there is something to see, or the turn is over: then with its end.
    pub async fn begun(&mut self) -> Option<Result<TurnReply, TurnError>> {
        match self
            .shown
            .wait_for(|shown| shown.begun || shown.end.is_some())
            .await
        {
            Ok(shown) => shown.end.clone(),
            Err(_) => Some(Err(broken_off())),
        }
    }

    /// What comes next; after the end, the end again.
    pub async fn next(&mut self) -> Next {
        let at = self.at;
        let shown = self
            .shown
            .wait_for(|shown| shown.parts.len() > at || shown.end.is_some())
            .await;
        let Ok(shown) = shown else {
            return Next::End(Err(broken_off()));
        };
        match (shown.parts.get(at), &shown.end) {
            (Some(part), _) => {
                self.at += 1;
                Next::Progress(part.clone())
            }
            (None, Some(end)) => Next::End(end.clone()),
            (None, None) => Next::End(Err(broken_off())),
        }
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// As the turn ended.
    pub async fn end(mut self) -> Result<TurnReply, TurnError> {
        match self.shown.wait_for(|shown| shown.end.is_some()).await {
            Ok(shown) => shown.end.clone().unwrap_or_else(|| Err(broken_off())),
            Err(_) => Err(broken_off()),
        }
    }
}

fn broken_off() -> TurnError {
    Failure::terminal("the turn broke off").into()
}

/// The turns that run in this process, by the actor of their conversation and their id.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<TurnName, Show>>>);

type TurnName = (String, String);

/// A turn's entry among those that run; gone when dropped, and the turn over with it.
pub struct Entry {
    running: Running,
    name: TurnName,
    show: Show,
}

impl Running {
    /// The turn's show, and the entry for whoever runs it if nobody does yet.
    pub fn join(&self, actor: &str, turn_id: &str) -> (Show, Option<Entry>) {
        let name = (actor.to_owned(), turn_id.to_owned());
        let mut turns = self.turns();
        if let Some(show) = turns.get(&name) {
            return (show.clone(), None);
        }
        let show = Show::default();
        turns.insert(name.clone(), show.clone());
        let entry = Entry {
            running: self.clone(),
            name,
            show: show.clone(),
        };
        (show, Some(entry))
    }

    /// The show of a turn that runs here.
    #[must_use]
    pub fn find(&self, actor: &str, turn_id: &str) -> Option<Show> {
        let name = (actor.to_owned(), turn_id.to_owned());
        self.turns().get(&name).cloned()
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<TurnName, Show>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The turn is over.
    pub fn end(self, end: Result<TurnReply, TurnError>) {
        // Out of the way first: whoever asks from now on asks the actor, and does not get an
        // error that may be over.
        self.running.turns().remove(&self.name);
        self.show.end(end);
    }
}

impl Drop for Entry {
    /// For a turn that panicked; a turn that ended keeps its end.
    fn drop(&mut self) {
        let mut turns = self.running.turns();
        // After `end` another entry may stand under the same name.
        if turns
            .get(&self.name)
            .is_some_and(|show| Arc::ptr_eq(&show.0, &self.show.0))
        {
            turns.remove(&self.name);
        }
        drop(turns);
        self.show.end(Err(broken_off()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(title: &str) -> ToolCall {
        ToolCall {
            tool: "add_task".to_owned(),
            arguments: json!({ "title": title }),
        }
    }

    /// What a follower sees that joins now, up to where the turn is.
    async fn seen(show: &Show) -> Vec<Progress> {
        let mut follower = show.follow();
        let count = show.0.shown.borrow().parts.len();
        let mut seen = Vec::new();
        for _ in 0..count {
            match follower.next().await {
                Next::Progress(part) => seen.push(part),
                Next::End(end) => panic!("{end:?}"),
            }
        }
        seen
    }

    #[tokio::test]
    async fn who_joins_late_sees_it_all_and_the_end() {
        // Given a turn that has shown a tool and a word
        let running = Running::default();
        let (show, entry) = running.join("ann~c", "t");
        show.tool_started("1", &call("milk"));
        show.tool_finished("1", &json!({"ok": {}}));
        show.say("Add");
        // When another joins, then nobody else runs it and the past comes first
        let (joined, nobody) = running.join("ann~c", "t");
        assert!(nobody.is_none());
        assert_eq!(seen(&joined).await.len(), 3);
        // And the end reaches them, and the name is free
        let mut follower = joined.follow();
        entry.unwrap().end(Err(TurnError::Busy { retry_after: 1 }));
        for _ in 0..3 {
            assert!(matches!(follower.next().await, Next::Progress(_)));
        }
        for _ in 0..2 {
            let next = follower.next().await;
            assert_eq!(next, Next::End(Err(TurnError::Busy { retry_after: 1 })));
        }
        assert!(running.find("ann~c", "t").is_none());
        assert!(running.join("ann~c", "t").1.is_some());
    }

    #[tokio::test]
    async fn a_turn_that_is_dropped_is_over_for_those_who_follow() {
        let running = Running::default();
        let (show, entry) = running.join("ann~c", "t");
        show.tool_started("1", &call("milk"));
        drop(entry);
        assert!(matches!(
            show.follow().end().await,
            Err(TurnError::Failed(_))
        ));
        assert!(running.find("ann~c", "t").is_none());
        let last = seen(&show).await.pop().unwrap();
        assert!(matches!(last, Progress::ToolFinished { result: None, .. }));
    }

    #[tokio::test]
    async fn what_another_replica_did_is_shown_once_it_is_known() {
        // Given a turn that ran one tool here, began another and said half a word
        let show = Show::default();
        show.tool_started("1", &call("milk"));
        show.tool_finished("1", &json!({"ok": 1}));
        show.tool_started("2", &call("bread"));
        show.say("Mil");
        // When it turns out that another replica finished it, with other words
        let theirs = [
            ("1".to_owned(), call("milk"), json!({"ok": 1})),
            ("2".to_owned(), call("bread"), json!({"ok": 2})),
            ("3".to_owned(), call("tea"), json!({"ok": 3})),
        ];
        show.settle("Bread", &theirs);
        // Then nothing is shown twice and nothing is missing
        let parts = seen(&show).await;
        let started = |part: &&Progress| matches!(part, Progress::ToolStarted { .. });
        let finished = |part: &&Progress| matches!(part, Progress::ToolFinished { .. });
        assert_eq!(parts.iter().filter(started).count(), 3);
        assert_eq!(parts.iter().filter(finished).count(), 3);
        assert_eq!(*parts.last().unwrap(), Progress::Reply("Bread".to_owned()));
    }

    #[tokio::test]
    async fn the_rest_of_a_reply_follows_its_beginning() {
        for (said, rest) in [
            ("", "Done."),
            ("Do", "ne."),
            ("Done.", ""),
            ("Done. And", ""),
        ] {
            let show = Show::default();
            show.say(said);
            show.settle("Done.", &[]);
            let mut expected: Vec<Progress> = Vec::new();
            for piece in [said, rest] {
                if !piece.is_empty() {
                    expected.push(Progress::Text(piece.to_owned()));
                }
            }
            assert_eq!(seen(&show).await, expected, "{said}");
        }
    }
}
