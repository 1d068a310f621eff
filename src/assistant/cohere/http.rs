//! The way to the model: one request, tried again where that can help, within limits of time
//! and size.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{
    Client, Response, StatusCode,
    header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use serde_json::Value;
use sse_stream::SseByteStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::answer::{Answer, Collector};
use crate::config::CohereConfig;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a request is repeated.
const RETRIES: u32 = 2;
/// Before the first repetition, when the model does not say; doubles.
const BACKOFF: Duration = Duration::from_millis(400);
/// The most bytes of one answer. Streamed, each piece of a word comes in an event of its own.
const LARGEST_ANSWER: usize = 2 << 20;

/// Asks the model.
pub struct Http {
    client: Client,
    url: String,
    key: HeaderValue,
    idle: Duration,
}

/// Why there is no answer; for operators, without anything that was said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Trouble {
    what: String,
    /// Whether the same request may succeed a moment later.
    pub passing: bool,
    /// What the model says of that moment.
    retry_after: Option<Duration>,
}

impl Trouble {
    /// The same request would fail again.
    pub fn lasting(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            passing: false,
            retry_after: None,
        }
    }

    /// The same request may succeed.
    pub fn passing(what: impl Into<String>) -> Self {
        Self {
            passing: true,
            ..Self::lasting(what)
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("the connection to the model broke")]
    Broken,
    #[error("the model's answer was too large")]
    TooLarge,
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Broken => Self::passing(error.to_string()),
            ReadError::TooLarge => Self::lasting(error.to_string()),
        }
    }
}

impl Http {
    /// # Errors
    /// The key cannot stand in a header.
    pub fn new(config: &CohereConfig, key: &str) -> anyhow::Result<Self> {
        let mut key = HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|_| {
            anyhow::anyhow!("COHERE_API_KEY has characters that no key has: enter it again.")
        })?;
        key.set_sensitive(true);
        let client = Client::builder()
            .connect_timeout(CONNECT)
            // The key goes nowhere but where it was told to go.
            .redirect(Policy::none())
            .build()?;
        Ok(Self {
            client,
            url: format!("{}/v2/chat", config.base_url),
            key,
            idle: config.idle,
        })
    }

    /// Sends `body` and hands the text of a streamed answer to `speak` as it comes.
    ///
    /// # Errors
    /// No complete answer by `until`. What was spoken is not asked for again.
    pub async fn ask(
        &self,
        body: &Value,
        until: Instant,
        speak: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Answer, Trouble> {
        let mut tries = 0;
        loop {
            let mut spoke = false;
            let mut speak = |text: &str| {
                spoke = true;
                speak(text);
            };
            let answer = timeout_at(until, self.once(body, &mut speak)).await;
            let trouble = match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(trouble)) => trouble,
                Err(_) => return Err(Trouble::lasting("the model took too long")),
            };
            let wait = trouble.retry_after.unwrap_or(BACKOFF * 2_u32.pow(tries));
            let left = until.saturating_duration_since(Instant::now());
            if spoke || !trouble.passing || tries == RETRIES || wait >= left {
                return Err(trouble);
            }
            tracing::info!(error = %trouble, wait_ms = wait.as_millis(), "asking the model again");
            sleep(wait).await;
            tries += 1;
        }
    }

    async fn once(
        &self,
        body: &Value,
        speak: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Answer, Trouble> {
        let request = self.client.post(&self.url);
        let sent = request
            .header(AUTHORIZATION, self.key.clone())
            .json(body)
            .send();
        let streams = body.get("stream") == Some(&Value::Bool(true));
        // An answer that comes at once may be long in the making.
        let response = if streams {
            self.in_time(sent).await?
        } else {
            sent.await
        };
        let response = response.map_err(|error| unsent(&error))?;
        if !response.status().is_success() {
            return Err(refused(response.status(), response.headers()));
        }
        if streams {
            self.events(response, speak).await
        } else {
            whole(response).await
        }
    }

    async fn events(
        &self,
        response: Response,
        speak: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Answer, Trouble> {
        let mut events = std::pin::pin!(SseByteStream::new(limited(response)));
        let mut collector = Collector::default();
        while let Some(event) = self.in_time(events.next()).await? {
            let data = event.map_err(unreadable)?.data.unwrap_or_default();
            if data == "[DONE]" {
                break;
            }
            if data.is_empty() {
                continue;
            }
            if let Some(answer) = collector.take(&data, speak)? {
                return Ok(answer);
            }
        }
        Err(Trouble::passing("the model's answer has no end"))
    }

    /// Waits no longer than the model may be silent. A model that hangs is not asked again: the
    /// person would wait twice as long.
    async fn in_time<T>(&self, next: impl Future<Output = T>) -> Result<T, Trouble> {
        timeout(self.idle, next)
            .await
            .map_err(|_| Trouble::lasting("the model fell silent"))
    }
}

async fn whole(response: Response) -> Result<Answer, Trouble> {
    let mut body = Vec::new();
    let mut pieces = std::pin::pin!(limited(response));
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece?);
    }
    Collector::whole(&body)
}

