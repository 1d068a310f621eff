//! Actors for tests of the edge: a closure answers each call, and every call is remembered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use serde_json::Value;
use todo_actors::{
    client::ActorClient,
    event::{Outgoing, Topic},
    message::{ActorRef, Outcome},
    sidecar::{ReminderTime, Sidecar, SidecarError, StateOp, StateReader},
};

/// A call that reached an actor.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Such as `User/ann`.
    pub actor: String,
    /// Such as `add`.
    pub method: String,
    /// The request: key, trace, tool call and message.
    pub request: Value,
}

type Answer = dyn Fn(&Call) -> Result<Outcome<Value>, SidecarError> + Send + Sync;

/// Actors that answer as a closure says.
pub struct Script {
    answer: Box<Answer>,
    calls: Mutex<Vec<Call>>,
}

impl Script {
    /// Actors that answer as `answer` says.
    pub fn new(
        answer: impl Fn(&Call) -> Result<Outcome<Value>, SidecarError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answer: Box::new(answer),
            calls: Mutex::default(),
        })
    }

    /// A client that reaches them.
    pub fn client(self: &Arc<Self>) -> ActorClient {
        ActorClient::new(Arc::clone(self) as Arc<dyn Sidecar>)
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The methods called so far.
    pub fn methods(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.method).collect()
    }
}

impl StateReader for Script {
    fn get<'a>(
        &'a self,
        _: &'a ActorRef,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<Bytes>, SidecarError>> {
        unreachable!("the edge has no state of its own")
    }
}

impl Sidecar for Script {
    fn invoke<'a>(
        &'a self,
        kind: &'a str,
        id: &'a str,
        method: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, SidecarError>> {
        let request = serde_json::from_slice(&body).unwrap();
        let call = Call {
            actor: format!("{kind}/{id}"),
            method: method.to_owned(),
            request,
        };
        self.calls.lock().unwrap().push(call.clone());
        let answer = (self.answer)(&call);
        Box::pin(ready(
            answer.map(|outcome| serde_json::to_vec(&outcome).unwrap().into()),
        ))
    }

    fn transact<'a>(
        &'a self,
        _: &'a ActorRef,
        _: Vec<StateOp>,
    ) -> BoxFuture<'a, Result<(), SidecarError>> {
        unreachable!("the edge has no state of its own")
    }

    fn register_reminder<'a>(
        &'a self,
        _: &'a ActorRef,
        _: &'a str,
        _: ReminderTime,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), SidecarError>> {
        unreachable!("the edge sets no reminders")
    }

    fn unregister_reminder<'a>(
        &'a self,
        _: &'a ActorRef,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), SidecarError>> {
        unreachable!("the edge sets no reminders")
    }

    fn publish<'a>(
        &'a self,
        _: Topic,
        _: &'a [(String, Outgoing)],
    ) -> BoxFuture<'a, Result<Vec<usize>, SidecarError>> {
        unreachable!("the edge publishes nothing")
    }

    fn secret<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, SidecarError>> {
        unreachable!("secrets are read before the edge opens")
    }
}
