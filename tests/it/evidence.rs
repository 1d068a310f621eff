//! What the servers hold; [`todo_stack::evidence`] for tests.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use todo_stack::{
    Stack,
    evidence::{self, Kept},
};

/// A connection to the stack's database.
pub async fn database(stack: &Stack) -> PgConnection {
    evidence::database(stack).await.unwrap()
}

/// Every journal there is, by actor, such as `User/ann`.
pub async fn journals(stack: &Stack) -> BTreeMap<String, Kept> {
    evidence::journals(&mut database(stack).await)
        .await
        .unwrap()
}

/// The journal of one actor.
pub async fn journal(stack: &Stack, actor: &str) -> Kept {
    journals(stack).await.remove(actor).unwrap_or_default()
}

/// The names of all that the state store holds of one actor, in order.
pub async fn stored(stack: &Stack, actor: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select split_part(key, '||', 4) from dapr_state
         where split_part(key, '||', 2) || '/' || split_part(key, '||', 3) = $1 order by 1",
    )
    .bind(actor)
    .fetch_all(&mut database(stack).await)
    .await
    .unwrap()
}

/// Every projected row of the people whose ids begin like this.
pub async fn rows(database: &mut PgConnection, prefix: &str) -> Vec<String> {
    evidence::rows(database, prefix).await.unwrap()
}

/// The size of the largest message of a topic, in bytes.
pub async fn largest_message(stack: &Stack, topic: &str) -> usize {
    let records = stack.read_topic(topic).await.unwrap();
    let sizes = records.iter().map(|record| record.value.len());
    sizes.max().unwrap_or_default()
}
