//! Tasks and chat turns under load, beside upserts and actor calls alone.

use anyhow::Result;

use super::actors::Actors;
use super::chats::Chats;
use super::floors::Floors;
use super::load::{Load, Until, load};
use super::plot::Plot;
use super::processes::{cpu_seconds, own_cpu_seconds};
use super::report::{Figure, Findings};
use super::samples::Samples;
use super::{Bench, CALLERS, USERS};
use crate::evidence;

/// As many as the state store has: `maxConns` in `stack/src/dapr.rs`.
const CONNECTIONS: usize = 16;
/// As many events in a call as turns share under such load.
const BATCH: usize = 64;
/// Whose processor time is counted; the backend first.
const SERVERS: [&str; 4] = ["backend-1", "daprd-1", "postgres", "kafka"];

/// What was measured while turns were made.
#[derive(Default)]
struct Turns {
    rate: Samples,
    /// Processor time of one turn in each server, in milliseconds.
    cpu: [Samples; SERVERS.len()],
    /// The same of those who call.
    callers_cpu: Samples,
    share: Samples,
}

pub async fn run(bench: &Bench<'_>) -> Result<Findings> {
    let actors = Actors::through(bench.stack, 1)?;
    bench.say("warming up");
    let chats = Chats::begin(bench.stack, &actors, USERS).await?;
    let floors = Floors::prepare(bench.stack, &actors, USERS).await?;
    let brief = Until::Time(bench.run() / 3);
    floors.upserts(CONNECTIONS, brief).await?;
    floors.pings(CALLERS, brief).await?;
    floors.publishes(BATCH, brief).await?;
    add_tasks(&actors, brief).await?;
    say_tasks(&chats, brief).await?;

    let until = Until::Time(bench.run());
    let (mut upserts, mut pings, mut events) = <(Samples, Samples, Samples)>::default();
    let (mut adding, mut saying) = <(Turns, Turns)>::default();
    let mut batches = Samples::default();
    for round in 1..=bench.rounds() {
        bench.say(format!("round {round} of {}", bench.rounds()));
        upserts.push(floors.upserts(CONNECTIONS, until).await?.rate());
        pings.push(floors.pings(CALLERS, until).await?.rate());
        let published = floors.publishes(BATCH, until).await?;
        events.push(published.rate() * BATCH as f64);

        let before = sent(bench).await?;
        adding.measure(bench, add_tasks(&actors, until)).await?;
        let after = sent(bench).await?;
        batches.push((after.0 - before.0) / (after.1 - before.1));
        saying.measure(bench, say_tasks(&chats, until)).await?;
    }

    let plot = Plot::of_runs(
        "a second",
        &[
            ("upserts", &upserts),
            ("pings", &pings),
            ("add_task", &adding.rate),
            ("chat turns", &saying.rate),
        ],
    );
    let mut figures = vec![
        Figure::new("upserts straight to PostgreSQL", "/s", upserts.clone()),
        Figure::new("pings: actor calls that do nothing", "/s", pings.clone()),
        Figure::new("events by publish calls of 64 alone", "/s", events),
        Figure::new("add_task", "/s", adding.rate.clone()),
        Figure::new("add_task over pings", "", adding.rate.over(&pings)),
        Figure::new("add_task over upserts", "", adding.rate.over(&upserts)),
        Figure::new("events per publish call", "", batches),
        Figure::new("chat turns", "/s", saying.rate.clone()),
        Figure::new("chat turns over pings", "", saying.rate.over(&pings)),
    ];
    figures.extend(adding.cpu_figures("add_task"));
    figures.extend(saying.cpu_figures("chat turn"));
    Ok(Findings { figures, plot })
}

impl Turns {
    async fn measure(
        &mut self,
        bench: &Bench<'_>,
        turns: impl Future<Output = Result<Load>>,
    ) -> Result<()> {
        let (before, own_before) = (cpu_seconds(bench.stack, SERVERS)?, own_cpu_seconds()?);
        let load = turns.await?;
        let own = own_cpu_seconds()? - own_before;
        self.callers_cpu.push(own * 1000.0 / load.calls());
        let after = cpu_seconds(bench.stack, SERVERS)?;
        let mut all = 0.0;
        for (n, samples) in self.cpu.iter_mut().enumerate() {
            let used = after[n] - before[n];
            all += used;
            samples.push(used * 1000.0 / load.calls());
        }
        self.share.push((after[0] - before[0]) / all);
        self.rate.push(load.rate());
        Ok(())
    }

    fn cpu_figures(self, turn: &str) -> Vec<Figure> {
        let each = SERVERS.iter().zip(self.cpu);
        let each =
            each.map(|(server, cpu)| Figure::new(format!("CPU per {turn}, {server}"), "ms", cpu));
        let callers = format!("CPU per {turn}, those who call");
        let share = format!("backend's share of the CPU, {turn}");
        let rest = [
            Figure::new(callers, "ms", self.callers_cpu),
            Figure::new(share, "", self.share),
        ];
        each.chain(rest).collect()
    }
}

async fn add_tasks(actors: &Actors, until: Until) -> Result<Load> {
    let actors = actors.clone();
    let add = move |_| {
        let actors = actors.clone();
        async move { actors.add(&format!("u{}", actors.next(USERS))).await }
    };
    load(CALLERS, until, add).await
}

async fn say_tasks(chats: &Chats, until: Until) -> Result<Load> {
    let chats = chats.clone();
    let say = move |_| {
        let chats = chats.clone();
        async move { chats.turn().await }
    };
    load(CALLERS, until, say).await
}

/// How many events the backend has given to Kafka, and in how many calls.
async fn sent(bench: &Bench<'_>) -> Result<(f64, f64)> {
    let numbers = evidence::numbers(bench.stack, "backend-1").await?;
    let number = |name: &str| numbers.get(name).copied().unwrap_or_default();
    Ok((
        number("todo_publisher_batch_events_sum"),
        number("todo_publisher_batch_events_count"),
    ))
}
