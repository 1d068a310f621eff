//! Says who we are by SCRAM-SHA-256 (RFC 5802), in Kafka's messages. The sums are `rsasl`'s; what
//! a broker says is looked at before `rsasl` gets it.

use std::{fmt, ops::RangeInclusive};

use bytes::Bytes;
use rsasl::prelude::{Mechname, SASLClient, SASLConfig, Session, SessionError};

use super::{
    Connection, Error,
    message::{Malformed, SaslAuthenticate, SaslHandshake, printable},
};

/// The one way we know; Redpanda and Kafka have it.
pub const MECHANISM: &str = "SCRAM-SHA-256";
/// How often a broker may have us hash the password. With fewer it could be guessed from our
/// proof (RFC 7677). Kafka itself allows no more than 16,384; six times as many still take a
/// moment only, during which nothing can interrupt us.
const ITERATIONS: RangeInclusive<u32> = 4_096..=100_000;

// Kafka's numbers for why a handshake fails.
const UNSUPPORTED_SASL_MECHANISM: i16 = 33;
/// Of a listener without SASL.
const ILLEGAL_SASL_STATE: i16 = 34;

impl Connection {
    /// Says who we are, and makes sure that the broker knows our password too.
    pub(super) async fn authenticate(
        &mut self,
        username: &str,
        password: &str,
    ) -> Result<(), Error> {
        let ways = self.exchange(&SaslHandshake(MECHANISM)).await?;
        match ways.error {
            0 => {}
            UNSUPPORTED_SASL_MECHANISM if !ways.enabled.is_empty() => {
                return Err(Error::NoMechanism(printable(&ways.enabled.join(", "))));
            }
            ILLEGAL_SASL_STATE => return Err(Error::AsksNobody),
            error => return Err(Error::NoHandshake(error)),
        }
        let mut session = session(username, password)?;
        let mut name = Vec::new();
        let begun = session.step(None, &mut name);
        begun.map_err(|error| unsayable(&error))?;

        let challenge = self.tell(name).await?;
        check_challenge(&challenge)?;
        let mut proof = Vec::new();
        let proved = session.step(Some(&challenge), &mut proof);
        proved.map_err(|error| distrust(&error))?;

        let outcome = self.tell(proof).await?;
        check_outcome(&outcome)?;
        let ended = session.step(Some(&outcome), &mut Vec::new());
        ended.map_err(|error| distrust(&error))?;
        Ok(())
    }

    async fn tell(&mut self, message: Vec<u8>) -> Result<Bytes, Error> {
        let reply = self.exchange(&SaslAuthenticate(message)).await?;
        if reply.error != 0 {
            let says = reply.says.filter(|says| !says.is_empty());
            let number = || format!("error {}", reply.error);
            return Err(Error::Refused(says.unwrap_or_else(number)));
        }
        Ok(reply.message)
    }
}

fn session(username: &str, password: &str) -> Result<Session, Error> {
    let config = SASLConfig::with_credentials(None, username.to_owned(), password.to_owned());
    let client = SASLClient::new(config.map_err(|error| unsayable(&error))?);
    let mechanism = Mechname::parse(MECHANISM.as_bytes()).map_err(|error| unsayable(&error))?;
    let session = client.start_suggested(&[mechanism]);
    session.map_err(|error| unsayable(&error))
}

fn unsayable(error: &dyn fmt::Display) -> Error {
    Error::Unsayable(error.to_string())
}

/// `r=NONCE,s=SALT,i=ITERATIONS`, and maybe more. `rsasl` would panic if one of these had no name,
/// and hash for an hour if told to.
fn check_challenge(message: &[u8]) -> Result<(), Error> {
    let message = std::str::from_utf8(message).map_err(|_| Malformed)?;
    let mut parts = message.split(',');
    for name in ["r=", "s="] {
        let part = parts.next().ok_or(Malformed)?;
        part.strip_prefix(name).ok_or(Malformed)?;
    }
    let count = parts.next().and_then(|part| part.strip_prefix("i="));
    let count: u32 = count.ok_or(Malformed)?.parse().map_err(|_| Malformed)?;
    if ITERATIONS.contains(&count) {
        return Ok(());
    }
    let (least, most) = (ITERATIONS.start(), ITERATIONS.end());
    Err(Error::Distrusted(format!(
        "it wants our password hashed {count} times, and {least} to {most} are safe"
    )))
}

/// `v=SIGNATURE` or `e=REASON`; Kafka gives no reason this way, others may.
fn check_outcome(message: &[u8]) -> Result<(), Error> {
    let message = std::str::from_utf8(message).map_err(|_| Malformed)?;
    if let Some(reason) = message.strip_prefix("e=") {
        return Err(Error::Refused(printable(reason)));
    }
    message.strip_prefix("v=").ok_or(Malformed)?;
    Ok(())
}

