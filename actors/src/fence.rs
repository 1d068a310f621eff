//! The database's side of the journal: no two activations ever write the same sequence.
//!
//! A trigger on Dapr's state table moves `journal_head(actor, seq)` from seq − 1 to seq with
//! every new entry, in the entry's own transaction, or refuses the write. A repeat of the very
//! same entry passes, so that a write whose answer was lost can be sent again.
//!
//! A second trigger notes in `journal_head` the tombstone of an actor that was erased, in the
//! transaction that erases it: from then on whoever looks there ignores the events up to it.

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
    connection.execute(FUNCTIONS).await?;
    if !stands {
        // No entry may slip in between the seeding and the triggers.
        connection
            .execute("lock table dapr_state in share row exclusive mode")
            .await?;
        for step in [SEED, SEED_TOMBSTONES, TRIGGERS, PAGES_BY_ACTOR] {
            connection.execute(step).await?;
        }
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
    select count(*) = 2 and to_regclass('dapr_state_pages_by_actor') is not null
    from pg_trigger
    where tgname in ('journal_fence', 'journal_tombstone') and tgrelid = to_regclass('dapr_state')";

/// A key is `{app}||{type}||{id}||e:{seq}`; ids hold no `|`.
const FUNCTIONS: &str = r"
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
$$;
create or replace function journal_tombstone() returns trigger language plpgsql as $$
begin
    update journal_head set tombstone = convert_from(new.value, 'UTF8')::bigint
    where actor = split_part(new.key, '||', 2) || '/' || split_part(new.key, '||', 3);
    return new;
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

const SEED_TOMBSTONES: &str = "
update journal_head set tombstone = convert_from(value, 'UTF8')::bigint
from dapr_state
where key like '%||tombstone'
  and actor = split_part(key, '||', 2) || '/' || split_part(key, '||', 3)";

const TRIGGERS: &str = "
drop trigger if exists journal_fence on dapr_state;
create trigger journal_fence before insert on dapr_state
for each row when (new.key like '%||e:%') execute function journal_fence();
drop trigger if exists journal_tombstone on dapr_state;
create trigger journal_tombstone before insert on dapr_state
for each row when (new.key like '%||tombstone') execute function journal_tombstone()";

/// Finds the pages that nobody names any more when their person is erased.
const PAGES_BY_ACTOR: &str = "
create index if not exists dapr_state_pages_by_actor
on dapr_state ((split_part(key, '||', 2) || '/' || split_part(key, '||', 3)))
where key like '%||p:%'";
