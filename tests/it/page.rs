//! The page, in a real browser: people who sign up, talk, see their tasks and are reminded, while
//! things break.
//!
//! What people do is in `frontend/e2e/scenarios`; what happens to the servers meanwhile is asked
//! for from there, line by line.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use sqlx::PgConnection;
use todo_stack::{Role, Signal, Stack, StackOptions, chromium, chromium_headless_shell, frontend};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

use crate::{
    shared::{Lease, Shared},
    streaming::hold_up,
    world::{Person, options, own, run},
};

static WITH_PAGE: Shared<Stack> = Shared::new();

/// Scenarios in which the browser shows notifications, which only the whole one does.
const NOTIFIED: [&str; 2] = ["reminders", "settings"];

/// Longest a scenario may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// A stack with the page, whose people have their usual limit.
fn page_options() -> StackOptions {
    // All people come from one address.
    let mut options = options()
        .with_ingress()
        .role(Role::Recurrer)
        .role(Role::Notifier)
        .env("RATE_ADDRESS_PER_MINUTE", "1000000");
    let sign_ins = ("SIGN_INS_PER_MINUTE".to_owned(), "1000".to_owned());
    options.page_env.extend([sign_ins]);
    options
}

/// A stack with the page that nobody breaks.
async fn with_page() -> Lease<Stack> {
    // Somebody adds 2,000 tasks.
    let options = page_options().env("RATE_USER_PER_MINUTE", "3000");
    let start = async { Stack::start(options).await.unwrap() };
    WITH_PAGE.get(start).await
}

/// How people reach the page.
///
/// Whatever people do runs both ways. How pages look and what they weigh is the same either way, and
/// is measured once.
#[derive(Clone, Copy)]
enum Way {
    /// Straight; the page hands on what is for the backend.
    Page,
    /// Through nginx, which parts the two.
    Ingress,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Page, Self::Ingress];

    fn url(self, stack: &Stack) -> String {
        match self {
            Self::Page => stack.page_url().unwrap(),
            Self::Ingress => stack.ingress_url().unwrap(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ingress => "ingress",
        }
    }
}

/// Plays a scenario both ways, on the stack that nobody breaks.
async fn play_both_ways(scenario: &str) {
    let stack = &with_page().await;
    for way in Way::BOTH {
        play(stack, way, scenario).await;
    }
}

/// Plays a scenario and does what it asks for.
async fn play(stack: &Stack, way: Way, scenario: &str) {
    let notified = NOTIFIED.contains(&scenario);
    let browser = tokio::task::spawn_blocking(move || {
        frontend::packages().unwrap();
        let browser = if notified {
            chromium()
        } else {
            chromium_headless_shell()
        };
        browser.unwrap()
    });
    let shots = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/page");
    let settings = json!({
        "url": way.url(stack),
        "way": way.name(),
        "backend": stack.base_url(1),
        "chromium": browser.await.unwrap(),
        "shots": shots,
    });
    let mut node = Command::new("node")
        .arg(frontend::folder().join("e2e/run.mjs"))
        .args([scenario, &settings.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut answers = node.stdin.take().unwrap();
    let mut lines = BufReader::new(node.stdout.take().unwrap()).lines();
    let mut held = None;
    let start = Instant::now();
    let playing = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let Some(wish) = line.strip_prefix("> ") else {
                println!("{line}");
                continue;
            };
            let mut answer = match grant(stack, wish, &mut held).await {
                Ok(answer) => answer,
                Err(error) => format!("error: {error:#}"),
            };
            answer.push('\n');
            answers.write_all(answer.as_bytes()).await.unwrap();
        }
        node.wait().await.unwrap()
    };
    let status = tokio::time::timeout(PATIENCE, playing).await;
    let status = status.unwrap_or_else(|_| panic!("{scenario} takes longer than {PATIENCE:?}"));
    assert!(
        status.success(),
        "{scenario} does not hold: see above, and {}",
        shots.display()
    );
    println!(
        "# {scenario} by way of the {} took {:.1} s",
        way.name(),
        start.elapsed().as_secs_f64()
    );
}

/// Does to the servers what a scenario asks for, and returns the answer.
async fn grant(
    stack: &Stack,
    wish: &str,
    held: &mut Option<PgConnection>,
) -> anyhow::Result<String> {
    let done = || "done".to_owned();
    match wish.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["kill", server] => stack.kill(server, Signal::Kill).await.map(|()| done()),
        ["start", server] => stack.start_server(server).await.map(|()| done()),
        // Answers with the address of the newest replica.
        ["scale", replicas] => {
            let replicas = replicas.parse()?;
            stack.scale(replicas).await?;
            Ok(stack.base_url(replicas))
        }
        // Keeps a person's answers from getting further than their first change.
        ["hold", user] => {
            *held = Some(hold_up(stack, user).await);
            Ok(done())
        }
        ["release"] => {
            *held = None;
            Ok(done())
        }
        // A token that was good two minutes ago.
        ["expired", user] => {
            let issuer = stack.issuer();
            let mut claims = issuer.claims(user);
            let now = claims["iat"].as_u64().unwrap_or_default();
            claims["iat"] = json!(now - 1000);
            claims["exp"] = json!(now - 120);
            Ok(issuer.mint(&claims))
        }
        _ => anyhow::bail!("nobody knows how to {wish}"),
    }
}

