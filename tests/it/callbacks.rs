//! Dapr's callbacks are for the sidecar alone.

use std::{collections::BTreeSet, net::Ipv4Addr};

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use todo_stack::Stack;

use crate::{
    bad_input::problem,
    world::{run, shared},
};

/// The answer to a call to an app's callback port with this token.
async fn call(port: u16, method: Method, path: &str, token: Option<&str>) -> Response {
    let url = format!("http://127.0.0.1:{port}{path}");
    let mut request = Client::new().request(method, url).body("{}");
    if let Some(token) = token {
        request = request.header("dapr-api-token", token);
    }
    request.send().await.unwrap()
}

#[test]
fn nobody_calls_back_without_the_app_token() {
    run(async { app_token(shared().await).await });
}

/// No app of a stack takes a callback without its token.
pub async fn app_token(stack: &Stack) {
    for (app, method, path) in [
        ("backend-1", Method::PUT, "/actors/User/ann/method/list"),
        ("backend-1", Method::PUT, "/actors/User/ann/method/add"),
        (
            "backend-1",
            Method::PUT,
            "/actors/User/ann/method/remind/due",
        ),
        (
            "backend-1",
            Method::PUT,
            "/actors/Reconciler/main/method/remind/sweep",
        ),
        ("backend-1", Method::DELETE, "/actors/User/ann"),
        ("backend-1", Method::GET, "/dapr/config"),
        ("projector", Method::GET, "/dapr/subscribe"),
        ("projector", Method::POST, "/events/task-events"),
        ("projector", Method::POST, "/events/conversation-events"),
    ] {
        let access = stack.dapr_of(app).unwrap();
        // The token for the other direction does not count
        for token in [None, Some("wrong"), Some(access.api_token.as_str())] {
            let answer = call(access.app_port, method.clone(), path, token).await;
            problem(&format!("{app} {method} {path}"), answer, 401).await;
        }
    }
    // Nor are these routes on the public address
    let public = format!("{}/actors/User/ann/method/list", stack.base_url(1));
    let answer = Client::new().put(public).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[test]
fn callbacks_and_sidecars_cannot_be_reached_from_elsewhere() {
    run(async {
        let stack = shared().await;
        for app in ["backend-1", "projector"] {
            let access = stack.dapr_of(app).unwrap();
            for port in [access.app_port, access.http_port, access.grpc_port] {
                let loopback = BTreeSet::from([Ipv4Addr::LOCALHOST.to_string()]);
                assert_eq!(listens_on(port), loopback, "{app} {port}");
            }
        }
    });
}

#[test]
fn the_sidecar_is_told_how_actors_come_and_go() {
    run(async {
        let config = config(shared().await).await;
        assert_eq!(
            config["entities"],
            json!(["User", "Conversation", "Reconciler"])
        );
        assert_eq!(config["drainOngoingCallTimeout"], "500ms");
        assert_eq!(config["drainRebalancedActors"], false);
        assert_eq!(config["actorIdleTimeout"], "600000ms");
    });
}

async fn config(stack: &Stack) -> Value {
    let access = stack.dapr(1).unwrap();
    let url = format!("http://127.0.0.1:{}/dapr/config", access.app_port);
    let request = Client::new().get(url);
    let request = request.header("dapr-api-token", access.app_token);
    request.send().await.unwrap().json().await.unwrap()
}

/// The addresses on which somebody listens on a port, as the kernel has them.
pub fn listens_on(port: u16) -> BTreeSet<String> {
    const LISTEN: &str = "0A";
    let port = format!("{port:04X}");
    let mut found = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // Without IPv6 there is no second table.
        let sockets = std::fs::read_to_string(table).unwrap_or_default();
        for socket in sockets.lines().skip(1) {
            let fields: Vec<&str> = socket.split_whitespace().collect();
            let (address, on) = fields[1].split_once(':').unwrap();
            if on == port && fields[3] == LISTEN {
                // Java listens on IPv4 through IPv6.
                let v4 = address.trim_start_matches("0000000000000000FFFF0000");
                let address = match u32::from_str_radix(v4, 16) {
                    Ok(v4) => Ipv4Addr::from(v4.to_le_bytes()).to_string(),
                    Err(_) => format!("IPv6 {address}"),
                };
                found.insert(address);
            }
        }
    }
    found
}
