//! Reminders in the browser: a push service of our own, and a browser of other people's making.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path as UrlPath, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use todo_stack::{Role, packages};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::{
    erase,
    world::{Person, options, own, run, until},
};

/// Headers and body of a request.
type Sent = (HeaderMap, Bytes);

/// What a push service got, by the last part of the endpoint.
#[derive(Clone, Default)]
struct Mailbox(Arc<Mutex<HashMap<String, Vec<Sent>>>>);

impl Mailbox {
    async fn open() -> (Self, String) {
        let mailbox = Self::default();
        let routes = Router::new()
            .route("/send/{browser}", post(take))
            .with_state(mailbox.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (mailbox, origin)
    }

    fn of(&self, browser: &str) -> Vec<Sent> {
        let all = self.0.lock().unwrap();
        all.get(browser).cloned().unwrap_or_default()
    }
}

/// The browser `gone` has unsubscribed, and `busy` is asked too often the first time.
async fn take(
    State(mailbox): State<Mailbox>,
    UrlPath(browser): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut all = mailbox.0.lock().unwrap();
    let got = all.entry(browser.clone()).or_default();
    got.push((headers, body));
    match (browser.as_str(), got.len()) {
        ("gone", _) => StatusCode::GONE.into_response(),
        ("busy", 1) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response(),
        _ => StatusCode::CREATED.into_response(),
    }
}

/// The browser's side of the protocol.
struct Browser {
    python: PathBuf,
    script: PathBuf,
}

impl Browser {
    fn get() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/push");
        Self {
            python: packages::python(&folder).unwrap(),
            script: folder.join("browser.py"),
        }
    }

    async fn run(&self, what: &str, input: &Value) -> Value {
        let mut child = Command::new(&self.python)
            .arg(&self.script)
            .arg(what)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.to_string().as_bytes()).await.unwrap();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

async fn remind(person: &Person, title: &str) {
    let due = Timestamp::now() + SignedDuration::from_secs(1);
    let task = json!({ "title": title, "due_at": due });
    person
        .send(Method::POST, "/tasks", None, Some(task))
        .await
        .ok();
}

#[test]
fn a_reminder_reaches_every_browser_once_and_only_its_owner_can_read_it() {
    run(async {
        // Given Ann with three browsers: one in use, one unsubscribed, one whose service is busy
        let (mailbox, origin) = Mailbox::open().await;
        let stack = own(options()
            .role(Role::Notifier)
            .env("PUSH_SERVICES", &origin)
            .env("VAPID_SUBJECT", "mailto:ops@example.com"))
        .await;
        let ann = Person::new(&stack, 1, "ann");
        let browser = Browser::get();
        let keys = browser.run("keys", &json!(null)).await;
        for name in ["used", "gone", "busy"] {
            let subscription = json!({
                "endpoint": format!("{origin}/send/{name}"), "expirationTime": null,
                "keys": { "p256dh": keys["p256dh"], "auth": keys["auth"] },
            });
            let path = "/push/subscriptions";
            ann.send(Method::PUT, path, None, Some(subscription))
                .await
                .ok();
        }

        // When a task falls due
        remind(&ann, "buy milk").await;

        // Then the one in use has it, the busy service was asked again
        let limit = Duration::from_secs(20);
        let (headers, body) = until("the notification", limit, || async {
            mailbox.of("used").first().cloned()
        })
        .await;
        until("the busy service is asked again", limit, || async {
            (mailbox.of("busy").len() == 2).then_some(())
        })
        .await;

        // And the browser, which checks who sent it, can read it
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(text("content-encoding"), "aes128gcm");
        assert!(text("ttl").parse::<u32>().unwrap() > 86_000);
        let got = json!({
            "authorization": text("authorization"), "origin": origin,
            "body": BASE64.encode(&body), "private": keys["private"], "auth": keys["auth"],
        });
        let opened = browser.run("open", &got).await;
        assert_eq!(opened["payload"]["title"], "buy milk");
        assert_eq!(opened["subject"], "mailto:ops@example.com");
        let key = ann.get("/push/key").await.ok();
        assert_eq!(opened["server_key"], key["public_key"]);

        // And the next reminder goes only to the browsers that are left, once each
        let gone = async |endpoint: String| {
            let mut database = PgConnection::connect(stack.database_url()).await.unwrap();
            let sql = "SELECT count(*) FROM push_subscriptions WHERE endpoint = $1";
            let rows: i64 = sqlx::query_scalar(sql)
                .bind(endpoint)
                .fetch_one(&mut database)
                .await
                .unwrap();
            (rows == 0).then_some(())
        };
        until("the unsubscribed browser is forgotten", limit, || {
            gone(format!("{origin}/send/gone"))
        })
        .await;
        // (Kafka delivering the first one again sends nothing: the second comes after it.)
        erase::replay(&stack, &["reminders"]).await;
        remind(&ann, "buy bread").await;
        until("the second reminder", limit, || async {
            (mailbox.of("used").len() == 2 && mailbox.of("busy").len() == 3).then_some(())
        })
        .await;
        assert_eq!(mailbox.of("gone").len(), 1);

        // And a browser that Bob signs in with is Ann's no more
        let bob = Person::new(&stack, 1, "bob");
        let subscription = json!({
            "endpoint": format!("{origin}/send/used"),
            "keys": { "p256dh": keys["p256dh"], "auth": keys["auth"] },
        });
        let path = "/push/subscriptions";
        bob.send(Method::PUT, path, None, Some(subscription))
            .await
            .ok();
        remind(&ann, "Ann's secret").await;
        until("Ann's other browser has it", limit, || async {
            (mailbox.of("busy").len() == 4).then_some(())
        })
        .await;
        assert_eq!(mailbox.of("used").len(), 2);
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn nobody_aims_our_requests_at_machines_of_their_choice() {
    run(async {
        let stack = crate::world::shared().await;
        let eve = Person::new(stack, 1, "push-eve");
        for endpoint in [
            "http://169.254.169.254/opc/v2/",
            "https://127.0.0.1/",
            "file:///etc/x",
        ] {
            let subscription = json!({
                "endpoint": endpoint, "keys": { "p256dh": "AAAA", "auth": "AAAA" },
            });
            let path = "/push/subscriptions";
            let answer = eve.send(Method::PUT, path, None, Some(subscription)).await;
            assert_eq!(answer.status, 422, "{endpoint}");
        }
    });
}
