//! Stands in for the frontend's sign-in: an Ed25519 key, tokens signed with it,
//! and the key set at the path where Better Auth serves it.
//!
//! It is a plain thread with a blocking socket, so that it outlives whatever
//! async runtime the caller happened to start it on.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// Who tokens are meant for.
pub const AUDIENCE: &str = "todo-backend";
const PATH: &str = "/api/auth/jwks";
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// An Ed25519 private key in PKCS #8 is these bytes and then the key's own 32.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Makes tokens the backend accepts, and such as it must refuse.
#[derive(Debug)]
pub struct Issuer {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The last one signs; all are published.
    keys: Mutex<Vec<Key>>,
    requests: AtomicUsize,
    available: AtomicBool,
    closed: AtomicBool,
}

/// A key that signs tokens.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    id: String,
    signing: SigningKey,
}

impl Key {
    pub fn new() -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).context("no randomness for a key")?;
        Ok(Self {
            id: crate::secrets::random(8)?,
            signing: SigningKey::from_bytes(&seed),
        })
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.id, claims)
    }

    /// The same, naming another key.
    fn sign_as(&self, kid: &str, claims: &Value) -> String {
        let mut der = PKCS8_PREFIX.to_vec();
        der.extend_from_slice(self.signing.as_bytes());
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.to_owned());
        // Signing an object with a fresh key has no way to fail.
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&der)).unwrap_or_default()
    }

    /// The public half, as it stands in a key set.
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(self.signing.verifying_key().as_bytes()),
        })
    }
}

impl Issuer {
    /// Makes a key and serves it on `port` of the loopback address; 0 means any.
    pub fn start(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("the key set cannot be served on port {port}"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            keys: Mutex::new(vec![Key::new()?]),
            requests: AtomicUsize::new(0),
            available: AtomicBool::new(true),
            closed: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("issuer".to_owned())
            .spawn(move || serve(&listener, &serving))
            .context("no thread for the key set")?;
        Ok(Self { url, shared })
    }

    /// The `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.url
    }

    /// The `aud` of its tokens.
    #[must_use]
    pub fn audience(&self) -> &'static str {
        AUDIENCE
    }

    /// Where the key set is.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}{PATH}", self.url)
    }

    /// A good token for `user`.
    #[must_use]
    pub fn token(&self, user: &str) -> String {
        self.mint(&self.claims(user))
    }

    /// The claims of a good token, to be changed and given to [`Self::mint`].
    #[must_use]
    pub fn claims(&self, user: &str) -> Value {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        json!({
            "sub": user,
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFETIME.as_secs(),
        })
    }

    /// Signs any claims with the present key.
    #[must_use]
    pub fn mint(&self, claims: &Value) -> String {
        let kid = self.kid();
        self.mint_with_kid(&kid, claims)
    }

    /// Signs any claims with the present key, naming another key.
    #[must_use]
    pub fn mint_with_kid(&self, kid: &str, claims: &Value) -> String {
        let key = self.shared.keys().last().cloned();
        key.map(|key| key.sign_as(kid, claims)).unwrap_or_default()
    }

    /// The id of the key that signs.
    #[must_use]
    pub fn kid(&self) -> String {
        self.shared
            .keys()
            .last()
            .map(|key| key.id.clone())
            .unwrap_or_default()
    }

    /// The public half of the key that signs: what an attacker would use as an
    /// HMAC secret.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.shared
            .keys()
            .last()
            .map(|key| key.signing.verifying_key().to_bytes().to_vec())
            .unwrap_or_default()
    }

    /// The key set as served.
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.shared.jwks()
    }

    /// How often the key set was asked for.
    #[must_use]
    pub fn jwks_requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Signs with a new key from now on; older keys stay in the set.
    pub fn rotate(&self) -> Result<()> {
        let key = Key::new()?;
        self.shared.keys().push(key);
        Ok(())
    }

    /// Takes all keys but the one that signs out of the set.
    pub fn forget_old_keys(&self) {
        let mut keys = self.shared.keys();
        let old = keys.len().saturating_sub(1);
        keys.drain(..old);
    }

    /// Whether the key set is served (the default) or answered with 503.
    pub fn set_available(&self, available: bool) {
        self.shared.available.store(available, Ordering::Relaxed);
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // Wakes the thread out of its accept; it then sees that it is over.
        let address = self.url.trim_start_matches("http://");
        drop(TcpStream::connect(address));
    }
}

impl Shared {
    fn keys(&self) -> MutexGuard<'_, Vec<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jwks(&self) -> Value {
        let keys: Vec<Value> = self.keys().iter().map(Key::jwk).collect();
        json!({ "keys": keys })
    }
}

fn serve(listener: &TcpListener, shared: &Shared) {
    for connection in listener.incoming() {
        if shared.closed.load(Ordering::Relaxed) {
            return;
        }
        // A client that goes away in the middle concerns nobody else.
        let _ = connection.and_then(|stream| answer(stream, shared));
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = first.split_whitespace().nth(1).unwrap_or_default();
    let (status, body) = if path != PATH {
        ("404 Not Found", json!({}))
    } else {
        shared.requests.fetch_add(1, Ordering::Relaxed);
        if shared.available.load(Ordering::Relaxed) {
            ("200 OK", shared.jwks())
        } else {
            ("503 Service Unavailable", json!({}))
        }
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};

    use super::*;

    async fn published(issuer: &Issuer) -> JwkSet {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .get(issuer.jwks_url())
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    fn accepts(set: &JwkSet, issuer: &Issuer, token: &str) -> bool {
        let kid = decode_header(token).unwrap().kid.unwrap();
        let Some(jwk) = set.find(&kid) else {
            return false;
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[issuer.issuer()]);
        decode::<Value>(token, &DecodingKey::from_jwk(jwk).unwrap(), &validation).is_ok()
    }

    #[tokio::test]
    async fn tokens_verify_against_the_served_set() {
        let issuer = Issuer::start(0).unwrap();
        let set = published(&issuer).await;
        assert!(accepts(&set, &issuer, &issuer.token("alice")));
        let mut claims = issuer.claims("alice");
        claims["aud"] = json!("someone-else");
        assert!(!accepts(&set, &issuer, &issuer.mint(&claims)));
        assert!(!accepts(
            &set,
            &issuer,
            &issuer.mint_with_kid("unknown", &claims)
        ));
        assert_eq!(issuer.jwks_requests(), 1);
    }

    #[tokio::test]
    async fn a_rotated_key_signs_and_the_old_one_can_be_forgotten() {
        let issuer = Issuer::start(0).unwrap();
        let before = issuer.token("alice");
        issuer.rotate().unwrap();
        let set = published(&issuer).await;
        assert!(accepts(&set, &issuer, &before));
        assert!(accepts(&set, &issuer, &issuer.token("alice")));
        issuer.forget_old_keys();
        let set = published(&issuer).await;
        assert!(!accepts(&set, &issuer, &before));
    }
}
