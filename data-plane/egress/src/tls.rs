//! Encrypted connections to nodes: whom they trust, and what they show.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hari_error::{Error, Result};
use hari_settings::NodeTls;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::fault;

const CONNECT: Duration = Duration::from_secs(3);
/// Bytes of a file with certificates or a key.
const MOST: u64 = 1 << 20;

/// What makes connections, encrypted or not.
pub(crate) type Connector = HttpsConnector<HttpConnector>;

/// How connections to a node are encrypted: TLS 1.2 and 1.3.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the machine's certificates and those of the files; shows the one that they name.
    ///
    /// # Errors
    /// `InvalidArgument` if a file cannot be read or is not what it should be, or if the key is
    /// another certificate's.
    pub fn open(files: &NodeTls) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let extra = match &files.authorities {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        let verifier =
            Verifier::new_with_extra_roots(extra, provider.clone()).map_err(|error| {
                Error::invalid("the certificates that sign those of nodes cannot be used")
                    .with_source(error)
            })?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("no version of TLS is known").with_source(error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match &files.identity {
            Some(own) => config
                .with_client_auth_cert(certificates(&own.certificate)?, key(&own.key)?)
                .map_err(|error| {
                    Error::invalid("certificate and key for nodes cannot be used together")
                        .with_source(error)
                })?,
            None => config.with_no_client_auth(),
        };
        Ok(Self(Arc::new(config)))
    }

    /// Whether a node that accepted a connection can be spoken to.
    pub(crate) async fn greet(&self, host: &str, stream: TcpStream) -> Result<()> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| Error::invalid("the node's address is none").with_source(error))?;
        let spoken = TlsConnector::from(self.0.clone())
            .connect(name, stream)
            .await;
        spoken.map_err(|error| fault::unreached(error).error)?;
        Ok(())
    }
}

/// A connector whose versions of HTTP are still to be chosen.
pub(crate) struct Unversioned {
    tls: ClientConfig,
    tcp: HttpConnector,
}

/// # Errors
/// If TLS cannot start at all.
pub(crate) fn connector(tls: Option<&Tls>) -> Result<Unversioned> {
    let tls = match tls {
        Some(tls) => ClientConfig::clone(&tls.0),
        None => nobody()?,
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    Ok(Unversioned { tls, tcp })
}

impl Unversioned {
    pub(crate) fn http1(self) -> Connector {
        let builder = HttpsConnectorBuilder::new().with_tls_config(self.tls);
        builder
            .https_or_http()
            .enable_http1()
            .wrap_connector(self.tcp)
    }

    pub(crate) fn http2(self) -> Connector {
        let builder = HttpsConnectorBuilder::new().with_tls_config(self.tls);
        builder
            .https_or_http()
            .enable_http2()
            .wrap_connector(self.tcp)
    }
}

/// The scheme of a node's address.
pub(crate) const fn scheme(tls: Option<&Tls>) -> &'static str {
    match tls {
        Some(_) => "https",
        None => "http",
    }
}

/// Trusts no one: for connections that are not encrypted.
fn nobody() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("no version of TLS is known").with_source(error))?;
    Ok(config
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = contents(path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&read)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| unusable(path, "certificates").with_source(error))?;
    match found.is_empty() {
        true => Err(unusable(path, "certificates")),
        false => Ok(found),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let read = contents(path)?;
    PrivateKeyDer::from_pem_slice(&read)
        .map_err(|error| unusable(path, "a private key").with_source(error))
}

fn unusable(path: &Path, expected: &str) -> Error {
    Error::invalid(format!("{}: expected {expected} as PEM", path.display()))
}

fn contents(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).map(|found| found.len());
    match size {
        Ok(size) if size > MOST => Err(Error::invalid(format!(
            "{}: {size} bytes, of which at most {MOST} are read",
            path.display()
        ))),
        _ => std::fs::read(path).map_err(|error| {
            Error::invalid(format!("{} cannot be read", path.display())).with_source(error)
        }),
    }
}
