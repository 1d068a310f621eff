//! What long work leaves in the database: the table of the state store stays as large as what is
//! in it, because vacuum keeps up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use serde_json::json;
use sqlx::PgConnection;

use super::actors::{Actors, TITLE};
use super::load::{Until, load};
use super::plot::{Line, Plot};
use super::report::{Figure, Findings};
use super::{Bench, CALLERS, USERS};
use crate::evidence;

/// How many tasks people keep; from then on they change them.
const TASKS: u64 = 20;
/// How often the table is looked at.
const LOOKS: u64 = 50;

/// The table at a moment; in megabytes, indexes included.
#[derive(Debug, Clone, Copy)]
struct Size {
    whole: f64,
    /// Values that can be read.
    live: f64,
    live_rows: i64,
    dead_rows: i64,
    vacuums: i64,
}

const SIZE: &str = "
    select pg_total_relation_size('dapr_state')::float8 / 1e6 as whole,
           (select sum(octet_length(value) + octet_length(key))::float8 / 1e6 from dapr_state) as live,
           (select count(*) from dapr_state) as live_rows,
           n_dead_tup as dead_rows,
           autovacuum_count as vacuums
    from pg_stat_user_tables where relname = 'dapr_state'";

pub async fn run(bench: &Bench<'_>) -> Result<Findings> {
    let turns: u64 = bench.sized(200_000, 20_000);
    let actors = Actors::through(bench.stack, 1)?;
    let mut database = evidence::database(bench.stack).await?;
    let made = Arc::new(AtomicU64::new(0));
    let turn = move |_| {
        let (actors, n) = (actors.clone(), made.fetch_add(1, Ordering::Relaxed));
        async move {
            let (user, nth) = (n % USERS as u64, n / USERS as u64);
            let user = format!("u{user}");
            if nth < TASKS {
                return actors.add(&user).await;
            }
            let task = format!("task-{}", nth % TASKS + 1);
            let change =
                json!({ "task_id": task, "change": { "title": format!("{TITLE} {nth}") } });
            actors.command(&user, "update", change).await.map(drop)
        }
    };
    bench.say(format!("{turns} turns"));
    let mut sizes = Vec::new();
    for look in 1..=LOOKS {
        let calls = turns * look / LOOKS - turns * (look - 1) / LOOKS;
        load(CALLERS, Until::Calls(calls), turn.clone()).await?;
        sizes.push((turns * look / LOOKS, measure(&mut database).await?));
    }

    let half = sizes
        .get(sizes.len() / 2 - 1)
        .context("nothing was looked at")?
        .1;
    let end = sizes.last().context("nothing was looked at")?.1;
    let line = |name: &str, of: fn(&Size) -> f64| Line {
        name: name.to_owned(),
        points: sizes
            .iter()
            .map(|(turns, size)| (*turns as f64, of(size)))
            .collect(),
    };
    // Of what is live: where that grows, so may the table.
    let flat = (end.whole / half.whole) / (end.live / half.live);
    let vacuums = (end.vacuums - half.vacuums) as f64;
    Ok(Findings {
        figures: vec![
            Figure::new("turns on 1,000 people", "", turns as f64),
            Figure::new("dapr_state half way", "MB", half.whole),
            Figure::new("dapr_state at the end", "MB", end.whole),
            Figure::new("live data half way", "MB", half.live),
            Figure::new("live data at the end", "MB", end.live),
            Figure::new("size, end over half way", "", flat),
            Figure::new("rows at the end", "", end.live_rows as f64),
            Figure::new("dead rows at the end", "", end.dead_rows as f64),
            Figure::new("vacuums in the second half", "", vacuums),
        ],
        plot: Plot {
            x: "turns",
            y: "MB",
            lines: vec![
                line("dapr_state with its indexes", |size| size.whole),
                line("live keys and values", |size| size.live),
            ],
        },
    })
}

async fn measure(database: &mut PgConnection) -> Result<Size> {
    let size: (f64, f64, i64, i64, i64) = sqlx::query_as(SIZE).fetch_one(database).await?;
    let (whole, live, live_rows, dead_rows, vacuums) = size;
    Ok(Size {
        whole,
        live,
        live_rows,
        dead_rows,
        vacuums,
    })
}
