//! What the environment decides, read once at start.
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `API_ADDR` | `0.0.0.0:8000` | where the public API listens; other roles have their health there |
//! | `METRICS_ADDR` | none | where Prometheus reads `/metrics`, such as `0.0.0.0:9464`; nowhere unless set |
//! | `APP_PORT` | `8001` | port on 127.0.0.1 for Dapr's callbacks and service invocation |
//! | `DAPR_GRPC_PORT` | `50001` | the sidecar's gRPC port on 127.0.0.1 |
//! | `DAPR_HTTP_PORT` | `3500` | the sidecar's HTTP port on 127.0.0.1 |
//! | `DAPR_API_TOKEN` | none | what the sidecar asks of its callers |
//! | `APP_API_TOKEN` | none; required | what the sidecar shows when it calls us |
//! | `SECRET_STORE` | `kubernetes-secrets` | Dapr component that holds `app-secrets` |
//! | `JWT_MODE` | `jwks` | `jwks` (EdDSA) or `hs256` (shared `BETTER_AUTH_SECRET`) |
//! | `JWT_JWKS_URL` | none; required for `jwks` | where the public keys are; several sets between commas |
//! | `JWT_ISSUER`, `JWT_AUDIENCE` | none; required for `serve` | the `iss` and `aud` a token must have |
//! | `TURN_LEASE_MS` | `60000` | how long one chat turn may take before another may take it over |
//! | `COHERE_MODEL` | `command-a-03-2025` | the language model, if the secrets have a `COHERE_API_KEY` |
//! | `COHERE_BASE_URL` | `https://api.cohere.com` | where it is |
//! | `COHERE_IDLE_MS` | `15000` | how long it may be silent within an answer |
//! | `COHERE_STREAM` | `true` | whether its answers come piece by piece |
//! | `RATE_USER_PER_MINUTE` | `300` | requests per person and minute; 0 for no limit |
//! | `RATE_USER_BURST` | the same | how many of them may come at once |
//! | `RATE_ADDRESS_PER_MINUTE` | `1200` | requests per client address and minute; 0 for no limit |
//! | `RATE_ADDRESS_BURST` | the same | how many of them may come at once |
//! | `TRUSTED_PROXIES` | none | networks, such as `10.0.0.0/8, ::1`, whose `X-Forwarded-For` is believed |
//! | `MCP_HOSTS` | none | hosts, such as `todo.example.com`, under which the MCP server may be asked; this machine always may |
//! | `PUSH_SERVICES` | those of the usual browsers | domains, or origins such as `http://127.0.0.1:9000`, to which notifications may go |
//! | `VAPID_SUBJECT` | `mailto:admin@localhost` | where push services find whoever runs this |
//! | `ACTOR_IDLE_SECONDS` | `600` | how long an actor stays in memory unused |
//! | `SHUTDOWN_SECONDS` | `20` | longest wait for calls and actors to end after SIGTERM |
//! | `LOG_FORMAT` | `json` | `json` or `text` |
//! | `RUST_LOG` | `info` | what is logged |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | none | where spans go, such as `http://localhost:4318`; nowhere unless set |
//! | `OTEL_SERVICE_NAME` | that of the role | what the process is called in traces |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `parentbased_always_on` | which requests are traced; `OTEL_BSP_…` and `OTEL_EXPORTER_OTLP_…` count too |
//!
//! Jobs that run without a sidecar have no secrets API:
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `DATABASE_URL`, or `DATABASE_URL_FILE` | none; required for `migrate`, `rebuild` | PostgreSQL, or a file that names it |
//! | `KAFKA_BROKERS` | none; required for `topics` | `host:port` of the brokers, separated by commas |
//! | `KAFKA_USERNAME_FILE`, `KAFKA_PASSWORD_FILE` | none | files with what SCRAM-SHA-256 asks for |
//! | `KAFKA_TLS` | `true` if one of the other files is named | whether the connection is encrypted |
//! | `KAFKA_PARTITIONS` | `3` | of a topic that is created, from 1 to 6 |
//! | `KAFKA_CA_FILE` | this machine's authorities | a PEM file with the authority of the brokers |

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;

