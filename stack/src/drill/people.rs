//! A crowd of people who use the API, each one thing after the other, and write down what they
//! are told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::diary::{Diary, Wait};
use super::random::Random;
use super::timeline::{Sight, Timeline};
use super::wishes::Memory;
use crate::{Answer, Person, Stack};

/// Longest a command may stay unacknowledged before the person gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// Tokens live for 15 minutes.
const TOKEN_FOR: Duration = Duration::from_secs(10 * 60);

/// What people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habits {
    /// They add tasks, every eighth by a sentence.
    Writing,
    /// They do all there is: change, delete and look at tasks, wait for reminders, send things
    /// twice at once, have wrong clocks, talk to a model that lies, and try to see what is others'.
    Everything,
}

/// Who they are and how they behave.
#[derive(Debug, Clone)]
pub struct CrowdOptions {
    /// How many; they are called `u0`, `u1`, …
    pub people: usize,
    /// What their doings follow from.
    pub seed: u64,
    /// What they do.
    pub habits: Habits,
    /// From one thing to the next, on average.
    pub pace: Duration,
}

/// What people are told.
#[derive(Debug, Clone)]
struct Told {
    edges: Vec<String>,
    stop: bool,
}

/// People at work.
#[derive(Debug)]
pub struct Crowd {
    tell: watch::Sender<Told>,
    people: JoinSet<Diary>,
}

impl Crowd {
    /// Sends people to work at the edges of all replicas there are.
    ///
    /// # Errors
    /// There can be no HTTP client.
    pub fn start(stack: &Stack, options: &CrowdOptions, timeline: &Arc<Timeline>) -> Result<Self> {
        let replicas = stack.replicas();
        let edges = replicas.iter().map(|n| stack.base_url(*n)).collect();
        let (tell, told) = watch::channel(Told { edges, stop: false });
        let mut people = JoinSet::new();
        for n in 0..options.people {
            let person = Person::new(stack, 1, &format!("u{n}"))?;
            let client = Client {
                line: Line {
                    person,
                    told: told.clone(),
                    timeline: Arc::clone(timeline),
                },
                stack: stack.clone(),
                token_from: Instant::now(),
                edge: n,
                random: Random::fork(options.seed, n as u64),
                options: options.clone(),
                memory: Memory::default(),
                diary: Diary {
                    user: format!("u{n}"),
                    ..Diary::default()
                },
            };
            people.spawn(client.live());
        }
        Ok(Self { tell, people })
    }

    /// Tells people where edges are now.
    pub fn edges(&self, edges: Vec<String>) {
        self.tell.send_modify(|told| told.edges = edges);
    }

    /// Lets people finish what they have begun, and takes what they wrote down.
    ///
    /// # Errors
    /// One of them broke.
    pub async fn stop(mut self) -> Result<Vec<Diary>> {
        self.tell.send_modify(|told| told.stop = true);
        let mut diaries = Vec::new();
        while let Some(diary) = self.people.join_next().await {
            diaries.push(diary?);
        }
        Ok(diaries)
    }
}

/// A person's browser.
pub(super) struct Client {
    line: Line,
    stack: Stack,
    token_from: Instant,
    /// It keeps to one edge until that one fails it.
    edge: usize,
    pub(super) random: Random,
    pub(super) options: CrowdOptions,
    pub(super) memory: Memory,
    pub(super) diary: Diary,
}

/// How requests leave it, of which there may be several at once.
#[derive(Clone)]
struct Line {
    person: Person,
    told: watch::Receiver<Told>,
    timeline: Arc<Timeline>,
}

impl Client {
    async fn live(mut self) -> Diary {
        let mut told = self.line.told.clone();
        // They do not all begin at once.
        let pace = u64::try_from(self.options.pace.as_millis()).unwrap_or(u64::MAX / 2);
        let mut pause = self.random.between(0, pace);
        for n in 0.. {
            // A person's pace, not a condition.
            let rest = tokio::time::sleep(Duration::from_millis(pause));
            tokio::select! {
                () = rest => (),
                _ = told.wait_for(|told| told.stop) => break,
            }
            if self.token_from.elapsed() > TOKEN_FOR {
                let token = self.stack.token(&self.diary.user);
                self.line.person = self.line.person.with_token(token);
                self.token_from = Instant::now();
            }
            let start = Instant::now();
            self.act(n).await;
            if self.diary.unsettled {
                break;
            }
            let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            let next = self.random.between(pace / 2, pace * 3 / 2);
            pause = next.saturating_sub(took);
        }
        self.diary
    }

