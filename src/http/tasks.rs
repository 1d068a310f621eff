//! Tasks, asked of and changed through the caller's `User` actor.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use todo_actors::user::{
    AddTask, CompleteTask, DeleteTask, DueFilter, GetTask, ListTasks, ReopenTask, TaskChange, Undo,
    UndoneChange, UpdateTask,
};
use utoipa::{IntoParams, ToSchema};

use super::{
    Edge,
    extract::{
        Body, Caller, CommandKey, ItemId, ItemPath, KeyHeader, Params, UserPath, page_limit,
    },
    problem::{Problem, Problems},
    task_body::{NewTask, Status, Task, TaskPatch},
};

/// Which tasks to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct TaskQuery {
    /// Only tasks of this status.
    status: Option<Status>,
    /// Only tasks due then, by the calendar of the person's zone.
    #[param(inline)]
    due: Option<DueQuery>,
    /// Only tasks whose title or notes contain every word of this.
    search: Option<String>,
    /// Only tasks with this tag.
    tag: Option<String>,
    /// 1 to 100; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A span of due moments.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DueQuery {
    /// Due today.
    Today,
    /// Open, and its moment has passed.
    Overdue,
    /// Due after now.
    Upcoming,
}

/// A page of tasks, by due moment (undated last), then by age.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskPage {
    /// The page.
    tasks: Vec<Task>,
    /// How many match in all.
    total: usize,
    /// Where the next page starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What was taken back.
#[derive(Debug, Serialize, ToSchema)]
pub struct Undone {
    /// What had been done: `added`, `updated`, `completed`, `reopened` or `deleted`.
    #[schema(value_type = String)]
    undone: UndoneChange,
    /// The task as it is now, or as it was if undoing removed it.
    task: Task,
}

/// Which change to take back.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct UndoQuery {
    /// The newest change of this task, whatever was done to others since; the newest of all when
    /// absent.
    task_id: Option<String>,
    /// Only if that is the change whose reply had this `updated_at`.
    #[param(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

/// Lists tasks.
#[utoipa::path(get, path = "/api/{user_id}/tasks", tag = "tasks", params(UserPath, TaskQuery),
    responses((status = 200, body = TaskPage), Problems))]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    Params(query): Params<TaskQuery>,
) -> Result<Json<TaskPage>, Problem> {
    let message = ListTasks {
        status: query.status.map(Into::into),
        due: query.due.map(|due| match due {
            DueQuery::Today => DueFilter::Today,
            DueQuery::Overdue => DueFilter::Overdue,
            DueQuery::Upcoming => DueFilter::Upcoming,
        }),
        search: query.search,
        tag: query.tag,
        cursor: query.cursor,
        limit: page_limit(query.limit)?,
    };
    let page = edge
        .actors
        .send(&caller.user_id, caller.read(message))
        .await?;
    Ok(Json(TaskPage {
        tasks: page.tasks.into_iter().map(Into::into).collect(),
        total: page.total,
        next_cursor: page.next_cursor,
    }))
}

/// Adds a task.
#[utoipa::path(post, path = "/api/{user_id}/tasks", tag = "tasks", params(UserPath, KeyHeader),
    request_body = NewTask, responses((status = 201, body = Task), Problems))]
pub async fn add(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    Body(task): Body<NewTask>,
) -> Result<impl IntoResponse, Problem> {
    let message = AddTask::try_from(task)?;
    let task = edge
        .actors
        .send(&caller.user_id, caller.command(&key, message))
        .await?;
    let location = format!("/api/{}/tasks/{}", caller.user_id, task.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(Task::from(task)),
    ))
}

/// Reads a task.
#[utoipa::path(get, path = "/api/{user_id}/tasks/{id}", tag = "tasks", params(ItemPath),
    responses((status = 200, body = Task), Problems))]
pub async fn get(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    ItemId(task_id): ItemId,
) -> Result<Json<Task>, Problem> {
    let task = edge
        .actors
        .send(&caller.user_id, caller.read(GetTask { task_id }))
        .await?;
    Ok(Json(task.into()))
}

/// Changes a task; a JSON merge patch.
#[utoipa::path(patch, path = "/api/{user_id}/tasks/{id}", tag = "tasks",
    params(ItemPath, KeyHeader), request_body = TaskPatch,
    responses((status = 200, body = Task), Problems))]
pub async fn update(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    ItemId(task_id): ItemId,
    Body(patch): Body<TaskPatch>,
) -> Result<Json<Task>, Problem> {
    let message = UpdateTask {
        task_id,
        change: TaskChange::try_from(patch)?,
    };
    let task = edge
        .actors
        .send(&caller.user_id, caller.command(&key, message))
        .await?;
    Ok(Json(task.into()))
}

/// Deletes a task; undoing brings it back. Answers the task as it was.
#[utoipa::path(delete, path = "/api/{user_id}/tasks/{id}", tag = "tasks",
    params(ItemPath, KeyHeader), responses((status = 200, body = Task), Problems))]
pub async fn delete(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    ItemId(task_id): ItemId,
) -> Result<Json<Task>, Problem> {
    let message = DeleteTask { task_id };
    let task = edge
        .actors
        .send(&caller.user_id, caller.command(&key, message))
        .await?;
    Ok(Json(task.into()))
}

/// Marks a task done.
#[utoipa::path(post, path = "/api/{user_id}/tasks/{id}/complete", tag = "tasks",
    params(ItemPath, KeyHeader), responses((status = 200, body = Task), Problems))]
pub async fn complete(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    ItemId(task_id): ItemId,
) -> Result<Json<Task>, Problem> {
    let message = CompleteTask { task_id };
    let task = edge
        .actors
        .send(&caller.user_id, caller.command(&key, message))
        .await?;
    Ok(Json(task.into()))
}

/// Marks a done task open again.
#[utoipa::path(post, path = "/api/{user_id}/tasks/{id}/reopen", tag = "tasks",
    params(ItemPath, KeyHeader), responses((status = 200, body = Task), Problems))]
pub async fn reopen(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    ItemId(task_id): ItemId,
) -> Result<Json<Task>, Problem> {
    let message = ReopenTask { task_id };
    let task = edge
        .actors
        .send(&caller.user_id, caller.command(&key, message))
        .await?;
    Ok(Json(task.into()))
}

/// Takes back the newest of the last 20 changes.
#[utoipa::path(post, path = "/api/{user_id}/undo", tag = "tasks",
    params(UserPath, UndoQuery, KeyHeader), responses((status = 200, body = Undone), Problems))]
pub async fn undo(
    State(edge): State<Arc<Edge>>,
    caller: Caller,
    key: CommandKey,
    Params(query): Params<UndoQuery>,
) -> Result<Json<Undone>, Problem> {
    let UndoQuery {
        task_id,
        updated_at,
    } = query;
    let message = Undo {
        task_id,
        updated_at,
    };
    let undone = edge
        .actors
        .send(&caller.user_id, caller.command(&key, message))
        .await?;
    Ok(Json(Undone {
        undone: undone.undone,
        task: undone.task.into(),
    }))
}
