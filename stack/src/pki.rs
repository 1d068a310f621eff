//! Certificates of a secured stack. They are made anew at every start, so none runs out in a
//! folder that is kept, and no authority's key is written down.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};

use crate::secrets::write_private;

/// Longer than any stack runs.
pub(crate) const LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// For servers whose clock is a little behind.
const LEEWAY: Duration = Duration::from_secs(60 * 60);

/// Who vouches for servers, or for other authorities.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// An authority that vouches for itself.
    pub fn root(name: &str) -> Result<Self> {
        let issuer = CertifiedIssuer::self_signed(authority(name)?, KeyPair::generate()?)?;
        Ok(Self(issuer))
    }

    /// An authority that this one vouches for.
    pub fn below(&self, name: &str) -> Result<Self> {
        let issuer = CertifiedIssuer::signed_by(authority(name)?, KeyPair::generate()?, &self.0)?;
        Ok(Self(issuer))
    }

    /// Its certificate.
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// Its key, for a server that signs in its name.
    pub fn key(&self) -> String {
        self.0.key().serialize_pem()
    }

    /// A certificate for a server on this machine, good for calling others too.
    pub fn server(&self, name: &str) -> Result<Pair> {
        let mut params = named(name)?;
        params.subject_alt_names = vec![
            SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
            SanType::DnsName("localhost".try_into()?),
        ];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok(Pair {
            certificate: params.signed_by(&key, &self.0)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// A server's certificate and its key, in PEM.
pub(crate) struct Pair {
    pub certificate: String,
    pub key: String,
}

fn authority(name: &str) -> Result<CertificateParams> {
    let mut params = named(name)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn named(name: &str) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now();
    params.not_before = (now - LEEWAY).into();
    params.not_after = (now + LIFETIME).into();
    Ok(params)
}

/// The authority of PostgreSQL and Kafka, whose certificate clients find in a file.
pub(crate) struct ServerAuthority {
    authority: Authority,
    /// Its certificate, for clients.
    pub file: PathBuf,
}

impl ServerAuthority {
    /// Makes one and writes its certificate into `dir`.
    pub fn in_dir(dir: &Path) -> Result<Self> {
        let authority = Authority::root("the servers of this stack")?;
        let file = dir.join("ca.crt");
        fs::write(&file, authority.certificate())
            .with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(Self { authority, file })
    }

    /// Writes a server's certificate and key, each to its file.
    pub fn write(&self, name: &str, certificate: &Path, key: &Path) -> Result<()> {
        let pair = self.authority.server(name)?;
        write_private(certificate, &pair.certificate)?;
        write_private(key, &pair.key)
    }

    /// Writes both into one file, the key first.
    pub fn write_together(&self, name: &str, file: &Path) -> Result<()> {
        let pair = self.authority.server(name)?;
        write_private(file, &(pair.key + &pair.certificate))
    }
}