    /// What no answer may be.
    pub(super) fn odd(&mut self, what: impl Into<String>) {
        let after = self.line.timeline.elapsed().as_secs_f32();
        let what = format!("{} at {after:.1} s: {}", self.diary.user, what.into());
        self.diary.oddities.push(what);
    }

    /// Sends a command under its key until it is answered; sometimes twice at once, by two edges.
    pub(super) async fn command(
        &mut self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Option<Answer> {
        let began = Instant::now();
        let doubled = self.options.habits == Habits::Everything && self.random.one_in(8);
        let first = self.line.insist(self.edge, &method, path, key, &body);
        let answers = if doubled {
            let second = self.line.insist(self.edge + 1, &method, path, key, &body);
            let (first, second) = tokio::join!(first, second);
            [Some(first), Some(second)]
        } else {
            [Some(first.await), None]
        };
        let mut known: Option<Answer> = None;
        for (answer, edge) in answers.into_iter().flatten() {
            self.edge = edge;
            let Some(answer) = answer else {
                self.diary.unsettled = true;
                self.odd(format!(
                    "{method} {path} was not answered within {} s",
                    PATIENCE.as_secs()
                ));
                return None;
            };
            if let Some(known) = &known
                && (known.status, &known.body) != (answer.status, &answer.body)
            {
                self.odd(format!(
                    "{method} {path}, sent twice with one key, was answered {} {} and {} {}",
                    known.status, known.body, answer.status, answer.body
                ));
            }
            known = Some(answer);
        }
        self.diary.waits.push(Wait {
            began,
            took: began.elapsed(),
            what: if path == "/chat" {
                "chat turn"
            } else {
                "command"
            },
        });
        known
    }

    /// Reads something, until it is answered.
    pub(super) async fn read(&mut self, path: &str) -> Option<Value> {
        let sent = self.line.insist(self.edge, &Method::GET, path, "", &None);
        let (answer, edge) = sent.await;
        self.edge = edge;
        match answer {
            Some(answer) if answer.status.is_success() => Some(answer.body),
            Some(answer) => {
                self.odd(format!("GET {path}: {} {}", answer.status, answer.body));
                None
            }
            None => {
                self.odd(format!("GET {path} was not answered"));
                None
            }
        }
    }

    /// Asks for what is somebody else's, with one's own token.
    pub(super) async fn peek(&mut self, user: &str, path: &str) {
        let person = self.line.at(self.edge);
        let sent = person.try_send_to(user, Method::GET, path, None, None);
        match sent.await {
            Ok(answer) if answer.status == StatusCode::FORBIDDEN => (),
            Ok(answer) if answer.may_be_repeated() => (),
            Ok(answer) => self.odd(format!(
                "asked for {path} of {user} and got {} {}",
                answer.status, answer.body
            )),
            // The edge may be the one that died.
            Err(_) => self.edge += 1,
        }
    }
}

impl Line {
    fn at(&self, edge: usize) -> Person {
        let edges = &self.told.borrow().edges;
        self.person.at(&edges[edge % edges.len()])
    }

    /// Sends the same under the same key, to the next edge after each failure, until it is
    /// answered by something else than a request to try again; and says which edge did it.
    async fn insist(
        &self,
        mut edge: usize,
        method: &Method,
        path: &str,
        key: &str,
        body: &Option<Value>,
    ) -> (Option<Answer>, usize) {
        let start = Instant::now();
        let key = (!key.is_empty()).then_some(key);
        while start.elapsed() < PATIENCE {
            let person = self.at(edge);
            let began = Instant::now();
            let sent = person.try_send(method.clone(), path, key, body.clone());
            let answer = sent.await;
            let sight = match &answer {
                Ok(answer) if answer.may_be_repeated() => Sight::Later,
                Ok(_) => Sight::Answered,
                Err(_) => Sight::CutOff,
            };
            self.timeline.saw(sight, began.elapsed());
            if let (Ok(answer), Sight::Answered) = (answer, sight) {
                return (Some(answer), edge);
            }
            edge += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        (None, edge)
    }
}

/// What a command for a task is sent with.
pub(super) fn task(title: &str) -> Value {
    json!({ "title": title })
}
