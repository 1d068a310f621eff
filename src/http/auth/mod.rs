//! Who calls: a bearer token, checked before any route under `/api/{user_id}` is reached.

mod jwks;

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;
use todo_actors::message::valid_user_id;

use self::jwks::{Jwks, Lookup};
use super::problem::{Kind, Problem};
use crate::config::{JwtConfig, JwtMode};

/// Clocks of different machines may differ by this much, in seconds.
const LEEWAY: u64 = 30;
/// Longest token worth looking at, in bytes.
const LONGEST: usize = 8 << 10;

/// Checks tokens.
pub struct Authenticator {
    keys: Keys,
    validation: Validation,
}

enum Keys {
    Public(Vec<Arc<Jwks>>),
    Shared(DecodingKey),
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Seconds since 1970, and fractions of them if the issuer likes.
    exp: f64,
}

/// Who a token proves its bearer to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The user.
    pub user_id: String,
    /// Until when.
    pub expiry: Expiry,
}

/// When a request's token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry(pub Timestamp);

impl<S: Send + Sync> FromRequestParts<S> for Expiry {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().copied().ok_or_else(|| {
            tracing::error!("a route that needs a token's end stands outside the auth layer");
            Problem::internal()
        })
    }
}

impl Authenticator {
    /// Checks tokens as `config` says; `secret` is `BETTER_AUTH_SECRET`, needed for HS256 only.
    ///
    /// # Errors
    /// HS256 without a secret, or an HTTP client that cannot be built.
    pub fn new(config: &JwtConfig, secret: Option<&str>) -> anyhow::Result<Self> {
        let (algorithm, keys) = match (&config.mode, secret) {
            (JwtMode::Jwks(urls), _) => {
                let sets = urls.split(',').map(|url| Jwks::new(url.trim()));
                (
                    Algorithm::EdDSA,
                    Keys::Public(sets.collect::<Result<_, _>>()?),
                )
            }
            (JwtMode::Hs256, Some(secret)) => (
                Algorithm::HS256,
                Keys::Shared(DecodingKey::from_secret(secret.as_bytes())),
            ),
            (JwtMode::Hs256, None) => {
                anyhow::bail!("JWT_MODE is hs256, but app-secrets has no BETTER_AUTH_SECRET.")
            }
        };
        // Exactly one algorithm, never the one the token asks for.
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        Ok(Self { keys, validation })
    }

    /// The user that the request's token proves.
    ///
    /// # Errors
    /// 401 without a token or with one that proves nothing; 503 while the keys to check it
    /// with cannot be fetched.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Proven, Problem> {
        let token = bearer(headers)?;
        let header = decode_header(token).map_err(|_| refused("The token cannot be read."))?;
        if !self.validation.algorithms.contains(&header.alg) {
            return Err(refused(
                "The token is signed in a way that is not accepted.",
            ));
        }
        let claims: Claims = match &self.keys {
            Keys::Shared(key) => self.decode(token, key)?,
            Keys::Public(sets) => {
                let kid = header
                    .kid
                    .ok_or_else(|| refused("The token names no key."))?;
                match jwks::find(sets, &kid).await {
                    Lookup::Found(key) => self.decode(token, &key)?,
                    Lookup::Unknown => return Err(refused("The token's key is not known.")),
                    Lookup::Unavailable => return Err(Problem::unavailable()),
                }
            }
        };
        if valid_user_id(&claims.sub) {
            let end = SignedDuration::try_from_secs_f64(claims.exp)
                .and_then(Timestamp::from_duration)
                // Beyond all time.
                .unwrap_or(Timestamp::MAX);
            Ok(Proven {
                user_id: claims.sub,
                expiry: Expiry(end),
            })
        } else {
            Err(refused("The token's subject is not a user id."))
        }
    }

    fn decode(&self, token: &str, key: &DecodingKey) -> Result<Claims, Problem> {
        decode(token, key, &self.validation)
            .map(|data| data.claims)
            .map_err(|error| {
                refused(match error.kind() {
                    ErrorKind::ExpiredSignature => "The token has expired.",
                    ErrorKind::ImmatureSignature => "The token is not valid yet.",
                    ErrorKind::InvalidIssuer => "The token comes from somewhere else.",
                    ErrorKind::InvalidAudience => "The token is meant for something else.",
                    ErrorKind::InvalidSignature => "The token's signature is wrong.",
                    ErrorKind::MissingRequiredClaim(_) => "The token lacks a claim.",
                    _ => "The token cannot be read.",
                })
            })
    }
}

