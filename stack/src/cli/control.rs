//! How one `cargo stack` talks to another: a line of JSON each way, over a Unix
//! socket beside the data.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use todo_stack::{KafkaAccess, Stack};

/// What the running stack can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Whether it is there.
    Ping,
    /// What runs and where.
    Status,
    /// Addresses as shell lines.
    Env,
    /// A token.
    Token { user: String },
    /// Another number of replicas.
    Scale { replicas: usize },
    /// A signal to one server.
    Kill { name: String, signal: String },
    /// One server, again.
    Start { name: String },
    /// The end.
    Down,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Lines(Vec<String>),
    Error(String),
}

fn socket() -> PathBuf {
    super::data_dir().join("control.sock")
}

/// Asks the running stack, and returns the lines it answers.
pub async fn ask(request: &Request) -> Result<Vec<String>> {
    let Ok(mut stream) = UnixStream::connect(socket()).await else {
        bail!("no stack is running: start one with `cargo stack up`");
    };
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes()).await?;
    let answer = BufReader::new(stream)
        .lines()
        .next_line()
        .await?
        .context("the stack ended before it answered")?;
    match serde_json::from_str(&answer)? {
        Answer::Lines(lines) => Ok(lines),
        Answer::Error(error) => bail!(error),
    }
}

/// Tells the command that runs the stack to end; whoever asked gets word when
/// the other end of the channel inside is dropped.
pub type Down = mpsc::Sender<()>;

/// Answers requests until it is dropped.
pub struct Control {
    listener: UnixListener,
}

impl Control {
    /// Opens the socket. The caller makes sure that no other stack uses it.
    pub fn open() -> Result<Self> {
        let path = socket();
        // Left behind by a stack that was killed.
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)
            .with_context(|| format!("the control socket {} cannot be made", path.display()))?;
        Ok(Self { listener })
    }

    /// Answers one caller after the other, all at the same time.
    pub async fn serve(&self, stack: &Stack, down: &mpsc::Sender<Down>) {
        loop {
            if let Ok((stream, _)) = self.listener.accept().await {
                let (stack, down) = (stack.clone(), down.clone());
                tokio::spawn(async move {
                    // A caller that goes away in the middle concerns nobody else.
                    let _ = answer(stream, &stack, &down).await;
                });
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(socket());
    }
}

async fn answer(stream: UnixStream, stack: &Stack, down: &mpsc::Sender<Down>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let Some(line) = BufReader::new(read).lines().next_line().await? else {
        return Ok(());
    };
    let outcome = match serde_json::from_str(&line) {
        Ok(request) => act(request, stack, down).await,
        Err(error) => Err(error.into()),
    };
    let answer = match outcome {
        Ok(lines) => Answer::Lines(lines),
        Err(error) => Answer::Error(format!("{error:#}")),
    };
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    write.write_all(line.as_bytes()).await?;
    Ok(())
}

async fn act(request: Request, stack: &Stack, down: &mpsc::Sender<Down>) -> Result<Vec<String>> {
    match request {
        Request::Ping => Ok(Vec::new()),
        Request::Status => Ok(status(stack)),
        Request::Env => env(stack),
        Request::Token { user } => Ok(vec![stack.token(&user)]),
        Request::Scale { replicas } => {
            stack.scale(replicas).await?;
            Ok(vec![addresses(stack)])
        }
        Request::Kill { name, signal } => {
            let signal = signal.parse().map_err(anyhow::Error::msg)?;
            stack.kill(&name, signal).await?;
            Ok(vec![format!("{name} was sent SIG{}", signal.name())])
        }
        Request::Start { name } => {
            stack.start_server(&name).await?;
            Ok(vec![format!("{name} is ready")])
        }
        Request::Down => {
            let (stopped, mut wait) = mpsc::channel(1);
            down.send(stopped).await?;
            // Ends when the other side has stopped everything and drops it.
            wait.recv().await;
            Ok(Vec::new())
        }
    }
}

fn status(stack: &Stack) -> Vec<String> {
    let mut lines: Vec<String> = stack
        .names()
        .iter()
        .map(|name| {
            let state = match stack.pid(name) {
                Some(pid) => format!("runs, process {pid}"),
                None => "does not run".to_owned(),
            };
            format!("{name:<17} {state}")
        })
        .collect();
    lines.push(addresses(stack));
    lines.extend(stack.page_url().map(|page| format!("The page is {page}")));
    lines
}

/// "The backend answers on …" with every replica.
pub fn addresses(stack: &Stack) -> String {
    let replicas = stack.replicas();
    let others: Vec<String> = replicas.iter().map(|n| stack.base_url(*n)).collect();
    match others.as_slice() {
        [] => "No backend runs.".to_owned(),
        [only] => format!("The backend answers on {only}"),
        [first, ..] => format!(
            "The backend answers on {first} ({} replicas: {})",
            others.len(),
            others.join(", ")
        ),
    }
}

fn env(stack: &Stack) -> Result<Vec<String>> {
    let first = stack.replicas().into_iter().min().unwrap_or(1);
    let dapr = stack.dapr(first)?;
    let issuer = stack.issuer();
    let mut pairs = vec![
        ("BASE_URL", stack.base_url(first)),
        ("DATABASE_URL", stack.database_url().to_owned()),
        ("KAFKA_BROKERS", stack.kafka_brokers().to_owned()),
        ("DAPR_HTTP_PORT", dapr.http_port.to_string()),
        ("DAPR_GRPC_PORT", dapr.grpc_port.to_string()),
        ("DAPR_API_TOKEN", dapr.api_token),
        ("JWT_JWKS_URL", issuer.jwks_url()),
        ("JWT_ISSUER", issuer.issuer().to_owned()),
        ("JWT_AUDIENCE", issuer.audience().to_owned()),
    ];
    pairs.extend(stack.kafka_access().into_iter().flat_map(KafkaAccess::env));
    // None of the values can hold a quote.
    Ok(pairs
        .iter()
        .map(|(name, value)| format!("export {name}='{value}'"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_the_wire() {
        let requests = [
            Request::Scale { replicas: 3 },
            Request::Kill {
                name: "kafka".to_owned(),
                signal: "STOP".to_owned(),
            },
            Request::Down,
        ];
        for request in requests {
            let line = serde_json::to_string(&request).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
        }
    }
}
