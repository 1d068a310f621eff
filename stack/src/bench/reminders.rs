//! Many people who are to be reminded in the same second.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Bench;
use super::actors::{Actors, TITLE};
use super::plot::{Line, Plot};
use super::report::{Figure, Findings};
use super::samples::Samples;
use crate::evidence::ActorEvent;

const FEW: usize = 100;
/// Longest that is waited for the last reminder, and then for one too many.
const PATIENCE: Duration = Duration::from_secs(120);
const ONE_TOO_MANY: Duration = Duration::from_secs(5);
/// How often it is looked whether all have come: looking costs the same machine time.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What came of one second that many waited for.
#[derive(Default)]
struct Rung {
    /// How late each event was in Kafka, in seconds.
    lag: Samples,
    lost: usize,
    twice: usize,
}

pub async fn run(bench: &Bench<'_>) -> Result<Findings> {
    let many = bench.sized(5_000, 500);
    let actors = Actors::through(bench.stack, 1)?;
    bench.say("warming up");
    ring(bench, &actors, "warm", FEW).await?;
    let (mut few_latest, mut few_p99) = <(Samples, Samples)>::default();
    let (mut many_p50, mut many_p99, mut many_latest) = <(Samples, Samples, Samples)>::default();
    let (mut lost, mut twice) = <(Samples, Samples)>::default();
    let mut lines = Vec::new();
    for round in 1..=bench.sized(3, 1) {
        bench.say(format!("round {round}: {FEW} in a second, then {many}"));
        let few = ring(bench, &actors, &format!("few-{round}"), FEW).await?;
        let all = ring(bench, &actors, &format!("many-{round}"), many).await?;
        few_p99.push(few.lag.percentile(99));
        few_latest.push(few.lag.most());
        many_p50.push(all.lag.median());
        many_p99.push(all.lag.percentile(99));
        many_latest.push(all.lag.most());
        lost.push((few.lost + all.lost) as f64);
        twice.push((few.twice + all.twice) as f64);
        for (of, rung) in [(FEW, &few), (many, &all)] {
            let point = |part: usize| (part as f64, rung.lag.percentile(part));
            lines.push(Line {
                name: format!("{of}, run {round}"),
                points: (1..=100).map(point).collect(),
            });
        }
    }
    Ok(Findings {
        figures: vec![
            Figure::new("few due", "", FEW as f64),
            Figure::new("few due: p99", "s", few_p99),
            Figure::new("few due: latest", "s", few_latest),
            Figure::new("many due", "", many as f64),
            Figure::new("many due: p50", "s", many_p50),
            Figure::new("many due: p99", "s", many_p99),
            Figure::new("many due: latest", "s", many_latest),
            Figure::new("lost", "", lost),
            Figure::new("given twice", "", twice),
        ],
        plot: Plot {
            x: "of 100 reminders so many",
            y: "seconds late at most",
            lines,
        },
    })
}

/// Has so many people wait for the same second, and then looks what they got.
async fn ring(bench: &Bench<'_>, actors: &Actors, prefix: &str, people: usize) -> Result<Rung> {
    // A hundred a second get ready on a slow machine.
    let ready = 5 + people as i64 / 100;
    let due = Timestamp::now() + SignedDuration::from_secs(ready);
    let task = json!({ "title": TITLE, "due": { "at": due } });
    let users: BTreeSet<String> = (0..people).map(|n| format!("{prefix}-{n}")).collect();
    let add = stream::iter(&users).map(|user| actors.command(user, "add", task.clone()));
    add.buffer_unordered(16)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    ensure!(
        Timestamp::now() < due,
        "{people} reminders took longer than {ready} s to set: the machine is too slow for this"
    );
    let rest = Timestamp::now().duration_until(due);
    tokio::time::sleep(Duration::try_from(rest).unwrap_or_default()).await;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let rung = look(bench, &users, due).await?;
        if rung.lost == 0 || Timestamp::now() > due + PATIENCE {
            break;
        }
    }
    tokio::time::sleep(ONE_TOO_MANY).await;
    look(bench, &users, due).await
}

async fn look(bench: &Bench<'_>, users: &BTreeSet<String>, due: Timestamp) -> Result<Rung> {
    let records = bench.stack.read_topic("reminders").await?;
    let mut given: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut rung = Rung::default();
    for record in records {
        if !users.contains(&record.key_text()) {
            continue;
        }
        let event = ActorEvent::read("reminders", &record)?;
        let events = given.entry(event.key).or_default();
        // Kafka may have the same event twice, and consumers drop it.
        if events.insert(event.id) {
            let at = Timestamp::try_from(record.timestamp)?;
            rung.lag.push(due.duration_until(at).as_secs_f64());
        }
    }
    rung.lost = users.len() - given.len();
    rung.twice = given.values().filter(|events| events.len() > 1).count();
    Ok(rung)
}
