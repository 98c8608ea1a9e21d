//! The client over HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hari_core::TensorSpec;
use hari_error::{Error, Result};
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::answer::{Answer, Request};
use super::codec::Protocol;
use super::endpoint::Endpoint;
use super::{fault, specs};

/// To open a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A client of one server.
pub(super) struct Rest {
    inner: reqwest::Client,
    base: String,
    model: Option<String>,
    timeout: Duration,
}

impl Rest {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// If TLS cannot start on this machine and the URL needs it.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self> {
        let builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(endpoint.timeout)
            .user_agent(concat!("hari/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls(endpoint.base.starts_with("https:"))?);
        let inner = builder
            .build()
            .map_err(|error| Error::internal("the HTTP client cannot start").with_source(error))?;
        let (base, model) = (endpoint.rest_base(), endpoint.model.clone());
        Ok(Self {
            inner,
            base,
            model,
            timeout: endpoint.timeout,
        })
    }

    /// What goes into the model.
    ///
    /// # Errors
    /// As [`Rest::predict`].
    pub(super) async fn inputs(&self, protocol: Protocol) -> Result<Option<Vec<TensorSpec>>> {
        let model = self.model.as_deref();
        let body = self
            .send(self.inner.get(self.url(&protocol.metadata_path(model))))
            .await?;
        Ok(specs::of_json(&body))
    }

    /// Asks for a prediction.
    ///
    /// # Errors
    /// What the server says, with its HTTP code; `Unavailable` if it cannot be reached.
    pub(super) async fn predict(&self, protocol: Protocol, request: Request) -> Result<Answer> {
        let body = match request {
            Request::Body(body) => body,
            Request::Message(message) => protocol.encode(&message)?,
        };
        let url = self.url(&protocol.predict_path(self.model.as_deref()));
        let post = self
            .inner
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let body = self.send(post).await?;
        let message = protocol.decode(&body)?;
        Ok(Answer { body, message })
    }

    /// Posts a body as it is.
    ///
    /// # Errors
    /// As [`Rest::predict`].
    pub(super) async fn post(&self, path: &str, body: Bytes) -> Result<Bytes> {
        let post = self.inner.post(self.url(path));
        let post = post.header(CONTENT_TYPE, "application/json").body(body);
        self.send(post).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Bytes> {
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .map_err(|error| self.failed(&error))?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(fault::http(status, &body))
        }
    }

    fn failed(&self, error: &reqwest::Error) -> Error {
        if error.is_timeout() && !error.is_connect() {
            return fault::late(self.timeout);
        }
        if error.is_builder() {
            return Error::invalid(format!("--url `{}`: {}", self.base, fault::deepest(error)));
        }
        fault::unreachable(&self.base, error)
    }
}

/// TLS with the machine's own root certificates; without any if the URL does not need them.
fn tls(needed: bool) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let broken = |error: rustls::Error| Error::internal("TLS cannot start").with_source(error);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(broken)?;
    if !needed {
        let none = rustls::RootCertStore::empty();
        return Ok(builder.with_root_certificates(none).with_no_client_auth());
    }
    let ready = builder.with_platform_verifier().map_err(broken)?;
    Ok(ready.with_no_client_auth())
}
