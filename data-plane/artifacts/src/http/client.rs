//! The HTTP client: ring, the machine's root certificates, addresses checked, no redirects of its
//! own, no proxy (a proxy would connect to addresses that were not checked).

use std::net::SocketAddr;
use std::sync::Arc;

use hari_error::{Error, Result};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::options::FetchOptions;
use crate::policy::{Policy, admit_addresses};

/// A client for one fetch, and the policy that each of its requests follows.
pub(super) struct Client {
    pub(super) inner: reqwest::Client,
    pub(super) policy: Policy,
}

impl Client {
    pub(super) fn new(options: &FetchOptions) -> Result<Self> {
        let built = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .dns_resolver(Arc::new(Checked))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(options.timeouts.connect)
            .read_timeout(options.timeouts.idle)
            .user_agent(concat!("hari/", env!("CARGO_PKG_VERSION")))
            .build();
        let inner = built
            .map_err(|error| Error::internal("the HTTP client cannot start").with_source(error))?;
        Ok(Self {
            inner,
            policy: options.policy.clone(),
        })
    }
}

/// TLS 1.2 and 1.3. A machine without certificates trusts no one, and can still fetch over `http`.
fn tls() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || {
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("TLS cannot start").with_source(error))
    };
    match builder()?.with_platform_verifier() {
        Ok(ready) => Ok(ready.with_no_client_auth()),
        Err(error) => {
            tracing::warn!(%error, "this machine has no root certificates: no https server is trusted");
            let none = RootCertStore::empty();
            Ok(builder()?
                .with_root_certificates(none)
                .with_no_client_auth())
        }
    }
}

/// The machine's own resolver; a name that leads to a refused address is refused.
struct Checked;

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = admit_addresses(found.collect())?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolves(
        name: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Checked.resolve(name.parse()?).await?.collect())
    }

    #[tokio::test]
    async fn a_name_that_leads_to_metadata_is_refused() {
        // A name of digits is its own address: no server has to answer.
        assert_eq!(
            resolves("127.0.0.1").await.unwrap(),
            ["127.0.0.1:0".parse().unwrap()]
        );
        let error = resolves("169.254.169.254").await.unwrap_err();
        assert!(error.is::<crate::policy::RefusedAddress>(), "{error}");
    }
}
