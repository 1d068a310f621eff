//! Web Push: what a browser's push service is sent (RFC 8030), encrypted for the browser alone
//! (RFC 8291) and signed by us (RFC 8292).

use std::time::Duration;

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{StatusCode, Url, header::RETRY_AFTER};
use serde::Serialize;
use sha2::{Digest, Sha256};
use web_push_native::{
    Auth, encrypt,
    p256::{PublicKey, SecretKey, elliptic_curve::sec1::ToEncodedPoint, pkcs8::EncodePrivateKey},
};

use crate::tables::{push_outbox::Delivery, push_subscriptions::Subscription};

/// Longest endpoint worth keeping, in bytes.
const LONGEST_ENDPOINT: usize = 2048;
/// Longest a push service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a signature holds, in seconds; services accept a day at most.
const SIGNED_FOR: i64 = 12 * 3600;
/// How long to wait when a service says it is busy and not for how long, in seconds.
const BUSY: u64 = 60;

/// The push services browsers may name. Sending to any other address would let people aim our
/// requests at machines of their choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services(Vec<String>);

impl Services {
    /// Those of the browsers in use.
    pub const USUAL: &str = "fcm.googleapis.com, push.services.mozilla.com, push.apple.com, \
        notify.windows.com";

    /// Each is a domain, asked over https with all under it, or an origin such as
    /// `http://127.0.0.1:9000`, taken exactly.
    #[must_use]
    pub fn new(services: Vec<String>) -> Self {
        Self(services)
    }

    /// Checks a subscription as a browser made it.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn check(&self, browser: &Subscription) -> Result<(), &'static str> {
        if browser.endpoint.len() > LONGEST_ENDPOINT || !self.serve(&browser.endpoint) {
            return Err("The endpoint is not an address of a known push service.");
        }
        keys(browser).ok_or("The keys are not those of a push subscription.")?;
        Ok(())
    }

    fn serve(&self, endpoint: &str) -> bool {
        let Ok(url) = Url::parse(endpoint) else {
            return false;
        };
        let plain = url.username().is_empty() && url.password().is_none();
        let known = |service: &String| {
            if service.contains("://") {
                return url.origin().ascii_serialization() == *service;
            }
            let host = url.host_str().unwrap_or_default();
            let under = host.strip_suffix(service.as_str());
            url.scheme() == "https"
                && url.port().is_none()
                && under.is_some_and(|under| under.is_empty() || under.ends_with('.'))
        };
        plain && self.0.iter().any(known)
    }
}

/// Our key pair, by which push services know us.
pub struct Vapid {
    key: EncodingKey,
    public: String,
    subject: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: String,
    exp: i64,
    sub: &'a str,
}

impl Vapid {
    /// A key pair from its private half: 32 bytes, base64url. `subject` is a `mailto:` or
    /// `https:` address at which push services find whoever runs this.
    ///
    /// # Errors
    /// It is no such key.
    pub fn new(private: &str, subject: &str) -> anyhow::Result<Self> {
        let wrong = "VAPID_PRIVATE_KEY is not a P-256 private key of 32 bytes in base64url.";
        let bytes = BASE64.decode(private.trim()).ok().context(wrong)?;
        let secret = SecretKey::from_slice(&bytes).ok().context(wrong)?;
        let der = secret.to_pkcs8_der().ok().context(wrong)?;
        ensure!(
            subject.starts_with("mailto:") || subject.starts_with("https:"),
            "VAPID_SUBJECT is wrong: it must be a mailto: or https: address."
        );
        Ok(Self {
            key: EncodingKey::from_ec_der(der.as_bytes()),
            public: BASE64.encode(secret.public_key().to_encoded_point(false)),
            subject: subject.to_owned(),
        })
    }

    /// The public half, base64url: what a browser subscribes with.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public
    }

    fn authorization(&self, endpoint: &Url, now: Timestamp) -> anyhow::Result<String> {
        let claims = Claims {
            aud: endpoint.origin().ascii_serialization(),
            exp: now.as_second() + SIGNED_FOR,
            sub: &self.subject,
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.key)?;
        Ok(format!("vapid t={token}, k={}", self.public))
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The push service has it.
    Accepted,
    /// The browser is no longer subscribed.
    Gone,
    /// To be tried again, after these seconds if the service said so.
    Later(Option<u64>),
    /// The service will never take it.
    Refused(StatusCode),
}

/// Sends to push services.
pub struct Sender {
    vapid: Vapid,
    http: reqwest::Client,
}

