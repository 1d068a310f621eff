//! How long a call keeps trying while its actor cannot be reached.

use std::{sync::Arc, time::Duration};

use todo_actors::{
    client::ActorClient,
    message::{CallError, Request},
    sidecar::Sidecar,
    testkit::{MemorySidecar, VirtualClock},
    user::ListTasks,
};
use tokio::{sync::watch, time::Instant};

use crate::{read, titled, world};

/// A call that nobody answers: how long it takes to fail.
async fn tries_for(client: &ActorClient) -> Duration {
    let start = Instant::now();
    let reply = client
        .send("ann", Request::read(ListTasks::default()))
        .await;
    match reply {
        Err(CallError::Failed(failure)) => assert!(failure.retryable, "{failure}"),
        other => panic!("{other:?}"),
    }
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_call_gives_up_soon_in_a_process_that_is_about_to_end() {
    // Given a sidecar that reaches no actor, and calls that are patient with it
    let clock = VirtualClock::at("2026-11-23T10:00:00Z".parse().unwrap());
    let (end, ending) = watch::channel(false);
    let client = ActorClient::new(MemorySidecar::new(clock)).with_ending(ending);
    let patient = tries_for(&client).await;
    assert!(patient > Duration::from_secs(10), "{patient:?}");
    // When the process is told to end while a call is trying
    let client = Arc::new(client);
    let trying = tokio::spawn({
        let client = Arc::clone(&client);
        async move { tries_for(&client).await }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    end.send_replace(true);
    // Then that call gives up with its next failure, and later ones almost at once
    let trying = trying.await.unwrap();
    assert!(trying < Duration::from_secs(4), "{trying:?}");
    let late = tries_for(&client).await;
    assert!(late < Duration::from_millis(400), "{late:?}");
}

#[tokio::test]
async fn a_reply_that_is_cut_short_is_asked_for_again() {
    // Given a host that dies while it answers
    let world = world();
    let client = ActorClient::new(Arc::clone(&world.sidecar) as Arc<dyn Sidecar>);
    world.sidecar.cut_next_reply();
    // When a task is added
    let add = Request::command("k", titled("milk"));
    let task = client.send("ann", add).await.unwrap();
    // Then the call brings its reply all the same, and the task is there once
    assert_eq!(task.title, "milk");
    let list = read(&world, "ann", ListTasks::default()).await.unwrap();
    assert_eq!(list.total, 1);
}