use crate::push::Services;

/// Everything the environment decides for `serve` and the consumers.
#[derive(Clone)]
pub struct Config {
    /// Where the public API listens.
    pub api_addr: SocketAddr,
    /// Where Prometheus reads metrics, if anywhere.
    pub metrics_addr: Option<SocketAddr>,
    /// Where Dapr's callbacks arrive; always loopback.
    pub app_addr: SocketAddr,
    /// How to reach the sidecar.
    pub dapr: DaprConfig,
    /// What the sidecar shows when it calls us.
    pub app_api_token: String,
    /// The Dapr component that holds `app-secrets`.
    pub secret_store: String,
    /// How callers prove who they are; absent when the environment names no issuer, which only
    /// `serve` minds.
    pub jwt: Option<JwtConfig>,
    /// How long one chat turn may take before another may take it over.
    pub turn_lease: Duration,
    /// The language model, should there be a key for it.
    pub cohere: CohereConfig,
    /// How many requests are too many.
    pub rates: RateConfig,
    /// Hosts under which the MCP server may be asked, besides this machine's own.
    pub mcp_hosts: Vec<String>,
    /// The push services to which notifications may go.
    pub push_services: Services,
    /// Where push services find whoever runs this: a `mailto:` or `https:` address.
    pub vapid_subject: String,
    /// How long an actor stays in memory unused.
    pub actor_idle: Duration,
    /// Longest wait for calls and actors to end after SIGTERM.
    pub shutdown_limit: Duration,
}

/// How to reach the sidecar.
#[derive(Clone)]
pub struct DaprConfig {
    /// Such as `http://127.0.0.1:50001`.
    pub grpc_endpoint: String,
    /// Such as `http://127.0.0.1:3500`.
    pub http_endpoint: String,
    /// What the sidecar asks of its callers.
    pub api_token: Option<String>,
}

/// What a caller's token must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtConfig {
    /// How its signature is checked.
    pub mode: JwtMode,
    /// The `iss` it must have.
    pub issuer: String,
    /// The `aud` it must have.
    pub audience: String,
}

/// How a token's signature is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwtMode {
    /// EdDSA, with the public keys found at this URL.
    Jwks(String),
    /// HS256, with `BETTER_AUTH_SECRET`.
    Hs256,
}

/// Which language model is asked, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CohereConfig {
    /// The model's name.
    pub model: String,
    /// Such as `https://api.cohere.com`, without a slash at the end.
    pub base_url: String,
    /// How long it may be silent within a streamed answer, and before it.
    pub idle: Duration,
    /// Whether its answers come piece by piece.
    pub stream: bool,
}

impl Default for CohereConfig {
    fn default() -> Self {
        Self {
            model: "command-a-03-2025".to_owned(),
            base_url: "https://api.cohere.com".to_owned(),
            idle: Duration::from_secs(15),
            stream: true,
        }
    }
}

/// How many requests are too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateConfig {
    /// Per person.
    pub user: Rate,
    /// Per client address.
    pub address: Rate,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// A steady rate and how far it may be exceeded at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests per minute; 0 for no limit.
    pub per_minute: u32,
    /// How many may come at once.
    pub burst: u32,
}

/// PostgreSQL, for a job without a sidecar.
///
/// # Errors
/// Neither `DATABASE_URL` nor a readable `DATABASE_URL_FILE`.
pub fn database_url() -> Result<String, ConfigError> {
    let lookup = |name: &str| std::env::var(name).ok();
    let env = Env(&lookup);
    if let Some(url) = env.get("DATABASE_URL") {
        return Ok(url);
    }
    let why = "this job has no sidecar to read it from; DATABASE_URL_FILE may name a file with it";
    env.file("DATABASE_URL_FILE", "a URL")?
        .ok_or_else(|| missing("DATABASE_URL", why))
}

/// A variable is missing or makes no sense; says which one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// A variable that is missing.
pub(crate) fn missing(name: &str, why: &str) -> ConfigError {
    ConfigError(format!("{name} is not set: {why}."))
}

