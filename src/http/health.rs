//! Whether the process lives, and whether it can serve.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use tokio::{sync::Mutex, time::Instant};

use super::problem::{Kind, Problem};
use crate::{config::DaprConfig, metrics::METRICS, shutdown::Lifecycle};

/// How long an answer of the sidecar is good for: probes and balancers ask often.
const KEEP: Duration = Duration::from_secs(1);
/// Longest the sidecar may take to answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// What the sidecar said when it was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidecarHealth {
    /// It can do everything.
    Healthy,
    /// It answers, but cannot do everything.
    Unhealthy,
    /// Nobody answers.
    Gone,
}

/// Asks the sidecar how it is.
pub struct SidecarProbe {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
    last: Mutex<Option<(Instant, SidecarHealth)>>,
}

impl SidecarProbe {
    /// A probe of the sidecar of `config`.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(config: &DaprConfig) -> anyhow::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().timeout(TIMEOUT).build()?,
            url: format!("{}/v1.0/healthz", config.http_endpoint),
            token: config.api_token.clone(),
            last: Mutex::default(),
        })
    }

    /// How it is, at most a second ago.
    pub async fn check(&self) -> SidecarHealth {
        let mut last = self.last.lock().await;
        if let Some((at, health)) = *last
            && at.elapsed() < KEEP
        {
            return health;
        }
        let mut request = self.http.get(&self.url);
        if let Some(token) = &self.token {
            request = request.header("dapr-api-token", token);
        }
        let health = match request.send().await {
            Ok(response) if response.status().is_success() => SidecarHealth::Healthy,
            Ok(_) => SidecarHealth::Unhealthy,
            Err(error) if error.is_connect() => SidecarHealth::Gone,
            Err(_) => SidecarHealth::Unhealthy,
        };
        let up = health == SidecarHealth::Healthy;
        METRICS.sidecar_up.set(up.into());
        *last = Some((Instant::now(), health));
        health
    }
}

/// What health answers depend on.
#[derive(Clone)]
pub struct Health {
    /// Where the process is in its life.
    pub life: Lifecycle,
    /// How the sidecar is.
    pub probe: Arc<SidecarProbe>,
}

/// The process lives; true as long as it answers at all.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()),
    responses((status = 200, description = "The process lives")))]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The process can serve: everything is open, the sidecar is healthy, no end is near.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, description = "It can serve"), super::problem::Problems))]
pub async fn ready(State(health): State<Health>) -> Result<&'static str, Problem> {
    let not = |why: &str| Err(Problem::new(Kind::Unavailable, why).retry_after(1));
    if health.life.is_stopping() {
        not("Shutting down.")
    } else if !health.life.is_ready() {
        not("Starting.")
    } else if health.probe.check().await != SidecarHealth::Healthy {
        not("The sidecar is not healthy.")
    } else {
        Ok("ok\n")
    }
}

/// What the sidecar hears when it asks us: an end that is near makes it move our actors away.
pub async fn app(State(health): State<Health>) -> impl IntoResponse {
    if health.life.is_stopping() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readiness_follows_the_process_and_its_sidecar() {
        let config = DaprConfig {
            grpc_endpoint: String::new(),
            http_endpoint: "http://127.0.0.1:1".to_owned(),
            api_token: None,
        };
        let probe = Arc::new(SidecarProbe::new(&config).unwrap());
        let health = Health {
            life: Lifecycle::default(),
            probe,
        };
        let status = || async {
            ready(State(health.clone()))
                .await
                .map_err(|p| p.status().as_u16())
        };
        assert_eq!(status().await, Err(503));
        health.life.set_ready();
        assert_eq!(health.probe.check().await, SidecarHealth::Gone);
        assert_eq!(status().await, Err(503));
        *health.probe.last.lock().await = Some((Instant::now(), SidecarHealth::Healthy));
        assert_eq!(status().await, Ok("ok\n"));
        health.life.stop();
        assert_eq!(status().await, Err(503));
        assert_eq!(app(State(health)).await.into_response().status(), 503);
    }
}
