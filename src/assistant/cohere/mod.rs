//! The planner that asks a language model of Cohere.
//!
//! [`request`] says what is sent, [`http`] sends it, [`answer`] puts together what comes back,
//! [`guard`] holds back what the person did not ask for. One [`CohereTurn`] carries one attempt
//! at a turn: it remembers the model's plans and its names for calls, which the model wants to
//! see again, and counts rounds.

mod answer;
mod guard;
mod http;
mod request;

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};

use self::{
    answer::{Answer, LONGEST_TEXT},
    http::Http,
};
use super::{
    account,
    planner::{Context, Planner, PlannerError, Step, ToolCall},
    tools,
};
use crate::config::CohereConfig;

/// How the planner is called in replies.
pub const NAME: &str = "cohere";
/// How often the model may ask for tools in one turn.
pub const MOST_ROUNDS: usize = 5;
/// What the model may take of a turn.
const WITHIN: Duration = Duration::from_secs(60);
/// What it leaves of the lease, so that a turn without an answer still ends in a sentence.
const LEFT_OVER: Duration = Duration::from_secs(8);

/// Asks a model of Cohere.
#[derive(Clone)]
pub struct Cohere {
    http: Arc<Http>,
    model: Arc<str>,
    stream: bool,
}

impl Cohere {
    /// A planner that shows `key` to the model of `config`.
    ///
    /// # Errors
    /// The key cannot be one.
    pub fn new(config: &CohereConfig, key: &str) -> anyhow::Result<Self> {
        Ok(Self {
            http: Arc::new(Http::new(config, key)?),
            model: config.model.as_str().into(),
            stream: config.stream,
        })
    }

    /// The planner of one attempt at a turn whose lease ends at `until`.
    #[must_use]
    pub fn turn(&self, until: Instant) -> CohereTurn {
        let now = Instant::now();
        let lease = until.saturating_duration_since(now);
        let time = lease.saturating_sub(LEFT_OVER.min(lease / 4));
        CohereTurn {
            cohere: self.clone(),
            until: now + time.min(WITHIN),
            memory: Mutex::default(),
        }
    }
}

/// One attempt at a turn.
pub struct CohereTurn {
    cohere: Cohere,
    until: Instant,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    rounds: Vec<Round>,
    /// What the model said to the person beside its calls.
    said: String,
}

/// One answer of the model that asked for tools.
struct Round {
    plan: String,
    calls: Vec<AskedCall>,
}

struct AskedCall {
    /// The model's name for it.
    id: String,
    call: ToolCall,
    /// The result of a call that was held back.
    refused: Option<Value>,
}

impl Round {
    /// How many of its calls were made.
    fn made(&self) -> usize {
        let made = self.calls.iter().filter(|asked| asked.refused.is_none());
        made.count()
    }

    /// Whether a call of it was held back.
    fn was_held(&self) -> bool {
        self.calls.iter().any(|asked| asked.refused.is_some())
    }
}

impl Planner for CohereTurn {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plan<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<Step, PlannerError>> {
        Box::pin(self.next(context))
    }
}

impl CohereTurn {
    async fn next(&self, context: Context<'_>) -> Result<Step, PlannerError> {
        let mut memory = self.memory.lock().await;
        loop {
            let may_call = memory.rounds.len() < MOST_ROUNDS;
            let answer = self.ask(&context, &memory, may_call).await?;
            if !answer.text.is_empty() {
                memory.said = joined(&memory.said, &answer.text);
            }
            if memory.said.chars().count() > LONGEST_TEXT {
                return Err(failed("the model's answers were too long", false));
            }
            if answer.calls.is_empty() {
                let held = memory.rounds.iter().any(Round::was_held);
                let said = account::checked(&memory.said, context.outcomes, held);
                return Ok(Step::Say(said));
            }
            if !may_call {
                let text = account::unfinished(
                    "I stopped, because I asked for one step after the other and came to no end.",
                    context.outcomes,
                );
                return Ok(Step::Say(joined(&memory.said, &text)));
            }
            let round = round(answer, &context);
            let calls: Vec<ToolCall> = round
                .calls
                .iter()
                .filter(|asked| asked.refused.is_none())
                .map(|asked| asked.call.clone())
                .collect();
            memory.rounds.push(round);
            if !calls.is_empty() {
                return Ok(Step::Call(calls));
            }
        }
    }

    async fn ask(
        &self,
        context: &Context<'_>,
        memory: &Memory,
        may_call: bool,
    ) -> Result<Answer, PlannerError> {
        let Cohere {
            http,
            model,
            stream,
        } = &self.cohere;
        let body = request::body(model, *stream, context, &memory.rounds, may_call);
        let first = AtomicBool::new(true);
        let speak = |text: &str| {
            if first.swap(false, Ordering::Relaxed) && !memory.said.is_empty() {
                (context.speak)(BREAK);
            }
            (context.speak)(text);
        };
        let answer = http.ask(&body, self.until, &speak).await;
        answer.map_err(|trouble| failed(&trouble.to_string(), trouble.passing))
    }
}

/// Between what was said in different rounds.
const BREAK: &str = "\n\n";

/// One text after the other.
pub(super) fn joined(before: &str, after: &str) -> String {
    if before.is_empty() {
        return after.to_owned();
    }
    format!("{before}{BREAK}{after}")
}

fn failed(message: &str, retryable: bool) -> PlannerError {
    PlannerError {
        message: message.to_owned(),
        retryable,
    }
}

fn round(answer: Answer, context: &Context<'_>) -> Round {
    let calls = answer.calls.into_iter().enumerate();
    let calls = calls.map(|(n, asked)| {
        let call = ToolCall {
            arguments: arguments(&asked.name, &asked.arguments),
            tool: asked.name,
        };
        let refused = guard::refusal(&call, context);
        // A call without a name of its own still needs one for its result.
        let id = match asked.id.as_str() {
            "" => format!("call-{n}"),
            id => id.to_owned(),
        };
        AskedCall { id, call, refused }
    });
    Round {
        calls: calls.collect(),
        plan: answer.plan,
    }
}

/// The arguments without what only the model's side of the schema asks for. What is no JSON
/// stays a text, which no tool's schema takes.
fn arguments(tool: &str, text: &str) -> Value {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return text.into();
    };
    if has_filler(tool)
        && let Some(arguments) = value.as_object_mut()
    {
        arguments.remove(request::FILLER);
    }
    value
}

/// The arguments as the model made them.
fn asked_arguments(call: &ToolCall) -> Value {
    let mut value = call.arguments.clone();
    if has_filler(&call.tool)
        && let Some(arguments) = value.as_object_mut()
    {
        arguments.insert(request::FILLER.to_owned(), json!("asked"));
    }
    value
}

fn has_filler(tool: &str) -> bool {
    let tool = tools::ALL.iter().find(|known| known.name == tool);
    tool.is_some_and(|tool| request::needs_filler(&(tool.arguments)()))
}
