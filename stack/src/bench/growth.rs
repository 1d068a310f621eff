//! What a task costs on a long list, and a chat turn in a long conversation.

use std::time::Instant;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::Bench;
use super::actors::{Actors, TITLE};
use super::chats::say_new_task;
use super::plot::Plot;
use super::report::{Figure, Findings};
use super::samples::Samples;
use crate::Person;

/// What is short.
const FEW: usize = 10;
/// Longest sequence of turns without a snapshot; as many are measured, so that each run has the
/// same share of those.
const SNAPSHOT: usize = 64;

pub async fn run(bench: &Bench<'_>) -> Result<Findings> {
    let actors = Actors::through(bench.stack, 1)?;
    let many = bench.sized(10_000, 1_000);
    bench.say(format!("writing lists and conversations of up to {many}"));
    let talker = Person::new(bench.stack, 1, "talker")?;
    let (long_talk, turns) = ("talker~long", many / 2);
    tokio::try_join!(
        fill(&actors, "short", FEW),
        fill(&actors, "long", many),
        talk(&actors, long_talk, turns),
    )?;

    let (mut short_list, mut long_list) = <(Samples, Samples)>::default();
    let (mut short_talk, mut long_talk) = <(Samples, Samples)>::default();
    for round in 0..=bench.rounds() {
        // The first is to warm up.
        bench.say(format!("round {round} of {}", bench.rounds()));
        let (mut short, mut long) = <(Samples, Samples)>::default();
        for _ in 0..bench.sized(4, 1) * SNAPSHOT {
            short.push(add_and_delete(&actors, "short").await?);
            long.push(add_and_delete(&actors, "long").await?);
        }
        let fresh = format!("round-{round}");
        talk(&actors, &format!("talker~{fresh}"), FEW / 2).await?;
        let (mut brief, mut endless) = <(Samples, Samples)>::default();
        for _ in 0..SNAPSHOT {
            brief.push(say(&talker, &actors.key(), &fresh).await?);
            endless.push(say(&talker, &actors.key(), "long").await?);
        }
        if round > 0 {
            short_list.push(short.mean());
            long_list.push(long.mean());
            short_talk.push(brief.mean());
            long_talk.push(endless.mean());
        }
    }
    let plot = Plot::of_runs(
        "milliseconds, mean",
        &[
            ("add_task, short list", &short_list),
            ("add_task, long list", &long_list),
            ("chat turn, short talk", &short_talk),
            ("chat turn, long talk", &long_talk),
        ],
    );
    let (tasks, talks) = (long_list.over(&short_list), long_talk.over(&short_talk));
    let of = |what: &str, many| format!("{what} {many}, mean");
    Ok(Findings {
        figures: vec![
            Figure::new(of("add_task, tasks:", FEW), "ms", short_list),
            Figure::new(of("add_task, tasks:", many), "ms", long_list),
            Figure::new("add_task, long list over short", "", tasks),
            Figure::new(of("chat turn, messages:", FEW), "ms", short_talk),
            Figure::new(of("chat turn, messages:", many), "ms", long_talk),
            Figure::new("chat turn, long talk over short", "", talks),
        ],
        plot,
    })
}

/// Adds so many tasks to somebody's list.
///
/// # Errors
/// One is refused.
pub async fn fill(actors: &Actors, user: &str, tasks: usize) -> Result<()> {
    let adds = stream::iter(0..tasks).map(|_| actors.add(user));
    adds.buffer_unordered(16).try_collect().await
}

/// So many turns of a conversation, each a message and its reply.
async fn talk(actors: &Actors, conversation: &str, turns: usize) -> Result<()> {
    let call = async |method: &str, message: Value| {
        let call = json!({ "message": message });
        actors
            .call("Conversation", conversation, method, &call)
            .await
    };
    for _ in 0..turns {
        let turn = actors.key();
        let begin = json!({
            "turn_id": turn, "attempt": "a", "text": format!("add {turn}"), "create": true,
            "lease_ms": 60_000,
        });
        call("begin_turn", begin).await?;
        let finish = json!({
            "turn_id": turn, "attempt": "a", "text": format!("Added “{turn}”."),
            "tool_calls": [], "provider": "offline",
        });
        call("finish_turn", finish).await?;
    }
    Ok(())
}

/// How long adding a task takes, in milliseconds; the list is then as long as before.
async fn add_and_delete(actors: &Actors, user: &str) -> Result<f64> {
    let asked = Instant::now();
    let task = json!({ "title": TITLE });
    let added = actors.command(user, "add", task).await?;
    let took = asked.elapsed();
    let added: Value = serde_json::from_slice(&added)?;
    let id = added["ok"]["task_id"].as_str();
    let id = id.context("a task that was added has no id")?;
    let delete = json!({ "task_id": id });
    actors.command(user, "delete", delete).await?;
    Ok(took.as_secs_f64() * 1000.0)
}

/// How long a chat turn takes, in milliseconds.
async fn say(person: &Person, key: &str, conversation: &str) -> Result<f64> {
    let asked = Instant::now();
    say_new_task(person, key, Some(conversation)).await?;
    Ok(asked.elapsed().as_secs_f64() * 1000.0)
}
