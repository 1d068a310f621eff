//! A consumer ends when it is told to, whatever it waits for.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use todo_stack::Signal;

use crate::world::{options, own, run, until};

/// Kubernetes would be patient for longer; a roll-out is not.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

#[test]
fn a_projector_at_work_ends_when_told_to() {
    run(async {
        let stack = own(options()).await;
        let told = Instant::now();
        stack.kill("projector", Signal::Term).await.unwrap();
        until("the projector's end", ENDS_WITHIN, || async {
            (!stack.is_running("projector")).then_some(())
        })
        .await;
        println!(
            "measured: the projector's end: {} ms",
            told.elapsed().as_millis()
        );
        stack.shutdown().await.unwrap();
    });
}

#[test]
fn a_projector_that_waits_for_its_secrets_ends_when_told_to() {
    run(async {
        // Given a projector whose sidecar does not run
        let health = free_port();
        let mut projector = Command::new(env!("CARGO_BIN_EXE_todo-backend"))
            .arg("project")
            .env("API_ADDR", format!("127.0.0.1:{health}"))
            .env("APP_PORT", free_port().to_string())
            .env("DAPR_GRPC_PORT", free_port().to_string())
            .env("DAPR_HTTP_PORT", free_port().to_string())
            .env("APP_API_TOKEN", "token")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("its health port", Duration::from_secs(20), || async {
            let url = format!("http://127.0.0.1:{health}/healthz");
            let answer = reqwest::get(url).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        // When it is told to end
        let told = Instant::now();
        let kill = Command::new("kill")
            .args(["-TERM", &projector.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        // Then it does, in good order
        while projector.try_wait().unwrap().is_none() && told.elapsed() < ENDS_WITHIN {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let ended = projector.try_wait().unwrap();
        if ended.is_none() {
            projector.kill().unwrap();
        }
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    });
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