fn distrust(error: &SessionError) -> Error {
    Error::Distrusted(match error {
        SessionError::MutualAuthenticationFailed => {
            "it does not prove that it knows our password".to_owned()
        }
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use bytes::{Buf, BufMut};

    use super::{super::fake, *};

    /// That SCRAM-SHA-256 may begin.
    const WELCOME: &[u8] = b"\0\0\0\0\0\0";
    /// A signature made without the password.
    const FORGED: &str = "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    /// What comes of a broker that answers the handshake, our name and our proof with these;
    /// NONCE stands for ours.
    async fn meet(
        welcome: &'static [u8],
        challenge: &'static [u8],
        outcome: &'static [u8],
    ) -> Error {
        let mut answers = [challenge, outcome].into_iter();
        let mut broker = fake::broker(move |key, mut message| {
            if key == 17 {
                return welcome.to_vec();
            }
            let length = message.get_i32();
            assert_eq!(length as usize, message.remaining());
            let said = std::str::from_utf8(&message).unwrap();
            let nonce = said.split(",r=").nth(1).unwrap();
            let answer = answers.next().unwrap();
            let answer = match answer.strip_prefix(b"r=NONCE") {
                Some(rest) => [b"r=", nonce.as_bytes(), rest].concat(),
                None => answer.to_vec(),
            };
            reply(0, None, &answer)
        });
        broker.authenticate("todo", "hush").await.unwrap_err()
    }

    fn reply(error: i16, says: Option<&str>, message: &[u8]) -> Vec<u8> {
        let mut reply = Vec::new();
        reply.put_i16(error);
        reply.put_i16(says.map_or(-1, |says| says.len() as i16));
        reply.put_slice(says.unwrap_or_default().as_bytes());
        reply.put_i32(message.len() as i32);
        reply.put_slice(message);
        reply
    }

    #[tokio::test]
    async fn a_broker_that_does_not_begin_says_what_is_to_be_done() {
        for (welcome, expected) in [
            (
                &b"\0\x21\0\0\0\x02\0\x05PLAIN\0\x0dSCRAM-SHA-512"[..],
                "takes no SCRAM-SHA-256, only: PLAIN, SCRAM-SHA-512. Enable it there",
            ),
            (
                b"\0\x22\0\0\0\0",
                "asks nobody for a user name and password at this port.",
            ),
            (
                b"\0\x21\0\0\0\0",
                "does not begin SCRAM-SHA-256 with us: error 33 of https",
            ),
        ] {
            let error = meet(welcome, b"", b"").await;
            assert!(error.to_string().starts_with(expected), "{error}");
            assert!(!error.may_pass(), "{error}");
        }
    }

    #[tokio::test]
    async fn a_challenge_that_is_none_is_not_taken() {
        for challenge in [
            &b""[..],
            b"r",
            b"r=x,,",
            b"r=NONCEx",
            b"r=NONCEx,s=c2FsdA==",
            b"r=NONCEx,s=c2FsdA==,",
            b"r=NONCEx,i=4096,s=c2FsdA==",
            b"m=x,r=NONCEx,s=c2FsdA==,i=4096",
            b"r=NONCEx,s=c2FsdA==,i=",
            b"r=NONCEx,s=c2FsdA==,i=-1",
            b"r=NONCEx,s=c2FsdA==,i=4294967296",
            b"r=NONCEx,s=\xff,i=4096",
        ] {
            let error = meet(WELCOME, challenge, b"").await;
            assert!(matches!(error, Error::Foreign), "{challenge:?} {error}");
        }
    }

    #[tokio::test]
    async fn a_password_is_hashed_neither_too_little_nor_for_ever() {
        for challenge in [
            &b"r=NONCEx,s=c2FsdA==,i=1"[..],
            b"r=NONCEx,s=c2FsdA==,i=4095",
            b"r=NONCEx,s=c2FsdA==,i=100001",
            b"r=NONCEx,s=c2FsdA==,i=4294967295",
        ] {
            let error = meet(WELCOME, challenge, b"").await;
            let expected = "is not trusted: it wants our password hashed ";
            assert!(error.to_string().starts_with(expected), "{error}");
            assert!(!error.may_pass(), "{error}");
        }
        for count in ["4096", "100000"] {
            let challenge = format!("r=x,s=c2FsdA==,i={count},more=");
            check_challenge(challenge.as_bytes()).unwrap();
        }
    }

    #[tokio::test]
    async fn a_broker_that_does_not_know_our_password_is_not_trusted() {
        const CHALLENGE: &[u8] = b"r=NONCEx,s=c2FsdA==,i=4096";
        let error = meet(WELCOME, CHALLENGE, FORGED.as_bytes()).await;
        let expected = "is not trusted: it does not prove that it knows our password. See";
        assert!(error.to_string().starts_with(expected), "{error}");
        // Nor one that answers somebody else
        let error = meet(WELCOME, b"r=other,s=c2FsdA==,i=4096", b"").await;
        assert!(matches!(error, Error::Distrusted(_)), "{error}");
        for outcome in [&b""[..], b"v", b"welcome"] {
            let error = meet(WELCOME, CHALLENGE, outcome).await;
            assert!(matches!(error, Error::Foreign), "{outcome:?} {error}");
        }
        // But who refuses us is believed
        let error = meet(WELCOME, CHALLENGE, b"e=unknown-user\n").await;
        let expected = "does not accept our user name and password: unknown-user?. See";
        assert!(error.to_string().starts_with(expected), "{error}");
    }

    #[tokio::test]
    async fn a_refusal_has_the_brokers_words_and_a_name_must_be_one() {
        let refuse = |key, _| match key {
            17 => WELCOME.to_vec(),
            _ => reply(58, Some("Authentication failed"), b""),
        };
        let refused = fake::broker(refuse).authenticate("todo", "hush").await;
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, Error::Refused(says) if says == "Authentication failed"),
            "{error}"
        );
        let error = fake::broker(refuse).authenticate("", "hush").await;
        assert!(matches!(error, Err(Error::Unsayable(_))), "{error:?}");
    }
}
