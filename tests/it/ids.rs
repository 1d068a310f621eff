//! Ids that name nothing, and ids of what is somebody else's.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    bad_input::problem,
    world::{Person, run, shared},
};

/// What a stranger may put where an id belongs, as it stands in a path, and its status as the id
/// of a task or conversation.
fn hostile() -> Vec<(String, u16)> {
    vec![
        ("a%7Cb".to_owned(), 404),
        ("a%2Fb".to_owned(), 404),
        ("..%2F..".to_owned(), 404),
        ("a~b".to_owned(), 404),
        ("a%00b".to_owned(), 404),
        ("%ff".to_owned(), 400),
        ("x".repeat(10_240), 404),
    ]
}

/// Every route with an id in it, and a body it would take.
fn routes_with_an_id() -> Vec<(Method, &'static str, Option<Value>)> {
    let title = || Some(json!({ "title": "t" }));
    vec![
        (Method::GET, "/tasks/{id}", None),
        (Method::PATCH, "/tasks/{id}", title()),
        (Method::DELETE, "/tasks/{id}", None),
        (Method::POST, "/tasks/{id}/complete", None),
        (Method::POST, "/tasks/{id}/reopen", None),
        (Method::GET, "/conversations/{id}/messages", None),
        (Method::PATCH, "/conversations/{id}", title()),
        (Method::DELETE, "/conversations/{id}", None),
    ]
}

#[test]
fn ids_that_could_name_nothing_answer_as_if_there_were_nothing() {
    run(async {
        let stack = shared().await;
        let client = Client::new();
        let token = stack.token("ann-ids");
        for (id, status) in hostile() {
            for (method, path, body) in routes_with_an_id() {
                let path = path.replace("{id}", &id);
                let url = format!("{}/api/ann-ids{path}", stack.base_url(1));
                let mut request = client.request(method.clone(), url).bearer_auth(&token);
                if let Some(body) = body {
                    request = request.json(&body);
                }
                let what = format!("{method} {path:.40}");
                problem(&what, request.send().await.unwrap(), status).await;
            }
        }
        // The same in a chat's body
        for id in ["a|b", "a/b", "../..", "a~b", "a\0b", &"x".repeat(10_240)] {
            let body = json!({ "message": "hello", "conversation_id": id });
            let chat = client
                .post(format!("{}/api/ann-ids/chat", stack.base_url(1)))
                .bearer_auth(&token)
                .json(&body);
            problem("in a chat", chat.send().await.unwrap(), 404).await;
        }
    });
}

#[test]
fn user_ids_that_could_name_nobody_are_bad_addresses() {
    run(async {
        let stack = shared().await;
        let client = Client::new();
        for (id, _) in hostile() {
            for (method, path, body) in [
                (Method::GET, "/tasks", None),
                (Method::POST, "/tasks", Some(json!({ "title": "t" }))),
                (Method::POST, "/chat", Some(json!({ "message": "hello" }))),
                (Method::DELETE, "/tasks/task-1", None),
            ] {
                let url = format!("{}/api/{id}{path}", stack.base_url(1));
                let mut request = client
                    .request(method.clone(), url)
                    .bearer_auth(stack.token("ann-ids"));
                if let Some(body) = body {
                    request = request.json(&body);
                }
                let what = format!("{method} /api/{id:.20}{path}");
                problem(&what, request.send().await.unwrap(), 400).await;
            }
        }
    });
}

#[test]
fn what_is_anothers_looks_like_what_never_was() {
    run(async {
        // Given a task and a conversation of somebody
        let stack = shared().await;
        let owner = Person::new(stack, 1, "ann-owner");
        let other = Person::new(stack, 1, "bob-other");
        let task = owner.add("secret", None).await.ok();
        let chat = owner.say("hello", None, None).await.ok();
        let task = task["task_id"].as_str().unwrap();
        let conversation = chat["conversation_id"].as_str().unwrap();
        // When somebody else names them, or what never was
        for (method, path, body) in routes_with_an_id() {
            let (theirs, never) = if path.starts_with("/tasks") {
                (task, "task-99")
            } else {
                (conversation, "ffffffffffffffffffffffffffffffff")
            };
            let ask = async |id: &str| {
                let path = path.replace("{id}", id);
                let answer = other.send(method.clone(), &path, None, body.clone()).await;
                (answer.status, answer.body.to_string().replace(id, "{id}"))
            };
            // Then nothing tells one from the other
            let theirs = ask(theirs).await;
            assert_eq!(theirs.0, 404, "{method} {path}: {}", theirs.1);
            assert_eq!(theirs, ask(never).await, "{method} {path}");
        }
        let theirs = other.say("add milk", Some(conversation), None).await;
        let never = other.say("add milk", Some("never"), None).await;
        assert_eq!(theirs.status, 404);
        assert_eq!((theirs.status, theirs.body), (never.status, never.body));
        // And it is all still there
        assert_eq!(
            owner.get(&format!("/tasks/{task}")).await.ok()["title"],
            "secret"
        );
        let messages = format!("/conversations/{conversation}/messages");
        assert_eq!(owner.get(&messages).await.ok()["total"], 2);
    });
}
