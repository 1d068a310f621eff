//! What can happen to a user, and how Kafka hears of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Profile, Task};
use crate::{
    event::{Announce, Draft, Topic},
    message::ActorRef,
};

/// What can happen to a user. Task events carry the task as it is afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A task was added.
    TaskCreated {
        /// The task.
        task: Task,
    },
    /// Fields of a task changed.
    TaskUpdated {
        /// The task.
        task: Task,
        /// This took an earlier change back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
    },
    /// A task was done.
    TaskCompleted {
        /// The task.
        task: Task,
        /// This took an earlier change back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
    },
    /// A done task is open again.
    TaskReopened {
        /// The task.
        task: Task,
        /// This took an earlier change back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
    },
    /// A task was deleted.
    TaskDeleted {
        /// The task as it was.
        task: Task,
        /// This took an earlier change back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
    },
    /// A deleted task is back.
    TaskRestored {
        /// The task.
        task: Task,
    },
    /// A recurring task that is done got its next occurrence.
    TaskRolled {
        /// The done task, which now names the one that follows it.
        task: Task,
        /// The next occurrence, a new task. Boxed, for two tasks would make every event as large.
        next: Box<Task>,
    },
    /// The next occurrence of a task went when that task was opened again.
    TaskWithdrawn {
        /// The next occurrence as it was.
        task: Task,
    },
    /// The person was reminded of a task.
    TaskReminded {
        /// The task.
        task: Task,
    },
    /// The profile changed.
    ProfileChanged {
        /// The profile.
        profile: Profile,
    },
    /// Everything that was known of the person is gone.
    Erased {
        /// When.
        at: Timestamp,
        /// When they asked for it.
        asked_at: Timestamp,
        /// Until then nothing else happens.
        until: Timestamp,
    },
}

impl Event {
    /// The tasks that are there after it, new or changed.
    pub(super) fn tasks_after(&self) -> impl Iterator<Item = &Task> {
        let (task, next) = match self {
            Self::TaskCreated { task }
            | Self::TaskUpdated { task, .. }
            | Self::TaskCompleted { task, .. }
            | Self::TaskReopened { task, .. }
            | Self::TaskRestored { task }
            | Self::TaskReminded { task } => (Some(task), None),
            Self::TaskRolled { task, next } => (Some(task), Some(next.as_ref())),
            Self::TaskDeleted { .. }
            | Self::TaskWithdrawn { .. }
            | Self::ProfileChanged { .. }
            | Self::Erased { .. } => (None, None),
        };
        task.into_iter().chain(next)
    }

    /// The task that it takes away, as it was.
    pub(super) fn tasks_gone(&self) -> impl Iterator<Item = &Task> {
        match self {
            Self::TaskDeleted { task, .. } | Self::TaskWithdrawn { task } => Some(task),
            _ => None,
        }
        .into_iter()
    }
}

impl Announce for Event {
    const HOME: Topic = Topic::TaskEvents;

    fn announce(&self, actor: &ActorRef, _at: Timestamp) -> Vec<Draft> {
        let user_id = actor.user_id();
        let about =
            |ty: &'static str, task: &Task| task_event(ty, Topic::TaskEvents, user_id, task);
        match self {
            Self::TaskCreated { task } => vec![about("com.todo.task.created", task)],
            Self::TaskUpdated { task, .. } => vec![about("com.todo.task.updated", task)],
            Self::TaskCompleted { task, .. } => vec![about("com.todo.task.completed", task)],
            Self::TaskReopened { task, .. } => vec![about("com.todo.task.reopened", task)],
            Self::TaskDeleted { task, .. } => vec![about("com.todo.task.deleted", task)],
            Self::TaskRestored { task } => vec![about("com.todo.task.restored", task)],
            Self::TaskRolled { task, next } => vec![
                about("com.todo.task.updated", task),
                about("com.todo.task.created", next),
            ],
            Self::TaskWithdrawn { task } => vec![about("com.todo.task.deleted", task)],
            Self::TaskReminded { task } => vec![
                task_event("com.todo.reminder.due", Topic::Reminders, user_id, task),
                about("com.todo.task.reminded", task),
            ],
            Self::ProfileChanged { profile } => vec![Draft {
                topic: Topic::TaskEvents,
                ty: "com.todo.profile.changed",
                subject: user_id.to_owned(),
                data: with_user(user_id, json!(profile)),
            }],
            Self::Erased { at, .. } => vec![Draft {
                topic: Topic::TaskEvents,
                ty: "com.todo.user.erased",
                subject: user_id.to_owned(),
                data: with_user(user_id, json!({ "erased_at": at })),
            }],
        }
    }
}

fn task_event(ty: &'static str, topic: Topic, user_id: &str, task: &Task) -> Draft {
    Draft {
        topic,
        ty,
        subject: task.id.clone(),
        data: with_user(user_id, json!(task)),
    }
}

fn with_user(user_id: &str, mut data: Value) -> Value {
    if let Some(object) = data.as_object_mut() {
        object.insert("user_id".to_owned(), user_id.into());
    }
    data
}
