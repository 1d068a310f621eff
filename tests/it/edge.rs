//! What the edge answers to everybody: limits, health, its description, pages.

use std::{collections::HashSet, time::Duration};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Person, run, shared, until};

#[test]
fn one_who_asks_too_often_is_told_when_to_come_back_and_nobody_else_is() {
    run(async {
        let stack = shared().await;
        let hasty = Person::new(stack, 1, "ann-hasty");
        // When somebody asks more often than the 300 times that may come at once
        let mut refused = None;
        for _ in 0..1_000 {
            let answer = hasty.get("/profile").await;
            if !answer.status.is_success() {
                refused = Some(answer);
                break;
            }
        }
        // Then they are told when to come back, and nobody else is
        let refused = refused.unwrap();
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.body["status"], 429);
        let wait: u64 = refused.retry_after.unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        Person::new(stack, 1, "bob-calm").get("/profile").await.ok();
        until(
            "their turn again",
            Duration::from_secs(wait + 2),
            || async {
                hasty
                    .get("/profile")
                    .await
                    .status
                    .is_success()
                    .then_some(())
            },
        )
        .await;
    });
}

#[test]
fn health_and_the_description_are_for_everybody() {
    run(async {
        let stack = shared().await;
        let get = async |path: &str| {
            let url = format!("{}{path}", stack.base_url(1));
            Client::new().get(url).send().await.unwrap()
        };
        assert_eq!(get("/healthz").await.status(), StatusCode::OK);
        assert_eq!(get("/readyz").await.status(), StatusCode::OK);
        let document: Value = get("/openapi.json").await.json().await.unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3."));
        for path in [
            "/api/{user_id}/chat",
            "/api/{user_id}/tasks/{id}/complete",
            "/api/{user_id}/conversations/{id}/messages",
            "/healthz",
        ] {
            assert!(document["paths"][path].is_object(), "{path}");
        }
    });
}

#[test]
fn conversations_come_in_pages_newest_first() {
    run(async {
        // Given three conversations, one after the other
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-pages");
        let mut begun = Vec::new();
        for _ in 0..3 {
            let reply = ann.say("hello", None, None).await.ok();
            begun.push(reply["conversation_id"].as_str().unwrap().to_owned());
        }
        begun.reverse();
        let list = async |query: &str| ann.get(&format!("/conversations{query}")).await.ok();
        let ids = |page: &Value| -> Vec<String> {
            let items = page["items"].as_array().unwrap();
            let ids = items.iter().map(|item| item["conversation_id"].as_str());
            ids.map(|id| id.unwrap().to_owned()).collect()
        };
        until("all in the list", Duration::from_secs(10), || async {
            let items = list("").await["items"].as_array().unwrap().clone();
            let whole = items.iter().all(|item| item["message_count"] == 2);
            (items.len() == 3 && whole).then_some(())
        })
        .await;
        // Then two pages of two have each once
        let first = list("?limit=2").await;
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = list(&format!("?limit=2&cursor={cursor}")).await;
        assert!(second["next_cursor"].is_null(), "{second}");
        assert_eq!([ids(&first), ids(&second)].concat(), begun);
        for query in ["?limit=0", "?limit=101", "?cursor=nonsense"] {
            let answer = ann.get(&format!("/conversations{query}")).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        }
    });
}

#[test]
fn conversations_are_found_by_title_and_by_what_was_said_in_them() {
    run(async {
        // Given two conversations, one with a character that patterns give a meaning
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-search");
        let mut begun = Vec::new();
        for (first, second) in [("add milk 100%", "hello"), ("add bread", "undo")] {
            let reply = ann.say(first, None, None).await.ok();
            let id = reply["conversation_id"].as_str().unwrap().to_owned();
            ann.say(second, Some(&id), None).await.ok();
            begun.push(id);
        }
        let [milk, bread] = [&begun[0], &begun[1]];
        ann.send(
            Method::PATCH,
            &format!("/conversations/{bread}"),
            None,
            Some(json!({ "title": "Bakery" })),
        )
        .await
        .ok();
        let found = async |search: &str| -> Vec<String> {
            let page = ann.get(&format!("/conversations?search={search}")).await;
            let page = page.ok();
            let items = page["items"].as_array().unwrap().iter();
            let ids = items.map(|item| item["conversation_id"].as_str().unwrap());
            ids.map(str::to_owned).collect()
        };
        until("the new title", Duration::from_secs(10), || async {
            (found("bakery").await == [bread.clone()]).then_some(())
        })
        .await;
        // Then every word counts, in any case, wherever it stands
        assert_eq!(found("UNDO%20bakery").await, std::slice::from_ref(bread));
        assert_eq!(found("100%25").await, std::slice::from_ref(milk));
        assert_eq!(found("1%250").await, Vec::<String>::new());
        assert_eq!(found("milk%20bread").await, Vec::<String>::new());
        assert_eq!(found("add").await, [bread.clone(), milk.clone()]);
        assert_eq!(found("").await.len(), 2);
        let long = "x".repeat(201);
        let answer = ann.get(&format!("/conversations?search={long}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        // And nobody else finds them
        let bob = Person::new(stack, 1, "bob-search");
        let page = bob.get("/conversations?search=milk").await.ok();
        assert_eq!(page["items"], json!([]));
    });
}

#[test]
fn messages_come_in_pages_back_to_the_first() {
    run(async {
        // Given more messages than the actor keeps at hand
        let stack = shared().await;
        let ann = Person::new(stack, 1, "ann-talks");
        let first = ann.say("hello", None, None).await.ok();
        let id = first["conversation_id"].as_str().unwrap();
        for _ in 0..49 {
            ann.say("hello", Some(id), None).await.ok();
        }
        // When they are read back page by page
        let mut pages = Vec::new();
        let mut query = "?limit=30".to_owned();
        loop {
            let page = ann
                .get(&format!("/conversations/{id}/messages{query}"))
                .await
                .ok();
            assert_eq!(page["total"], 100);
            let indexes = page["messages"].as_array().unwrap().iter();
            let indexes: Vec<u64> = indexes.map(|m| m["index"].as_u64().unwrap()).collect();
            pages.push(indexes);
            match page["next_cursor"].as_str() {
                Some(cursor) => query = format!("?limit=30&cursor={cursor}"),
                None => break,
            }
        }
        // Then the newest page comes first, each in its order, and none is missing or doubled
        assert_eq!(pages[0], (70..100).collect::<Vec<_>>());
        assert!(pages.iter().all(|page| page.is_sorted()), "{pages:?}");
        let all = pages.concat();
        let distinct: HashSet<u64> = all.iter().copied().collect();
        assert_eq!((all.len(), distinct), (100, (0..100).collect()));
    });
}
