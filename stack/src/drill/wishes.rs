//! What a person may want, and what must come of it.

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::diary::{COMPLETED, CREATED, DELETED, Deed, Promise, REOPENED, SAID, UPDATED};
use super::lies;
use super::people::{Client, Habits, task};
use crate::Answer;

/// What a person knows of their tasks, and the conversation they are in.
#[derive(Debug, Default)]
pub(super) struct Memory {
    tasks: Vec<Own>,
    conversation: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Own {
    id: String,
    title: String,
    done: bool,
    /// It is waited for, and left alone until then.
    promised: bool,
}

const SENTENCE_EVERY: u64 = 8;
/// What somebody might like to see of others.
const OTHERS: [&str; 5] = [
    "/tasks",
    "/conversations",
    "/export",
    "/activity",
    "/profile",
];

impl Client {
    /// Does the `n`th thing.
    pub(super) async fn act(&mut self, n: u64) {
        // Words that no two commands share, and that say whose they are.
        let words = format!("{}-thing-{n}", self.diary.user);
        let key = format!("{n}");
        if self.options.habits == Habits::Writing {
            if n % SENTENCE_EVERY == SENTENCE_EVERY - 1 {
                return self.add_by_a_sentence(&key, &words).await;
            }
            return self.add(&key, &words).await;
        }
        match self.random.between(0, 100) {
            0..36 => self.add(&key, &words).await,
            36..44 => self.add_and_wait(&key, &words).await,
            44..48 => self.add_by_a_wrong_clock(&key, &words).await,
            48..60 => self.add_by_a_sentence(&key, &words).await,
            60..66 => {
                let sentence = *self.random.pick(lies::SENTENCES);
                self.say(&key, sentence).await;
            }
            66..76 => self.turn(&key, "complete", false, COMPLETED).await,
            76..80 => self.turn(&key, "reopen", true, REOPENED).await,
            80..87 => self.rename(&key, &words).await,
            87..91 => self.delete(&key).await,
            91..97 => self.look().await,
            _ => {
                let other = self.random.between(0, self.options.people as u64);
                let other = format!("u{other}");
                let path = *self.random.pick(&OTHERS);
                if other != self.diary.user {
                    self.peek(&other, path).await;
                }
            }
        }
    }

    async fn add(&mut self, key: &str, title: &str) {
        let answer = self.command(Method::POST, "/tasks", key, Some(task(title)));
        if let Some(added) = answer.await.and_then(|answer| self.success(answer)) {
            self.did(CREATED, &added, title);
        }
    }

    async fn add_and_wait(&mut self, key: &str, title: &str) {
        let seconds = i64::try_from(self.random.between(3, 15)).unwrap_or(3);
        let due_at = Timestamp::now() + SignedDuration::from_secs(seconds);
        let mut body = task(title);
        body["due_at"] = due_at.to_string().into();
        let Some(answer) = self.command(Method::POST, "/tasks", key, Some(body)).await else {
            return;
        };
        // A request that gets through only long after its moment is refused.
        if answer.status == StatusCode::UNPROCESSABLE_ENTITY && Timestamp::now() > due_at {
            return;
        }
        if let Some(added) = self.success(answer) {
            self.did(CREATED, &added, title);
            if let Some(own) = self.memory.tasks.last_mut() {
                own.promised = true;
                let task_id = own.id.clone();
                self.diary.promises.push(Promise { task_id, due_at });
            }
        }
    }

    /// The moment is meant for soon, but the clock of the person's device is a day off.
    async fn add_by_a_wrong_clock(&mut self, key: &str, title: &str) {
        let behind = self.random.one_in(2);
        let off = SignedDuration::from_hours(if behind { -24 } else { 24 });
        let mut body = task(title);
        body["due_at"] = (Timestamp::now() + off).to_string().into();
        let Some(answer) = self.command(Method::POST, "/tasks", key, Some(body)).await else {
            return;
        };
        if behind {
            if answer.status != StatusCode::UNPROCESSABLE_ENTITY {
                self.odd(format!("a task due yesterday: {answer:?}"));
            }
        } else if let Some(added) = self.success(answer) {
            self.did(CREATED, &added, title);
        }
    }

    async fn add_by_a_sentence(&mut self, key: &str, title: &str) {
        let Some(reply) = self.say(key, &format!("add {title}")).await else {
            return;
        };
        let task = &reply["tool_calls"][0]["result"]["ok"]["task"];
        if task["title"] != title {
            self.odd(format!("“add {title}” was answered {reply}"));
        }
    }

