//! The certificate that the listener shows: any may take its place at any time.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use hari_error::{Error, Result};
use hari_telemetry::metric::operator as metric;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::pair::{Pair, validity};

/// What is shown; nothing at first, so that no handshake succeeds.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    key: ArcSwapOption<CertifiedKey>,
    pair: ArcSwapOption<Pair>,
}

impl Shown {
    /// Shows this from now on; whether it is another than before.
    ///
    /// # Errors
    /// When it cannot be used: what was shown before still is.
    pub(super) fn show(&self, pair: &Pair) -> Result<bool> {
        if self.pair.load().as_deref() == Some(pair) {
            return Ok(false);
        }
        self.key.store(Some(Arc::new(pair.shown()?)));
        self.pair.store(Some(Arc::new(pair.clone())));
        if let Some(validity) = validity(&pair.certificate) {
            metric::certificate_ends(validity.ends);
        }
        Ok(true)
    }

    /// For a listener.
    ///
    /// # Errors
    /// When TLS itself cannot be set up.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor> {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("no version of TLS is known").with_source(error))?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.key.load_full()
    }
}
