//! Calls to actors through the sidecar, wherever placement has put them.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use tracing::field;

use crate::{
    message::{CallError, Failure, Message, Outcome, Request},
    sidecar::{Sidecar, SidecarError, SidecarErrorKind},
    trace,
};

/// How long a call keeps trying while placement moves an actor or a sidecar restarts.
const PATIENCE: Duration = Duration::from_secs(12);
/// The same in a process that is about to end: its sidecar may have gone already, and another
/// replica can answer.
const PATIENCE_AT_THE_END: Duration = Duration::from_millis(300);
/// First wait before a repeat; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(25);
/// Longest wait before a repeat.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Sends messages to actors.
#[derive(Clone)]
pub struct ActorClient {
    sidecar: Arc<dyn Sidecar>,
    patience: Duration,
    ending: Option<watch::Receiver<bool>>,
}

impl ActorClient {
    /// A client that calls through `sidecar`.
    #[must_use]
    pub fn new(sidecar: Arc<dyn Sidecar>) -> Self {
        Self {
            sidecar,
            patience: PATIENCE,
            ending: None,
        }
    }

    /// The same client for a process that is about to end once `ending` says so: a call then
    /// keeps trying for 300 ms at most.
    #[must_use]
    pub fn with_ending(mut self, ending: watch::Receiver<bool>) -> Self {
        self.ending = Some(ending);
        self
    }

    /// The same client with another limit on how long a call keeps trying.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Calls the actor `id` and brings back its reply.
    ///
    /// While the sidecar cannot reach the actor (placement is moving it, a replica died) the
    /// call is repeated for up to 12 s, or for a moment once the process is about to end:
    /// commands carry a key and reads change nothing, so a repeat is safe. A failure the actor
    /// itself reports comes back at once.
    ///
    /// # Errors
    /// [`CallError::Refused`] when the actor declines, [`CallError::Failed`] when something broke.
    pub async fn send<M: Message>(
        &self,
        id: &str,
        mut request: Request<M>,
    ) -> Result<M::Reply, CallError> {
        let span = tracing::info_span!(
            "call",
            otel.name = format!("call {}.{}", M::ACTOR, M::METHOD),
            otel.kind = "client",
            otel.status_code = field::Empty,
            trace_id = field::Empty,
            actor_type = M::ACTOR,
            actor_id = id,
            method = M::METHOD,
        );
        let traceparent = trace::follow(&span, request.traceparent.as_deref());
        request.traceparent = Some(traceparent);
        let call = self.deliver(id, request);
        trace::within(span, call, |outcome| {
            matches!(outcome, Err(CallError::Failed(_)))
        })
        .await
    }

    async fn deliver<M: Message>(
        &self,
        id: &str,
        request: Request<M>,
    ) -> Result<M::Reply, CallError> {
        let body = serde_json::to_vec(&request).map_err(|error| {
            Failure::terminal(format!("{} cannot be encoded: {error}", M::METHOD))
        })?;
        let mut deadline = Instant::now() + self.patience;
        let mut wait = FIRST_WAIT;
        loop {
            let sent = self
                .sidecar
                .invoke(M::ACTOR, id, M::METHOD, body.clone().into());
            let error = match sent.await {
                Ok(reply) => match serde_json::from_slice::<Outcome<M::Reply>>(&reply) {
                    Ok(outcome) => return outcome.into(),
                    // Its host died while it answered, which the sidecar takes for an answer.
                    Err(error) if error.is_eof() => {
                        SidecarError::new(SidecarErrorKind::Unavailable, "the reply was cut short")
                    }
                    Err(error) => {
                        let failure = format!("the reply to {} cannot be read: {error}", M::METHOD);
                        return Err(Failure::terminal(failure).into());
                    }
                },
                Err(error) => error,
            };
            if self.is_ending() {
                deadline = deadline.min(Instant::now() + PATIENCE_AT_THE_END);
            }
            if error.kind.is_refused() || Instant::now() + wait > deadline {
                let failure = format!(
                    "{} on {}/{id} was not delivered: {error}",
                    M::METHOD,
                    M::ACTOR
                );
                return Err(Failure {
                    message: failure,
                    retryable: error.kind != SidecarErrorKind::Rejected,
                }
                .into());
            }
            tracing::debug!(actor = M::ACTOR, method = M::METHOD, %error, "actor call repeated");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn is_ending(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| *ending.borrow())
    }
}
