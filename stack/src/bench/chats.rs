//! People who say things over HTTP.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::actors::Actors;
use crate::{Person, Stack};

/// People, each in a conversation of their own.
#[derive(Debug, Clone)]
pub struct Chats {
    people: Arc<[(Person, String)]>,
    actors: Actors,
}

impl Chats {
    /// So many people, who have said something already.
    ///
    /// # Errors
    /// One of them was not answered.
    pub async fn begin(stack: &Stack, actors: &Actors, people: usize) -> Result<Self> {
        let first = Person::new(stack, 1, "u0")?;
        let begin = |n| {
            let person = first.another(stack, &format!("u{n}"));
            async move {
                let reply = say_new_task(&person, &actors.key(), None).await?;
                let conversation = reply["conversation_id"].as_str().map(str::to_owned);
                let conversation = conversation.context("the reply is in no conversation")?;
                anyhow::Ok((person, conversation))
            }
        };
        let people = stream::iter(0..people).map(begin).buffer_unordered(8);
        Ok(Self {
            people: people.try_collect::<Vec<_>>().await?.into(),
            actors: actors.clone(),
        })
    }

    /// One of them has a task added by a sentence: two turns of a conversation, one of a list.
    ///
    /// # Errors
    /// It was not.
    pub async fn turn(&self) -> Result<()> {
        let (person, conversation) = &self.people[self.actors.next(self.people.len())];
        let key = self.actors.key();
        say_new_task(person, &key, Some(conversation))
            .await
            .map(drop)
    }
}

/// Has a task added by a sentence, which the offline planner understands; answers the reply.
///
/// # Errors
/// It was not added.
pub async fn say_new_task(person: &Person, key: &str, conversation: Option<&str>) -> Result<Value> {
    let mut body = json!({ "message": format!("add {key}"), "time_zone": "Europe/Berlin" });
    if let Some(conversation) = conversation {
        body["conversation_id"] = conversation.into();
    }
    let answer = person.try_send(Method::POST, "/chat", Some(key), Some(body));
    let answer = answer.await.context("the edge did not answer")?;
    let title = &answer.body["tool_calls"][0]["result"]["ok"]["task"]["title"];
    let (status, reply) = (answer.status, &answer.body);
    ensure!(title == key, "“add {key}” was answered {status} {reply}");
    Ok(answer.body)
}
