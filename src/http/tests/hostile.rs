//! Whatever is asked of a route, nothing panics and nothing is answered 500. The routes are those
//! of the API document, over real actors on the memory twin; there is no database.

use std::{collections::BTreeMap, time::Duration};

use axum::http::HeaderValue;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::Map;
use todo_actors::testkit::World;

use super::*;

/// A route and what its description says can be sent there.
#[derive(Debug, Clone)]
struct Route {
    method: Method,
    path: String,
    query: Vec<String>,
    /// The names of the body's fields; nothing if it takes no body.
    fields: Option<Vec<String>>,
}

/// All routes of people's own things.
fn routes() -> Vec<Route> {
    let document = serde_json::to_value(document()).unwrap();
    operations(&document)
        .filter(|(path, ..)| path.starts_with("/api/"))
        .map(|(path, method, operation)| {
            let parameters = operation["parameters"].as_array().cloned();
            let parameters = parameters.unwrap_or_default();
            let query = parameters.iter().filter(|about| about["in"] == "query");
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let name = schema["$ref"]
                .as_str()
                .and_then(|name| name.rsplit('/').next());
            let schema = name.map(|name| &document["components"]["schemas"][name]);
            Route {
                method: method.to_uppercase().parse().unwrap(),
                path: path.to_owned(),
                query: query
                    .map(|about| about["name"].as_str().unwrap().to_owned())
                    .collect(),
                fields: schema.map(|schema| {
                    let fields = schema["properties"].as_object().unwrap();
                    fields.keys().cloned().collect()
                }),
            }
        })
        .collect()
}

fn words() -> impl Strategy<Value = String> {
    let known = [
        "",
        " ",
        ".",
        "..",
        "task-1",
        "task-2",
        "task-18446744073709551616",
        "milk",
        "add milk",
        "delete everything",
        "undo",
        "Europe/Berlin",
        "Mars/Olympus",
        "high",
        "open",
        "today",
        "2026-11-24",
        "2026-11-24T09:00:00Z",
        "-009999-01-02T01:59:59Z",
        "9999-12-30T22:00:00Z",
        "FREQ=DAILY",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "0",
        "-1",
        "18446744073709551616",
        "\0",
        "%00",
        "🎉",
        "' or 1=1 --",
        "https://fcm.googleapis.com/x",
        "bQ",
        "{}",
    ];
    let known: Vec<String> = known.iter().map(|&word| word.to_owned()).collect();
    prop_oneof![
        6 => prop::sample::select(known),
        2 => any::<String>(),
        1 => (1_usize..5_000).prop_map(|length| "ä".repeat(length)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        8 => words().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((words(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// What is sent: each of the path's ids, the query, a key, the body and what it is said to be.
#[derive(Debug, Clone)]
struct Sent {
    ids: Vec<String>,
    query: Vec<(String, String)>,
    key: Option<String>,
    kind: &'static str,
    body: Vec<u8>,
}

fn sent(route: &Route) -> impl Strategy<Value = Sent> + use<> {
    let id = prop_oneof![3 => Just("task-1".to_owned()), 2 => words()];
    let name = |names: &[String]| match names {
        [] => words().boxed(),
        names => prop_oneof![6 => prop::sample::select(names.to_vec()), 1 => words()].boxed(),
    };
    let query = prop::collection::vec((name(&route.query), words()), 0..4);
    let fields = route.fields.clone().unwrap_or_default();
    let fields = prop::collection::btree_map(name(&fields), value(), 0..6);
    let body = prop_oneof![
        10 => fields.prop_map(|fields: BTreeMap<String, Value>| json!(fields).to_string().into_bytes()),
        2 => value().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ];
    let kind = prop_oneof![
        8 => Just("application/json"),
        1 => Just("text/plain"),
        1 => Just("application/json; charset=utf-16"),
    ];
    (
        prop::collection::vec(id, 2),
        query,
        prop::option::of(words()),
        kind,
        body,
    )
        .prop_map(|(ids, query, key, kind, body)| Sent {
            ids,
            query,
            key,
            kind,
            body,
        })
}

impl Sent {
    fn to(self, route: &Route, api: &Api) -> Request {
        let mut ids = self.ids.iter();
        let segments = route.path.split('/').map(|segment| match segment {
            "{user_id}" => "ann".to_owned(),
            _ if segment.starts_with('{') => escaped(ids.next().map_or("", String::as_str)),
            _ => segment.to_owned(),
        });
        let path = segments.collect::<Vec<_>>().join("/");
        let pairs = self.query.iter();
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        let mut request = api.request(route.method.clone(), &format!("{path}?{}", pairs.join("&")));
        request = request.header(header::CONTENT_TYPE, self.kind);
        let key = self.key.map(|key| HeaderValue::from_bytes(key.as_bytes()));
        if let Some(Ok(key)) = key {
            request = request.header("idempotency-key", key);
        }
        request.body(Body::from(self.body)).unwrap()
    }
}

/// Every byte but letters and digits as `%` and its number.
fn escaped(text: &str) -> String {
    // An address may have 64 KiB.
    let bytes = text.bytes().take(2_000).map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}

/// What is wrong with an answer. Without a database 503 is one.
async fn wrong_with(response: Response) -> Option<String> {
    let (parts, body) = response.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).cloned();
    if kind
        .as_ref()
        .is_some_and(|kind| kind == "text/event-stream")
    {
        return None;
    }
    let read = axum::body::to_bytes(body, 4 << 20);
    let body = match tokio::time::timeout(Duration::from_secs(30), read).await {
        Ok(Ok(body)) => String::from_utf8_lossy(&body).into_owned(),
        Ok(Err(_)) => return None,
        Err(_) => return Some("the answer does not end".to_owned()),
    };
    let refused = parts.status.is_client_error() || parts.status.is_server_error();
    let says_why = kind.is_some_and(|kind| kind == "application/problem+json");
    let broken = parts.status.is_server_error() && parts.status != StatusCode::SERVICE_UNAVAILABLE;
    let missing = parts.status == StatusCode::METHOD_NOT_ALLOWED;
    (broken || missing || (refused && !says_why)).then(|| format!("{} {body}", parts.status))
}

#[test]
fn no_request_to_any_route_is_answered_500() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (world, api) = runtime.block_on(async {
        let world = World::at("2026-11-23T10:00:00Z".parse().unwrap());
        let script = Script::new(|_| unreachable!("the actors are the twin's"));
        let api = api_of(world.client.clone(), script, 0).await;
        let task = json!({ "title": "milk" });
        let (status, _) = api.json(Method::POST, "/api/ann/tasks", task).await;
        assert_eq!(status, StatusCode::CREATED);
        (world, api)
    });
    let routes = routes();
    assert!(routes.len() > 20, "{routes:?}");
    let config = ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    for route in routes {
        let outcome = TestRunner::new(config.clone()).run(&sent(&route), |sent| {
            let request = sent.to(&route, &api);
            let wrong = runtime.block_on(async {
                let response = api.router.clone().oneshot(request).await.unwrap();
                wrong_with(response).await
            });
            prop_assert_eq!(wrong, None);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{} {}: {error}", route.method, route.path));
    }
    drop(world);
}
