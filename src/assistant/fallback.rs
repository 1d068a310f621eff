//! A model first, fixed sentence patterns when it fails.
//!
//! As long as no tool has run, a turn whose model fails is planned offline, and its reply says so,
//! after the words that were said already. Later the turn ends with what was done: going on with
//! other patterns could do things twice or otherwise than the person was told.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::{
    account,
    cohere::{self, Cohere, CohereTurn, joined},
    offline::{self, Offline},
    planner::{Context, Planner, PlannerError, Step},
};
use crate::metrics::{METRICS, Planned};

/// Ends a reply that was planned offline because the model failed.
pub const SIMPLER: &str =
    "(The language model was not reachable, so I used simpler understanding.)";
/// Begins the end of a reply when the model failed later than that.
const BROKE_OFF: &str = "The language model stopped answering before I was done.";
/// How long one step alone may take.
const ONE_STEP: Duration = Duration::from_secs(60);

/// Plans with a model, or offline when it fails.
pub struct ModelFirst {
    model: Cohere,
}

impl ModelFirst {
    /// Plans with `model` first.
    #[must_use]
    pub fn new(model: Cohere) -> Self {
        Self { model }
    }

    fn attempt(&self, until: Instant) -> Attempt {
        Attempt {
            model: self.model.turn(until),
            memory: Mutex::new(Memory {
                planned_by: cohere::NAME,
                spoken: String::new(),
            }),
        }
    }
}

impl Planner for ModelFirst {
    fn name(&self) -> &'static str {
        cohere::NAME
    }

    fn plan<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>> {
        Box::pin(async move {
            let attempt = self.attempt(Instant::now() + ONE_STEP);
            attempt.plan(context).await
        })
    }

    fn for_turn(&self, until: Instant) -> Option<Box<dyn Planner>> {
        Some(Box::new(self.attempt(until)))
    }
}

/// One attempt at a turn.
struct Attempt {
    model: CohereTurn,
    memory: Mutex<Memory>,
}

struct Memory {
    planned_by: &'static str,
    /// What the person has read already and cannot be unsaid.
    spoken: String,
}

impl Planner for Attempt {
    fn name(&self) -> &'static str {
        self.with(|memory| memory.planned_by)
    }

    fn plan<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>> {
        Box::pin(async move {
            if self.name() != cohere::NAME {
                return Ok(self.simpler(&context));
            }
            let speak = |text: &str| {
                self.with(|memory| memory.spoken.push_str(text));
                (context.speak)(text);
            };
            let planned = self
                .model
                .plan(Context {
                    speak: &speak,
                    ..context.clone()
                })
                .await;
            let error = match planned {
                Ok(step) => return Ok(step),
                Err(error) => error,
            };
            tracing::warn!(%error, tools = context.outcomes.len(), "the model failed");
            let failed = Planned {
                planner: cohere::NAME,
                outcome: "failed",
            };
            METRICS.planned.get_or_create(&failed).inc();
            if context.outcomes.is_empty() {
                self.with(|memory| memory.planned_by = Offline.name());
                return Ok(self.simpler(&context));
            }
            let spoken = self.with(|memory| {
                if memory.spoken.is_empty() {
                    memory.planned_by = Offline.name();
                }
                memory.spoken.clone()
            });
            let end = account::unfinished(BROKE_OFF, context.outcomes);
            Ok(Step::Say(joined(&spoken, &end)))
        })
    }
}

impl Attempt {
    fn with<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the patterns do, after what the model has said.
    fn simpler(&self, context: &Context<'_>) -> Step {
        match offline::plan(context) {
            Step::Say(text) => {
                let spoken = self.with(|memory| memory.spoken.clone());
                Step::Say(joined(&spoken, &joined(&text, SIMPLER)))
            }
            calls @ Step::Call(_) => calls,
        }
    }
}
