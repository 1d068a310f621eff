//! Knocking at a port as gRPC does, with TLS and without.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
};

/// A certificate and its key.
type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// How a client begins HTTP/2, and how long the header of a server's first frame is.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: usize = 9;
/// The first byte of a TLS record that says what is wrong.
pub const ALERT: u8 = 21;

/// The certificate of a backend, by an authority of one's own.
pub fn forged() -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    let id = "spiffe://public/ns/todo/backend".try_into().unwrap();
    params.subject_alt_names = vec![SanType::URI(id)];
    let certificate = params.self_signed(&key).unwrap();
    (certificate.into(), key.into())
}

/// Shakes hands by TLS and begins HTTP/2, as gRPC does; a server that lets us in answers with its
/// settings, one that speaks something else not at all.
pub fn greet(port: u16, identity: Option<Identity>) -> std::io::Result<()> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting(provider)));
    let mut config = match identity {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => config
            .with_client_auth_cert(vec![certificate], key)
            .unwrap(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = "localhost".try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, connect(port));
    stream.write_all(GREETING)?;
    stream.read_exact(&mut [0; SETTINGS])
}

/// The same without TLS; answers what came back.
pub fn greet_plainly(port: u16) -> Vec<u8> {
    let mut stream = connect(port);
    stream.write_all(GREETING).unwrap();
    let mut answer = Vec::new();
    // Whoever hangs up may do so with a reset.
    let end = stream.read_to_end(&mut answer).map_err(|e| e.kind());
    assert_ne!(end, Err(ErrorKind::WouldBlock), "port {port} only listens");
    answer
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

/// Takes any server for the right one: here it is the server that has to be careful.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
