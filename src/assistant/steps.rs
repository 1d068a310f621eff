//! The steps of a turn that an attempt holds: think, act, until there is something to say.

use std::time::Duration;

use jiff::tz::TimeZone;
use todo_actors::{
    client::ActorClient,
    conversation::{ChatMessage, FinishTurn, HoldsTurn, MOST_PENDING, Pending, StopTurn},
    message::{CallError, Failure, Message, RefusalCode, Request},
    user::{GetProfile, GetTask, Receipts, SetProfile},
};
use tokio::time::Instant;

use super::{
    Assistant, TurnError, account, confirm,
    hold::Held,
    outcome,
    planner::{Context, Planner, PlannerError, Step, ToolCall, ToolOutcome},
    progress::Show,
    records::records,
    tools::{self, Scope},
    turn::Turn,
};
use crate::metrics::{METRICS, Planned};

/// How long one actor call of a turn keeps trying; less when the lease ends sooner.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often a planner may ask for tools in one turn.
const MOST_ROUNDS: usize = 8;
/// How often a turn whose planner thinks looks whether it is still ours.
const LOOK: Duration = Duration::from_secs(1);
/// So long after a look the next tool runs without another.
pub(super) const FRESH: Duration = Duration::from_millis(100);

/// Who answers when no planner does.
const SERVER: &str = "server";

/// What became of an attempt.
pub(super) enum Carried {
    Done(ChatMessage),
    /// The lease ran out, or somebody else holds the turn now, or it was stopped elsewhere.
    Superseded,
}

/// What the turn ends with.
struct Ending {
    text: String,
    provider: &'static str,
    pending: Option<Pending>,
}

/// Why an attempt does not come to its ending.
enum Halt {
    /// The person stopped it.
    Stopped,
    Superseded,
    Failed(TurnError),
}

impl<E: Into<TurnError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Assistant {
    /// Plans and acts until there is something to say.
    pub(super) async fn carry_out(
        &self,
        turn: &Turn<'_>,
        held: &Held<'_>,
        show: &Show,
    ) -> Result<Carried, TurnError> {
        let own = self.planner.for_turn(held.until);
        let mut course = Course {
            assistant: self,
            planner: own.as_deref().unwrap_or(self.planner.as_ref()),
            turn,
            held,
            show,
            made: Vec::new(),
            looked: Instant::now(),
        };
        match course.run().await {
            Ok(ending) => course.finish(ending).await,
            Err(Halt::Stopped) => course.stop().await,
            Err(Halt::Superseded) => Ok(Carried::Superseded),
            Err(Halt::Failed(error)) => Err(error),
        }
    }
}

/// One attempt on its way through a turn.
struct Course<'a> {
    assistant: &'a Assistant,
    planner: &'a dyn Planner,
    turn: &'a Turn<'a>,
    held: &'a Held<'a>,
    show: &'a Show,
    /// The calls made in this turn so far, in order.
    made: Vec<ToolOutcome>,
    /// When the turn was last known to be ours.
    looked: Instant,
}

