//! A connection to one broker, on which one request at a time is asked and answered.

use std::{io, sync::Arc, time::Duration};

use bytes::{BufMut, Bytes};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    KafkaConfig,
    message::{Malformed, Reader, Request, put_string},
    scram::MECHANISM,
    tls,
};

/// How long a broker may take to be reached, to agree who we are, or to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Answers to what we ask have some hundred bytes; one that announces more than 1 MiB is none.
const LONGEST_ANSWER: usize = 1 << 20;
/// What brokers call us in their logs.
const CLIENT: &str = "todo-backend";
/// Where Kafka says what its numbers mean.
pub const ERROR_CODES: &str = "https://kafka.apache.org/protocol#protocol_error_codes";
/// How an alert of TLS begins, where an answer has its length.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Why a broker gave no answer. What it says follows "Kafka at HOST:PORT".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong.
    #[error(
        "is not asked, because TLS cannot be set up: {0:#}. See KAFKA_CA_FILE and KAFKA_BROKERS"
    )]
    Setup(anyhow::Error),
    /// Nobody is there.
    #[error("cannot be reached: {0}. See whether it runs, and whether KAFKA_BROKERS is right")]
    Away(io::Error),
    /// Somebody is there and says nothing.
    #[error("was silent for {} s. See whether it is well, and whether the port is right", PATIENCE.as_secs())]
    Silent,
    /// No agreement on encryption, such as a certificate of an unknown authority.
    #[error(
        "does not agree with us on TLS: {0}. KAFKA_CA_FILE names its authority; if it has no TLS, \
         say KAFKA_TLS=false"
    )]
    Tls(io::Error),
    /// It was spoken to without encryption.
    #[error("wants TLS: say KAFKA_TLS=true")]
    WantsTls,
    /// It closed the connection.
    #[error(
        "hung up on us: {0}. It may want TLS (KAFKA_TLS) or a user name and password \
         (KAFKA_USERNAME_FILE, KAFKA_PASSWORD_FILE)"
    )]
    HungUp(io::Error),
    /// What it says is no answer.
    #[error("does not answer as Kafka does. See whether KAFKA_BROKERS names the right port")]
    Foreign,
    /// It knows other ways than ours to say who one is.
    #[error("takes no {MECHANISM}, only: {0}. Enable it there")]
    NoMechanism(String),
    /// It does not ask who one is.
    #[error(
        "asks nobody for a user name and password at this port. See whether KAFKA_BROKERS names \
         the right one; if so, leave out KAFKA_USERNAME_FILE and KAFKA_PASSWORD_FILE"
    )]
    AsksNobody,
    /// It does not let us say who we are, for a reason of Kafka's list.
    #[error("does not begin {MECHANISM} with us: error {0} of {ERROR_CODES}")]
    NoHandshake(i16),
    /// What we are to say of ourselves cannot be said.
    #[error(
        "is not told our user name and password, which cannot be sent: {0}. See the files named \
         by KAFKA_USERNAME_FILE and KAFKA_PASSWORD_FILE"
    )]
    Unsayable(String),
    /// It does not know us.
    #[error(
        "does not accept our user name and password: {0}. See the files named by \
         KAFKA_USERNAME_FILE and KAFKA_PASSWORD_FILE"
    )]
    Refused(String),
    /// We do not believe that it is ours.
    #[error("is not trusted: {0}. See whether KAFKA_BROKERS names the right one")]
    Distrusted(String),
}

impl Error {
    /// Whether another try could have another end. A wrong password or an unknown authority does
    /// not get better by waiting.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Away(_) | Self::Silent | Self::HungUp(_) => true,
            // The connection may have ended; what TLS itself finds wrong stays wrong.
            Self::Tls(error) => !error
                .get_ref()
                .is_some_and(|error| error.is::<rustls::Error>()),
            _ => false,
        }
    }
}

