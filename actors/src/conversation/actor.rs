//! Which method of the `Conversation` actor runs which message, and reads of older messages.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    BeginTurn, ChatMessage, Delete, Deleted, EraseConversation, FinishTurn, GetHeading,
    GetMessages, HoldsTurn, MessagePage, ReleaseTurn, Removed, Rename, RepublishConversation,
    StopTurn, TakeOver, TurnState,
    state::{Conversation, PER_PAGE, no_such_conversation},
    turns::{Begin, cut_off},
};
use crate::{
    host::{Answer, answer, command, parse, query},
    journal::Journal,
    message::{CallError, Failure, Message, Request},
    sidecar::StateReader,
    turn::Activation,
};

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 100;
/// A page of messages ends here even when the limit would allow more.
const PAGE_BYTES: usize = 512 << 10;

pub(crate) async fn call(chat: &mut Activation<Conversation>, method: &str, body: &[u8]) -> Answer {
    match method {
        BeginTurn::METHOD => answer(match parse(body) {
            Ok(request) => begin_turn(chat, request).await,
            Err(failure) => Err(failure.into()),
        }),
        FinishTurn::METHOD => command::<FinishTurn, _>(chat, body).await,
        ReleaseTurn::METHOD => command::<ReleaseTurn, _>(chat, body).await,
        StopTurn::METHOD => answer(match parse(body) {
            Ok(request) => stop_turn(chat, request).await,
            Err(failure) => Err(failure.into()),
        }),
        HoldsTurn::METHOD => query::<HoldsTurn, _>(chat, body).await,
        TakeOver::METHOD => command::<TakeOver, _>(chat, body).await,
        Rename::METHOD => command::<Rename, _>(chat, body).await,
        Delete::METHOD => answer(match parse(body) {
            Ok(request) => delete(chat, request).await,
            Err(failure) => Err(failure.into()),
        }),
        GetHeading::METHOD => query::<GetHeading, _>(chat, body).await,
        EraseConversation::METHOD => answer(match parse(body) {
            Ok(request) => erase(chat, request).await,
            Err(failure) => Err(failure.into()),
        }),
        GetMessages::METHOD => answer(match parse::<GetMessages>(body) {
            Ok(request) => messages(chat, &request.message).await,
            Err(failure) => Err(failure.into()),
        }),
        RepublishConversation::METHOD => answer(match parse::<RepublishConversation>(body) {
            Ok(request) => chat
                .republish(request.message.0.applied)
                .await
                .map_err(CallError::from),
            Err(failure) => Err(failure.into()),
        }),
        _ => Answer::NoSuchMethod,
    }
}

async fn begin_turn(
    chat: &mut Activation<Conversation>,
    request: Request<BeginTurn>,
) -> Result<TurnState, CallError> {
    let services = chat.services().clone();
    let journal = chat.journal().await?;
    if let Begin::Finished(index) = request
        .message
        .begin(journal.state(), services.clock.now())?
    {
        let reply = finished_reply(journal, services.sidecar.as_ref(), index).await?;
        return Ok(TurnState::Done { reply });
    }
    chat.command(request).await
}

async fn stop_turn(
    chat: &mut Activation<Conversation>,
    request: Request<StopTurn>,
) -> Result<ChatMessage, CallError> {
    let services = chat.services().clone();
    let journal = chat.journal().await?;
    if let Some(index) = journal.state().finished(&request.message.turn_id) {
        return Ok(finished_reply(journal, services.sidecar.as_ref(), index).await?);
    }
    chat.command(request).await
}

/// Answers only once nothing is left; called again under its key, it removes what still is.
async fn delete(
    chat: &mut Activation<Conversation>,
    request: Request<Delete>,
) -> Result<Deleted, CallError> {
    let deleted = chat.command(request).await?;
    chat.remove_ended().await?;
    Ok(deleted)
}

/// As [`delete`].
async fn erase(
    chat: &mut Activation<Conversation>,
    request: Request<EraseConversation>,
) -> Result<Removed, CallError> {
    let removed = chat.command(request).await?;
    chat.leave_nothing().await?;
    Ok(removed)
}

async fn finished_reply(
    journal: &Journal<Conversation>,
    reader: &dyn StateReader,
    index: u64,
) -> Result<ChatMessage, Failure> {
    let reply = read(journal, reader, index..index + 1).await?.pop();
    reply.ok_or_else(|| Failure::terminal("a finished turn's reply is missing"))
}

async fn messages(
    chat: &mut Activation<Conversation>,
    query: &GetMessages,
) -> Result<MessagePage, CallError> {
    let services = chat.services().clone();
    let journal = chat.journal().await?;
    if !journal.state().exists() {
        return Err(no_such_conversation().into());
    }
    let stored = journal.state().count();
    let cut_off = query
        .lease_ms
        .and_then(|lease| cut_off(journal.state(), lease, services.clock.now()));
    let total = stored + u64::from(cut_off.is_some());
    let before = query.before.unwrap_or(total).min(total);
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, LARGEST_LIMIT);
    let from = before.saturating_sub(u64::from(limit));
    let mut messages = read(journal, services.sidecar.as_ref(), from..before.min(stored)).await?;
    messages.extend(cut_off.filter(|message| message.index < before));
    let mut bytes = 0;
    let fitting = messages.iter().rev().take_while(|message| {
        let fits = bytes < PAGE_BYTES;
        bytes += size(message);
        fits
    });
    let fitting = fitting.count();
    let messages = messages.split_off(messages.len() - fitting);
    let first = messages.first().map_or(0, |message| message.index);
    Ok(MessagePage {
        messages,
        total,
        next_before: (first > 0).then_some(first),
    })
}

/// The messages of a range, from memory or from the pages they stand on.
///
/// # Errors
/// The store cannot be read.
pub async fn read(
    journal: &Journal<Conversation>,
    reader: &dyn StateReader,
    range: std::ops::Range<u64>,
) -> Result<Vec<ChatMessage>, Failure> {
    let mut pages: BTreeMap<u64, Vec<ChatMessage>> = BTreeMap::new();
    let mut messages = Vec::new();
    for index in range {
        if let Some(message) = journal.state().recent(index) {
            messages.push(message.clone());
            continue;
        }
        let number = index / PER_PAGE;
        if let Entry::Vacant(vacant) = pages.entry(number) {
            let page = Conversation::page_of(index);
            let broken = |error: String| {
                Failure::retryable(format!("{page} of {}: {error}", journal.actor()))
            };
            let bytes = journal
                .page(reader, &page)
                .await
                .map_err(|error| broken(error.to_string()))?;
            let bytes = bytes.ok_or_else(|| broken("it is not in the snapshot".to_owned()))?;
            let content = Conversation::read_page(&bytes)
                .map_err(|error| broken(format!("unreadable at column {}", error.column())))?;
            vacant.insert(content);
        }
        let found = pages
            .get(&number)
            .and_then(|page| page.iter().find(|m| m.index == index));
        messages.extend(found.cloned());
    }
    Ok(messages)
}

fn size(message: &ChatMessage) -> usize {
    let calls: usize = message
        .tool_calls
        .iter()
        .map(|call| call.arguments.to_string().len() + call.result.to_string().len())
        .sum();
    200 + message.text.len() + calls
}
