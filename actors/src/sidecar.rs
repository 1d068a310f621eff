//! The seam to Dapr: everything an actor needs from its sidecar, and nothing else.
//!
//! [`DaprSidecar`] is the real one; `testkit` has a memory twin for fast tests.

use std::{collections::BTreeMap, fmt, time::Duration};

use bytes::Bytes;
use dapr::dapr::proto::{
    common::v1::{JobFailurePolicy, JobFailurePolicyConstant, job_failure_policy::Policy},
    runtime::v1::{
        BulkPublishRequest, BulkPublishRequestEntry, ExecuteActorStateTransactionRequest,
        GetActorStateRequest, GetSecretRequest, InvokeActorRequest, RegisterActorReminderRequest,
        TransactionalActorStateOperation, UnregisterActorReminderRequest, dapr_client::DaprClient,
    },
};
use futures::future::BoxFuture;
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use crate::{
    event::{Outgoing, Topic},
    message::ActorRef,
    trace,
};

/// The Dapr pub/sub component.
const PUBSUB: &str = "kafka-pubsub";
/// Dapr's own limit is 4 MiB; ours are far smaller, this is the decoder's.
const LARGEST_MESSAGE: usize = 4 << 20;
/// Longest a state call may take: a turn holds its actor, and drains wait for it.
pub(crate) const STATE_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest a reminder may take to register.
const REMINDER_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest a bulk publish may take before the batch counts as failed.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest an actor call may take, its turn included.
const INVOKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest a secret may take to read.
const SECRET_TIMEOUT: Duration = Duration::from_secs(5);

/// One operation of an actor state transaction; they take effect together, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateOp {
    /// Writes a key.
    Put(String, Bytes),
    /// Removes a key; one that is not there is no error.
    Delete(String),
}

/// When a reminder fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReminderTime {
    /// From now until the first firing.
    pub after: Duration,
    /// Between later firings; absent for one that fires once.
    pub every: Option<Duration>,
}

/// Something an actor's stored state can be read from.
pub trait StateReader: Send + Sync {
    /// Reads one key of an actor's state; `None` when it is not there.
    fn get<'a>(
        &'a self,
        actor: &'a ActorRef,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Bytes>, SidecarError>>;
}

/// What an actor needs from its sidecar.
pub trait Sidecar: StateReader + 'static {
    /// Writes an actor's state, all operations or none.
    fn transact<'a>(
        &'a self,
        actor: &'a ActorRef,
        ops: Vec<StateOp>,
    ) -> BoxFuture<'a, Result<(), SidecarError>>;

    /// Sets an actor's reminder, replacing the one of that name. Its turns then belong to the
    /// trace of `traceparent`, or to none but their own.
    fn register_reminder<'a>(
        &'a self,
        actor: &'a ActorRef,
        name: &'a str,
        time: ReminderTime,
        traceparent: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), SidecarError>>;

    /// Removes an actor's reminder; one that is not there is no error.
    fn unregister_reminder<'a>(
        &'a self,
        actor: &'a ActorRef,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), SidecarError>>;

    /// Publishes events under a Kafka key each, and answers the positions that failed.
    fn publish<'a>(
        &'a self,
        topic: Topic,
        events: &'a [(String, Outgoing)],
    ) -> BoxFuture<'a, Result<Vec<usize>, SidecarError>>;

    /// Calls an actor's method, wherever it is placed.
    fn invoke<'a>(
        &'a self,
        kind: &'a str,
        id: &'a str,
        method: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, SidecarError>>;

    /// Reads a secret: its keys and values.
    fn secret<'a>(
        &'a self,
        store: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, SidecarError>>;
}

/// What kind of trouble the sidecar reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidecarErrorKind {
    /// The database fence refused the entry: another activation wrote first.
    Forked,
    /// It may work later; whether this call took effect is not known.
    Unavailable,
    /// The same, and it took all the time it had to say nothing.
    Silent,
    /// The call itself is wrong and will never work.
    Rejected,
    /// The sidecar does not let us, or does not know how: so as it is set up, and until somebody
    /// mends that. Nothing took effect.
    Denied,
}

impl SidecarErrorKind {
    /// Whether the call may have taken effect.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        matches!(self, Self::Unavailable | Self::Silent)
    }

    /// Whether repeating the call at once is no use.
    #[must_use]
    pub fn is_refused(self) -> bool {
        matches!(self, Self::Rejected | Self::Denied)
    }
}

/// A call to the sidecar failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarError {
    /// What kind of trouble.
    pub kind: SidecarErrorKind,
    /// For operators.
    pub message: String,
}

