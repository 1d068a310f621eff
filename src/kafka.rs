//! A Kafka client for jobs without a sidecar; everybody else publishes and reads through Dapr.

mod connection;
#[cfg(test)]
pub mod fake;
pub mod message;
mod scram;

use std::{fmt, sync::Arc};

use anyhow::bail;
pub use connection::{Connection, ERROR_CODES, Error};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::{
    config::{ConfigError, Env, missing, wrong},
    topics::PARTITIONS,
};

/// How to reach Kafka without a sidecar.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `host:port` of at least one broker.
    pub brokers: Vec<String>,
    /// User name and password for SCRAM-SHA-256.
    pub credentials: Option<(String, String)>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The brokers' authority in PEM, if it is not one this machine knows.
    pub ca: Option<String>,
    /// Of a topic that is created.
    pub partitions: i32,
}

impl KafkaConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// No `KAFKA_BROKERS`, a file that cannot be read, or a user name without a password.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var(name).ok())
    }

    /// Reads an environment; an empty value counts as none.
    ///
    /// # Errors
    /// As [`Self::from_env`].
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env(lookup);
        let why = "it says where Kafka is, as host:port";
        let brokers = env.list("KAFKA_BROKERS");
        if brokers.is_empty() {
            return Err(missing("KAFKA_BROKERS", why));
        }
        let username = env.file("KAFKA_USERNAME_FILE", "a user name")?;
        let password = env.file("KAFKA_PASSWORD_FILE", "a password")?;
        let credentials = match (username, password) {
            (Some(username), Some(password)) => Some((username, password)),
            (None, None) => None,
            (Some(_), None) => {
                let why = "KAFKA_USERNAME_FILE is of no use without it";
                return Err(missing("KAFKA_PASSWORD_FILE", why));
            }
            (None, Some(_)) => {
                let why = "KAFKA_PASSWORD_FILE is of no use without it";
                return Err(missing("KAFKA_USERNAME_FILE", why));
            }
        };
        let ca = env.file("KAFKA_CA_FILE", "a certificate")?;
        let guarded = credentials.is_some() || ca.is_some();
        Ok(Self {
            brokers,
            credentials,
            tls: env.parse("KAFKA_TLS", "true or false", guarded)?,
            ca,
            partitions: partitions(&env)?,
        })
    }
}

/// The live feed's probes meet six partitions, hardly more.
fn partitions(env: &Env<'_>) -> Result<i32, ConfigError> {
    let expected = "a number from 1 to 6";
    match env.parse("KAFKA_PARTITIONS", expected, PARTITIONS)? {
        number @ 1..=6 => Ok(number),
        _ => Err(wrong("KAFKA_PARTITIONS", expected)),
    }
}

/// The password stays out of whatever prints it.
impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

fn tls(ca: Option<&str>) -> anyhow::Result<ClientConfig> {
    // Named, because what tests read Kafka with brings a second library of the kind.
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?;
    let Some(ca) = ca else {
        return Ok(config.with_platform_verifier()?.with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(certificate?)?;
    }
    if roots.is_empty() {
        bail!("KAFKA_CA_FILE has no certificate in PEM");
    }
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_from_one_to_six_partitions() {
        let partitions = |number: &str| {
            let kafka = KafkaConfig::read(&|name| match name {
                "KAFKA_BROKERS" => Some("one:9092".to_owned()),
                "KAFKA_PARTITIONS" => Some(number.to_owned()),
                _ => None,
            });
            kafka.map(|kafka| kafka.partitions)
        };
        assert_eq!((partitions(""), partitions("6")), (Ok(3), Ok(6)));
        for wrong in ["0", "7", "many"] {
            let error = partitions(wrong).unwrap_err().to_string();
            let expected = "KAFKA_PARTITIONS is wrong: it must be a number from 1 to 6";
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn kafka_is_encrypted_as_soon_as_it_asks_who_we_are() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (user, password) = (file("user", "todo\n"), file("password", "hush"));
        let read = |values: &[(&str, &str)]| {
            KafkaConfig::read(&|name| {
                let found = values.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let brokers = ("KAFKA_BROKERS", "one:9092, two:9092");
        let open = read(&[brokers]).unwrap();
        assert_eq!(open.brokers, ["one:9092", "two:9092"]);
        assert!(!open.tls);
        let both = [
            brokers,
            ("KAFKA_USERNAME_FILE", &user),
            ("KAFKA_PASSWORD_FILE", &password),
        ];
        let guarded = read(&both).unwrap();
        let credentials = ("todo".to_owned(), "hush".to_owned());
        assert_eq!(guarded.credentials, Some(credentials));
        assert!(guarded.tls);
        assert!(!format!("{guarded:?}").contains("hush"));

        let error = |values: &[(&str, &str)]| read(values).unwrap_err().to_string();
        assert!(error(&[]).starts_with("KAFKA_BROKERS is not set"));
        assert!(error(&both[..2]).starts_with("KAFKA_PASSWORD_FILE is not set"));
        let nowhere = dir.path().join("nowhere").display().to_string();
        let error = error(&[brokers, ("KAFKA_CA_FILE", &nowhere)]);
        let expected = "KAFKA_CA_FILE is wrong: it must be a file that can be read";
        assert!(error.starts_with(expected), "{error}");
    }
}
