//! What the model answers, whole or piece by piece.

use serde::Deserialize;
use serde_json::Value;

use super::http::Trouble;
use crate::metrics::{METRICS, Tokens};

/// The longest text of one answer, in characters: a stored reply holds 16,000.
pub const LONGEST_TEXT: usize = 12_000;
/// The most calls in one answer.
const MOST_CALLS: usize = 16;
/// The longest arguments of all calls of one answer, in bytes: they are stored with the reply.
const LONGEST_ARGUMENTS: usize = 24 << 10;
/// Ends a text that the model had no room to finish.
const CUT_SHORT: &str = " … (This answer was cut short.)";

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// For the person.
    pub text: String,
    /// What the model told itself before calling tools; never shown.
    pub plan: String,
    /// The tools it asks for.
    pub calls: Vec<Asked>,
}

/// A tool call as the model makes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// The model's name for this call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// JSON, if the model kept to the rules.
    pub arguments: String,
}

/// Puts an answer together from the events of a stream.
#[derive(Debug, Default)]
pub struct Collector {
    answer: Answer,
    /// The index the stream gives each call.
    indexes: Vec<u64>,
    characters: usize,
    argument_bytes: usize,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Event {
    ContentStart {
        delta: Delta<ContentPiece>,
    },
    ContentDelta {
        delta: Delta<ContentPiece>,
    },
    ToolPlanDelta {
        delta: Delta<PlanPiece>,
    },
    ToolCallStart {
        index: u64,
        delta: Delta<CallPiece>,
    },
    ToolCallDelta {
        index: u64,
        delta: Delta<CallPiece>,
    },
    MessageEnd {
        delta: End,
    },
    // The beginning, ends of parts, citations, and what is not invented yet.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Delta<T> {
    message: T,
}

#[derive(Deserialize)]
struct ContentPiece {
    content: Content,
}

/// Text; or something else, such as thoughts, which has none.
#[derive(Deserialize)]
struct Content {
    text: Option<String>,
}

#[derive(Deserialize)]
struct PlanPiece {
    tool_plan: String,
}

#[derive(Deserialize)]
struct CallPiece {
    tool_calls: Call,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct End {
    finish_reason: String,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Whole {
    finish_reason: String,
    #[serde(default)]
    usage: Value,
    message: WholeMessage,
}

#[derive(Deserialize)]
struct WholeMessage {
    content: Option<Vec<Content>>,
    tool_plan: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

/// Counts what an answer costs, where the model says so.
fn paid(usage: &Value) {
    for (kind, told) in [
        ("input", "/billed_units/input_tokens"),
        ("output", "/billed_units/output_tokens"),
    ] {
        // Whole, though it may be written as other numbers are.
        if let Some(count) = usage.pointer(told).and_then(Value::as_f64) {
            let tokens = Tokens {
                planner: super::NAME,
                kind,
            };
            METRICS.tokens.get_or_create(&tokens).inc_by(count as u64);
        }
    }
}

impl Collector {
    /// Takes the data of one event and hands its text to `speak`; answers the complete answer
    /// with the last one.
    ///
    /// # Errors
    /// It is no event, breaks a limit, or ends the answer without success.
    pub fn take(
        &mut self,
        data: &str,
        speak: &mut dyn FnMut(&str),
    ) -> Result<Option<Answer>, Trouble> {
        let event = serde_json::from_str(data)
            .map_err(|_| Trouble::lasting("the model sent what is no event"))?;
        match event {
            Event::ContentStart { delta } | Event::ContentDelta { delta } => {
                let text = delta.message.content.text.unwrap_or_default();
                self.text(&text)?;
                if !text.is_empty() {
                    speak(&text);
                }
            }
            Event::ToolPlanDelta { delta } => self.plan(&delta.message.tool_plan),
            Event::ToolCallStart { index, delta } => {
                self.indexes.push(index);
                self.call(delta.message.tool_calls)?;
            }
            Event::ToolCallDelta { index, delta } => {
                let place = self.indexes.iter().rposition(|known| *known == index);
                let call = place.and_then(|place| self.answer.calls.get_mut(place));
                let call = call
                    .ok_or_else(|| Trouble::lasting("the model went on with no call it began"))?;
                let piece = delta.message.tool_calls.function.arguments;
                call.arguments.push_str(&piece);
                self.count_arguments(piece.len())?;
            }
            Event::MessageEnd { delta } => {
                paid(&delta.usage);
                return self.end(&delta.finish_reason).map(Some);
            }
            Event::Other => {}
        }
        Ok(None)
    }

    /// Reads an answer that came at once.
    ///
    /// # Errors
    /// It is no answer, breaks a limit, or has no success.
    pub fn whole(body: &[u8]) -> Result<Answer, Trouble> {
        let whole: Whole = serde_json::from_slice(body)
            .map_err(|_| Trouble::lasting("the model sent what is no answer"))?;
        paid(&whole.usage);
        let mut collector = Self::default();
        for part in whole.message.content.unwrap_or_default() {
            collector.text(&part.text.unwrap_or_default())?;
        }
        collector.plan(&whole.message.tool_plan.unwrap_or_default());
        for call in whole.message.tool_calls.unwrap_or_default() {
            collector.call(call)?;
        }
        collector.end(&whole.finish_reason)
    }

    fn text(&mut self, text: &str) -> Result<(), Trouble> {
        self.characters += text.chars().count();
        if self.characters > LONGEST_TEXT {
            return Err(Trouble::lasting("the model's answer was too long"));
        }
        self.answer.text.push_str(text);
        Ok(())
    }

    /// Only the model reads its plan again, so one that is too long just ends.
    fn plan(&mut self, piece: &str) {
        if self.answer.plan.len() < LONGEST_TEXT {
            self.answer.plan.push_str(piece);
        }
    }

    fn call(&mut self, call: Call) -> Result<(), Trouble> {
        if self.answer.calls.len() == MOST_CALLS {
            return Err(Trouble::lasting("the model asked for too much at once"));
        }
        let Function { name, arguments } = call.function;
        self.count_arguments(name.len() + arguments.len())?;
        self.answer.calls.push(Asked {
            id: call.id,
            name,
            arguments,
        });
        Ok(())
    }

    fn count_arguments(&mut self, more: usize) -> Result<(), Trouble> {
        self.argument_bytes += more;
        if self.argument_bytes > LONGEST_ARGUMENTS {
            return Err(Trouble::lasting("the model's calls were too long"));
        }
        Ok(())
    }

    fn end(&mut self, reason: &str) -> Result<Answer, Trouble> {
        let mut answer = std::mem::take(&mut self.answer);
        match reason {
            "COMPLETE" | "STOP_SEQUENCE" | "TOOL_CALL" => {}
            "MAX_TOKENS" if answer.calls.is_empty() => answer.text.push_str(CUT_SHORT),
            // The last call may have lost its end.
            "MAX_TOKENS" => return Err(Trouble::lasting("the model's calls were cut short")),
            "ERROR" | "TIMEOUT" => return Err(Trouble::passing("the model broke off")),
            _ => return Err(Trouble::lasting("the model ended for no known reason")),
        }
        if answer.calls.is_empty() && answer.text.trim().is_empty() {
            return Err(Trouble::lasting("the model said nothing"));
        }
        Ok(answer)
    }
}