impl Sender {
    /// A sender that signs with `vapid`.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(vapid: Vapid) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("The HTTP client for push services cannot be built.")?;
        Ok(Self { vapid, http })
    }

    /// Sends one notification. A repeat of the same event replaces the first where the browser
    /// has not been reached yet.
    ///
    /// # Errors
    /// It cannot even be written: the subscription was never one.
    pub async fn send(&self, delivery: &Delivery, now: Timestamp) -> anyhow::Result<Outcome> {
        let endpoint = Url::parse(&delivery.to.endpoint).context("the endpoint is no address")?;
        let (public, auth) = keys(&delivery.to).context("the keys are not P-256")?;
        let body = encrypt(delivery.payload.clone().into_bytes(), &public, &auth)
            .map_err(|error| anyhow::anyhow!("the payload cannot be encrypted: {error}"))?;
        let left = delivery.expires_at.as_second() - now.as_second();
        let topic = BASE64.encode(&Sha256::digest(&delivery.event_id)[..24]);
        let request = self
            .http
            .post(endpoint.clone())
            .header("Authorization", self.vapid.authorization(&endpoint, now)?)
            .header("Content-Encoding", "aes128gcm")
            .header("Content-Type", "application/octet-stream")
            .header("TTL", left.max(0).to_string())
            .header("Urgency", "high")
            .header("Topic", topic)
            .body(body);
        let Ok(response) = request.send().await else {
            return Ok(Outcome::Later(None));
        };
        Ok(outcome(&response))
    }
}

fn outcome(response: &reqwest::Response) -> Outcome {
    let wait = || {
        let header = response.headers().get(RETRY_AFTER)?;
        header.to_str().ok()?.parse().ok()
    };
    match response.status() {
        status if status.is_success() => Outcome::Accepted,
        StatusCode::NOT_FOUND | StatusCode::GONE => Outcome::Gone,
        StatusCode::TOO_MANY_REQUESTS => Outcome::Later(Some(wait().unwrap_or(BUSY))),
        StatusCode::REQUEST_TIMEOUT => Outcome::Later(wait()),
        status if status.is_server_error() => Outcome::Later(wait()),
        status => Outcome::Refused(status),
    }
}

fn keys(browser: &Subscription) -> Option<(PublicKey, Auth)> {
    let decode = |text: &str| BASE64.decode(text.trim_end_matches('=')).ok();
    let public = PublicKey::from_sec1_bytes(&decode(&browser.p256dh)?).ok()?;
    let auth: [u8; 16] = decode(&browser.auth)?.try_into().ok()?;
    Some((public, auth.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn browser(endpoint: &str) -> Subscription {
        let secret = SecretKey::from_slice(&[7; 32]).unwrap();
        Subscription {
            endpoint: endpoint.to_owned(),
            p256dh: BASE64.encode(secret.public_key().to_encoded_point(false)),
            auth: BASE64.encode([9; 16]),
        }
    }

    #[test]
    fn only_known_push_services_are_sent_to() {
        let list = Services::USUAL.split(", ").map(str::to_owned);
        let usual = Services::new(list.chain(["http://127.0.0.1:9000".to_owned()]).collect());
        for good in [
            "https://fcm.googleapis.com/fcm/send/abc",
            "https://updates.push.services.mozilla.com/wpush/v2/abc",
            "https://web.push.apple.com/abc",
            "https://db5p.notify.windows.com/w/?token=abc",
            "http://127.0.0.1:9000/abc",
        ] {
            assert_eq!(usual.check(&browser(good)), Ok(()), "{good}");
        }
        for bad in [
            "",
            "fcm.googleapis.com",
            "http://fcm.googleapis.com/abc",
            "https://fcm.googleapis.com:8443/abc",
            "https://evilfcm.googleapis.com.example.com/abc",
            "https://notfcm.googleapis.com.evil/abc",
            "https://xfcm.googleapis.com/abc",
            "https://me@fcm.googleapis.com/abc",
            "https://127.0.0.1/abc",
            "http://127.0.0.1:9001/abc",
            "http://169.254.169.254/opc/v2/",
            "file:///etc/passwd",
        ] {
            assert!(usual.check(&browser(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_those_of_a_subscription() {
        let services = Services::new(vec!["push.example.com".to_owned()]);
        let good = browser("https://push.example.com/1");
        let bad = [
            Subscription {
                p256dh: "AAAA".to_owned(),
                ..good.clone()
            },
            Subscription {
                auth: "AAAA".to_owned(),
                ..good.clone()
            },
            Subscription {
                auth: "not base64!".to_owned(),
                ..good.clone()
            },
        ];
        assert_eq!(services.check(&good), Ok(()));
        assert!(bad.iter().all(|bad| services.check(bad).is_err()));
    }

    #[test]
    fn a_key_that_is_none_is_one_sentence() {
        let key = BASE64.encode([7; 32]);
        assert!(Vapid::new(&key, "mailto:ops@example.com").is_ok());
        for (key, subject) in [("short", "mailto:a@b"), ("", "mailto:a@b"), (&key, "ops")] {
            assert!(Vapid::new(key, subject).is_err(), "{key} {subject}");
        }
    }
}
