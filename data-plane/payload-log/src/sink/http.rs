//! Events to an HTTP receiver: one POST each in binary mode, or several as one batch.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use hari_core::BoxFuture;
use hari_error::{Error, Kind, Result};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::redirect;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use url::Url;

use super::Sink;
use crate::attributes;
use crate::event::Event;

const BATCH: HeaderValue = HeaderValue::from_static("application/cloudevents-batch+json");
/// What the HTTP binding of CloudEvents encodes in the value of a header, beside what is no ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');
/// Most time to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// Posts events to one address.
pub(crate) struct Poster {
    client: reqwest::Client,
    url: Url,
    batch: bool,
}

impl Poster {
    /// A pooled client that follows no redirects. `batch`: events are sent as lists.
    ///
    /// # Errors
    /// If TLS cannot start on this machine and the address needs it.
    pub(crate) fn new(url: Url, connections: usize, batch: bool) -> Result<Self> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(url.scheme() == "https")?)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .pool_max_idle_per_host(connections)
            .connect_timeout(CONNECT)
            .user_agent(concat!("hari/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::internal("the HTTP client cannot start").with_source(error))?;
        Ok(Self { client, url, batch })
    }

    async fn post(&self, headers: HeaderMap, body: bytes::Bytes) -> Result<()> {
        let request = self.client.post(self.url.clone()).headers(headers);
        let answer = request
            .body(body)
            .send()
            .await
            .map_err(|error| unreachable(&error))?;
        let status = answer.status();
        // What it says is not read: the connection is kept only if that is little.
        drop(answer);
        if status.is_success() {
            return Ok(());
        }
        let temporary = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        let kind = if temporary {
            Kind::Unavailable
        } else {
            Kind::InvalidInput
        };
        let message = format!("the receiver answered {}", status.as_u16());
        Err(Error::new(kind, message))
    }

    async fn list(&self, events: &[Event]) -> Result<()> {
        let mut body = vec![b'['];
        for (at, event) in events.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            attributes::structured(&mut body, event).map_err(unwritten)?;
        }
        body.push(b']');
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, BATCH)]);
        self.post(headers, body.into()).await
    }
}

impl Sink for Poster {
    fn deliver<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.batch {
                return self.list(events).await;
            }
            for event in events {
                self.post(headers(event)?, event.body.bytes.clone()).await?;
            }
            Ok(())
        })
    }
}

/// The attributes of the event, in CloudEvents' binary mode.
fn headers(event: &Event) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(event.body.content_type),
    );
    for (name, value) in attributes::all(event) {
        let name = HeaderName::try_from(format!("ce-{name}"));
        let value = utf8_percent_encode(&value, ENCODED).to_string();
        let value = HeaderValue::try_from(value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Error::internal("an attribute of an event is no header"));
        };
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The address stays in the log: it is in the source's words.
fn unreachable(error: &reqwest::Error) -> Error {
    let mut source: Option<&dyn StdError> = Some(error);
    let mut words = Vec::new();
    while let Some(one) = source {
        words.push(one.to_string());
        source = one.source();
    }
    let error = std::io::Error::other(words.join(": "));
    Error::unavailable("the receiver cannot be reached").with_source(error)
}

fn unwritten(error: serde_json::Error) -> Error {
    Error::internal("an event cannot be written as JSON").with_source(error)
}

/// TLS 1.2 and 1.3, with the machine's certificates; without any it trusts no one.
fn tls(needed: bool) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || {
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("TLS cannot start").with_source(error))
    };
    if needed {
        let ready = builder()?.with_platform_verifier();
        let ready = ready.map_err(|error| {
            Error::internal("the machine's certificates cannot be read").with_source(error)
        })?;
        return Ok(ready.with_no_client_auth());
    }
    let nobody = RootCertStore::empty();
    Ok(builder()?
        .with_root_certificates(nobody)
        .with_no_client_auth())
}
