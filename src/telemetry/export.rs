//! The way of spans to an OpenTelemetry collector: OTLP over HTTP, from a thread of its own.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{Resource, resource::EnvResourceDetector, trace::SdkTracerProvider};
use tokio::runtime::Handle;

use crate::config::Env;

/// Longest a collector may take for one batch of spans.
const LIMIT: Duration = Duration::from_secs(5);

/// What takes spans in and sends them, if the environment names a collector. What it cannot send
/// it drops: nobody waits for a collector.
///
/// # Errors
/// The environment names none that can be used.
pub(super) fn provider(service: &'static str) -> anyhow::Result<Option<SdkTracerProvider>> {
    let env = Env(&|name| std::env::var(name).ok());
    if env.get("OTEL_EXPORTER_OTLP_ENDPOINT").is_none() {
        return Ok(None);
    }
    let client = reqwest::Client::builder().timeout(LIMIT).build()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Courier {
            client,
            runtime: Handle::try_current()?,
            refused: AtomicBool::new(false),
        })
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT, or another OTEL_EXPORTER_… variable, is wrong")?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource(service, env.get("OTEL_SERVICE_NAME")));
    Ok(Some(provider.build()))
}

fn resource(service: &'static str, named: Option<String>) -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name(service)
        .with_detector(Box::new(EnvResourceDetector::new()));
    match named {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// Sends by the process's runtime: the exporter's thread has none, and the client needs one.
#[derive(Debug)]
struct Courier {
    client: reqwest::Client,
    runtime: Handle,
    /// Whether the collector took nothing the last time.
    refused: AtomicBool,
}

#[async_trait]
impl HttpClient for Courier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sending = self.runtime.spawn(send(self.client.clone(), request));
        let answer = match sending.await {
            Ok(answer) => answer,
            Err(cut_short) => Err(cut_short.into()),
        };
        let refused = !matches!(&answer, Ok(answer) if answer.status().is_success());
        if refused != self.refused.swap(refused, Ordering::Relaxed) {
            if refused {
                tracing::warn!("the collector takes no spans; they are dropped");
            } else {
                tracing::info!("the collector takes spans again");
            }
        }
        answer
    }
}

async fn send(
    client: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let answer = client.execute(request.try_into()?).await?;
    let status = answer.status();
    Ok(Response::builder()
        .status(status)
        .body(answer.bytes().await?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(resource: &Resource) -> String {
        let name = resource.get(&opentelemetry::Key::from_static_str("service.name"));
        name.unwrap().to_string()
    }

    #[test]
    fn a_process_is_called_by_its_role_unless_it_is_told_another_name() {
        assert_eq!(name(&resource("projector", None)), "projector");
        let named = resource("projector", Some("todo-projector".to_owned()));
        assert_eq!(name(&named), "todo-projector");
    }

    #[tokio::test]
    async fn an_absent_collector_is_an_error_to_the_exporter_and_told_once() {
        let courier = Courier {
            client: reqwest::Client::new(),
            runtime: Handle::current(),
            refused: AtomicBool::new(false),
        };
        let request = Request::post("http://127.0.0.1:1/v1/traces");
        let request = request.body(Bytes::new()).unwrap();
        assert!(courier.send_bytes(request).await.is_err());
        assert!(courier.refused.load(Ordering::Relaxed));
    }
}
