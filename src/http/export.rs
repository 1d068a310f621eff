//! Everything that is known of a person, as one document to keep.
//!
//! It is written while it is sent, from pages of actors and tables, so that neither an actor's
//! message nor this process ever holds all of it. Should something break half way the connection
//! is cut, so that nobody takes a part for the whole.

mod document;

use std::{io, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use jiff::Timestamp;
use serde::Serialize;
use todo_actors::{
    clock::{Clock, SystemClock},
    conversation::{ChatMessage, GetHeading, GetMessages, Heading, actor_id},
    message::{CallError, Refusal, RefusalCode},
    user::{Export, GetProfile},
};
use tokio::sync::mpsc;
use tracing::Instrument;

use self::document::{ExportDocument, ExportedAccount, ExportedConversation, ExportedSubscription};
use super::{
    Edge,
    activity::Activity,
    conversations::Message,
    extract::{Caller, UserPath},
    problem::{Problem, Problems},
    profile::Profile,
    task_body::Task,
};
use crate::tables::{
    accounts, audit_log,
    journals::{self, Head},
    push_subscriptions,
};

/// Messages read at once; what they are read in depends on their size.
const WINDOW: u64 = 64;
/// Records of what happened read at once.
const RECORDS: i64 = 200;
/// Pieces that may wait for a slow reader.
const WAITING: usize = 2;

/// Reads everything that is known of the person, as a file.
#[utoipa::path(get, path = "/api/{user_id}/export", tag = "person", params(UserPath),
    responses((status = 200, body = ExportDocument), Problems))]
