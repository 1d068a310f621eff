//! Which method of the `User` actor runs which message.

use super::{
    AddTask, CompleteTask, DeleteTask, FireDue, GetProfile, GetTask, ListTasks, Receipts,
    ReopenTask, Republish, RollForward, SetProfile, Undo, UpdateTask, state::User,
};
use crate::{
    host::{Answer, answer, command, parse, query},
    message::{CallError, Failure, Message, Request},
    turn::{Activation, DUE},
};

pub(crate) async fn call(user: &mut Activation<User>, method: &str, body: &[u8]) -> Answer {
    match method {
        AddTask::METHOD => command::<AddTask, _>(user, body).await,
        UpdateTask::METHOD => command::<UpdateTask, _>(user, body).await,
        CompleteTask::METHOD => command::<CompleteTask, _>(user, body).await,
        ReopenTask::METHOD => command::<ReopenTask, _>(user, body).await,
        DeleteTask::METHOD => command::<DeleteTask, _>(user, body).await,
        Undo::METHOD => command::<Undo, _>(user, body).await,
        SetProfile::METHOD => command::<SetProfile, _>(user, body).await,
        FireDue::METHOD => command::<FireDue, _>(user, body).await,
        RollForward::METHOD => command::<RollForward, _>(user, body).await,
        GetTask::METHOD => query::<GetTask, _>(user, body).await,
        ListTasks::METHOD => query::<ListTasks, _>(user, body).await,
        GetProfile::METHOD => query::<GetProfile, _>(user, body).await,
        Receipts::METHOD => query::<Receipts, _>(user, body).await,
        Republish::METHOD => answer(match parse::<Republish>(body) {
            Ok(request) => user
                .republish(request.message.applied)
                .await
                .map_err(CallError::from),
            Err(failure) => Err(failure.into()),
        }),
        _ => Answer::NoSuchMethod,
    }
}

/// The reminder fires everything due; what is due next is armed by the same turn.
pub(crate) async fn remind(user: &mut Activation<User>, name: &str) -> Result<(), Failure> {
    if name != DUE {
        return Ok(());
    }
    user.reminder_fired().await?;
    match user.command(Request::read(FireDue {})).await {
        Ok(_) => Ok(()),
        Err(CallError::Failed(failure)) => Err(failure),
        Err(CallError::Refused(refusal)) => Err(Failure::terminal(refusal.message)),
    }
}
