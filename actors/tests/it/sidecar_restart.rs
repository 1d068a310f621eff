//! A sidecar dies and comes back beside an app that lived on.

use axum::{
    body::Body,
    http::{Request as HttpRequest, StatusCode},
};
use todo_actors::{
    host::Answer,
    message::Request,
    user::{self, ListTasks},
};
use tower::ServiceExt;

use crate::{add, read, titled, world};

#[tokio::test]
async fn what_was_active_before_a_sidecar_began_is_read_anew() {
    // Given somebody who is active here, and whose sidecar dies
    let world = world();
    add(&world, "ann", "milk").await;
    // And who adds something where they live meanwhile
    let elsewhere = world.second_host();
    let bread = Request::command("k", titled("bread"));
    let body = serde_json::to_vec(&bread).unwrap();
    let added = elsewhere.call(user::TYPE, "ann", "add", body.into()).await;
    assert!(matches!(added, Answer::Json(..)), "{added:?}");
    // When a sidecar begins here and asks what actors there are
    let asks = HttpRequest::get("/dapr/config").header("dapr-api-token", "token");
    let asks = asks.body(Body::empty()).unwrap();
    let told = world.host.router().oneshot(asks).await.unwrap();
    assert_eq!(told.status(), StatusCode::OK);
    // Then what they added is known here too
    let list = read(&world, "ann", ListTasks::default()).await.unwrap();
    assert_eq!(list.total, 2);
}
