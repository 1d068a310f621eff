//! Which method of the `User` actor runs which message.

use super::{
    AddTask, Admit, CompleteTask, DeleteTask, Erase, Export, FireDue, GetProfile, GetTask,
    ListTasks, Ping, Pong, Receipts, Removed, ReopenTask, Republish, RollForward, SetProfile, Undo,
    UpdateTask, state::User,
};
use crate::{
    host::{Answer, answer, command, parse, query},
    journal::State,
    message::{CallError, Failure, Message, Request},
    metrics::{METRICS, seconds_between},
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
        FireDue::METHOD => answer(match parse(body) {
            Ok(request) => fire(user, request).await,
            Err(failure) => Err(failure.into()),
        }),
        RollForward::METHOD => command::<RollForward, _>(user, body).await,
        GetTask::METHOD => query::<GetTask, _>(user, body).await,
        ListTasks::METHOD => query::<ListTasks, _>(user, body).await,
        GetProfile::METHOD => query::<GetProfile, _>(user, body).await,
        Receipts::METHOD => query::<Receipts, _>(user, body).await,
        Export::METHOD => query::<Export, _>(user, body).await,
        Admit::METHOD => query::<Admit, _>(user, body).await,
        Erase::METHOD => answer(match parse(body) {
            Ok(request) => erase(user, request).await,
            Err(failure) => Err(failure.into()),
        }),
        Republish::METHOD => answer(match parse::<Republish>(body) {
            Ok(request) => user
                .republish(request.message.applied)
                .await
                .map_err(CallError::from),
            Err(failure) => Err(failure.into()),
        }),
        Ping::METHOD => answer(
            parse::<Ping>(body)
                .map(|_| Pong {})
                .map_err(CallError::from),
        ),
        _ => Answer::NoSuchMethod,
    }
}

/// Answers only once nothing is left; called again under its key, it removes what still is.
async fn erase(user: &mut Activation<User>, request: Request<Erase>) -> Result<Removed, CallError> {
    let removed = user.command(request).await?;
    user.leave_nothing().await?;
    Ok(removed)
}

/// Fires everything due, whoever asks for it: the reminder or, had that not come, the reconciler.
async fn fire(
    user: &mut Activation<User>,
    request: Request<FireDue>,
) -> Result<<FireDue as Message>::Reply, CallError> {
    let due = user.journal().await?.state().wake_after(&[]);
    let now = user.services().clock.now();
    let fired = user.command(request).await?;
    if let Some(due) = due.filter(|due| *due <= now) {
        METRICS
            .reminder_lag_seconds
            .observe(seconds_between(due, now));
    }
    Ok(fired)
}

/// The reminder fires everything due; what is due next is armed by the same turn.
pub(crate) async fn remind(user: &mut Activation<User>, name: &str) -> Result<(), Failure> {
    if name != DUE {
        return Ok(());
    }
    user.reminder_fired().await?;
    match fire(user, Request::read(FireDue {})).await {
        Ok(_) => Ok(()),
        Err(CallError::Failed(failure)) => Err(failure),
        Err(CallError::Refused(refusal)) => Err(Failure::terminal(refusal.message)),
    }
}
