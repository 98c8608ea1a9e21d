//! TLS of a listener: the certificate, read again when its files change.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hari_error::{Error, Result};
use hari_settings::ListenerTls;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

/// Bytes of a file with certificates or a key.
const MOST: u64 = 1 << 20;

/// A certificate with its key, for any number of listeners.
#[derive(Clone)]
pub struct Tls {
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

/// What is shown to clients now.
#[derive(Debug)]
struct Current {
    files: ListenerTls,
    provider: Arc<CryptoProvider>,
    shown: ArcSwap<Shown>,
}

#[derive(Debug)]
struct Shown {
    /// The files as they were read: certificates, key.
    read: (Vec<u8>, Vec<u8>),
    key: Arc<CertifiedKey>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// `InvalidArgument` if one of them cannot be read or is not what it should be, or if the key
    /// is another certificate's.
    pub fn open(files: ListenerTls) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let shown = Shown::read(&files, &provider)?;
        let current = Arc::new(Current {
            files,
            provider: provider.clone(),
            shown: ArcSwap::from_pointee(shown),
        });
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("no version of TLS is known").with_source(error))?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { current, acceptor })
    }

    /// Looks at the files again. A changed certificate is shown from the next connection on; one
    /// that cannot be used is logged, and the old one stays.
    pub fn refresh(&self) {
        match self.current.refresh() {
            Ok(true) => tracing::info!("the certificate has changed"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the certificate stays as it was"),
        }
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

impl Current {
    /// Whether something has changed.
    fn refresh(&self) -> Result<bool> {
        let read = contents(&self.files)?;
        if read == self.shown.load().read {
            return Ok(false);
        }
        self.shown.store(Arc::new(Shown::of(read, &self.provider)?));
        Ok(true)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown.load().key.clone())
    }
}

impl Shown {
    fn read(files: &ListenerTls, provider: &CryptoProvider) -> Result<Self> {
        Self::of(contents(files)?, provider)
    }

    fn of(read: (Vec<u8>, Vec<u8>), provider: &CryptoProvider) -> Result<Self> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&read.0)
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| Error::invalid("the certificate file is no PEM").with_source(error))?;
        if chain.is_empty() {
            return Err(Error::invalid("the certificate file holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(&read.1).map_err(|error| {
            Error::invalid("the key file holds no private key as PEM").with_source(error)
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            Error::invalid("certificate and key cannot be used together").with_source(error)
        })?;
        let key = Arc::new(key);
        Ok(Self { read, key })
    }
}

fn contents(files: &ListenerTls) -> Result<(Vec<u8>, Vec<u8>)> {
    Ok((
        file("certificate", &files.certificate)?,
        file("key", &files.key)?,
    ))
}

fn file(what: &str, path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).map(|found| found.len());
    match size {
        Ok(size) if size > MOST => Err(Error::invalid(format!(
            "the {what} file has {size} bytes: at most {MOST} are read"
        ))),
        _ => std::fs::read(path).map_err(|error| {
            let message = format!("cannot read the {what} file {}", path.display());
            Error::invalid(message).with_source(error)
        }),
    }
}

#[cfg(test)]
mod tests;
