//! The Kafka broker: one node, in KRaft mode. Secured, it serves nobody without TLS and a
//! password, and its controller nobody without a certificate.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rskafka::client::{ClientBuilder, Credentials, SaslConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::pki::ServerAuthority;
use crate::ports::{PortPlan, Ports};
use crate::process::Spec;
use crate::secrets::write_private;
use crate::servers::{Servers, copy_folder};

/// A few seconds of a broker's life are spent compiling it for a long one; the first two settings
/// halve that.
const JVM: [&str; 7] = [
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xms256m",
    "-Xmx512m",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
];
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// The name clients of a secured broker go by.
const USER: &str = "todo";

/// Where Kafka is, and what it asks of its clients.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    /// `host:port`.
    pub address: String,
    /// Nothing, unless the stack is secured.
    pub access: Option<KafkaAccess>,
}

/// What a client of a secured broker needs: SCRAM-SHA-256 over TLS.
#[derive(Debug, Clone)]
pub struct KafkaAccess {
    /// The user's name.
    pub username: String,
    /// Its password.
    pub password: String,
    /// A file with that name.
    pub username_file: PathBuf,
    /// A file with that password.
    pub password_file: PathBuf,
    /// The certificate of the broker's authority.
    pub ca_file: PathBuf,
}

impl KafkaAccess {
    /// Writes name and password to files as a mounted Kubernetes secret has them.
    pub(crate) fn new(dir: &Path, password: &str, ca_file: &Path) -> Result<Self> {
        let secret = dir.join("kafka-secrets");
        fs::create_dir_all(&secret)?;
        let access = Self {
            username: USER.to_owned(),
            password: password.to_owned(),
            username_file: secret.join("SASL_USERNAME"),
            password_file: secret.join("SASL_PASSWORD"),
            ca_file: ca_file.to_owned(),
        };
        write_private(&access.username_file, USER)?;
        write_private(&access.password_file, password)?;
        Ok(access)
    }

    /// What the backend's jobs find in their environment.
    #[must_use]
    pub fn env(&self) -> [(&'static str, String); 3] {
        [
            (
                "KAFKA_USERNAME_FILE",
                self.username_file.display().to_string(),
            ),
            (
                "KAFKA_PASSWORD_FILE",
                self.password_file.display().to_string(),
            ),
            ("KAFKA_CA_FILE", self.ca_file.display().to_string()),
        ]
    }
}

impl Broker {
    /// A client of it, to be built.
    pub fn client(&self) -> Result<ClientBuilder> {
        let client = ClientBuilder::new(vec![self.address.clone()]);
        let Some(access) = &self.access else {
            return Ok(client);
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(&access.ca_file)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let credentials = Credentials::new(access.username.clone(), access.password.clone());
        Ok(client
            .tls_config(Arc::new(tls))
            .sasl_config(SaslConfig::ScramSha256(credentials)))
    }
}

/// The broker's settings. Also used, with other ports, to format its folder.
///
/// A broker that was killed may register again only when its former session has
/// run out; the session is short so that this takes 3 s and not 9.
pub(crate) fn properties(data: &Path, port: u16, controller_port: u16) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=CLIENTS://127.0.0.1:{port}
inter.broker.listener.name=CLIENTS
log.dirs={}
num.partitions=3
message.max.bytes=2097152
replica.fetch.max.bytes=2097152
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
metadata.max.idle.interval.ms=0
num.network.threads=2
num.io.threads=2
",
        data.display()
    )
}

/// Lets in everybody.
pub(crate) const OPEN: &str =
    "listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT\n";

/// Lets in who has the password or, at the controller's port, a certificate. The broker is a
/// client of both.
fn guarded(access: &KafkaAccess, keystore: &Path) -> String {
    format!(
        "listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:SSL
sasl.enabled.mechanisms=SCRAM-SHA-256
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-256
listener.name.clients.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{}\" password=\"{}\";
listener.name.controller.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={}
ssl.truststore.type=PEM
ssl.truststore.location={}
",
        access.username,
        access.password,
        keystore.display(),
        access.ca_file.display()
    )
}