impl From<Malformed> for Error {
    fn from(_: Malformed) -> Self {
        Self::Foreign
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A broker that knows who we are.
pub struct Connection {
    stream: Box<dyn Stream>,
    /// Of the last request; its answer has it too.
    number: i32,
}

impl Connection {
    /// The near end of a pipe to a broker that is part of a test.
    #[cfg(test)]
    pub(super) fn piped(stream: tokio::io::DuplexStream) -> Self {
        let stream = Box::new(stream);
        Self { stream, number: 0 }
    }

    /// Connects to `broker`, a `host:port`, as `config` says: encrypted, with name and password.
    ///
    /// # Errors
    /// As [`Error`] lists; after 15 s of silence at the latest.
    pub async fn open(broker: &str, config: &KafkaConfig) -> Result<Self, Error> {
        let opened = timeout(PATIENCE, async {
            let stream = TcpStream::connect(broker).await.map_err(Error::Away)?;
            let stream: Box<dyn Stream> = match config.tls {
                true => Box::new(encrypted(stream, broker, config).await?),
                false => Box::new(stream),
            };
            let mut connection = Self { stream, number: 0 };
            if let Some((username, password)) = &config.credentials {
                connection.authenticate(username, password).await?;
            }
            Ok(connection)
        });
        opened.await.unwrap_or(Err(Error::Silent))
    }

    /// Asks, and waits for the answer, 15 s at most.
    ///
    /// # Errors
    /// The broker is silent or gone, or its answer is none to `request`. The connection is of no
    /// more use then.
    pub async fn call<R: Request>(&mut self, request: &R) -> Result<R::Answer, Error> {
        let called = timeout(PATIENCE, self.exchange(request));
        called.await.unwrap_or(Err(Error::Silent))
    }

    /// Asks and waits, without an end of its own.
    pub(super) async fn exchange<R: Request>(&mut self, request: &R) -> Result<R::Answer, Error> {
        self.number += 1;
        let mut message = Vec::new();
        message.put_i16(R::KEY);
        message.put_i16(R::VERSION);
        message.put_i32(self.number);
        put_string(&mut message, CLIENT);
        request.write(&mut message);
        let length = (message.len() as i32).to_be_bytes();
        let frame = [&length[..], &message].concat();
        self.stream.write_all(&frame).await.map_err(Error::HungUp)?;
        self.stream.flush().await.map_err(Error::HungUp)?;

        let mut answer = Reader(self.frame().await?);
        if answer.i32()? != self.number {
            return Err(Error::Foreign);
        }
        Ok(R::read(&mut answer)?)
    }

    async fn frame(&mut self) -> Result<Bytes, Error> {
        let mut length = [0; 4];
        let read = self.stream.read_exact(&mut length).await;
        read.map_err(Error::HungUp)?;
        if length.starts_with(&TLS_ALERT) {
            return Err(Error::WantsTls);
        }
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST_ANSWER {
            return Err(Error::Foreign);
        }
        let mut frame = vec![0; length];
        let read = self.stream.read_exact(&mut frame).await;
        read.map_err(Error::HungUp)?;
        Ok(frame.into())
    }
}

async fn encrypted(
    stream: TcpStream,
    broker: &str,
    config: &KafkaConfig,
) -> Result<impl Stream + use<>, Error> {
    let tls = tls(config.ca.as_deref()).map_err(Error::Setup)?;
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Error::Setup(error.into()))?;
    let connecting = TlsConnector::from(Arc::new(tls)).connect(name, stream);
    connecting.await.map_err(Error::Tls)
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::{super::message::Metadata, *};

    const QUESTION: &[u8] =
        b"\0\0\0\x1e\0\x03\0\x04\0\0\0\x01\0\x0ctodo-backend\0\0\0\x01\0\x01a\0";

    fn connection() -> (Connection, DuplexStream) {
        let (ours, theirs) = duplex(4096);
        (Connection::piped(ours), theirs)
    }

    /// Asks a broker that answers with these bytes and ends.
    async fn ask(answer: &[u8]) -> Result<usize, Error> {
        let (mut connection, mut broker) = connection();
        broker.write_all(answer).await.unwrap();
        broker.shutdown().await.unwrap();
        let found = connection.call(&Metadata(&["a"])).await?;
        let mut question = vec![0; QUESTION.len()];
        broker.read_exact(&mut question).await.unwrap();
        assert_eq!(question, QUESTION);
        Ok(found.len())
    }

    /// The answer to request `number` that there are no brokers and no topics.
    fn nothing(number: i32) -> Vec<u8> {
        let mut answer = 22_i32.to_be_bytes().to_vec();
        answer.put_i32(number);
        answer.put_slice(b"\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0\0\0\0\0");
        answer
    }

    #[tokio::test]
    async fn a_request_has_its_length_and_header_in_front() {
        assert_eq!(ask(&nothing(1)).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_frame_that_is_cut_too_long_or_not_ours_is_refused() {
        let whole = nothing(1);
        for end in 0..whole.len() {
            let error = ask(&whole[..end]).await.unwrap_err();
            assert!(matches!(error, Error::HungUp(_)), "{end} {error}");
        }
        let foreign = [
            &b"\0\x10\0\x01"[..], // a byte more than 1 MiB
            b"\xff\xff\xff\xff",  // fewer than none
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"\0\0\0\x02\0\0", // no room for the number
            &nothing(2),
        ];
        for answer in foreign {
            let error = ask(answer).await.unwrap_err();
            assert!(matches!(error, Error::Foreign), "{answer:?} {error}");
        }
        let error = ask(b"\x15\x03\x03\0\x02\x02\x50").await.unwrap_err();
        assert!(matches!(error, Error::WantsTls), "{error}");
    }

    #[test]
    fn waiting_is_for_what_may_pass() {
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let unknown = rustls::CertificateError::UnknownIssuer;
        let found = io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::InvalidCertificate(unknown),
        );
        for error in [
            Error::Away(reset()),
            Error::Silent,
            Error::HungUp(reset()),
            Error::Tls(reset()),
        ] {
            assert!(error.may_pass(), "{error}");
        }
        for error in [Error::Tls(found), Error::WantsTls, Error::Foreign] {
            assert!(!error.may_pass(), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_a_silent_broker() {
        let (mut connection, _broker) = connection();
        let start = tokio::time::Instant::now();
        let error = connection.call(&Metadata(&["a"])).await.unwrap_err();
        assert!(
            error.to_string().starts_with("was silent for 15 s"),
            "{error}"
        );
        assert_eq!(start.elapsed(), PATIENCE);
    }
}
