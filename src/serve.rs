//! The role that hosts actors and answers people.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use axum::serve::{ListenerExt, TapIo};
use sqlx::PgPool;
use todo_actors::{
    client::ActorClient,
    clock::SystemClock,
    fence,
    host::{Host, HostOptions},
    sidecar::{DaprSidecar, Sidecar},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::{Instant, sleep},
};

use crate::{
    assistant::{
        Assistant, cohere::Cohere, fallback::ModelFirst, offline::Offline, planner::Planner,
    },
    config::Config,
    erasure::Eraser,
    http::{
        self, Edge, Gate,
        auth::Authenticator,
        erase::Confirmations,
        health::{Health, SidecarHealth, SidecarProbe},
        limits::Limits as RequestLimits,
        push::Push,
    },
    metrics,
    push::Vapid,
    secrets::{self, Secrets},
    shutdown::{Lifecycle, signalled},
    tables::{self, Limits},
};

/// Connections to the database. Actors keep their state through the sidecar; this is for lists
/// and for the reconciler.
const CONNECTIONS: u32 = 8;
/// How long the database may take to come up.
const FENCE_WITHIN: Duration = Duration::from_secs(60);
/// Between looks at a sidecar that comes up, or at actors that go.
const LOOK: Duration = Duration::from_millis(100);
/// After this long without a call of the sidecar our actors live elsewhere.
const QUIET: Duration = Duration::from_secs(5);
/// How long open connections get to end once nothing is under way on them.
const LAST_CALL: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT.
///
/// Order matters: the public port opens first, so that probes get answers; the callback port
/// opens last, because the sidecar asks it once what it hosts, and no actor may write before
/// the database fence stands.
///
/// # Errors
/// A port is taken, a secret cannot be read, the fence cannot be installed.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let life = Lifecycle::default();
    let probe = Arc::new(SidecarProbe::new(&config.dapr)?);
    let health = Health {
        life: life.clone(),
        probe: Arc::clone(&probe),
    };
    let gate = Gate::default();
    let close = Arc::new(Notify::new());

    metrics::serve(config.metrics_addr).await?;
    let listener = listen(config.api_addr, "API_ADDR").await?;
    tracing::info!(address = %config.api_addr, "the public API listens");
    let public = http::public(health.clone(), gate.clone())
        .into_make_service_with_connect_info::<SocketAddr>();
    let public = axum::serve(listener, public).with_graceful_shutdown(closed(&close));
    let public = tokio::spawn(public.into_future());

    let mut signal = std::pin::pin!(signalled());
    let opened = tokio::select! {
        opened = open(&config, &life) => opened?,
        signal = &mut signal => return Ok(signal?),
    };
    let Opened {
        host,
        edge,
        sidecar,
    } = opened;

    let listener = listen(config.app_addr, "APP_PORT").await?;
    tracing::info!(address = %config.app_addr, "callbacks are open");
    let api = http::api(Arc::clone(&edge));
    let live = edge.live.router(&config.app_api_token);
    let callbacks = http::callbacks(health.clone(), host.router(), live, api.clone());
    let callbacks = axum::serve(listener, callbacks).with_graceful_shutdown(closed(&close));
    let callbacks = tokio::spawn(callbacks.into_future());
    gate.open(api);

    let background = tokio::spawn({
        let (host, edge, health) = (Arc::clone(&host), Arc::clone(&edge), health.clone());
        async move {
            tokio::join!(
                become_ready(&health),
                host.keep_reconciler(),
                edge.limits.keep_small(),
                edge.live.keep_probing(sidecar.as_ref()),
                edge.eraser.keep_finishing()
            )
        }
    });
    signal.await?;

    life.stop();
    // Pages come back at once, to a replica that stays.
    edge.live.close();
    let ended = async {
        tokio::select! {
            () = actors_gone(&host) => {}
            () = sidecar_gone(&probe) => {}
            // A sidecar that has found us unhealthy moves our actors without telling us.
            () = life.quiet(QUIET) => {}
        }
        life.idle().await;
    };
    if tokio::time::timeout(config.shutdown_limit, ended)
        .await
        .is_err()
    {
        let (busy, actors) = (life.busy_count(), host.live_actors());
        tracing::warn!(busy, actors, "stopping although not everything has ended");
    }
    background.abort();
    close.notify_waiters();
    let ended = async { tokio::join!(public, callbacks) };
    // Idle connections that clients keep open are nothing to wait for.
    let _ = tokio::time::timeout(LAST_CALL, ended).await;
    tracing::info!("stopped");
    Ok(())
}

/// Runs another role, which ends when its [`Lifecycle`] stops, beside a port that says how it
/// is: `/healthz`, and `/readyz` once its sidecar is healthy, which it is only when the role's
/// own port is open.
///
/// # Errors
/// The port is taken, or the role's own error.
pub async fn beside_health<R>(
    config: &Config,
    role: impl FnOnce(Lifecycle) -> R,
) -> anyhow::Result<()>
where
    R: Future<Output = anyhow::Result<()>>,
{
    let life = Lifecycle::default();
    life.set_ready();
    let probe = Arc::new(SidecarProbe::new(&config.dapr)?);
    let health = Health {
        life: life.clone(),
        probe,
    };
    metrics::serve(config.metrics_addr).await?;
    let listener = listen(config.api_addr, "API_ADDR").await?;
    let port = tokio::spawn(axum::serve(listener, http::health_only(health)).into_future());
    let mut role = std::pin::pin!(role(life.clone()));
    let outcome = tokio::select! {
        outcome = &mut role => outcome,
        signal = signalled() => {
            signal?;
            life.stop();
            role.await
        }
    };
    port.abort();
    outcome
}

