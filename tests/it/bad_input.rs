//! What must not get in, against the real servers.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use todo_stack::Stack;

use crate::world::{Person, options, own, run, shared, until};

/// The answer must be a problem document with this status.
pub async fn problem(what: &str, response: Response, status: u16) {
    let found = response.status();
    let kind = response
        .headers()
        .get("content-type")
        .map(|kind| kind.to_str().unwrap().to_owned());
    let body = response.text().await.unwrap();
    assert_eq!(found.as_u16(), status, "{what}: {body}");
    assert!(
        kind.is_some_and(|kind| kind.starts_with("application/problem+json")),
        "{what}: {body}"
    );
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["status"], status, "{what}");
    assert!(
        body["title"].is_string() && body["type"].is_string(),
        "{what}: {body}"
    );
}

fn tasks(stack: &Stack, client: &Client, user: &str) -> reqwest::RequestBuilder {
    client.get(format!("{}/api/{user}/tasks", stack.base_url(1)))
}

#[test]
fn tokens_that_are_not_ours_are_refused() {
    run(async {
        let stack = shared().await;
        let issuer = stack.issuer();
        let client = Client::new();
        problem(
            "no token",
            tasks(stack, &client, "ann").send().await.unwrap(),
            401,
        )
        .await;
        let claims = |change: Value| {
            let mut claims = issuer.claims("ann");
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            claims
        };
        let now = jiff::Timestamp::now().as_second();
        // All in order but for the signature
        let none = json!({ "alg": "none", "typ": "JWT", "kid": issuer.kid() });
        let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let none = format!("{}.{}.", part(&none), part(&issuer.claims("ann")));
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(issuer.kid());
        let confused = jsonwebtoken::encode(
            &header,
            &issuer.claims("ann"),
            &EncodingKey::from_secret(&issuer.public_key()),
        )
        .unwrap();
        for (what, token) in [
            ("alg none", none),
            ("HS256 signed with the public key", confused),
            (
                "wrong issuer",
                issuer.mint(&claims(json!({ "iss": "https://elsewhere.example" }))),
            ),
            (
                "wrong audience",
                issuer.mint(&claims(json!({ "aud": "another" }))),
            ),
            ("expired", issuer.mint(&claims(json!({ "exp": now - 60 })))),
            (
                "not yet valid",
                issuer.mint(&claims(json!({ "nbf": now + 120 }))),
            ),
            ("garbage", "not.a.token".to_owned()),
        ] {
            let answer = tasks(stack, &client, "ann")
                .bearer_auth(token)
                .send()
                .await
                .unwrap();
            assert!(answer.headers().contains_key("www-authenticate"), "{what}");
            problem(what, answer, 401).await;
        }
        // Within the leeway of 30 s an expired token still counts
        let late = issuer.mint(&claims(json!({ "exp": now - 10 })));
        assert_eq!(
            tasks(stack, &client, "ann")
                .bearer_auth(late)
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
        // Unknown keys make the key set be fetched again, not each time
        let before = issuer.jwks_requests();
        for n in 0..20 {
            let token = issuer.mint_with_kid(&format!("unknown-{n}"), &issuer.claims("ann"));
            let answer = tasks(stack, &client, "ann")
                .bearer_auth(token)
                .send()
                .await
                .unwrap();
            problem("unknown kid", answer, 401).await;
        }
        assert!(issuer.jwks_requests() - before <= 1);
        // Another user's path
        let answer = tasks(stack, &client, "bob")
            .bearer_auth(stack.token("ann"))
            .send()
            .await
            .unwrap();
        problem("another user's path", answer, 403).await;
    });
}

#[test]
fn a_new_key_of_the_issuer_is_fetched_once() {
    run(async {
        // Given a backend that knows the issuer's key
        let stack = own(options()).await;
        Person::new(&stack, 1, "ann").get("/profile").await.ok();
        let before = stack.issuer().jwks_requests();
        // When the issuer signs with a new one, then it is taken up without a word
        stack.issuer().rotate().unwrap();
        let ann = Person::new(&stack, 1, "ann");
        until("the new key", Duration::from_secs(30), || async {
            let answer = ann.get("/profile").await;
            answer.status.is_success().then_some(())
        })
        .await;
        assert_eq!(stack.issuer().jwks_requests(), before + 1);
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn bodies_that_make_no_sense_are_problems() {
    run(async {
        let stack = shared().await;
        let client = Client::new();
        let url = |path: &str| format!("{}/api/ann-bad{path}", stack.base_url(1));
        let token = stack.token("ann-bad");
        let post = |path: &str| client.post(url(path)).bearer_auth(&token);
        let json_body = |path: &str, body: Value| post(path).json(&body).send();
        let raw = |path: &str, kind: &str, body: Vec<u8>| {
            post(path).header("content-type", kind).body(body).send()
        };
        problem(
            "malformed",
            raw("/tasks", "application/json", b"{".to_vec())
                .await
                .unwrap(),
            400,
        )
        .await;
        let utf8 = b"{\"title\":\"\xff\"}".to_vec();
        problem(
            "invalid UTF-8",
            raw("/tasks", "application/json", utf8).await.unwrap(),
            400,
        )
        .await;
        problem(
            "wrong type",
            raw("/tasks", "text/plain", b"{}".to_vec()).await.unwrap(),
            415,
        )
        .await;
        let large = json!({ "title": "t", "notes": "n".repeat(70_000) });
        problem(
            "over 64 KiB",
            json_body("/tasks", large).await.unwrap(),
            413,
        )
        .await;
        for (what, path, body) in [
            ("empty message", "/chat", json!({ "message": " " })),
            (
                "10,000 characters",
                "/chat",
                json!({ "message": "m".repeat(10_000) }),
            ),
            (
                "unknown zone",
                "/chat",
                json!({ "message": "hi", "time_zone": "Mars/Olympus" }),
            ),
            (
                "due in the past",
                "/tasks",
                json!({ "title": "t", "due_at": "2020-01-01T00:00:00Z" }),
            ),
        ] {
            problem(what, json_body(path, body).await.unwrap(), 422).await;
        }
        json_body("/tasks", json!({ "title": "t" })).await.unwrap();
        for (what, method, path, body) in [
            (
                "unknown zone in the profile",
                Method::PUT,
                "/profile",
                json!({ "time_zone": "Mars/Olympus" }),
            ),
            (
                "moved into the past",
                Method::PATCH,
                "/tasks/task-1",
                json!({ "due_at": "2020-01-01T00:00:00Z" }),
            ),
            (
                "moved to a day in the past",
                Method::PATCH,
                "/tasks/task-1",
                json!({ "due_date": "2020-01-01" }),
            ),
        ] {
            let request = client.request(method, url(path)).bearer_auth(&token);
            problem(what, request.json(&body).send().await.unwrap(), 422).await;
        }
    });
}
