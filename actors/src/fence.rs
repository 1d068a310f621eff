//! The database's side of the journal: no two activations ever write the same sequence.
//!
//! A trigger on Dapr's state table moves `journal_head(actor, seq)` from seq − 1 to seq with
//! every new entry, in the entry's own transaction, or refuses the write. A repeat of the very
//! same entry passes, so that a write whose answer was lost can be sent again.

use std::time::Duration;

use sqlx::{Executor, PgPool, postgres::PgConnection};

/// Longest to wait for Dapr's state store to create its table.
const TABLE_WITHIN: Duration = Duration::from_secs(60);

/// Waits for Dapr's state table, puts the trigger on it and seeds the heads from the entries
/// that are there. Safe to run by every replica at every start.
///
/// # Errors
/// The database cannot be reached, or the table is not there after a minute.
pub async fn install(pool: &PgPool) -> Result<(), sqlx::Error> {
    wait_for_table(pool).await?;
    let mut transaction = pool.begin().await?;
    let connection: &mut PgConnection = &mut transaction;
    // One replica at a time; the others find it done.
    connection
        .execute("select pg_advisory_xact_lock(hashtext('journal fence'))")
        .await?;
    let stands: bool = sqlx::query_scalar(STANDS)
        .fetch_one(&mut *connection)
        .await?;
    connection.execute(FUNCTION).await?;
    if !stands {
        // No entry may slip in between the seeding and the trigger.
        connection
            .execute("lock table dapr_state in share row exclusive mode")
            .await?;
        connection.execute(SEED).await?;
        connection.execute(TRIGGER).await?;
        tracing::info!("the journal fence stands");
    }
    transaction.commit().await
}

async fn wait_for_table(pool: &PgPool) -> Result<(), sqlx::Error> {
    let deadline = tokio::time::Instant::now() + TABLE_WITHIN;
    loop {
        let exists: bool = sqlx::query_scalar("select to_regclass('dapr_state') is not null")
            .fetch_one(pool)
            .await?;
        if exists {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            let message = "Dapr's state store has not created its table dapr_state: \
                           look at the component statestore and the sidecar's log";
            return Err(sqlx::Error::Configuration(message.into()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

const STANDS: &str = "
    select exists (
        select from pg_trigger where tgname = 'journal_fence' and tgrelid = to_regclass('dapr_state')
    )";

/// A key is `{app}||{type}||{id}||e:{seq}`; ids hold no `|`.
const FUNCTION: &str = r"
create or replace function journal_fence() returns trigger language plpgsql as $$
declare
    entry_actor text := split_part(new.key, '||', 2) || '/' || split_part(new.key, '||', 3);
    entry_seq bigint := substr(split_part(new.key, '||', 4), 3)::bigint;
begin
    if entry_seq = 1 then
        insert into journal_head (actor, seq) values (entry_actor, 1) on conflict (actor) do nothing;
    else
        update journal_head set seq = entry_seq, moved_at = clock_timestamp()
        where actor = entry_actor and seq = entry_seq - 1;
    end if;
    if found then
        return new;
    end if;
    -- The head may be ours from a try whose answer was lost.
    if exists (select from dapr_state where key = new.key and value = new.value)
       and exists (select from journal_head where actor = entry_actor and seq = entry_seq) then
        return new;
    end if;
    raise exception 'journal fork at % %', entry_actor, entry_seq using errcode = '40001';
end
$$";

const SEED: &str = r"
insert into journal_head (actor, seq)
select split_part(key, '||', 2) || '/' || split_part(key, '||', 3),
       max(substr(split_part(key, '||', 4), 3)::bigint)
from dapr_state
where key like '%||e:%'
group by 1
on conflict (actor) do update set seq = greatest(journal_head.seq, excluded.seq)";

const TRIGGER: &str = "
create trigger journal_fence before insert on dapr_state
for each row when (new.key like '%||e:%') execute function journal_fence()";
