//! The HTTP client: ring, the machine's root certificates, addresses checked, no redirects of its
//! own. Behind a proxy of the environment the proxy resolves names: then names and addresses in
//! URLs are checked, and those that a name leads to are the proxy's to check.

use std::net::SocketAddr;
use std::sync::Arc;

use hari_error::{Error, Result};
use hari_settings::{ALL_PROXY, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, Setting, Storage};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{NoProxy, Proxy, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::options::FetchOptions;
use crate::policy::{Policy, admit_addresses};

/// A client for one fetch, and the policy that each of its requests follows.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) inner: reqwest::Client,
    pub(crate) policy: Policy,
}

impl Client {
    /// A client that reaches what the policy admits.
    pub(crate) fn new(options: &FetchOptions) -> Result<Self> {
        let mut builder = common(options)?.dns_resolver(Arc::new(Checked));
        for proxy in proxies(&options.storage)? {
            builder = builder.proxy(proxy);
        }
        Ok(Self {
            inner: builder.build().map_err(cannot_start)?,
            policy: options.policy.clone(),
        })
    }

    /// A client for the metadata services alone, which no policy admits and no proxy leads to.
    pub(crate) fn for_metadata(options: &FetchOptions) -> Result<reqwest::Client> {
        common(options)?.build().map_err(cannot_start)
    }
}

fn common(options: &FetchOptions) -> Result<reqwest::ClientBuilder> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(options.timeouts.connect)
        .read_timeout(options.timeouts.idle)
        .user_agent(concat!("hari/", env!("CARGO_PKG_VERSION"))))
}

fn cannot_start(error: reqwest::Error) -> Error {
    Error::internal("the HTTP client cannot start").with_source(error)
}

/// The proxies of the environment, as curl reads it.
fn proxies(storage: &Storage) -> Result<Vec<Proxy>> {
    let except = storage.proxy(&NO_PROXY).and_then(NoProxy::from_string);
    let mut proxies = Vec::new();
    for setting in [&HTTP_PROXY, &HTTPS_PROXY] {
        let (name, address) = match storage.proxy(setting) {
            Some(address) => (setting, address),
            None => match storage.proxy(&ALL_PROXY) {
                Some(address) => (&ALL_PROXY, address),
                None => continue,
            },
        };
        let address = with_scheme(address);
        let proxy = match setting == &HTTP_PROXY {
            true => Proxy::http(address),
            false => Proxy::https(address),
        };
        let proxy = proxy.map_err(|error| unreadable(name, error))?;
        proxies.push(proxy.no_proxy(except.clone()));
    }
    Ok(proxies)
}

/// `proxy:3128` means `http://proxy:3128`.
fn with_scheme(address: &str) -> String {
    match address.contains("://") {
        true => address.to_owned(),
        false => format!("http://{address}"),
    }
}

/// The address may hold a password, and so may reqwest's words on it.
fn unreadable(setting: &Setting, error: reqwest::Error) -> Error {
    Error::invalid(format!(
        "environment variable {}: expected the address of an http proxy, `http://host:port`",
        setting.name
    ))
    .with_source(error.without_url())
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

    #[test]
    fn proxies_come_from_the_environment() {
        for (variables, count) in [
            (vec![], 0),
            (vec![("HTTP_PROXY", "proxy:3128")], 1),
            (vec![("https_proxy", "http://user:pass@proxy:3128")], 1),
            (vec![("ALL_PROXY", "http://proxy"), ("NO_PROXY", "a,b")], 2),
        ] {
            assert_eq!(proxies(&Storage::of(variables)).unwrap().len(), count);
        }
        let bad = Storage::of([("HTTPS_PROXY", "http://user:hunter2@:x y")]);
        let error = proxies(&bad).unwrap_err();
        assert!(error.message().contains("HTTPS_PROXY"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
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