/// A variable with a value that makes no sense; the value itself may be a secret and stays out.
pub(crate) fn wrong(name: &str, expected: &str) -> ConfigError {
    ConfigError(format!("{name} is wrong: it must be {expected}."))
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// The first variable that is missing or makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var(name).ok())
    }

    /// Reads an environment; an empty value counts as none.
    ///
    /// # Errors
    /// The first variable that is missing or makes no sense.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env(lookup);
        let loopback = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let port = |name, default| env.parse(name, "a port between 1 and 65535", default);
        let rate = |per_minute_name: &str, burst_name: &str, default: u32| {
            let per_minute: u32 =
                env.parse(per_minute_name, "a number, 0 for no limit", default)?;
            let burst = env.parse(burst_name, "a number above 0", per_minute.max(1))?;
            if burst == 0 {
                return Err(wrong(burst_name, "a number above 0"));
            }
            Ok(Rate { per_minute, burst })
        };
        let lease: u64 = env.parse("TURN_LEASE_MS", "milliseconds from 1000 to 600000", 60_000)?;
        if !(1_000..=600_000).contains(&lease) {
            return Err(wrong("TURN_LEASE_MS", "milliseconds from 1000 to 600000"));
        }
        Ok(Self {
            api_addr: env.parse(
                "API_ADDR",
                "an address with a port, such as 0.0.0.0:8000",
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8000)),
            )?,
            metrics_addr: env
                .get("METRICS_ADDR")
                .map(|address| address.parse())
                .transpose()
                .map_err(|_| {
                    wrong(
                        "METRICS_ADDR",
                        "an address with a port, such as 0.0.0.0:9464",
                    )
                })?,
            app_addr: loopback(port("APP_PORT", 8001)?),
            dapr: DaprConfig {
                grpc_endpoint: format!("http://{}", loopback(port("DAPR_GRPC_PORT", 50_001)?)),
                http_endpoint: format!("http://{}", loopback(port("DAPR_HTTP_PORT", 3500)?)),
                api_token: env.get("DAPR_API_TOKEN"),
            },
            app_api_token: env.get("APP_API_TOKEN").ok_or_else(|| {
                missing(
                    "APP_API_TOKEN",
                    "without it anyone on this machine could call the actors",
                )
            })?,
            secret_store: env
                .get("SECRET_STORE")
                .unwrap_or_else(|| "kubernetes-secrets".to_owned()),
            jwt: jwt(&env)?,
            turn_lease: Duration::from_millis(lease),
            cohere: cohere(&env)?,
            rates: RateConfig {
                user: rate("RATE_USER_PER_MINUTE", "RATE_USER_BURST", 300)?,
                address: rate("RATE_ADDRESS_PER_MINUTE", "RATE_ADDRESS_BURST", 1200)?,
                trusted_proxies: networks(&env, "TRUSTED_PROXIES")?,
            },
            mcp_hosts: env.list("MCP_HOSTS"),
            push_services: Services::new(match env.list("PUSH_SERVICES") {
                none if none.is_empty() => split(Services::USUAL),
                services => services,
            }),
            vapid_subject: env
                .get("VAPID_SUBJECT")
                .unwrap_or_else(|| "mailto:admin@localhost".to_owned()),
            actor_idle: env.seconds("ACTOR_IDLE_SECONDS", 600)?,
            shutdown_limit: env.seconds("SHUTDOWN_SECONDS", 20)?,
        })
    }

    /// What a caller's token must satisfy.
    ///
    /// # Errors
    /// The environment does not say.
    pub fn require_jwt(&self) -> Result<&JwtConfig, ConfigError> {
        let why = "it says whose tokens to accept";
        self.jwt.as_ref().ok_or_else(|| missing("JWT_ISSUER", why))
    }
}

