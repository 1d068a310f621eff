//! When is a server ready? Conditions that are awaited, never guessed pauses.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::kafka::Broker;
use crate::process::Process;

const PACE: Duration = Duration::from_millis(40);
const ONE_TRY: Duration = Duration::from_secs(3);

/// What has to hold.
#[derive(Debug, Clone)]
pub(crate) enum Ready {
    /// This URL answers a GET with a 2xx.
    Http(String),
    /// PostgreSQL lets clients in on this port.
    Postgres(u16),
    /// Kafka answers a metadata request.
    Kafka(Broker),
}

impl Ready {
    async fn holds(&self) -> Result<(), String> {
        match self {
            Self::Http(url) => http(url).await,
            Self::Postgres(port) => postgres(*port).await.map_err(|error| error.to_string()),
            Self::Kafka(broker) => kafka(broker).await,
        }
    }
}

/// Why the wait ended without success.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// The process ended.
    Ended,
    /// The time is up; this is what the last try found.
    Late(String),
}

/// Waits until all conditions hold, the process ends, or the time is up.
pub(crate) async fn wait(
    process: &Process,
    conditions: &[Ready],
    within: Duration,
) -> Result<(), NotReady> {
    let until = Instant::now() + within;
    for condition in conditions {
        loop {
            if process.exited().is_some() {
                return Err(NotReady::Ended);
            }
            let found = match timeout(ONE_TRY, condition.holds()).await {
                Ok(Ok(())) => break,
                Ok(Err(found)) => found,
                Err(_) => "no answer".to_owned(),
            };
            if Instant::now() >= until {
                return Err(NotReady::Late(found));
            }
            sleep(PACE).await;
        }
    }
    Ok(())
}

async fn http(url: &str) -> Result<(), String> {
    // A client per try: a kept connection would belong to whichever runtime
    // made it.
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())?;
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|_| format!("{url} does not answer"))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body: String = answer
        .text()
        .await
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect();
    Err(format!("{url} answers {status} {body}"))
}

/// Begins a session as a client would. `R` asks for the password, so the door
/// is open; while it starts or stops, PostgreSQL answers `E`. A secured one does
/// too, but says that this is no way in.
async fn postgres(port: u16) -> Result<()> {
    const STARTUP: &[u8] = b"\0\0\0\x21\0\x03\0\0user\0todo\0database\0todo\0\0";
    const NO_WAY_IN: &[u8] = b"\0C28000\0";
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(STARTUP).await?;
    if stream.read_u8().await? == b'R' {
        return Ok(());
    }
    let mut error = Vec::new();
    stream.read_to_end(&mut error).await?;
    if error.windows(NO_WAY_IN.len()).any(|part| part == NO_WAY_IN) {
        return Ok(());
    }
    bail!("PostgreSQL is not letting clients in yet")
}

async fn kafka(broker: &Broker) -> Result<(), String> {
    // The client itself would try again at growing intervals.
    TcpStream::connect(&broker.address)
        .await
        .map_err(|_| format!("{} does not answer", broker.address))?;
    let client = broker.client().map_err(|error| error.to_string())?;
    let client = client.build().await.map_err(|error| error.to_string())?;
    client
        .list_topics()
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_startup_packet_has_its_own_length_in_front() {
        let body = b"\0\x03\0\0user\0todo\0database\0todo\0\0";
        assert_eq!(body.len() + 4, 0x21);
    }
}
