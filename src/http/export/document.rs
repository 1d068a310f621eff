//! The document: what stands in it, and where.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{activity::Activity, conversations::Message, profile::Profile, task_body::Task};
use crate::tables::accounts;

/// Everything that is known of a person.
#[derive(Serialize, ToSchema)]
pub struct ExportDocument {
    /// The person.
    user_id: String,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    exported_at: Timestamp,
    /// The account, unless the person signed up elsewhere.
    account: Option<ExportedAccount>,
    /// The profile.
    profile: Profile,
    /// Every task, oldest first.
    tasks: Vec<Task>,
    /// Every conversation.
    conversations: Vec<ExportedConversation>,
    /// The browsers that take notifications.
    push_subscriptions: Vec<ExportedSubscription>,
    /// What happened, newest first.
    activity: Vec<Activity>,
}

/// An account.
#[derive(Serialize, ToSchema)]
pub struct ExportedAccount {
    /// What the person calls themselves.
    name: String,
    /// Their address.
    email: String,
    /// When they signed up.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The browsers they are signed in with.
    sessions: Vec<ExportedSession>,
}

/// A browser somebody is signed in with.
#[derive(Serialize, ToSchema)]
pub struct ExportedSession {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    /// What the browser says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
}

/// A conversation with all that was said.
#[derive(Serialize, ToSchema)]
pub struct ExportedConversation {
    /// Its id.
    pub conversation_id: String,
    /// Its title.
    pub title: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When something was last said in it, or it was renamed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Everything said, oldest first.
    pub messages: Vec<Message>,
}

/// A browser that takes notifications.
#[derive(Serialize, ToSchema)]
pub struct ExportedSubscription {
    /// Its address at its push service.
    pub endpoint: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl From<accounts::Account> for ExportedAccount {
    fn from(account: accounts::Account) -> Self {
        let sessions = account.sessions.into_iter();
        Self {
            name: account.name,
            email: account.email,
            created_at: account.created_at,
            sessions: sessions
                .map(|session| ExportedSession {
                    created_at: session.created_at,
                    expires_at: session.expires_at,
                    ip_address: session.ip_address,
                    user_agent: session.user_agent,
                })
                .collect(),
        }
    }
}