/// Tokens stay out of whatever prints a configuration.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("api_addr", &self.api_addr)
            .field("app_addr", &self.app_addr)
            .field("dapr", &self.dapr.http_endpoint)
            .field("jwt", &self.jwt)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Env<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl Env<'_> {
    /// What a variable says, unless it is empty.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    pub fn parse<T: FromStr>(
        &self,
        name: &str,
        expected: &str,
        default: T,
    ) -> Result<T, ConfigError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| wrong(name, expected)),
        }
    }

    /// What is in the file a variable names, such as that of a mounted secret.
    pub fn file(&self, name: &str, expected: &str) -> Result<Option<String>, ConfigError> {
        let Some(path) = self.get(name) else {
            return Ok(None);
        };
        match std::fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
            _ => Err(wrong(
                name,
                &format!("a file that can be read and has {expected} in it"),
            )),
        }
    }

    /// What stands between commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        split(&self.get(name).unwrap_or_default())
    }

    fn seconds(&self, name: &str, default: u64) -> Result<Duration, ConfigError> {
        match self.parse(name, "seconds from 1 to 86400", default)? {
            seconds @ 1..=86_400 => Ok(Duration::from_secs(seconds)),
            _ => Err(wrong(name, "seconds from 1 to 86400")),
        }
    }
}

