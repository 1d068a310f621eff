//! The public keys of whoever signs tokens, fetched when needed and kept.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

/// Between two fetches, whatever comes in: strangers can make up key ids at no cost.
const PAUSE: Duration = Duration::from_secs(10);
/// The same while there is no set at all: whoever signs may be starting, like us.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// After this a kept set is fetched again, so that a withdrawn key stops working.
pub(super) const FRESH: Duration = Duration::from_secs(600);
/// Longest a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest set worth reading, in bytes.
const LARGEST: usize = 256 << 10;

/// A key set at a URL.
pub struct Jwks {
    url: String,
    http: reqwest::Client,
    kept: RwLock<Option<Arc<KeySet>>>,
    /// Held while fetching, so that all who wait share one fetch.
    fetch: Mutex<LastFetch>,
}

struct KeySet {
    keys: HashMap<String, Arc<DecodingKey>>,
    fetched: Instant,
}

#[derive(Default)]
struct LastFetch {
    at: Option<Instant>,
    failed: bool,
}

/// What is known of a key.
pub enum Lookup {
    /// It is in the set.
    Found(Arc<DecodingKey>),
    /// It is not in the set.
    Unknown,
    /// The set could not be fetched, so nobody knows.
    Unavailable,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    kid: String,
}

impl Jwks {
    /// The key set at `url`; nothing is fetched yet.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(url: &str) -> anyhow::Result<Arc<Self>> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("The HTTP client for the key set cannot be built.")?;
        let (kept, fetch) = (RwLock::default(), Mutex::default());
        Ok(Arc::new(Self {
            url: url.to_owned(),
            http,
            kept,
            fetch,
        }))
    }

    /// The key of this id, if it is in the kept set; a set that has grown old is fetched beside
    /// the request.
    pub fn known(self: &Arc<Self>, kid: &str) -> Option<Arc<DecodingKey>> {
        let set = self.kept()?;
        let key = set.keys.get(kid)?;
        if set.fetched.elapsed() > FRESH {
            self.renew();
        }
        Some(Arc::clone(key))
    }

    /// Finds a key by its id, fetching the set when it is not known, at most once in 10 s. A
    /// known key is never waited for.
    pub async fn find(self: &Arc<Self>, kid: &str) -> Lookup {
        let kept = self.kept();
        if let Some(key) = self.known(kid) {
            return Lookup::Found(key);
        }
        let mut last = self.fetch.lock().await;
        if !self.has_since(kid, kept.as_ref()) {
            self.fetch_now(&mut last).await;
        }
        let failed = last.failed;
        drop(last);
        match self.kept().as_ref().and_then(|set| set.keys.get(kid)) {
            Some(key) => Lookup::Found(Arc::clone(key)),
            None if failed => Lookup::Unavailable,
            None => Lookup::Unknown,
        }
    }

    /// Fetches the set in the background, unless somebody is fetching it.
    fn renew(self: &Arc<Self>) {
        let keys = Arc::clone(self);
        tokio::spawn(async move {
            if let Ok(mut last) = keys.fetch.try_lock() {
                keys.fetch_now(&mut last).await;
            }
        });
    }

    /// Fetches the set, unless that was tried a moment ago.
    async fn fetch_now(&self, last: &mut LastFetch) {
        let pause = if self.kept().is_some() {
            PAUSE
        } else {
            FIRST_PAUSE
        };
        if last.at.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        last.at = Some(Instant::now());
        last.failed = match self.fetch().await {
            Ok(set) => {
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(set));
                false
            }
            Err(error) => {
                tracing::warn!(error = %format!("{error:#}"), "the key set could not be fetched");
                true
            }
        };
    }

    fn kept(&self) -> Option<Arc<KeySet>> {
        self.kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether somebody else fetched the key while we waited for our turn to.
    fn has_since(&self, kid: &str, before: Option<&Arc<KeySet>>) -> bool {
        let now = self.kept();
        let newer = now.as_ref().map(|set| set.fetched) > before.map(|set| set.fetched);
        newer && now.is_some_and(|set| set.keys.contains_key(kid))
    }

    async fn fetch(&self) -> anyhow::Result<KeySet> {
        let mut response = self.http.get(&self.url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            anyhow::ensure!(
                body.len() + chunk.len() <= LARGEST,
                "it is larger than 256 KiB"
            );
            body.extend_from_slice(&chunk);
        }
        let document: Document = serde_json::from_slice(&body).context("it is not a key set")?;
        let keys = document.keys.into_iter().filter_map(decoding_key).collect();
        Ok(KeySet {
            keys,
            fetched: Instant::now(),
        })
    }
}

/// Finds a key in several sets. Only when none is known to have it are they fetched.
pub async fn find(sets: &[Arc<Jwks>], kid: &str) -> Lookup {
    if let Some(key) = sets.iter().find_map(|set| set.known(kid)) {
        return Lookup::Found(key);
    }
    let mut found = Lookup::Unknown;
    for set in sets {
        match set.find(kid).await {
            Lookup::Found(key) => return Lookup::Found(key),
            // It might be in the one that nobody can read.
            Lookup::Unavailable => found = Lookup::Unavailable,
            Lookup::Unknown => {}
        }
    }
    found
}

/// The Ed25519 keys of a set; the others sign nothing we accept.
fn decoding_key(jwk: serde_json::Value) -> Option<(String, Arc<DecodingKey>)> {
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    if jwk.kty != "OKP" || jwk.crv != "Ed25519" {
        return None;
    }
    let key = DecodingKey::from_ed_components(&jwk.x).ok()?;
    Some((jwk.kid, Arc::new(key)))
}