/// The command that formats a broker's folder, which its settings name.
pub(crate) fn format(java: &Path, jars: &Path, settings: &Path) -> Command {
    let mut command = Command::new(java);
    command
        .args(["-cp", &class_path(jars)])
        .args([
            "kafka.tools.StorageTool",
            "format",
            "--cluster-id",
            "dG9kby1zdGFjay1rYWZrYQ",
            "--config",
        ])
        .arg(settings);
    command
}

/// Prepares the broker's folder and says how to start it. Secured, it has a certificate of
/// `authority`.
pub(crate) fn spec(
    servers: &Servers,
    dir: &Path,
    (port, controller_port): (u16, u16),
    broker: &Broker,
    authority: Option<&ServerAuthority>,
) -> Result<Spec> {
    let home = dir.join("kafka");
    let data = home.join("data");
    fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
    let config = home.join("server.properties");
    let rules = match (&broker.access, authority) {
        (Some(access), Some(authority)) => {
            let keystore = home.join("keystore.pem");
            authority.write_together("kafka", &keystore)?;
            guarded(access, &keystore)
        }
        _ => OPEN.to_owned(),
    };
    let settings = |data: &Path| {
        let settings = properties(data, port, controller_port) + &rules;
        write_private(&config, &settings)
    };
    if !data.exists() {
        let unfinished = home.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        let made = match &broker.access {
            None => copy_folder(&servers.kafka_data, &unfinished, &[]).map_err(Into::into),
            Some(access) => {
                settings(&unfinished).and_then(|()| format_with_user(servers, &config, access))
            }
        };
        made.and_then(|()| Ok(fs::rename(&unfinished, &data)?))
            .with_context(|| format!("Kafka's folder {} cannot be made", data.display()))?;
    }
    settings(&data)?;
    let classes = format!("-XX:SharedArchiveFile={}", servers.kafka_classes.display());
    let mut spec = Spec::new("kafka", &servers.java, dir)
        .arg(classes)
        .args(JVM)
        .args(["-cp".to_owned(), class_path(&servers.kafka_jars)])
        .args(["kafka.Kafka", &config.display().to_string()]);
    spec.grace = Duration::from_secs(20);
    Ok(spec)
}

/// Has a broker run for a moment, so that the JVM writes down what it made of Kafka's classes:
/// those who find it start in half the time. A JVM that can make no use of it does without.
pub(crate) fn keep_classes(
    java: &Path,
    jars: &Path,
    formatted: &Path,
    archive: &Path,
) -> Result<()> {
    let home = tempfile::tempdir().context("there can be no folder for Kafka")?;
    let (data, config) = (home.path().join("data"), home.path().join("properties"));
    copy_folder(formatted, &data, &[])?;
    let port = PortPlan::new(Ports::Free).block("kafka", 2)?;
    fs::write(&config, properties(&data, port, port + 1) + OPEN)?;
    let mut broker = Command::new(java)
        .arg(format!("-XX:ArchiveClassesAtExit={}", archive.display()))
        .args(JVM)
        .args(["-cp", &class_path(jars), "kafka.Kafka"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("Java cannot be started")?;
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if broker.try_wait()?.is_some() || start.elapsed() > STARTS_WITHIN {
            let _ = broker.kill();
            broker.wait()?;
            bail!("Kafka does not start: no client gets through to it");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let pid = rustix::process::Pid::from_child(&broker);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    broker.wait()?;
    Ok(())
}

fn class_path(jars: &Path) -> String {
    format!("{}/*", jars.display())
}

/// Passwords are part of a broker's folder, so a secured one cannot be copied.
fn format_with_user(servers: &Servers, settings: &Path, access: &KafkaAccess) -> Result<()> {
    let output = format(&servers.java, &servers.kafka_jars, settings)
        .arg("--add-scram")
        .arg(format!(
            "SCRAM-SHA-256=[name={},password={}]",
            access.username, access.password
        ))
        .output()
        .context("Java cannot be started")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