struct Opened {
    host: Arc<Host>,
    edge: Arc<Edge>,
    sidecar: Arc<dyn Sidecar>,
}

/// Everything that must stand before the callback port opens.
async fn open(config: &Config, life: &Lifecycle) -> anyhow::Result<Opened> {
    let jwt = config.require_jwt()?;
    let token = config.dapr.api_token.as_deref();
    let sidecar: Arc<dyn Sidecar> = Arc::new(
        DaprSidecar::connect(&config.dapr.grpc_endpoint, token)
            .context("The sidecar cannot be used.")?,
    );
    let secrets = secrets::read(sidecar.as_ref(), &config.secret_store).await?;
    let pool = tables::pool(&secrets.database_url, CONNECTIONS, Limits::SHORT)?;
    fenced(&pool).await?;
    let mut options = HostOptions::new(&config.app_api_token);
    options.idle_timeout = config.actor_idle;
    let clock = Arc::new(SystemClock);
    let host = Host::new(Arc::clone(&sidecar), clock, Some(pool.clone()), options);
    let actors = ActorClient::new(Arc::clone(&sidecar)).with_ending(life.ending());
    let key = secrets.vapid_private_key.as_deref();
    let push = Push {
        vapid: key
            .map(|key| Vapid::new(key, &config.vapid_subject))
            .transpose()?,
        services: config.push_services.clone(),
    };
    let edge = Arc::new(Edge {
        auth: Authenticator::new(jwt, secrets.better_auth_secret.as_deref())?,
        limits: RequestLimits::new(&config.rates),
        assistant: Arc::new(Assistant::new(
            actors.clone(),
            planner(config, &secrets)?,
            config.turn_lease,
            life.clone(),
        )),
        push,
        mcp_hosts: config.mcp_hosts.clone(),
        live: Arc::default(),
        eraser: Eraser::new(actors.clone(), pool.clone(), config.turn_lease),
        // The one secret that every replica is sure to have.
        confirmations: Confirmations::new(&secrets.database_url),
        life: life.clone(),
        actors,
        pool,
    });
    Ok(Opened {
        host,
        edge,
        sidecar,
    })
}

/// A model where there is a key for one.
fn planner(config: &Config, secrets: &Secrets) -> anyhow::Result<Arc<dyn Planner>> {
    let Some(key) = &secrets.cohere_api_key else {
        tracing::info!("no COHERE_API_KEY: the assistant plans offline");
        return Ok(Arc::new(Offline));
    };
    let model = Cohere::new(&config.cohere, key)?;
    tracing::info!(
        model = config.cohere.model,
        "the assistant plans with Cohere"
    );
    Ok(Arc::new(ModelFirst::new(model)))
}

/// Puts the fence up; the database may still be starting, or another replica be busy with it.
async fn fenced(pool: &PgPool) -> anyhow::Result<()> {
    let deadline = Instant::now() + FENCE_WITHIN;
    let mut told = false;
    loop {
        match fence::install(pool).await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= deadline => {
                return Err(error).context("The journal fence cannot be installed");
            }
            Err(error) if !told => {
                tracing::info!(%error, "waiting for the database to take the journal fence");
                told = true;
            }
            Err(_) => {}
        }
        sleep(LOOK).await;
    }
}

/// Opens a port whose connections [send at once](send_at_once).
async fn listen(
    address: SocketAddr,
    variable: &str,
) -> anyhow::Result<TapIo<TcpListener, fn(&mut TcpStream)>> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("Cannot listen on {address} ({variable})"))?;
    Ok(listener.tap_io(send_at_once as fn(&mut TcpStream)))
}

/// The next word of a streamed answer would otherwise wait until the one before it is
/// acknowledged, which whoever reads may put off for 40 ms.
fn send_at_once(connection: &mut TcpStream) {
    if let Err(error) = connection.set_nodelay(true) {
        tracing::debug!(%error, "a connection gathers what it sends");
    }
}

fn closed(close: &Arc<Notify>) -> impl Future<Output = ()> + Send + 'static {
    Arc::clone(close).notified_owned()
}

async fn become_ready(health: &Health) {
    while health.probe.check().await != SidecarHealth::Healthy {
        sleep(LOOK).await;
    }
    health.life.set_ready();
    tracing::info!("ready");
}

/// The sidecar has moved all our actors away.
async fn actors_gone(host: &Host) {
    while host.live_actors() > 0 {
        sleep(LOOK).await;
    }
}

/// There is no sidecar any more: nobody will deactivate what is still here, and nobody calls it.
async fn sidecar_gone(probe: &SidecarProbe) {
    while probe.check().await != SidecarHealth::Gone {
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use axum::serve::Listener;

    use super::*;

    #[tokio::test]
    async fn an_accepted_connection_sends_at_once() {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut listener = listen(any_port, "API_ADDR").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_caller, (connection, _)) =
            tokio::join!(TcpStream::connect(address), listener.accept());
        assert!(connection.nodelay().unwrap());
    }
}