impl Course<'_> {
    async fn run(&mut self) -> Result<Ending, Halt> {
        let planner = self.planner;
        if self.held.resumed {
            self.read_receipts().await?;
        }
        let zone = self.zone().await?;
        if let Some(pending) = &self.held.pending
            && confirm::confirms(&self.held.said.text, pending)
        {
            return self.delete_confirmed(pending).await;
        }
        let now = self.held.said.created_at.to_zoned_datetime(zone);
        let say = |text| Ending {
            text,
            provider: planner.name(),
            pending: None,
        };
        for _ in 0..MOST_ROUNDS {
            let calls = match self.think(&now).await? {
                Step::Say(text) => return Ok(say(text)),
                Step::Call(calls) => calls,
            };
            let deletions = confirm::held(&calls, &self.made);
            let titles = self.titles(&deletions).await?;
            if !titles.is_empty() {
                return self.ask_first(calls, &deletions, titles).await;
            }
            for call in calls {
                self.call(call).await?;
            }
        }
        let text = "That was too much for one go, so I stopped. What I did until then is done.";
        Ok(say(text.to_owned()))
    }

    /// What earlier attempts did.
    async fn read_receipts(&mut self) -> Result<(), Halt> {
        let receipts = Receipts {
            turn_id: self.turn.id.clone(),
        };
        let user_id = &self.turn.request.user_id;
        for receipt in self.send(user_id, self.turn.call(receipts)).await? {
            let ToolOutcome { call, result } = outcome(receipt);
            let id = self.call_id(&call);
            self.show.tool_started(&id, &call);
            self.show.tool_finished(&id, &result);
            self.made.push(ToolOutcome { call, result });
        }
        Ok(())
    }

    /// The planner's next step. Stopped, it is not listened to any longer.
    async fn think(&mut self, now: &jiff::ZonedDateTime) -> Result<Step, Halt> {
        let show = self.show;
        let speak = |piece: &str| show.say(piece);
        let made = std::mem::take(&mut self.made);
        let context = Context {
            message: &self.held.said.text,
            now: now.clone(),
            history: &self.held.history,
            outcomes: &made,
            speak: &speak,
        };
        let planner = self.planner;
        let thought = {
            let mut plan = planner.plan(context);
            loop {
                tokio::select! {
                    biased;
                    () = show.stopped() => break Err(Halt::Stopped),
                    step = &mut plan => break step.map_err(|error: PlannerError| error.into()),
                    () = tokio::time::sleep(LOOK) => if let Err(halt) = self.look().await {
                        break Err(halt);
                    },
                }
            }
        };
        self.made = made;
        let outcome = match &thought {
            Ok(Step::Call(_)) => "call",
            Ok(Step::Say(_)) => "say",
            Err(Halt::Failed(_)) => "failed",
            // Nobody listened to its end.
            Err(Halt::Stopped | Halt::Superseded) => return thought,
        };
        let planner = planner.name();
        let planned = Planned { planner, outcome };
        METRICS.planned.get_or_create(&planned).inc();
        thought
    }

    /// Runs one tool, if the turn is still ours and nobody stopped it.
    async fn call(&mut self, call: ToolCall) -> Result<(), Halt> {
        if self.show.is_stopped() {
            return Err(Halt::Stopped);
        }
        if Instant::now() >= self.held.until {
            return Err(Halt::Superseded);
        }
        if self.looked.elapsed() >= FRESH {
            self.look().await?;
        }
        let id = self.call_id(&call);
        self.show.tool_started(&id, &call);
        let key = self.turn.step_key(&id);
        let actors = self.patient();
        let scope = Scope {
            actors: &actors,
            user_id: &self.turn.request.user_id,
            traceparent: &self.turn.request.traceparent,
            key: &key,
            call: &call,
        };
        let result = match confirm::second_undo(&call, &self.made) {
            Some(refused) => refused,
            None => tools::run(&scope).await?,
        };
        self.show.tool_finished(&id, &result);
        self.made.push(ToolOutcome { call, result });
        Ok(())
    }

    /// Whether the turn is still ours. An actor that cannot be asked just now says nothing.
    async fn look(&mut self) -> Result<(), Halt> {
        let question = HoldsTurn {
            turn_id: self.turn.id.clone(),
            attempt: self.held.hold.attempt.clone(),
        };
        let actors = self.assistant.actors.clone().with_patience(LOOK);
        let call = self.turn.call(question);
        match actors.send(&self.turn.actor, call).await {
            Ok(answer) if !answer.held => Err(Halt::Superseded),
            Err(CallError::Refused(_)) => Err(Halt::Superseded),
            Ok(_) => {
                self.looked = Instant::now();
                Ok(())
            }
            Err(CallError::Failed(_)) => Ok(()),
        }
    }

    /// The tasks of these ids that exist, up to as many as one confirmation may be about.
    async fn titles(&self, ids: &[String]) -> Result<Vec<(String, String)>, Halt> {
        let mut found = Vec::new();
        for task_id in ids {
            if found.len() == MOST_PENDING {
                break;
            }
            let read = GetTask {
                task_id: task_id.clone(),
            };
            let user_id = &self.turn.request.user_id;
            match self.send(user_id, self.turn.call(read)).await {
                Ok(task) => found.push((task_id.clone(), task.title)),
                Err(CallError::Refused(_)) => {}
                Err(CallError::Failed(failure)) => return Err(failure.into()),
            }
        }
        Ok(found)
    }

    /// Holds the deletions of a step until the person confirms them; its other calls run.
    async fn ask_first(
        &mut self,
        calls: Vec<ToolCall>,
        asked: &[String],
        found: Vec<(String, String)>,
    ) -> Result<Ending, Halt> {
        let mut undo = false;
        for call in calls {
            match call.tool.as_str() {
                confirm::DELETE => {}
                confirm::UNDO => undo = true,
                _ => self.call(call).await?,
            }
        }
        let (task_ids, titles): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        Ok(Ending {
            text: confirm::question(&self.made, &titles, asked.len(), undo),
            provider: self.planner.name(),
            pending: Some(Pending { task_ids }),
        })
    }

    /// Runs the deletions that the person has confirmed, but for those an earlier attempt ran.
    async fn delete_confirmed(&mut self, pending: &Pending) -> Result<Ending, Halt> {
        for task_id in &pending.task_ids {
            let call = confirm::deletion(task_id);
            if !self.made.iter().any(|made| made.call == call) {
                self.call(call).await?;
            }
        }
        Ok(Ending {
            text: confirm::report(pending, &self.made),
            provider: SERVER,
            pending: None,
        })
    }

    /// The zone the message is read in; the first zone a person's browser names becomes theirs.
    async fn zone(&self) -> Result<TimeZone, Halt> {
        let user_id = &self.turn.request.user_id;
        let name = match &self.turn.request.time_zone {
            Some(name) => {
                if self.held.started {
                    let message = SetProfile {
                        time_zone: name.clone(),
                        only_if_unset: true,
                    };
                    let mut call = self.turn.call(message);
                    call.key = Some(format!("{}/zone", self.turn.id));
                    self.send(user_id, call).await?;
                }
                name.clone()
            }
            None => {
                self.send(user_id, self.turn.call(GetProfile {}))
                    .await?
                    .time_zone
            }
        };
        // The profile was checked when it was set; an image with an older database of zones is
        // no reason to fail.
        Ok(TimeZone::get(&name).unwrap_or(TimeZone::UTC))
    }

    async fn finish(self, ending: Ending) -> Result<Carried, TurnError> {
        let finish = FinishTurn {
            turn_id: self.turn.id.clone(),
            attempt: self.held.hold.attempt.clone(),
            text: ending.text,
            tool_calls: records(self.made.clone()),
            provider: ending.provider.to_owned(),
            pending: ending.pending,
        };
        self.close(finish).await
    }

    /// Ends the turn with what was done so far.
    async fn stop(self) -> Result<Carried, TurnError> {
        let stop = StopTurn {
            turn_id: self.turn.id.clone(),
            text: account::stopped(&self.made),
            tool_calls: records(self.made.clone()),
        };
        self.close(stop).await
    }

    async fn close<M: Message<Reply = ChatMessage>>(
        &self,
        message: M,
    ) -> Result<Carried, TurnError> {
        let call = self.turn.call(message);
        match self.send(&self.turn.actor, call).await {
            Ok(message) => Ok(Carried::Done(message)),
            Err(CallError::Refused(refusal)) => match refusal.code {
                RefusalCode::Conflict | RefusalCode::NotFound => Ok(Carried::Superseded),
                RefusalCode::Invalid | RefusalCode::LimitReached => {
                    let message = format!("the reply cannot be stored: {refusal}");
                    Err(Failure::terminal(message).into())
                }
            },
            Err(CallError::Failed(failure)) => Err(failure.into()),
        }
    }

    fn call_id(&self, call: &ToolCall) -> String {
        let made = self.made.iter();
        let made = made.map(|made| (made.call.tool.as_str(), &made.call.arguments));
        self.turn.call_id(call, made)
    }

    async fn send<M: Message>(&self, actor: &str, call: Request<M>) -> Result<M::Reply, CallError> {
        self.patient().send(actor, call).await
    }

    /// A client that does not keep trying past the lease.
    fn patient(&self) -> ActorClient {
        let left = self.held.until.saturating_duration_since(Instant::now());
        let actors = self.assistant.actors.clone();
        actors.with_patience(left.min(PATIENCE))
    }
}
