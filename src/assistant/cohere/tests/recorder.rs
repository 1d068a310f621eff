//! Stands before a model, keeps every request and passes it on; what is no valid request fails
//! the test.

use std::sync::{Arc, Mutex, OnceLock};

use axum::{Router, body::Body, extract::State, response::Response, routing::post};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// The shapes that the model's documentation gives.
const SCHEMA: &str = include_str!("requests.schema.json");

/// What stands before a model.
#[derive(Clone)]
pub struct Recorder {
    pub url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    model: OnceLock<String>,
    bodies: Mutex<Vec<Value>>,
    wrong: Mutex<Vec<String>>,
}

impl Recorder {
    /// One that does not know yet where the model is.
    pub async fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let routes = Router::new()
            .route("/v2/chat", post(pass))
            .with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, routes).into_future());
        Self { url, seen }
    }

    /// Passes requests on to the model at `url`.
    pub fn before(self, url: &str) -> Self {
        self.seen.model.set(url.to_owned()).unwrap();
        self
    }

    /// The bodies so far, all of them valid.
    pub fn bodies(&self) -> Vec<Value> {
        self.check();
        self.seen.bodies.lock().unwrap().clone()
    }

    fn check(&self) {
        let wrong = self.seen.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// Whether a test asks for the bodies or not.
impl Drop for Recorder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}

async fn pass(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: String) -> Response {
    let sent: Value = serde_json::from_str(&body).unwrap_or_default();
    seen.wrong.lock().unwrap().extend(problems(&sent));
    if !headers[AUTHORIZATION]
        .to_str()
        .unwrap()
        .starts_with("Bearer ")
    {
        seen.wrong.lock().unwrap().push("no key".to_owned());
    }
    seen.bodies.lock().unwrap().push(sent);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v2/chat", seen.model.get().unwrap());
    let answer = client
        .post(url)
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, &headers[AUTHORIZATION])
        .body(body)
        .send()
        .await;
    let Ok(answer) = answer else {
        // A model that hangs up without a word does so here as well.
        let broken = futures::stream::once(async { Err::<&str, _>(std::io::Error::other("cut")) });
        return Response::new(Body::from_stream(broken));
    };
    let mut response = Response::builder().status(answer.status());
    for name in [CONTENT_TYPE, RETRY_AFTER] {
        if let Some(value) = answer.headers().get(&name) {
            response = response.header(name, value);
        }
    }
    response
        .body(Body::from_stream(answer.bytes_stream()))
        .unwrap()
}

/// What is wrong with a request: its shape, and that each call has its result right after it.
fn problems(body: &Value) -> Vec<String> {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut wrong: Vec<String> = schema
        .iter_errors(body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    let mut open: Vec<&Value> = Vec::new();
    for message in body["messages"].as_array().into_iter().flatten() {
        match message["role"].as_str() {
            Some("tool") => {
                let place = open.iter().position(|id| **id == message["tool_call_id"]);
                match place {
                    Some(place) => drop(open.remove(place)),
                    None => wrong.push("a result without its call".to_owned()),
                }
                let content = message["content"].as_str().unwrap_or_default();
                if serde_json::from_str::<Value>(content).is_err() {
                    wrong.push("a result that is no JSON".to_owned());
                }
            }
            _ if !open.is_empty() => wrong.push("a call without its result".to_owned()),
            _ => {}
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            open.push(&call["id"]);
            let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
            if serde_json::from_str::<Value>(arguments).is_err() {
                wrong.push("arguments that are no JSON".to_owned());
            }
        }
    }
    if !open.is_empty() {
        wrong.push("a call without its result".to_owned());
    }
    wrong
}
