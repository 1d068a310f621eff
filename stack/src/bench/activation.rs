//! How long an actor takes to load, by the host's own count.

use anyhow::{Result, ensure};
use serde_json::json;

use super::Bench;
use super::actors::Actors;
use super::growth::fill;
use super::plot::Plot;
use super::report::{Figure, Findings};
use super::samples::Samples;
use crate::evidence;

pub async fn run(bench: &Bench<'_>) -> Result<Findings> {
    let actors = Actors::through(bench.stack, 1)?;
    let many = bench.sized(10_000, 1_000);
    bench.say(format!("writing a list of {many}"));
    fill(&actors, "long", many).await?;
    let (mut empty, mut long) = <(Samples, Samples)>::default();
    let times = bench.sized(40, 10);
    bench.say(format!("loading {times} times"));
    // What is asked for the first time comes from the disk.
    load(bench, &actors, "empty").await?;
    load(bench, &actors, "long").await?;
    for _ in 0..times {
        empty.push(load(bench, &actors, "empty").await?);
        long.push(load(bench, &actors, "long").await?);
    }
    let plot = Plot::of_runs("milliseconds", &[("empty", &empty), ("long list", &long)]);
    let over = long.over(&empty);
    Ok(Findings {
        figures: vec![
            Figure::new("empty actor", "ms", empty),
            Figure::new("long list", "ms", long),
            Figure::new("long list over empty actor", "", over),
        ],
        plot,
    })
}

/// Has an actor load anew; answers how long that took, in milliseconds.
async fn load(bench: &Bench<'_>, actors: &Actors, user: &str) -> Result<f64> {
    actors.deactivate(user).await?;
    let before = loads(bench).await?;
    let call = json!({ "message": {} });
    actors.call("User", user, "profile", &call).await?;
    let after = loads(bench).await?;
    ensure!(
        after.0 - before.0 == 1.0,
        "{user} did not load, or not alone"
    );
    Ok((after.1 - before.1) * 1000.0)
}

/// How often people's actors have loaded, and for how many seconds in all.
async fn loads(bench: &Bench<'_>) -> Result<(f64, f64)> {
    let numbers = evidence::numbers(bench.stack, "backend-1").await?;
    let number = |what: &str| {
        let name = format!(r#"todo_actor_activation_duration_seconds_{what}{{actor="User"}}"#);
        numbers.get(&name).copied().unwrap_or_default()
    };
    Ok((number("count"), number("sum")))
}