    /// Says something, and takes down what the reply says was done.
    async fn say(&mut self, key: &str, message: &str) -> Option<Value> {
        let mut body = json!({ "message": message, "time_zone": "Europe/Berlin" });
        if let Some(conversation) = &self.memory.conversation {
            body["conversation_id"] = conversation.as_str().into();
        }
        let answer = self.command(Method::POST, "/chat", key, Some(body)).await?;
        let reply = self.success(answer)?;
        self.memory.conversation = reply["conversation_id"].as_str().map(str::to_owned);
        for role in ["user", "assistant"] {
            let said = json!({ "turn_id": reply["turn_id"], "role": role });
            self.diary.deeds.push(Deed::of(SAID, &said));
        }
        for call in reply["tool_calls"].as_array().into_iter().flatten() {
            let task = &call["result"]["ok"]["task"];
            match call["tool"].as_str().unwrap_or_default() {
                "add_task" if task.is_object() => {
                    let title = task["title"].as_str().unwrap_or_default();
                    self.did(CREATED, task, title);
                }
                // Nobody named what these would be done to.
                tool if task.is_object() => {
                    self.odd(format!("“{message}” made the assistant do {tool}: {reply}"));
                }
                _ => (),
            }
        }
        Some(reply)
    }

    /// Completes an open task, or opens a done one again.
    async fn turn(&mut self, key: &str, verb: &str, done: bool, kind: &str) {
        let Some(own) = self.own(|own| own.done == done) else {
            return;
        };
        let path = format!("/tasks/{}/{verb}", own.id);
        let Some(answer) = self.command(Method::POST, &path, key, None).await else {
            return;
        };
        if let Some(task) = self.success(answer) {
            self.did(kind, &task, &own.title);
        }
    }

    async fn rename(&mut self, key: &str, title: &str) {
        let Some(own) = self.own(|_| true) else {
            return;
        };
        let path = format!("/tasks/{}", own.id);
        let answer = self.command(Method::PATCH, &path, key, Some(task(title)));
        if let Some(task) = answer.await.and_then(|answer| self.success(answer)) {
            self.did(UPDATED, &task, title);
        }
    }

    async fn delete(&mut self, key: &str) {
        let Some(own) = self.own(|_| true) else {
            return;
        };
        let path = format!("/tasks/{}", own.id);
        let answer = self.command(Method::DELETE, &path, key, None).await;
        if answer.and_then(|answer| self.success(answer)).is_some() {
            let deleted = json!({ "task_id": own.id, "title": own.title });
            self.did(DELETED, &deleted, &own.title);
        }
    }

    /// Reads all tasks, which must be those that are known.
    async fn look(&mut self) {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/tasks?limit=100{cursor}");
            let Some(page) = self.read(&path).await else {
                return;
            };
            found.extend(page["tasks"].as_array().into_iter().flatten().map(shown));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let shown = |own: &Own| (own.id.clone(), own.title.clone(), own.done);
        let mut known: Vec<_> = self.memory.tasks.iter().map(shown).collect();
        known.sort();
        found.sort();
        if found != known {
            let missing: Vec<_> = known.iter().filter(|own| !found.contains(own)).collect();
            let strange: Vec<_> = found.iter().filter(|own| !known.contains(own)).collect();
            self.odd(format!(
                "the list of tasks lacks {missing:?} and has {strange:?}, which it should not"
            ));
        }
    }

    /// One of the tasks that are like this, if there is one.
    fn own(&mut self, like: impl Fn(&Own) -> bool) -> Option<Own> {
        let tasks = self.memory.tasks.iter();
        let all: Vec<Own> = tasks
            .filter(|own| !own.promised && like(own))
            .cloned()
            .collect();
        (!all.is_empty()).then(|| self.random.pick(&all).clone())
    }

    /// Takes down that a task was changed, and that it is called so now.
    fn did(&mut self, kind: &str, task: &Value, title: &str) {
        let deed = Deed::of(kind, task);
        if deed.subject.is_empty() || deed.words != title {
            self.odd(format!("{kind} of “{title}” was answered {task}"));
        }
        let own = Own {
            id: deed.subject.clone(),
            title: deed.words.clone(),
            done: task["status"] == "done",
            promised: false,
        };
        let tasks = &mut self.memory.tasks;
        match tasks.iter().position(|known| known.id == own.id) {
            Some(place) if kind == DELETED => drop(tasks.remove(place)),
            Some(place) => tasks[place] = own,
            None => tasks.push(own),
        }
        self.diary.deeds.push(deed);
    }

    /// The body of a success; anything else is odd.
    fn success(&mut self, answer: Answer) -> Option<Value> {
        if answer.status.is_success() {
            return Some(answer.body);
        }
        self.odd(format!("{} {}", answer.status, answer.body));
        None
    }
}

fn shown(task: &Value) -> (String, String, bool) {
    let text = |name: &str| task[name].as_str().unwrap_or_default().to_owned();
    (text("task_id"), text("title"), task["status"] == "done")
}
