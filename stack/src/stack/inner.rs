//! How a stack is put together: ports, folders, and each server with what it is told.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::{DaprAccess, FIRST_BACKEND, Inner, PLACEMENT, StackOptions};
use crate::app::{Kind, Pair};
use crate::dapr::{self, Needs, Sidecar};
use crate::fleet::Fleet;
use crate::issuer::Issuer;
use crate::kafka::{Broker, KafkaAccess};
use crate::model;
use crate::pki::ServerAuthority;
use crate::ports::{PortPlan, url};
use crate::process::Signal;
use crate::ready::Ready;
use crate::secrets::{self, Secrets};
use crate::sentry::{self, Proof, Sentry};
use crate::servers::Servers;
use crate::{access, frontend, kafka, nginx, postgres, space};

/// What a stack may come to have on the disk.
const NEEDED_MIB: u64 = 2048;

impl Inner {
    /// Everything up to the first process; blocks.
    pub(super) fn prepare(mut options: StackOptions) -> Result<Self> {
        let servers = Servers::get()?;
        let (dir, temporary) = make_dir(options.dir.as_deref())?;
        space::check(&dir, NEEDED_MIB, "a stack")?;
        let secrets = Secrets::in_dir(&dir)?;
        let mut plan = PortPlan::new(options.ports);
        let postgres_port = plan.block("postgres", 1)?;
        let kafka_port = plan.block("kafka", 2)?;
        let scheduler_port = plan.block("scheduler", 5)?;
        // A taken port is better found now than when half of it runs.
        for number in 1..=options.replicas {
            plan.block(&format!("backend-{number}"), Pair::PORTS)?;
        }
        for role in &options.roles {
            plan.block(role.name(), Pair::PORTS)?;
        }
        if options.page {
            plan.block(frontend::NAME, Pair::PORTS)?;
        }
        let fleet = Arc::new(Fleet::default());
        let model = if options.model {
            let port = plan.block(model::NAME, 1)?;
            let (spec, model) = model::spec(&dir, port)?;
            fleet.add(spec, vec![Ready::Http(model.health())]);
            let env = &mut options.backend_env;
            env.entry("COHERE_BASE_URL".to_owned())
                .or_insert_with(|| model.url().to_owned());
            let key = || model::KEY.to_owned();
            let secrets = &mut options.secrets;
            secrets
                .entry("COHERE_API_KEY".to_owned())
                .or_insert_with(key);
            Some(model)
        } else {
            None
        };
        if let Some(collector) = options.collector {
            let env = &mut options.backend_env;
            env.entry("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned())
                .or_insert_with(|| format!("http://{collector}"));
        }
        let issuer = Issuer::start(plan.block("issuer", 1)?)?;
        let (authority, sentry) = if options.secure {
            let port = plan.block(sentry::NAME, 2)?;
            (
                Some(ServerAuthority::in_dir(&dir)?),
                Some(Sentry::new(&dir, port)?),
            )
        } else {
            (None, None)
        };
        let authority = authority.as_ref();
        let database_url = postgres::url(&secrets.database_password, postgres_port, authority)?;
        let kafka_access = |authority: &ServerAuthority| {
            KafkaAccess::new(&dir, &secrets.kafka_password, &authority.file)
        };
        let broker = Broker {
            address: format!("127.0.0.1:{kafka_port}"),
            access: authority.map(kafka_access).transpose()?,
        };
        let page = options.page.then(frontend::build).transpose()?;
        if page.is_some() {
            let page = plan.block(frontend::NAME, Pair::PORTS)?;
            let sets = format!("{}/auth/jwks,{}", url(page), issuer.jwks_url());
            let env = &mut options.backend_env;
            env.entry("JWT_JWKS_URL".to_owned()).or_insert(sets);
        }
        if options.ingress {
            let page = plan.block(frontend::NAME, Pair::PORTS)?;
            let port = plan.block(nginx::NAME, 1)?;
            let backends: Vec<u16> = (1..=options.replicas)
                .map(|number| plan.block(&format!("backend-{number}"), Pair::PORTS))
                .collect::<Result<_>>()?;
            let spec = nginx::spec(&dir, port, page, &backends)?;
            let url = url(port);
            fleet.add(spec, vec![Ready::Http(format!("{url}/healthz"))]);
            let env = &mut options.page_env;
            env.entry("TRUSTED_ORIGINS".to_owned()).or_insert(url);
        }
        let mut held = BTreeMap::from([
            ("DATABASE_URL".to_owned(), database_url.clone()),
            (
                "BETTER_AUTH_SECRET".to_owned(),
                secrets.better_auth_secret.clone(),
            ),
            (
                "VAPID_PRIVATE_KEY".to_owned(),
                secrets.vapid_private_key.clone(),
            ),
            ("COHERE_API_KEY".to_owned(), String::new()),
        ]);
        held.extend(options.secrets.clone());
        dapr::write_secrets(&dir, &held, broker.access.as_ref())?;

        let mut database = postgres::spec(
            &servers,
            &dir,
            postgres_port,
            &secrets.database_password,
            options.durable,
            authority,
        )?;
        if options.replicating {
            database = postgres::replicating(database)?;
        }
        fleet.add(database, vec![Ready::Postgres(postgres_port)]);
        let ports = (kafka_port, kafka_port + 1);
        fleet.add(
            kafka::spec(&servers, &dir, ports, &broker, authority)?,
            vec![Ready::Kafka(broker.clone())],
        );
        let scheme = if options.secure { "https" } else { "http" };
        let mut scheduler = dapr::scheduler(&servers, &dir, scheduler_port, scheme)?;
        if let Some(sentry) = &sentry {
            fleet.add(sentry.spec(&servers), vec![Ready::Http(sentry.health())]);
            scheduler = sentry.guard(scheduler, "dapr-scheduler")?;
        }
        if options.durable {
            // A killed scheduler leaves a lease behind, and the next one on the
            // same data waits 20 s for it to run out. One that is told to stop
            // gives it back.
            scheduler.abandon = Signal::Term;
        }
        fleet.add(
            scheduler,
            vec![Ready::Http(dapr::control_plane_health(scheduler_port))],
        );
        let inner = Self {
            options,
            servers,
            dir,
            issuer,
            database_url,
            broker,
            sentry,
            model,
            page,
            fleet,
            plan: Mutex::new(plan),
            pairs: Mutex::new(Vec::new()),
            scaling: tokio::sync::Mutex::new(()),
            temporary,
        };
        inner.add_placement(PLACEMENT)?;
        Ok(inner)
    }

    pub(super) fn pairs(&self) -> MutexGuard<'_, Vec<Pair>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn plan(&self) -> MutexGuard<'_, PortPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn block(&self, name: &str, ports: u16) -> Result<u16> {
        self.plan().block(name, ports)
    }

    pub(super) fn add_placement(&self, name: &str) -> Result<()> {
        let first = self.block(name, 4)?;
        let mut spec = dapr::placement(&self.servers, &self.dir, name, first);
        if let Some(sentry) = &self.sentry {
            spec = sentry.guard(spec, "dapr-placement")?;
        }
        let health = dapr::control_plane_health(first);
        self.fleet.add(spec, vec![Ready::Http(health)]);
        Ok(())
    }

    pub(super) fn add_backend(&self, number: usize, placement: &str) -> Result<Pair> {
        self.add_pair(Kind::Backend, &format!("backend-{number}"), placement)
    }

    pub(super) fn add_pair(&self, kind: Kind, app: &str, placement: &str) -> Result<Pair> {
        let suffix = app.strip_prefix("backend-").unwrap_or(app);
        let first = self.block(app, Pair::PORTS)?;
        // All other replicas may go, and others come in their place.
        let internal_port = if kind == Kind::Backend && app != FIRST_BACKEND {
            PortPlan::fresh()?
        } else {
            first + Pair::INTERNAL
        };
        let pair = Pair {
            kind,
            app: app.to_owned(),
            sidecar: format!("daprd-{suffix}"),
            first,
            internal_port,
            api_token: secrets::random(16)?,
            app_token: secrets::random(16)?,
            placement: placement.to_owned(),
        };
        let resources = self.write_resources(kind.app_id(), kind.needs())?;
        let sidecar = Sidecar {
            name: &pair.sidecar,
            app_id: kind.app_id(),
            app_port: (kind != Kind::Frontend).then(|| pair.app_port()),
            http_port: pair.dapr_http_port(),
            grpc_port: pair.dapr_grpc_port(),
            internal_port: pair.internal_port,
            metrics_port: pair.dapr_metrics_port(),
            placement_port: self.block(&pair.placement, 4)?,
            scheduler_port: self.block("scheduler", 5)?,
            api_token: &pair.api_token,
            app_token: &pair.app_token,
            resources: &resources,
        };
        self.add_sidecar(&sidecar, Proof::Own)?;
        let (dir, issuer, options) = (&self.dir, &self.issuer, &self.options);
        let spec = match &self.page {
            Some(built) if kind == Kind::Frontend => {
                frontend::spec(&pair, built, dir, issuer, &options.page_env)?
            }
            _ => pair.spec(&options.backend, dir, issuer, &options.backend_env),
        };
        let ready = format!("{}/readyz", url(pair.api_port()));
        self.fleet.add(spec, vec![Ready::Http(ready)]);
        self.pairs().push(pair.clone());
        Ok(pair)
    }

    pub(super) fn add_caller(&self, app_id: &str, proof: Proof) -> Result<(String, DaprAccess)> {
        let name = format!("daprd-{app_id}");
        if self.fleet.names().contains(&name) {
            bail!("there is a sidecar {name} already");
        }
        let first = self.block(app_id, Pair::PORTS)?;
        let access = DaprAccess {
            http_port: first + Pair::HTTP,
            grpc_port: first + Pair::GRPC,
            internal_port: first + Pair::INTERNAL,
            api_token: secrets::random(16)?,
            app_port: first + Pair::APP,
            app_token: secrets::random(16)?,
        };
        let needs = Needs {
            state: false,
            consumes: false,
        };
        let sidecar = Sidecar {
            name: &name,
            app_id,
            app_port: None,
            http_port: access.http_port,
            grpc_port: access.grpc_port,
            internal_port: access.internal_port,
            metrics_port: first + Pair::METRICS,
            placement_port: self.block(PLACEMENT, 4)?,
            scheduler_port: self.block("scheduler", 5)?,
            api_token: &access.api_token,
            app_token: &access.app_token,
            resources: &self.write_resources(app_id, needs)?,
        };
        self.add_sidecar(&sidecar, proof)?;
        Ok((name, access))
    }

    fn write_resources(&self, app_id: &str, needs: Needs) -> Result<PathBuf> {
        let backend = self.block(FIRST_BACKEND, Pair::PORTS)? + Pair::INTERNAL;
        let configuration = dapr::configuration(self.options.collector, backend);
        dapr::write_resources(&self.dir, app_id, &self.broker, &configuration, needs)
    }

    /// In a secured stack a sidecar proves who it is, and lets nobody do what is not theirs.
    fn add_sidecar(&self, of: &Sidecar, proof: Proof) -> Result<()> {
        let mut spec = dapr::sidecar(&self.servers, &self.dir, of);
        if of.app_port.is_some() {
            spec = spec.args(self.options.sidecar_args.iter().map(String::as_str));
        }
        if let Some(sentry) = &self.sentry {
            let access = access::write(&self.dir, of.app_id)?;
            spec = spec.args(["--config", &access.display().to_string()]);
            spec = sentry.guard_sidecar(spec, of.app_id, proof)?;
        }
        let health = format!("{}/v1.0/healthz", url(of.http_port));
        self.fleet.add(spec, vec![Ready::Http(health)]);
        Ok(())
    }

    pub(super) fn remove(&self, pair: &Pair) {
        self.pairs().retain(|known| known.app != pair.app);
        self.fleet.remove(&pair.app);
        self.fleet.remove(&pair.sidecar);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.fleet.abandon();
        // The logs are what explains a failed test.
        if std::thread::panicking()
            && let Some(temporary) = self.temporary.take()
        {
            use std::io::Write;
            let kept = temporary.keep();
            let _ = writeln!(
                std::io::stderr(),
                "The logs of the stack are kept in {}",
                kept.join("logs").display()
            );
        }
    }
}

fn make_dir(wanted: Option<&Path>) -> Result<(PathBuf, Option<TempDir>)> {
    if let Some(dir) = wanted {
        fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        return Ok((fs::canonicalize(dir)?, None));
    }
    // PostgreSQL may run under another account, which must get through to its
    // own folder; the secrets in here have their own, stricter modes.
    let dir = tempfile::Builder::new()
        .prefix("todo-stack-")
        .permissions(fs::Permissions::from_mode(0o711))
        .tempdir()
        .context("no temporary folder can be made")?;
    Ok((fs::canonicalize(dir.path())?, Some(dir)))
}