/// The body, up to its largest size.
fn limited(response: Response) -> impl futures::Stream<Item = Result<bytes::Bytes, ReadError>> {
    let mut room = LARGEST_ANSWER;
    response.bytes_stream().map(move |piece| {
        let piece = piece.map_err(|_| ReadError::Broken)?;
        room = room.checked_sub(piece.len()).ok_or(ReadError::TooLarge)?;
        Ok(piece)
    })
}

fn unreadable(error: sse_stream::Error) -> Trouble {
    match error {
        sse_stream::Error::Body(error) => match error.downcast::<ReadError>() {
            Ok(error) => (*error).into(),
            Err(_) => Trouble::passing("the model's answer broke off"),
        },
        _ => Trouble::lasting("the model sent what is no text"),
    }
}

fn unsent(error: &reqwest::Error) -> Trouble {
    if error.is_connect() {
        Trouble::passing("the model cannot be reached")
    } else {
        Trouble::passing("the connection to the model broke")
    }
}

fn refused(status: StatusCode, headers: &HeaderMap) -> Trouble {
    let passing = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS
        );
    let what = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!("the model refuses the key ({status}): check COHERE_API_KEY")
        }
        StatusCode::NOT_FOUND => format!("there is no such model ({status}): check COHERE_MODEL"),
        _ => format!("the model answered {status}"),
    };
    Trouble {
        what,
        passing,
        retry_after: passing.then(|| retry_after(headers)).flatten(),
    }
}

/// When to come back: in seconds, or at a moment of the sender's clock, which is in `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = |text| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text);
    let wait = moment(value)
        .ok()?
        .duration_since(moment(text(DATE)?).ok()?);
    Some(wait.try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn retry_after_is_seconds_or_a_moment() {
        let seconds = |pairs: &[_]| retry_after(&headers(pairs)).map(|wait| wait.as_secs());
        let date = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
        let at = |value| seconds(&[("retry-after", value), date]);
        assert_eq!(at("7"), Some(7));
        assert_eq!(at("Wed, 21 Oct 2026 07:28:09 GMT"), Some(9));
        assert_eq!(at("Wed, 21 Oct 2026 07:27:00 GMT"), Some(0));
        assert_eq!(at("soon"), None);
        assert_eq!(seconds(&[date]), None);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let passing = |code| {
            let status = StatusCode::from_u16(code).unwrap();
            refused(status, &HeaderMap::new()).passing
        };
        for code in [408, 409, 429, 500, 501, 503, 504] {
            assert!(passing(code), "{code}");
        }
        for code in [302, 400, 401, 402, 403, 404, 422, 498, 499] {
            assert!(!passing(code), "{code}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_never_printed() {
        let config = CohereConfig::default();
        let error = Http::new(&config, "se\ncret").err().unwrap().to_string();
        assert!(error.starts_with("COHERE_API_KEY") && !error.contains("cret"));
        let http = Http::new(&config, "secret").unwrap();
        assert!(!format!("{:?}", http.key).contains("secret"));
    }
}