#[test]
fn better_auth_finds_nothing_to_add_to_our_tables() {
    run(async {
        let stack = &with_page().await;
        let status = Command::new("node")
            .current_dir(frontend::folder())
            .args(["node_modules/vitest/vitest.mjs", "run"])
            .args(["--config", "vitest.stack.config.ts"])
            .env("DATABASE_URL", stack.database_url())
            .status();
        assert!(status.await.unwrap().success());
    });
}

#[test]
fn people_sign_up_out_and_in() {
    run(play_both_ways("signing-in"));
}

#[test]
fn the_page_hands_streams_on_piece_by_piece() {
    run(async {
        let stack = &with_page().await;
        // Given somebody who listens by way of the page, its sidecar and the backend's
        let (page, user) = (stack.page_url().unwrap(), "ann-by-page");
        let ann = Person::new(stack, 1, user).at(&page);
        let client = reqwest::Client::new();
        let mut listening = client
            .get(format!("{page}/api/{user}/events"))
            .bearer_auth(stack.token(user))
            .send()
            .await
            .unwrap();
        assert_eq!(listening.status(), StatusCode::OK);
        assert_eq!(
            listening.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        let mut heard = String::new();
        let mut hear = async |what: &str| {
            let hearing = async {
                while !heard.contains(what) {
                    let piece = listening.chunk().await.unwrap().unwrap();
                    heard.push_str(std::str::from_utf8(&piece).unwrap());
                }
            };
            let heard = tokio::time::timeout(Duration::from_secs(10), hearing).await;
            assert!(heard.is_ok(), "{what} is not heard");
        };
        hear("event: resync").await;
        // When something happens, then it is heard while the stream stays open
        ann.add("buy milk", None).await.ok();
        hear("event: task").await;
        // And what is not the API's is none of the page's sidecar's business
        let inside = client
            .get(format!("{page}/api/../dapr/config"))
            .send()
            .await
            .unwrap();
        assert!(!inside.status().is_success());
        let body = ann
            .try_send(Method::POST, "/tasks", None, Some(json!({ "title": "" })))
            .await
            .unwrap();
        assert_eq!(body.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body.body["code"], Value::from("invalid"));
    });
}

#[test]
fn people_talk_by_mouse_and_by_keyboard() {
    run(play_both_ways("talking"));
}

#[test]
fn people_have_several_conversations() {
    run(play_both_ways("conversations"));
}

#[test]
fn an_answer_is_stopped_and_outlives_a_reload() {
    run(play_both_ways("stopping"));
}

#[test]
fn what_is_said_offline_is_sent_later() {
    run(play_both_ways("offline-chat"));
}

#[test]
fn the_main_story() {
    run(play_both_ways("main-story"));
}

#[test]
fn a_page_that_was_away_catches_up() {
    run(play_both_ways("catching-up"));
}

#[test]
fn what_is_served_gives_nothing_away() {
    run(play_both_ways("served"));
}

#[test]
fn tasks_are_added_changed_moved_and_taken_back() {
    run(play_both_ways("tasks"));
}

#[test]
fn people_are_reminded_and_put_it_off() {
    run(play_both_ways("reminders"));
}

#[test]
fn people_set_the_page_up_and_take_their_data_along() {
    run(play_both_ways("settings"));
}

#[test]
fn whatever_passes_is_survived_without_loss() {
    run(async {
        // Whoever asks again for an answer that was cut off waits for that long.
        let stack = own(page_options().env("TURN_LEASE_MS", "10000")).await;
        for way in Way::BOTH {
            play(&stack, way, "passing-failures").await;
            play(&stack, way, "backend-dies").await;
        }
        for way in Way::BOTH {
            play(&stack, way, "replicas").await;
            // Whoever comes next begins with one replica too.
            stack.scale(1).await.unwrap();
        }
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn every_page_is_accessible_in_both_themes_and_has_its_picture_taken() {
    run(async { play(&*with_page().await, Way::Page, "every-page").await });
}

#[test]
fn the_page_keeps_its_budgets() {
    run(async { play(&*with_page().await, Way::Ingress, "budgets").await });
}