impl fmt::Display for SidecarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SidecarError {}

impl SidecarError {
    /// An error of this kind.
    pub fn new(kind: SidecarErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl From<Status> for SidecarError {
    fn from(status: Status) -> Self {
        let kind = match status.code() {
            _ if status.message().contains("journal fork at") => SidecarErrorKind::Forked,
            Code::InvalidArgument => SidecarErrorKind::Rejected,
            Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented => {
                SidecarErrorKind::Denied
            }
            _ => SidecarErrorKind::Unavailable,
        };
        Self::new(
            kind,
            format!(
                "the sidecar answered {}: {}",
                status.code(),
                status.message()
            ),
        )
    }
}

/// The sidecar over gRPC.
pub struct DaprSidecar {
    client: DaprClient<InterceptedService<Channel, Headers>>,
}

impl DaprSidecar {
    /// A sidecar at `endpoint`, such as `http://127.0.0.1:50001`. Connects on first use and
    /// again whenever the connection is lost.
    ///
    /// # Errors
    /// An endpoint or token that cannot be used at all.
    pub fn connect(endpoint: &str, api_token: Option<&str>) -> Result<Self, SidecarError> {
        let rejected = |error: String| SidecarError::new(SidecarErrorKind::Rejected, error);
        let channel = Endpoint::from_shared(endpoint.to_owned())
            .map_err(|error| rejected(format!("{endpoint} is not an address: {error}")))?
            .connect_timeout(Duration::from_secs(2))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .connect_lazy();
        let token = api_token
            .map(MetadataValue::try_from)
            .transpose()
            .map_err(|_| {
                rejected("the Dapr API token has characters a header cannot carry".to_owned())
            })?;
        let client = DaprClient::with_interceptor(channel, Headers { token })
            .max_decoding_message_size(LARGEST_MESSAGE);
        Ok(Self { client })
    }
}

/// What goes with every call: the API token, and the trace of the span that calls.
#[derive(Clone)]
struct Headers {
    token: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let headers = request.metadata_mut();
        if let Some(token) = &self.token {
            headers.insert("dapr-api-token", token.clone());
        }
        let traceparent = trace::current().and_then(|value| value.parse().ok());
        if let Some(traceparent) = traceparent {
            headers.insert("traceparent", traceparent);
        }
        Ok(request)
    }
}

/// A call with a time limit of our own: one that the sidecar cannot stretch.
async fn limited<T>(
    limit: Duration,
    what: &str,
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, SidecarError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => Ok(answer?.into_inner()),
        Err(_) => {
            let message = format!("the sidecar did not {what} within {} ms", limit.as_millis());
            Err(SidecarError::new(SidecarErrorKind::Silent, message))
        }
    }
}

impl StateReader for DaprSidecar {
    fn get<'a>(
        &'a self,
        actor: &'a ActorRef,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Bytes>, SidecarError>> {
        Box::pin(async move {
            let mut client = self.client.clone();
            let request = GetActorStateRequest {
                actor_type: actor.kind.to_owned(),
                actor_id: actor.id.clone(),
                key: key.to_owned(),
            };
            let reply =
                limited(STATE_TIMEOUT, "read state", client.get_actor_state(request)).await?;
            Ok((!reply.data.is_empty()).then(|| reply.data.into()))
        })
    }
}