fn refused(detail: &str) -> Problem {
    Problem::new(Kind::Unauthorized, detail)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values
        .next()
        .ok_or_else(|| refused("A bearer token is needed."))?;
    if values.next().is_some() {
        return Err(refused("There is more than one Authorization header."));
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(|| refused("A bearer token is needed."))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused("A bearer token is needed."));
    }
    let token = token.trim();
    if token.is_empty() || token.len() > LONGEST {
        return Err(refused("The token cannot be read."));
    }
    Ok(token)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use axum::{Json, Router, http::HeaderValue, routing::get};
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use ed25519_dalek::SigningKey;
    use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://todo.example";
    const AUDIENCE: &str = "todo-api";

    fn signing_key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn encoding_key() -> EncodingKey {
        // PKCS #8 of an Ed25519 seed: a fixed prefix and the seed.
        let mut der = vec![
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22,
            0x04, 0x20,
        ];
        der.extend_from_slice(signing_key().as_bytes());
        EncodingKey::from_ed_der(&der)
    }

    fn public_key() -> String {
        URL_SAFE_NO_PAD.encode(signing_key().verifying_key().as_bytes())
    }

    /// A token of `user`, with `change` made to its claims.
    pub(crate) fn token(user: &str, change: Value) -> String {
        signed("k1", user, change)
    }

    fn claims(user: &str, change: Value) -> Value {
        let now = get_current_timestamp();
        let mut claims = json!({
            "sub": user, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 900,
        });
        for (name, value) in change.as_object().cloned().unwrap_or_default() {
            claims[name] = value;
        }
        claims
    }

    fn signed(kid: &str, user: &str, change: Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.to_owned());
        encode(&header, &claims(user, change), &encoding_key()).unwrap()
    }

    /// Serves a key set with the key `k1` and counts how often it is asked for.
    pub(crate) async fn key_server() -> (String, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let set = json!({"keys": [
            {"kty": "RSA", "kid": "other", "n": "AQAB", "e": "AQAB"},
            {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "k1", "x": public_key()},
        ]});
        let router = Router::new().route(
            "/jwks",
            get(move || {
                count.fetch_add(1, Ordering::SeqCst);
                let set = set.clone();
                async move { Json(set) }
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, asked)
    }

    pub(crate) fn jwks_config(url: &str) -> JwtConfig {
        JwtConfig {
            mode: JwtMode::Jwks(url.to_owned()),
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
        }
    }

    async fn check(authenticator: &Authenticator, authorization: &str) -> Result<String, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_str(authorization).unwrap(),
        );
        authenticator
            .verify(&headers)
            .await
            .map(|proven| proven.user_id)
            .map_err(|problem| problem.status().as_u16())
    }

    #[tokio::test]
    async fn only_a_token_that_satisfies_everything_passes() {
        let (url, asked) = key_server().await;
        let authenticator = Authenticator::new(&jwks_config(&url), None).unwrap();
        let bearer = |token: &str| format!("Bearer {token}");
        let good = token("ann", json!({}));
        assert_eq!(
            check(&authenticator, &bearer(&good)).await.as_deref(),
            Ok("ann")
        );
        assert_eq!(
            check(&authenticator, &format!("bearer  {good}"))
                .await
                .as_deref(),
            Ok("ann")
        );

        let now = get_current_timestamp();
        for still_good in [
            json!({"exp": now - 20}),
            json!({"exp": 4_000_000_000.5}),
            json!({"nbf": now + 20}),
            json!({"aud": ["x", AUDIENCE]}),
        ] {
            let token = token("ann", still_good.clone());
            assert!(
                check(&authenticator, &bearer(&token)).await.is_ok(),
                "{still_good}"
            );
        }
        for change in [
            json!({"exp": now - 60}),
            json!({"exp": null}),
            json!({"exp": "tomorrow"}),
            json!({"nbf": now + 60}),
            json!({"iss": "https://else.example"}),
            json!({"iss": null}),
            json!({"aud": "else"}),
            json!({"aud": null}),
            json!({"sub": null}),
            json!({"sub": ""}),
            json!({"sub": "a/b"}),
            json!({"sub": "a~b"}),
            json!({"sub": "x".repeat(65)}),
        ] {
            let token = token("ann", change.clone());
            assert_eq!(
                check(&authenticator, &bearer(&token)).await,
                Err(401),
                "{change}"
            );
        }

        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT","kid":"k1"}"#),
            URL_SAFE_NO_PAD.encode(claims("ann", json!({})).to_string()),
        );
        let mut confused = Header::new(Algorithm::HS256);
        confused.kid = Some("k1".to_owned());
        let public = signing_key().verifying_key();
        let forged = encode(
            &confused,
            &claims("ann", json!({})),
            &EncodingKey::from_secret(public.as_bytes()),
        );
        let (head, _) = good.rsplit_once('.').unwrap();
        let other = signed("k1", "bob", json!({}));
        let spliced = format!("{head}.{}", other.rsplit_once('.').unwrap().1);
        for bad in [
            "Basic YTpi".to_owned(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            bearer("not-a-token"),
            bearer(&none),
            bearer(&forged.unwrap()),
            bearer(&spliced),
            bearer(&"x".repeat(9000)),
        ] {
            assert_eq!(check(&authenticator, &bad).await, Err(401), "{bad:.40}");
        }
        assert_eq!(
            authenticator
                .verify(&HeaderMap::new())
                .await
                .unwrap_err()
                .status(),
            401
        );
        assert_eq!(asked.load(Ordering::SeqCst), 1, "the key set is kept");
    }

    #[tokio::test]
    async fn unknown_keys_cause_one_fetch_and_no_more() {
        let (url, asked) = key_server().await;
        let authenticator = Arc::new(Authenticator::new(&jwks_config(&url), None).unwrap());
        let unknown = format!("Bearer {}", signed("k9", "ann", json!({})));
        let checks = (0..50).map(|_| check(&authenticator, &unknown));
        for answer in futures::future::join_all(checks).await {
            assert_eq!(answer, Err(401));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let known = format!("Bearer {}", token("ann", json!({})));
        assert!(check(&authenticator, &known).await.is_ok());
    }

    #[tokio::test]
    async fn a_key_may_be_in_any_of_several_sets() {
        // Given a set that cannot be read before the one that has the key
        let (url, asked) = key_server().await;
        let sets = format!("http://127.0.0.1:1/jwks, {url}");
        let authenticator = Authenticator::new(&jwks_config(&sets), None).unwrap();
        let known = format!("Bearer {}", token("ann", json!({})));
        for _ in 0..3 {
            assert!(check(&authenticator, &known).await.is_ok());
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        // A key that is in neither may be in the one that nobody can read
        let unknown = format!("Bearer {}", signed("k9", "ann", json!({})));
        assert_eq!(check(&authenticator, &unknown).await, Err(503));
    }

    /// Serves the key set once; later requests get no answer.
    async fn key_server_that_falls_silent() -> (String, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let set =
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": public_key()}]});
        let router = Router::new().route(
            "/jwks",
            get(move || {
                let first = count.fetch_add(1, Ordering::SeqCst) == 0;
                let set = set.clone();
                async move {
                    if !first {
                        std::future::pending::<()>().await;
                    }
                    Json(set)
                }
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, asked)
    }

    #[tokio::test]
    async fn a_silent_key_server_holds_up_nobody_whose_key_is_known() {
        // Given a known key in a set that has grown old
        let (url, asked) = key_server_that_falls_silent().await;
        let authenticator = Authenticator::new(&jwks_config(&url), None).unwrap();
        let known = format!("Bearer {}", token("ann", json!({})));
        assert!(check(&authenticator, &known).await.is_ok());
        tokio::time::pause();
        tokio::time::advance(jwks::FRESH + Duration::from_secs(1)).await;
        tokio::time::resume();
        // When the set is asked for again and no answer comes
        let started = std::time::Instant::now();
        assert!(check(&authenticator, &known).await.is_ok());
        while asked.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Then requests that need that key go on at once, meanwhile and after
        assert!(check(&authenticator, &known).await.is_ok());
        assert!(started.elapsed() < Duration::from_secs(2));
        assert_eq!(asked.load(Ordering::SeqCst), 2, "one request at a time");
    }

    #[tokio::test]
    async fn without_keys_nobody_is_turned_away_for_good() {
        let authenticator =
            Authenticator::new(&jwks_config("http://127.0.0.1:1/jwks"), None).unwrap();
        let known = format!("Bearer {}", token("ann", json!({})));
        assert_eq!(check(&authenticator, &known).await, Err(503));
    }

    #[tokio::test]
    async fn a_shared_secret_is_used_only_when_so_configured() {
        let config = JwtConfig {
            mode: JwtMode::Hs256,
            ..jwks_config("")
        };
        assert!(Authenticator::new(&config, None).is_err());
        let authenticator = Authenticator::new(&config, Some("s3cret")).unwrap();
        let sign = |secret: &str| {
            let key = EncodingKey::from_secret(secret.as_bytes());
            encode(
                &Header::new(Algorithm::HS256),
                &claims("ann", json!({})),
                &key,
            )
            .unwrap()
        };
        assert!(
            check(&authenticator, &format!("Bearer {}", sign("s3cret")))
                .await
                .is_ok()
        );
        assert_eq!(
            check(&authenticator, &format!("Bearer {}", sign("else"))).await,
            Err(401)
        );
        let eddsa = format!("Bearer {}", token("ann", json!({})));
        assert_eq!(check(&authenticator, &eddsa).await, Err(401));
    }
}