fn split(list: &str) -> Vec<String> {
    let items = list.split(',').map(str::trim);
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

fn jwt(env: &Env<'_>) -> Result<Option<JwtConfig>, ConfigError> {
    let Some(issuer) = env.get("JWT_ISSUER") else {
        return Ok(None);
    };
    let audience = env
        .get("JWT_AUDIENCE")
        .ok_or_else(|| missing("JWT_AUDIENCE", "it says for whom a token must be made"))?;
    let mode = match env.get("JWT_MODE").as_deref() {
        None | Some("jwks") => {
            let url = env
                .get("JWT_JWKS_URL")
                .ok_or_else(|| missing("JWT_JWKS_URL", "it says where the public keys are"))?;
            if (url.split(',')).any(|url| reqwest::Url::parse(url.trim()).is_err()) {
                return Err(wrong(
                    "JWT_JWKS_URL",
                    "URLs between commas, such as http://frontend:3000/auth/jwks",
                ));
            }
            JwtMode::Jwks(url)
        }
        Some("hs256") => JwtMode::Hs256,
        Some(_) => return Err(wrong("JWT_MODE", "jwks or hs256")),
    };
    Ok(Some(JwtConfig {
        mode,
        issuer,
        audience,
    }))
}

fn cohere(env: &Env<'_>) -> Result<CohereConfig, ConfigError> {
    let default = CohereConfig::default();
    let base_url = env.get("COHERE_BASE_URL").unwrap_or(default.base_url);
    let is_http = |url: &reqwest::Url| matches!(url.scheme(), "http" | "https");
    if !reqwest::Url::parse(&base_url).is_ok_and(|url| is_http(&url)) {
        let expected = "a URL, such as https://api.cohere.com";
        return Err(wrong("COHERE_BASE_URL", expected));
    }
    let expected = "milliseconds from 100 to 60000";
    let idle: u64 = env.parse("COHERE_IDLE_MS", expected, 15_000)?;
    if !(100..=60_000).contains(&idle) {
        return Err(wrong("COHERE_IDLE_MS", expected));
    }
    Ok(CohereConfig {
        model: env.get("COHERE_MODEL").unwrap_or(default.model),
        base_url: base_url.trim_end_matches('/').to_owned(),
        idle: Duration::from_millis(idle),
        stream: env.parse("COHERE_STREAM", "true or false", default.stream)?,
    })
}

/// A list of networks; a lone address is a network of one.
fn networks(env: &Env<'_>, name: &str) -> Result<Vec<IpNet>, ConfigError> {
    env.list(name)
        .iter()
        .map(|item| {
            item.parse::<IpNet>()
                .or_else(|_| item.parse::<IpAddr>().map(IpNet::from))
        })
        .collect::<Result<_, _>>()
        .map_err(|_| {
            wrong(
                name,
                "networks separated by commas, such as 10.0.0.0/8, 192.168.1.7",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&|name| {
            values
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_need_only_the_app_token() {
        let config = read(&[("APP_API_TOKEN", "t")]).unwrap();
        assert_eq!(config.api_addr.to_string(), "0.0.0.0:8000");
        assert_eq!(config.app_addr.to_string(), "127.0.0.1:8001");
        assert_eq!(config.dapr.grpc_endpoint, "http://127.0.0.1:50001");
        assert_eq!(
            config.rates.user,
            Rate {
                per_minute: 300,
                burst: 300
            }
        );
        assert!(
            config
                .require_jwt()
                .unwrap_err()
                .to_string()
                .starts_with("JWT_ISSUER is not set")
        );
    }

    #[test]
    fn a_wrong_value_is_one_sentence_that_names_its_variable() {
        let cases = [
            ("API_ADDR", "nowhere"),
            ("METRICS_ADDR", "9464"),
            ("APP_PORT", "70000"),
            ("TURN_LEASE_MS", "5"),
            ("COHERE_BASE_URL", "api.cohere.com"),
            ("COHERE_IDLE_MS", "0"),
            ("COHERE_STREAM", "perhaps"),
            ("RATE_USER_PER_MINUTE", "many"),
            ("RATE_USER_BURST", "0"),
            ("TRUSTED_PROXIES", "10.0.0.0/99"),
            ("ACTOR_IDLE_SECONDS", "0"),
            ("JWT_MODE", "rs256"),
            ("JWT_JWKS_URL", "not a url"),
        ];
        for (name, value) in cases {
            // The first one given counts.
            let error = read(&[
                (name, value),
                ("APP_API_TOKEN", "t"),
                ("JWT_ISSUER", "i"),
                ("JWT_AUDIENCE", "a"),
                ("JWT_JWKS_URL", "http://localhost/jwks"),
            ]);
            let error = error.unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{name} is wrong: it must be ")),
                "{error}"
            );
        }
        let error = read(&[]).unwrap_err().to_string();
        assert!(error.starts_with("APP_API_TOKEN is not set"), "{error}");
    }

    #[test]
    fn keys_are_shared_only_when_so_configured() {
        let base = [
            ("APP_API_TOKEN", "t"),
            ("JWT_ISSUER", "i"),
            ("JWT_AUDIENCE", "a"),
        ];
        let error = read(&base).unwrap_err().to_string();
        assert!(error.starts_with("JWT_JWKS_URL is not set"), "{error}");
        let mut hs256 = base.to_vec();
        hs256.push(("JWT_MODE", "hs256"));
        assert_eq!(
            read(&hs256).unwrap().require_jwt().unwrap().mode,
            JwtMode::Hs256
        );
    }

    #[test]
    fn the_model_is_the_default_one_unless_another_is_named() {
        let token = ("APP_API_TOKEN", "t");
        assert_eq!(read(&[token]).unwrap().cohere, CohereConfig::default());
        let config = read(&[
            token,
            ("COHERE_BASE_URL", "http://127.0.0.1:4010/"),
            ("COHERE_MODEL", "another"),
            ("COHERE_STREAM", "false"),
        ]);
        let cohere = config.unwrap().cohere;
        assert_eq!(cohere.base_url, "http://127.0.0.1:4010");
        assert_eq!((cohere.model.as_str(), cohere.stream), ("another", false));
    }

    #[test]
    fn proxies_are_networks_or_addresses() {
        let config = read(&[
            ("APP_API_TOKEN", "t"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, ::1 ,192.168.1.7"),
        ]);
        assert_eq!(config.unwrap().rates.trusted_proxies.len(), 3);
    }

    #[test]
    fn lists_are_what_stands_between_commas() {
        let config = read(&[
            ("APP_API_TOKEN", "t"),
            ("MCP_HOSTS", "todo.example.com, , backend-service:8000"),
        ]);
        let hosts = config.unwrap().mcp_hosts;
        assert_eq!(hosts, ["todo.example.com", "backend-service:8000"]);
    }

    #[test]
    fn tokens_stay_out_of_debug_output() {
        let config = read(&[("APP_API_TOKEN", "hush"), ("DAPR_API_TOKEN", "quiet")]).unwrap();
        let printed = format!("{config:?}");
        assert!(
            !printed.contains("hush") && !printed.contains("quiet"),
            "{printed}"
        );
    }
}