impl Sidecar for DaprSidecar {
    fn transact<'a>(
        &'a self,
        actor: &'a ActorRef,
        ops: Vec<StateOp>,
    ) -> BoxFuture<'a, Result<(), SidecarError>> {
        Box::pin(async move {
            let mut client = self.client.clone();
            let request = ExecuteActorStateTransactionRequest {
                actor_type: actor.kind.to_owned(),
                actor_id: actor.id.clone(),
                operations: ops.into_iter().map(operation).collect(),
            };
            let call = client.execute_actor_state_transaction(request);
            limited(STATE_TIMEOUT, "write state", call).await?;
            Ok(())
        })
    }

    fn register_reminder<'a>(
        &'a self,
        actor: &'a ActorRef,
        name: &'a str,
        time: ReminderTime,
        traceparent: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), SidecarError>> {
        Box::pin(async move {
            let mut client = self.client.clone();
            // Dapr's default gives up after three tries; a reminder must outlast any outage.
            let persistent = JobFailurePolicy {
                policy: Some(Policy::Constant(JobFailurePolicyConstant {
                    interval: Some(prost_types::Duration {
                        seconds: 1,
                        nanos: 0,
                    }),
                    max_retries: None,
                })),
            };
            let request = RegisterActorReminderRequest {
                actor_type: actor.kind.to_owned(),
                actor_id: actor.id.clone(),
                name: name.to_owned(),
                due_time: millis(time.after),
                period: time.every.map(millis).unwrap_or_default(),
                data: traceparent.unwrap_or_default().into(),
                ttl: String::new(),
                overwrite: Some(true),
                failure_policy: Some(persistent),
            };
            let call = client.register_actor_reminder(request);
            limited(REMINDER_TIMEOUT, "set a reminder", call).await?;
            Ok(())
        })
    }

    fn unregister_reminder<'a>(
        &'a self,
        actor: &'a ActorRef,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), SidecarError>> {
        Box::pin(async move {
            let mut client = self.client.clone();
            let request = UnregisterActorReminderRequest {
                actor_type: actor.kind.to_owned(),
                actor_id: actor.id.clone(),
                name: name.to_owned(),
            };
            let call = client.unregister_actor_reminder(request);
            limited(REMINDER_TIMEOUT, "remove a reminder", call).await?;
            Ok(())
        })
    }

    fn publish<'a>(
        &'a self,
        topic: Topic,
        events: &'a [(String, Outgoing)],
    ) -> BoxFuture<'a, Result<Vec<usize>, SidecarError>> {
        Box::pin(async move {
            let mut client = self.client.clone();
            let entries = events
                .iter()
                .enumerate()
                .map(|(position, (key, event))| BulkPublishRequestEntry {
                    entry_id: position.to_string(),
                    event: event.body.clone(),
                    content_type: "application/cloudevents+json".to_owned(),
                    metadata: [("partitionKey".to_owned(), key.clone())].into(),
                })
                .collect();
            let request = BulkPublishRequest {
                pubsub_name: PUBSUB.to_owned(),
                topic: topic.name().to_owned(),
                entries,
                // Raw, because daprd would give every event of the batch the trace of this call.
                metadata: [("rawPayload".to_owned(), "true".to_owned())].into(),
            };
            let call = client.bulk_publish_event(request);
            let reply = limited(PUBLISH_TIMEOUT, "publish", call).await?;
            Ok(reply
                .failed_entries
                .iter()
                .filter_map(|entry| entry.entry_id.parse().ok())
                .collect())
        })
    }

    fn invoke<'a>(
        &'a self,
        kind: &'a str,
        id: &'a str,
        method: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, SidecarError>> {
        Box::pin(async move {
            let mut client = self.client.clone();
            let request = InvokeActorRequest {
                actor_type: kind.to_owned(),
                actor_id: id.to_owned(),
                method: method.to_owned(),
                data: body.into(),
                metadata: std::collections::HashMap::new(),
            };
            let reply = limited(
                INVOKE_TIMEOUT,
                "call an actor",
                client.invoke_actor(request),
            )
            .await?;
            Ok(reply.data.into())
        })
    }

    fn secret<'a>(
        &'a self,
        store: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, SidecarError>> {
        Box::pin(async move {
            let mut client = self.client.clone();
            let request = GetSecretRequest {
                store_name: store.to_owned(),
                key: name.to_owned(),
                metadata: std::collections::HashMap::new(),
            };
            let reply =
                limited(SECRET_TIMEOUT, "read a secret", client.get_secret(request)).await?;
            Ok(reply.data.into_iter().collect())
        })
    }
}

fn operation(op: StateOp) -> TransactionalActorStateOperation {
    let (operation_type, key, value) = match op {
        StateOp::Put(key, value) => {
            let value = prost_types::Any {
                type_url: String::new(),
                value: value.into(),
            };
            ("upsert", key, Some(value))
        }
        StateOp::Delete(key) => ("delete", key, None),
    };
    TransactionalActorStateOperation {
        operation_type: operation_type.to_owned(),
        key,
        value,
        metadata: std::collections::HashMap::new(),
    }
}

/// Dapr reads Go durations; it refuses ISO 8601 ones under a second.
fn millis(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_call_that_is_wrong_in_itself_never_works() {
        use SidecarErrorKind::{Denied, Forked, Rejected, Unavailable};
        for (code, message, kind) in [
            (Code::InvalidArgument, "no key", Rejected),
            (Code::PermissionDenied, "access denied by policy", Denied),
            (Code::Unauthenticated, "no token", Denied),
            (Code::Unimplemented, "no actors here", Denied),
            (Code::Internal, "no answer", Unavailable),
            (Code::Internal, "journal fork at e:7", Forked),
        ] {
            let error = SidecarError::from(Status::new(code, message));
            assert_eq!(error.kind, kind, "{code:?}");
        }
    }
}
