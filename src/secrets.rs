//! What must not stand in the environment, read through Dapr's secrets API.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context, bail};
use todo_actors::sidecar::Sidecar;
use tokio::time::Instant;

/// The secret that holds ours.
const NAME: &str = "app-secrets";
/// How long a sidecar may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between tries.
const WAIT: Duration = Duration::from_millis(250);

/// The application's secrets.
#[derive(Clone)]
pub struct Secrets {
    /// PostgreSQL, as a URL.
    pub database_url: String,
    /// Signs tokens in `JWT_MODE=hs256`.
    pub better_auth_secret: Option<String>,
    /// Absent when the assistant plans offline.
    pub cohere_api_key: Option<String>,
    /// P-256, base64url; absent when browsers are not notified.
    pub vapid_private_key: Option<String>,
}

/// Values stay out of whatever prints them.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Reads `app-secrets` from `store`, waiting up to 60 s for the sidecar to answer.
///
/// # Errors
/// The sidecar did not answer in time, or has no such store or secret, or the secret has no
/// `DATABASE_URL`.
pub async fn read(sidecar: &dyn Sidecar, store: &str) -> anyhow::Result<Secrets> {
    let deadline = Instant::now() + PATIENCE;
    let mut told = false;
    loop {
        match sidecar.secret(store, NAME).await {
            Ok(values) => return parse(values),
            Err(error) if error.kind.is_refused() => {
                bail!("The sidecar refuses to read the secret {NAME} from {store}: {error}.");
            }
            Err(error) if Instant::now() >= deadline => {
                bail!("The secret {NAME} could not be read from {store} within 60 s: {error}.");
            }
            Err(error) if !told => {
                tracing::info!(store, %error, "waiting for the sidecar to answer with our secrets");
                told = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(WAIT).await;
    }
}

fn parse(mut values: BTreeMap<String, String>) -> anyhow::Result<Secrets> {
    let mut take = |name: &str| values.remove(name).filter(|value| !value.trim().is_empty());
    let database_url =
        take("DATABASE_URL").with_context(|| format!("The secret {NAME} has no DATABASE_URL."))?;
    Ok(Secrets {
        database_url,
        better_auth_secret: take("BETTER_AUTH_SECRET"),
        cohere_api_key: take("COHERE_API_KEY"),
        vapid_private_key: take("VAPID_PRIVATE_KEY"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_is_required() {
        let values = BTreeMap::from([
            ("DATABASE_URL".to_owned(), "postgres://x".to_owned()),
            ("COHERE_API_KEY".to_owned(), String::new()),
        ]);
        let secrets = parse(values).unwrap();
        assert_eq!(secrets.database_url, "postgres://x");
        assert_eq!(secrets.cohere_api_key, None);
        assert!(!format!("{secrets:?}").contains("postgres"));
        assert!(
            parse(BTreeMap::new())
                .unwrap_err()
                .to_string()
                .contains("DATABASE_URL")
        );
    }
}
