//! What actors take in the backend's memory.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::actors::Actors;
use super::load::{Until, load};
use super::plot::{Line, Plot};
use super::processes::resident_megabytes;
use super::report::{Figure, Findings};
use super::{Bench, CALLERS};
use crate::evidence;

const TASKS: usize = 20;
/// How often it is looked at while actors become active.
const LOOKS: usize = 20;
/// Longest until Kafka has everything.
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn run(bench: &Bench<'_>) -> Result<Findings> {
    let people = bench.sized(10_000, 1_000);
    let actors = Actors::through(bench.stack, 1)?;
    warm_up(&actors).await?;
    bench.say(format!("writing {TASKS} tasks each for {people} people"));
    let write = |user: String| {
        let actors = actors.clone();
        async move {
            for _ in 0..TASKS {
                actors.add(&user).await?;
            }
            Ok(())
        }
    };
    let written = grow(bench, people, write).await?;

    bench.say("starting the backend anew");
    bench.stack.stop("backend-1").await?;
    bench.stack.start_server("backend-1").await?;
    warm_up(&actors).await?;
    bench.say(format!("loading {people} people"));
    let read = |user: String| {
        let actors = actors.clone();
        async move {
            let profile = json!({ "message": {} });
            let read = actors.call("User", &user, "profile", &profile);
            read.await.map(drop)
        }
    };
    let loaded = grow(bench, people, read).await?;

    let per_10_000 = |points: &[(f64, f64)]| {
        let memory = |point: Option<&(f64, f64)>| point.map_or(f64::NAN, |point| point.1);
        (memory(points.last()) - memory(points.first())) * 10_000.0 / people as f64
    };
    let line = |name: &str, points: &[(f64, f64)]| Line {
        name: name.to_owned(),
        points: points.to_vec(),
    };
    let figure = |name: &str, points| Figure::new(name, "MB", per_10_000(points));
    let end = |points: &[(f64, f64)]| points.last().map_or(f64::NAN, |point| point.1);
    Ok(Findings {
        figures: vec![
            Figure::new("active actors of 20 tasks", "", people as f64),
            Figure::new("backend after writing", "MB", end(&written)),
            figure("per 10,000 actors, after writing", &written),
            Figure::new("backend after loading", "MB", end(&loaded)),
            figure("per 10,000 actors, after loading", &loaded),
        ],
        plot: Plot {
            x: "active actors of 20 tasks",
            y: "memory of the backend, MB",
            lines: vec![
                line("after writing", &written),
                line("after loading", &loaded),
            ],
        },
    })
}

/// Buffers, connections and the allocator's own reserves are not the actors'.
async fn warm_up(actors: &Actors) -> Result<()> {
    let warm = actors.clone();
    let add = move |caller| {
        let actors = warm.clone();
        async move { actors.add(&format!("warm-{caller}")).await }
    };
    load(CALLERS, Until::Calls(50 * CALLERS as u64), add)
        .await
        .map(drop)
}

/// Makes one person's actor after the other active, and answers how many were when the backend
/// had how many megabytes.
async fn grow<C, F>(bench: &Bench<'_>, people: usize, become_active: C) -> Result<Vec<(f64, f64)>>
where
    C: Fn(String) -> F + Clone + Send + Sync,
    F: Future<Output = Result<()>> + Send,
{
    let look = |active: usize| {
        let memory = resident_megabytes(bench.stack, "backend-1");
        memory.map(|memory| (active as f64, memory))
    };
    all_published(bench).await?;
    let mut points = vec![look(0)?];
    for part in 1..=LOOKS {
        let from_to = people * (part - 1) / LOOKS..people * part / LOOKS;
        let end = from_to.end;
        let active = stream::iter(from_to).map(|n| become_active(format!("p{n}")));
        let active = active.buffer_unordered(CALLERS);
        active.try_collect::<()>().await?;
        if end == people {
            all_published(bench).await?;
        }
        points.push(look(end)?);
    }
    Ok(points)
}

/// Waits until the backend holds no event back.
async fn all_published(bench: &Bench<'_>) -> Result<()> {
    let published = async {
        loop {
            let numbers = evidence::numbers(bench.stack, "backend-1").await?;
            let queues = numbers.iter();
            let queues = queues.filter(|(of, _)| of.starts_with("todo_publisher_queue_events"));
            if queues.map(|(_, held)| held).sum::<f64>() == 0.0 {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let published = tokio::time::timeout(PATIENCE, published).await;
    published.context("Kafka does not get all events")?
}
