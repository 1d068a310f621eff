//! A person takes everything along, and then is gone, whatever breaks and whatever is replayed.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgConnection;
use todo_stack::{Role, Signal, Stack};

use crate::{
    evidence::{database, journals},
    live,
    world::{Answer, Person, own, run, unlimited, until},
};

const PATIENCE: Duration = Duration::from_secs(90);
/// As Better Auth makes them.
const ANN: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
/// Begins as Ann's, in the order of the alphabet and as a pattern.
const BOB: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c330_";
/// Words that stand in everything Ann ever wrote.
const SECRET: &str = "marzipan";

#[test]
fn a_person_takes_everything_along_and_is_gone_and_no_replay_brings_them_back() {
    run(async {
        // Given two people with a life here, one of them with an account
        let stack = own(unlimited()
            .role(Role::Notifier)
            .role(Role::Recurrer)
            .env("TURN_LEASE_MS", "2000"))
        .await;
        let (ann, bob) = (Person::new(&stack, 1, ANN), Person::new(&stack, 1, BOB));
        sign_up(&stack).await;
        let conversation = live_a_little(&stack, &ann).await;
        live_a_little(&stack, &bob).await;
        caught_up(&stack, ANN, 100).await;
        caught_up(&stack, BOB, 100).await;
        let bobs = bob.tasks().await;

        // When Ann takes her data along, all of it is there
        let document = export(&stack, ANN).await;
        assert_eq!(document["account"]["email"], "ann@example.com");
        assert_eq!(document["profile"]["time_zone"], "Europe/Berlin");
        let tasks = document["tasks"].as_array().unwrap();
        assert_eq!(*tasks, by_id(ann.tasks().await));
        let weekly = tasks.iter().find(|task| task["recurrence"].is_object());
        assert_eq!(weekly.unwrap()["notes"], format!("{SECRET} notes"));
        let conversations = document["conversations"].as_array().unwrap();
        assert_eq!(conversations.len(), 1, "the deleted one is not in it");
        assert_eq!(conversations[0]["conversation_id"], conversation);
        let messages = conversations[0]["messages"].as_array().unwrap();
        let indices: Vec<u64> = messages
            .iter()
            .filter_map(|m| m["index"].as_u64())
            .collect();
        assert_eq!(indices, (0..80).collect::<Vec<_>>());
        assert_eq!(messages[1]["tool_calls"][0]["tool"], "add_task");
        assert_eq!(document["push_subscriptions"][0]["endpoint"], endpoint(ANN));
        let recorded = document["activity"].as_array().unwrap().len();
        assert!(recorded > 150, "{recorded}");

        // When she asks to be erased, nothing happens before she says so twice
        let mut tab = live::connected(&stack, 1, &ann).await;
        let first = erase(&ann, None).await;
        assert_eq!(first.status, 202);
        assert_eq!(first.body["state"], "unconfirmed");
        assert_eq!(first.body["would_remove"]["messages"], 80);
        let theirs = erase(&bob, None).await.body["confirmation"].clone();
        for wrong in ["", "yes", theirs.as_str().unwrap(), &stack.token(ANN)] {
            let answer = erase(&ann, Some(wrong)).await;
            assert_eq!(answer.status, 422, "{wrong}");
            assert_eq!(answer.body["type"], "/problems/invalid");
        }
        let before = ann.tasks().await.len();
        assert!(before > 80);
        let confirmation = first.body["confirmation"].as_str().unwrap().to_owned();
        let done = erase(&ann, Some(&confirmation)).await.ok();

        // Then she is told what went and what Kafka still has
        assert_eq!(done["state"], "erased");
        let removed = &done["removed"];
        assert_eq!(removed["tasks"], before);
        assert_eq!(
            (&removed["conversations"], &removed["messages"]),
            (&json!(1), &json!(80))
        );
        assert_eq!(removed["reminders"], 2);
        assert_eq!(
            (&removed["accounts"], &removed["sessions"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(removed["push_subscriptions"], 1);
        assert!(removed["activity"].as_u64().unwrap() as usize >= recorded);
        let moment = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
        let gone = moment(&done["erased_at"]) + 216.hours();
        assert_eq!(moment(&done["kafka"]["until"]), gone);
        // And however often she asks, it is the same
        for again in [None, Some(confirmation.as_str()), Some("nonsense")] {
            let answer = erase(&ann, again).await;
            assert_eq!((answer.status.as_u16(), &answer.body), (200, &done));
        }
        // And her other tab hears of it
        tab.until(|told| told.event == "resync").await;
        drop(tab);
        assert_gone(&stack).await;

        // When the tables are made anew, and all of Kafka comes again to a projector that knows
        // nothing of her any more
        stack.job("rebuild").await.unwrap();
        assert_gone(&stack).await;
        let mut database = database(&stack).await;
        let forget = "delete from projection_progress where starts_with(actor, $1)";
        for kind in ["User/", "Conversation/"] {
            let gone = sqlx::query(forget).bind(format!("{kind}{ANN}"));
            gone.execute(&mut database).await.unwrap();
        }
        until_admitted(&ann).await;
        subscribe(&mut database, ANN).await;
        replay(&stack, &["task-events", "reminders", "conversation-events"]).await;
        // And she comes back: what she does now comes after all of it, on every topic
        let due = Timestamp::now() + 1.seconds();
        let fresh = json!({ "title": "a fresh start", "due_at": due.to_string() });
        let fresh = ann
            .send(Method::POST, "/tasks", None, Some(fresh))
            .await
            .ok();
        assert_eq!(fresh["task_id"], "task-1");
        let reply = ann.say("hello", None, None).await.ok();

        // Then she has what she did since, and nothing else
        let activity = until_some("all she did since", async || {
            let page = ann.get("/activity?limit=100").await.ok();
            let items = page["items"].as_array()?.clone();
            (items.len() >= 7).then_some(items)
        })
        .await;
        let types: Vec<&str> = activity
            .iter()
            .filter_map(|one| one["type"].as_str())
            .collect();
        assert_eq!(types.len(), 7, "{types:?}");
        let sent = until_some("the reminder of it", async || {
            let sql = "select payload from push_outbox where endpoint = $1";
            let payloads = sqlx::query_scalar(sql).bind(endpoint(ANN));
            let payloads: Vec<String> = payloads.fetch_all(&mut database).await.unwrap();
            let fresh = payloads
                .iter()
                .any(|payload| payload.contains("a fresh start"));
            fresh.then_some(payloads)
        })
        .await;
        assert_eq!(sent.len(), 1, "{sent:?}");
        caught_up(&stack, ANN, 7).await;
        let list = ann.get("/conversations").await.ok();
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        assert_eq!(
            list["items"][0]["conversation_id"],
            reply["conversation_id"]
        );
        let titles = "select count(*) from tasks where user_id = $1";
        assert_eq!(count(&mut database, titles, ANN).await, 1);
        let answer = ann
            .get(&format!("/conversations/{conversation}/messages"))
            .await;
        assert_eq!(answer.status, 404);
        // And an old confirmation does not erase that
        let used = erase(&ann, Some(&confirmation)).await;
        assert_eq!(used.status, 422, "{}", used.body);

        // And Bob has noticed nothing of all this
        assert_eq!(bob.tasks().await, bobs);
        caught_up(&stack, BOB, 100).await;
        let document = export(&stack, BOB).await;
        assert_eq!(
            document["conversations"][0]["messages"]
                .as_array()
                .unwrap()
                .len(),
            80
        );
        assert_eq!(document["push_subscriptions"].as_array().unwrap().len(), 1);
        let largest = crate::evidence::largest_message(&stack, "task-events").await;
        assert!(largest < 1 << 20);
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn an_erasure_that_is_cut_is_finished_by_itself_and_by_asking_again() {
    run(async {
        let stack = own(unlimited().replicas(2)).await;
        let (here, there) = (Person::new(&stack, 1, "ann"), Person::new(&stack, 2, "ann"));
        for n in 0..30 {
            here.add(&format!("{SECRET} {n}"), None).await.ok();
        }
        for n in 0..40 {
            here.say(&format!("add {SECRET} said {n}"), None, None)
                .await
                .ok();
        }
        caught_up(&stack, "ann", 190).await;

        // Given one that cannot end, because somebody keeps her rows
        let mut keeper = database(&stack).await;
        let keep = "select pg_advisory_lock(hashtextextended('ann', 0))";
        sqlx::query(keep).execute(&mut keeper).await.unwrap();
        let confirmation = erase(&here, None).await.body["confirmation"].clone();
        let confirmation = confirmation.as_str();
        let answer = erase(&here, confirmation).await;
        // Then nobody says that it is done, though her actors are
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(
            answer.body["detail"]
                .as_str()
                .unwrap()
                .contains("goes on by itself")
        );
        assert_eq!(here.tasks().await.len(), 0);
        let late = here.add(&format!("{SECRET} late"), None).await;
        assert_eq!(late.status, 409);
        let talk = here.say(&format!("add {SECRET}"), None, None).await;
        assert_eq!(talk.status, 409);
        let mut database = database(&stack).await;
        let rows = "select count(*) from audit_log where user_id = $1";
        assert!(count(&mut database, rows, "ann").await > 0, "the rows wait");

        // When the replica that worked on it dies with its sidecar, and the rows are free
        stack.kill("backend-1", Signal::Kill).await.unwrap();
        stack.kill("daprd-1", Signal::Kill).await.unwrap();
        drop(keeper);
        // Then the other one finishes it, unasked
        until_some("the end of it", async || {
            let done =
                "select count(*) from erasures where user_id = $1 and finished_at is not null";
            (count(&mut database, done, "ann").await == 1).then_some(())
        })
        .await;
        let done = erase(&there, None).await.ok();
        assert_eq!(
            (&done["removed"]["tasks"], &done["removed"]["messages"]),
            (&json!(70), &json!(80))
        );
        assert_traces(&stack, "ann", SECRET).await;

        // Given another person who goes while replicas and the database do, and others write
        stack.start_server("backend-1").await.unwrap();
        let (here, there) = (Person::new(&stack, 1, "zoe"), Person::new(&stack, 2, "zoe"));
        for n in 0..40 {
            here.say(&format!("add {SECRET} said {n}"), None, None)
                .await
                .ok();
        }
        let confirmation = erase(&there, None).await.body["confirmation"].clone();
        let writing = tokio::spawn({
            let here = here.clone();
            async move {
                for n in 0.. {
                    let add = here.add(&format!("{SECRET} meanwhile {n}"), None).await;
                    let say = here.say(&format!("add {SECRET}"), None, None).await;
                    if add.status == 409 && say.status == 409 {
                        return;
                    }
                }
            }
        });
        let confirmed = confirmation.as_str().map(str::to_owned);
        let asked = tokio::spawn({
            let there = there.clone();
            async move {
                let query = format!("?confirmation={}", confirmed.unwrap());
                // Its replica is about to die.
                let _ = there.try_send(Method::DELETE, &query, None, None).await;
            }
        });
        until_some("her tombstone", async || {
            let gone =
                "select count(*) from journal_head where actor = 'User/' || $1 and tombstone > 0";
            (count(&mut database, gone, "zoe").await == 1).then_some(())
        })
        .await;
        stack.kill("backend-2", Signal::Kill).await.unwrap();
        stack.kill("daprd-2", Signal::Kill).await.unwrap();
        stack.stop("postgres").await.unwrap();
        stack.start_server("postgres").await.unwrap();
        asked.await.unwrap();
        // When she asks again until she is told
        let done = until_some("the manifest", async || {
            let answer = erase(&here, confirmation.as_str()).await;
            (answer.status == 200).then_some(answer.body)
        })
        .await;
        writing.await.unwrap();
        // Then nothing of her is left, nor of what was written meanwhile
        assert!(done["removed"]["messages"].as_u64().unwrap() >= 80);
        assert_traces(&stack, "zoe", SECRET).await;
        assert_eq!(erase(&here, None).await.ok(), done);
        stack.shutdown().await.unwrap();
    });
}

async fn erase(person: &Person, confirmation: Option<&str>) -> Answer {
    let query = confirmation.map_or(String::new(), |given| format!("?confirmation={given}"));
    person.send(Method::DELETE, &query, None, None).await
}

/// [`until`] with this file's patience.
async fn until_some<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    let mut condition = condition;
    let start = std::time::Instant::now();
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn export(stack: &Stack, user: &str) -> Value {
    let response = reqwest::Client::new()
        .get(format!("{}/api/{user}/export", stack.base_url(1)))
        .bearer_auth(stack.token(user))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let disposition = response.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment"), "{disposition}");
    response.json().await.unwrap()
}

fn endpoint(user: &str) -> String {
    format!("https://push.example/{user}")
}

async fn sign_up(stack: &Stack) {
    let mut database = database(stack).await;
    for statement in [
        "insert into users (id, name, email, email_verified) values ($1::uuid, 'Ann', 'ann@example.com', true)",
        "insert into sessions (expires_at, token, updated_at, user_id) values (now(), 'token of ' || $1, now(), $1::uuid)",
        "insert into accounts (account_id, provider_id, user_id, updated_at) values ($1, 'credential', $1::uuid, now())",
        "insert into verifications (identifier, value, expires_at) values ('reset-password:x', $1, now())",
    ] {
        let done = sqlx::query(statement)
            .bind(ANN)
            .execute(&mut database)
            .await;
        assert_eq!(done.unwrap().rows_affected(), 1);
    }
}

async fn subscribe(database: &mut PgConnection, user: &str) {
    let sql =
        "insert into push_subscriptions (endpoint, user_id, p256dh, auth) values ($1, $2, '', '')";
    let done = sqlx::query(sql).bind(endpoint(user)).bind(user);
    done.execute(database).await.unwrap();
}

/// Tasks, one of them recurring and done, reminders given and to be given, a browser, a
/// conversation of 80 messages and one that was deleted. Answers the first one's id.
async fn live_a_little(stack: &Stack, person: &Person) -> String {
    let zone = json!({ "time_zone": "Europe/Berlin" });
    person
        .send(Method::PUT, "/profile", None, Some(zone))
        .await
        .ok();
    subscribe(&mut database(stack).await, &person.id).await;
    let weekly = json!({
        "title": format!("{SECRET} weekly"), "notes": format!("{SECRET} notes"),
        "due_date": "2030-01-07", "recurrence": "FREQ=WEEKLY",
    });
    let soon = json!({
        "title": format!("{SECRET} soon"), "due_at": (Timestamp::now() + 1.seconds()).to_string(),
    });
    for task in [weekly, soon] {
        person
            .send(Method::POST, "/tasks", None, Some(task))
            .await
            .ok();
    }
    person
        .send(Method::POST, "/tasks/task-1/complete", None, None)
        .await
        .ok();
    for n in 0..40 {
        person.add(&format!("{SECRET} {n}"), None).await.ok();
    }
    let mut conversation: Option<String> = None;
    for n in 0..40 {
        let said = format!("add {SECRET} said {n}");
        let reply = person.say(&said, conversation.as_deref(), None).await.ok();
        conversation = reply["conversation_id"].as_str().map(str::to_owned);
    }
    let other = person
        .say(&format!("add {SECRET} tomorrow"), None, None)
        .await
        .ok();
    let other = format!(
        "/conversations/{}",
        other["conversation_id"].as_str().unwrap()
    );
    let deleted = person.send(Method::DELETE, &other, None, None).await;
    assert_eq!(deleted.status, 204);
    until_some("the next occurrence", async || {
        person
            .tasks()
            .await
            .iter()
            .any(|task| task["follows"] == "task-1")
            .then_some(())
    })
    .await;
    conversation.unwrap()
}

fn by_id(mut tasks: Vec<Value>) -> Vec<Value> {
    let number = |task: &Value| -> u64 {
        let id = task["task_id"].as_str().unwrap();
        id.trim_start_matches("task-").parse().unwrap()
    };
    tasks.sort_by_key(number);
    tasks
}

async fn count(database: &mut PgConnection, statement: &'static str, user: &str) -> i64 {
    let counted = sqlx::query_scalar(statement).bind(user);
    counted.fetch_one(database).await.unwrap()
}

/// Waits until projector and auditor know all that a person's actors have written.
async fn caught_up(stack: &Stack, user: &str, records: i64) {
    let behind =
        "select count(*) from journal_head head left join projection_progress done using (actor)
        where (head.actor = 'User/' || $1 or starts_with(head.actor, 'Conversation/' || $1 || '~'))
          and (done.seq is distinct from head.seq or done.part + 1 < done.parts)";
    until_some("the consumers to catch up", async || {
        let mut database = database(stack).await;
        let recorded = "select count(*) from audit_log where user_id = $1";
        (count(&mut database, behind, user).await == 0
            && count(&mut database, recorded, user).await >= records)
            .then_some(())
    })
    .await;
}

/// A while after an erasure nobody may begin anything.
async fn until_admitted(person: &Person) {
    let zone = json!({ "time_zone": "Europe/Berlin" });
    until("the quiet to end", PATIENCE, || async {
        let answer = person
            .send(Method::PUT, "/profile", None, Some(zone.clone()))
            .await;
        (answer.status == 200).then_some(())
    })
    .await;
}

async fn assert_gone(stack: &Stack) {
    assert_traces(stack, ANN, "ann@example.com").await;
    assert_traces(stack, ANN, SECRET).await;
    let dapr = stack.dapr(1).unwrap();
    let reminder = reqwest::Client::new()
        .get(format!(
            "http://127.0.0.1:{}/v1.0/actors/User/{ANN}/reminders/due",
            dapr.http_port
        ))
        .header("dapr-api-token", dapr.api_token)
        .send()
        .await
        .unwrap();
    let status = reminder.status();
    assert!(
        status != 200 || reminder.bytes().await.unwrap().is_empty(),
        "{status}"
    );
}

/// That nothing in the database tells of a person but what says where their journals go on.
/// `word` is something only they wrote; Bob's words are let pass.
async fn assert_traces(stack: &Stack, user: &str, word: &str) {
    let mut database = database(stack).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'dapr_state'",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    assert!(tables.len() > 15, "{tables:?}");
    let mut found = BTreeMap::new();
    for table in &tables {
        let sql = format!(
            "select count(*) from {table} t where strpos(t::text, $1) > 0 or
             (strpos(t::text, $2) > 0 and strpos(t::text, $3) = 0)"
        );
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(user)
            .bind(word)
            .bind(BOB)
            .fetch_one(&mut database)
            .await
            .unwrap();
        if rows > 0 {
            found.insert(table.as_str(), rows);
        }
    }
    let kept: Vec<&str> = found.keys().copied().collect();
    assert_eq!(
        kept,
        ["erasures", "journal_head", "projection_progress"],
        "{found:?}"
    );

    // And of each actor the store has its tombstone and nothing else
    let stored: Vec<(String, Vec<u8>)> =
        sqlx::query_as("select key, value from dapr_state where strpos(key, $1) > 0")
            .bind(user)
            .fetch_all(&mut database)
            .await
            .unwrap();
    let mut keys: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (key, value) in &stored {
        let (actor, name) = key.rsplit_once("||").unwrap();
        keys.entry(actor.to_owned()).or_default().push(name);
        let text = String::from_utf8_lossy(value);
        assert!(!text.contains(SECRET), "{key}: {text}");
    }
    for (actor, names) in &mut keys {
        names.sort_unstable();
        assert!(names[0].starts_with("e:"), "{actor}: {names:?}");
        assert_eq!(names[1..], ["manifest", "tombstone"], "{actor}");
    }
    let actors = journals(stack).await.into_keys();
    let theirs = actors.filter(|actor| {
        actor == &format!("User/{user}") || actor.starts_with(&format!("Conversation/{user}~"))
    });
    assert_eq!(keys.len(), theirs.count());
}

/// Publishes everything these topics have once more, from the start.
pub async fn replay(stack: &Stack, topics: &[&str]) {
    let dapr = stack.dapr(1).unwrap();
    let client = reqwest::Client::new();
    for topic in topics {
        let mut records = stack.read_topic(topic).await.unwrap();
        records.sort_by_key(|record| (record.partition, record.offset));
        assert!(!records.is_empty());
        for record in records {
            let key = record.key_text();
            let url = format!(
                "http://127.0.0.1:{}/v1.0/publish/kafka-pubsub/{topic}?metadata.rawPayload=true&metadata.partitionKey={key}",
                dapr.http_port
            );
            let again = client
                .post(url)
                .header("dapr-api-token", &dapr.api_token)
                .header("content-type", "application/cloudevents+json")
                .body(record.value);
            assert!(again.send().await.unwrap().status().is_success());
        }
    }
}