pub async fn export(State(edge): State<Arc<Edge>>, caller: Caller) -> Result<Response, Problem> {
    // What can be refused is refused before the answer begins.
    let profile = edge
        .actors
        .send(&caller.user_id, caller.read(GetProfile {}))
        .await?;
    let heads = journals::of(&edge.pool, &caller.user_id).await?;
    let name = format!("attachment; filename=\"todo-{}.json\"", caller.user_id);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::try_from(name).map_err(|_| Problem::internal())?,
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let (sender, pieces) = mpsc::channel(WAITING);
    let writer = Writer {
        edge,
        caller,
        pieces: sender,
    };
    let writing = async move {
        match writer.write(profile.into(), &heads).await {
            Ok(()) | Err(Cut::Reader) => {}
            Err(Cut::Source(problem)) => {
                let error = io::Error::other(problem.detail().to_owned());
                let _ = writer.pieces.send(Err(error)).await;
            }
        }
    };
    tokio::spawn(writing.in_current_span());
    let body = stream::unfold(pieces, |mut pieces| async move {
        Some((pieces.recv().await?, pieces))
    });
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Why a document is not written to its end.
enum Cut {
    /// Nobody reads it any more.
    Reader,
    /// What it is made of cannot be read.
    Source(Problem),
}

impl<E: Into<Problem>> From<E> for Cut {
    fn from(error: E) -> Self {
        Self::Source(error.into())
    }
}

struct Writer {
    edge: Arc<Edge>,
    caller: Caller,
    pieces: mpsc::Sender<io::Result<Bytes>>,
}

impl Writer {
    async fn write(&self, profile: Profile, heads: &[Head]) -> Result<(), Cut> {
        let _busy = self.edge.life.busy();
        let user_id = &self.caller.user_id;
        self.put("{").await?;
        self.field("user_id", user_id).await?;
        self.put(",").await?;
        self.field("exported_at", &SystemClock.now()).await?;
        if let Some(account) = accounts::find(&self.edge.pool, user_id).await? {
            self.put(",").await?;
            self.field("account", &ExportedAccount::from(account))
                .await?;
        }
        self.put(",").await?;
        self.field("profile", &profile).await?;
        self.put(",\"tasks\":[").await?;
        self.tasks().await?;
        self.put("],\"conversations\":[").await?;
        let mut list = List::default();
        for id in heads.iter().filter_map(Head::conversation_id) {
            self.conversation(id, &mut list).await?;
        }
        self.put("],\"push_subscriptions\":[").await?;
        let browsers = push_subscriptions::of(&self.edge.pool, user_id).await?;
        let browsers = browsers.into_iter();
        let browsers = browsers.map(|(endpoint, created_at)| ExportedSubscription {
            endpoint,
            created_at,
        });
        self.items(&mut List::default(), browsers).await?;
        self.put("],\"activity\":[").await?;
        self.activity().await?;
        self.put("]}\n").await
    }

    async fn tasks(&self) -> Result<(), Cut> {
        let (mut list, mut after) = (List::default(), None);
        loop {
            let read = self.caller.read(Export { after });
            let page = self
                .edge
                .actors
                .send(&self.caller.user_id, read)
                .await?
                .tasks;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id.clone());
            self.items(&mut list, page.into_iter().map(Task::from))
                .await?;
        }
    }

    async fn conversation(&self, id: &str, list: &mut List) -> Result<(), Cut> {
        let actor = actor_id(&self.caller.user_id, id);
        let heading = self
            .edge
            .actors
            .send(&actor, self.caller.read(GetHeading {}));
        let Heading {
            title,
            created_at,
            updated_at,
            messages,
        } = match gone(heading.await)? {
            Some(heading) => heading,
            None => return Ok(()),
        };
        let heading = ExportedConversation {
            conversation_id: id.to_owned(),
            title,
            created_at,
            updated_at,
            messages: Vec::new(),
        };
        // Its messages take the place of the empty list at its end.
        let heading = json(&heading)?;
        let heading = heading.strip_suffix("]}").unwrap_or(&heading);
        self.put(format!("{}{heading}", list.comma())).await?;
        let (mut said, mut from) = (List::default(), 0);
        while from < messages {
            let to = messages.min(from + WINDOW);
            let Some(window) = self.window(&actor, from, to).await? else {
                break;
            };
            self.items(&mut said, window.into_iter().map(Message::from))
                .await?;
            from = to;
        }
        self.put("]}").await
    }

    /// The messages of a range. A page has the newest that fit, so what is before them is read
    /// next. `None` once the conversation is gone.
    async fn window(
        &self,
        actor: &str,
        from: u64,
        to: u64,
    ) -> Result<Option<Vec<ChatMessage>>, Cut> {
        let mut parts = Vec::new();
        let mut before = to;
        while before > from {
            let message = GetMessages {
                before: Some(before),
                limit: u32::try_from(before - from).ok(),
                lease_ms: None,
            };
            let page = self.edge.actors.send(actor, self.caller.read(message));
            let Some(page) = gone(page.await)? else {
                return Ok(None);
            };
            before = page.messages.first().map_or(from, |first| first.index);
            parts.push(page.messages);
        }
        Ok(Some(parts.into_iter().rev().flatten().collect()))
    }

    async fn activity(&self) -> Result<(), Cut> {
        let mut list = List::default();
        let mut last: Option<(Timestamp, String)> = None;
        loop {
            let after = last.as_ref().map(|(at, id)| (*at, id.as_str()));
            let user_id = &self.caller.user_id;
            let records = audit_log::newest(&self.edge.pool, user_id, after, RECORDS).await?;
            let Some(record) = records.last() else {
                return Ok(());
            };
            last = Some((record.at, record.event_id.clone()));
            self.items(&mut list, records.into_iter().map(Activity::from))
                .await?;
        }
    }

    async fn field(&self, name: &str, value: &impl Serialize) -> Result<(), Cut> {
        self.put(format!("\"{name}\":{}", json(value)?)).await
    }

    async fn items(
        &self,
        list: &mut List,
        items: impl Iterator<Item = impl Serialize>,
    ) -> Result<(), Cut> {
        let mut text = String::new();
        for item in items {
            text.push_str(list.comma());
            text.push_str(&json(&item)?);
        }
        self.put(text).await
    }

    async fn put(&self, text: impl Into<Bytes>) -> Result<(), Cut> {
        let sent = self.pieces.send(Ok(text.into())).await;
        sent.map_err(|_| Cut::Reader)
    }
}

/// The commas of a list.
#[derive(Default)]
struct List {
    begun: bool,
}

impl List {
    /// What stands before its next item.
    fn comma(&mut self) -> &'static str {
        if std::mem::replace(&mut self.begun, true) {
            ","
        } else {
            ""
        }
    }
}

/// What was deleted before or while it was read is no part of the document.
fn gone<R>(reply: Result<R, CallError>) -> Result<Option<R>, CallError> {
    match reply {
        Err(CallError::Refused(Refusal {
            code: RefusalCode::NotFound,
            ..
        })) => Ok(None),
        reply => reply.map(Some),
    }
}

fn json(value: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "a part of an export cannot be written");
        Problem::internal()
    })
}
