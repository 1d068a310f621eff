//! One caller alone: what a task costs when nobody shares anything.

use anyhow::Result;

use super::Bench;
use super::actors::Actors;
use super::floors::Floors;
use super::load::{Until, load};
use super::plot::Plot;
use super::report::{Figure, Findings};
use super::samples::Samples;

/// Few, so that all of them are warm.
const USERS: usize = 100;

pub async fn run(bench: &Bench<'_>) -> Result<Findings> {
    let actors = Actors::through(bench.stack, 1)?;
    let floors = Floors::prepare(bench.stack, &actors, USERS).await?;
    let add = |until| {
        let actors = actors.clone();
        let add = move |_| {
            let actors = actors.clone();
            async move { actors.add(&format!("u{}", actors.next(USERS))).await }
        };
        load(1, until, add)
    };
    let calls = Until::Calls(bench.sized(1_000, 200));
    bench.say("warming up");
    add(calls).await?;
    let [mut upsert, mut ping, mut publish, mut task] = <[Samples; 4]>::default();
    let mut whole = Samples::default();
    for round in 1..=bench.rounds() {
        bench.say(format!("round {round} of {}", bench.rounds()));
        upsert.push(floors.upserts(1, calls).await?.waits.median());
        ping.push(floors.pings(1, calls).await?.waits.median());
        publish.push(floors.publishes(1, calls).await?.waits.median());
        task.push(add(calls).await?.waits.median());
        let last = |of: &Samples| of.runs()[round - 1];
        whole.push(last(&upsert) + last(&ping) + last(&publish));
    }
    let plot = Plot::of_runs(
        "milliseconds, p50",
        &[
            ("upsert", &upsert),
            ("ping", &ping),
            ("publish", &publish),
            ("add_task", &task),
        ],
    );
    let over = task.over(&whole);
    Ok(Findings {
        figures: vec![
            Figure::new("upsert straight to PostgreSQL, p50", "ms", upsert),
            Figure::new("ping: actor call that does nothing, p50", "ms", ping),
            Figure::new("publish call of one event, p50", "ms", publish),
            Figure::new("add_task, p50", "ms", task),
            Figure::new("add_task over upsert + ping + publish", "", over),
        ],
        plot,
    })
}
