//! A certificate with its key, as PEM: made, and looked at.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hari_error::{Error, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;

use super::validity::Validity;

/// How long an authority holds.
const AUTHORITY: Duration = Duration::from_secs(2 * 365 * 86_400);
/// How long a serving certificate holds.
const SERVING: Duration = Duration::from_secs(90 * 86_400);
/// Clocks of other machines may be behind by so much.
const SKEW: Duration = Duration::from_secs(3600);

const NAME: &str = "hari webhook";

/// A certificate, and those that sign it, with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// PEM.
    pub(crate) certificate: String,
    /// PEM.
    pub(crate) key: String,
}

impl Pair {
    /// A new authority, which signs itself.
    pub(super) fn authority(now: SystemTime) -> Result<Self> {
        let key = KeyPair::generate().map_err(failed)?;
        let mut parameters = authority();
        parameters.not_before = (now - SKEW).into();
        parameters.not_after = (now + AUTHORITY).into();
        let certificate = parameters.self_signed(&key).map_err(failed)?;
        Ok(Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// A new serving certificate, signed by this authority.
    pub(super) fn sign(&self, names: &[String], now: SystemTime) -> Result<Self> {
        let issuer = Issuer::new(authority(), KeyPair::from_pem(&self.key).map_err(failed)?);
        let mut parameters = CertificateParams::new(names).map_err(failed)?;
        parameters.not_before = (now - SKEW).into();
        parameters.not_after = (now + SERVING).into();
        let name = names.first().map_or(NAME, String::as_str);
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = parameters.signed_by(&key, &issuer).map_err(failed)?;
        Ok(Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// As a listener shows it.
    ///
    /// # Errors
    /// When one of the two is not what it should be, or the key is another's.
    pub(super) fn shown(&self) -> Result<CertifiedKey> {
        let chain = chain(&self.certificate);
        if chain.is_empty() {
            return Err(Error::invalid("the certificate is no PEM"));
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|error| Error::invalid("the key is no PEM").with_source(error))?;
        CertifiedKey::from_der(chain, key, &default_provider()).map_err(|error| {
            Error::invalid("certificate and key cannot be used together").with_source(error)
        })
    }

    /// Whether a client that trusts one of `authorities` takes the certificate for these names now.
    pub(super) fn is_trusted(
        &self,
        names: &[String],
        authorities: &[String],
        now: SystemTime,
    ) -> bool {
        self.shown().is_ok() && self.verify(names, authorities, now).is_some()
    }

    fn verify(&self, names: &[String], authorities: &[String], now: SystemTime) -> Option<()> {
        let mut roots = RootCertStore::empty();
        for authority in authorities.iter().filter(|authority| holds(authority, now)) {
            roots.add_parsable_certificates(chain(authority));
        }
        let provider = Arc::new(default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().ok()?;
        let chain = chain(&self.certificate);
        let (serving, between) = chain.split_first()?;
        let since = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        for name in names {
            let name = ServerName::try_from(name.as_str()).ok()?;
            let time = UnixTime::since_unix_epoch(since);
            verifier
                .verify_server_cert(serving, between, &name, &[], time)
                .ok()?;
        }
        Some(())
    }
}

/// What all authorities of ours have in common: their names are the same.
fn authority() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, NAME);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

/// The certificates of a PEM.
fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .flatten()
        .collect()
}

/// From when until when a PEM's first certificate holds.
pub(super) fn validity(pem: &str) -> Option<Validity> {
    Validity::of(chain(pem).first()?)
}

/// Whether a PEM's first certificate holds now.
pub(super) fn holds(pem: &str, now: SystemTime) -> bool {
    validity(pem).is_some_and(|validity| (validity.begins..validity.ends).contains(&now))
}

/// How long ago a certificate of ours was made.
pub(super) fn age(pem: &str, now: SystemTime) -> Duration {
    let made = validity(pem).map(|validity| validity.begins + SKEW);
    made.and_then(|made| now.duration_since(made).ok())
        .unwrap_or_default()
}

/// How long a certificate still holds.
pub(super) fn left(pem: &str, now: SystemTime) -> Duration {
    let ends = validity(pem).map(|validity| validity.ends);
    ends.and_then(|ends| ends.duration_since(now).ok())
        .unwrap_or_default()
}

fn failed(error: rcgen::Error) -> Error {
    Error::internal("the certificate of the webhook cannot be made").with_source(error)
}
