//! The Kafka broker: one node, in KRaft mode.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::Spec;
use crate::servers::{Servers, copy_folder};

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
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={}
num.partitions=3
log.retention.hours=168
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
num.network.threads=2
num.io.threads=2
",
        data.display()
    )
}

/// Prepares the broker's folder and says how to start it.
pub(crate) fn spec(servers: &Servers, dir: &Path, port: u16, controller_port: u16) -> Result<Spec> {
    let home = dir.join("kafka");
    let data = home.join("data");
    if !data.exists() {
        let unfinished = home.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        copy_folder(&servers.kafka_data, &unfinished, &[])
            .and_then(|()| fs::rename(&unfinished, &data))
            .with_context(|| format!("Kafka's folder {} cannot be made", data.display()))?;
    }
    let config = home.join("server.properties");
    fs::write(&config, properties(&data, port, controller_port))?;
    let mut spec = Spec::new("kafka", &servers.java, dir)
        .args([
            "-Xms256m",
            "-Xmx512m",
            // A few seconds of a broker's life are spent compiling it for a
            // long one; these two settings halve that.
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-cp",
        ])
        .arg(format!("{}/*", servers.kafka_jars.display()))
        .arg("kafka.Kafka")
        .arg(config.display().to_string());
    spec.grace = Duration::from_secs(20);
    Ok(spec)
}
