//! HTTP/1.1 with kept connections.

use std::time::Duration;

use bytes::Bytes;
use hari_core::Context;
use hari_error::{Error, Result};
use hari_telemetry::trace;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;

use crate::fault::{self, Failed};
use crate::tls::{self, Connector, Tls};

/// Open connections of one node, those in use and those kept.
const CONNECTIONS: usize = 512;
const KEPT: usize = 64;
/// Servers close connections that nobody uses, the quickest common ones after two seconds. Ours are
/// closed before, so that no request is sent into a connection that is just being closed.
const KEPT_FOR: Duration = Duration::from_millis(1500);

/// Length of the JSON in front of binary data, in the open inference protocol.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// One node that is asked over HTTP.
#[derive(Debug)]
pub(crate) struct Rest {
    client: Client<Connector, Full<Bytes>>,
    /// Scheme, host and port.
    base: String,
    permits: Semaphore,
    largest: usize,
}

/// What is sent, beside the headers that every call has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) path: String,
    /// Nothing for `GET`.
    pub(crate) body: Option<Bytes>,
    /// The length of the JSON if binary data follows it.
    pub(crate) json_len: Option<usize>,
}

/// A reply with status 200.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) body: Bytes,
    pub(crate) json_len: Option<usize>,
}

impl Rest {
    pub(crate) fn new(authority: &str, tls: Option<&Tls>, largest: usize) -> Result<Self> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT)
            .build(tls::connector(tls)?.http1());
        Ok(Self {
            client,
            base: format!("{}://{authority}", tls::scheme(tls)),
            permits: Semaphore::new(CONNECTIONS),
            largest,
        })
    }

    /// Asks once.
    pub(crate) async fn ask(&self, ask: &Ask, context: Option<&Context>) -> Result<Reply, Failed> {
        let request = self.request(ask, context)?;
        let _permit = self.permits.acquire().await.map_err(|closed| {
            Error::internal("no more connections are made").with_source(closed)
        })?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| match error.is_connect() {
            true => fault::unreached(error),
            false => fault::broken(error),
        })?;
        self.read(response).await
    }

    fn request(&self, ask: &Ask, context: Option<&Context>) -> Result<Request<Full<Bytes>>> {
        let method = match ask.body {
            Some(_) => Method::POST,
            None => Method::GET,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{}", self.base, ask.path))
            .body(Full::new(ask.body.clone().unwrap_or_default()))
            .map_err(|error| Error::internal("the node's address is none").with_source(error))?;
        let headers = request.headers_mut();
        if let Some(context) = context {
            hand_on(headers, context);
        }
        let media = match ask.json_len {
            Some(length) => {
                headers.insert(JSON_LENGTH, HeaderValue::from(length));
                "application/octet-stream"
            }
            None => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static("hari"));
        trace::outgoing(headers);
        Ok(request)
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Reply, Failed> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.largest).collect().await;
        let body = body.map_err(|error| self.cut_off(error))?.to_bytes();
        let text = |name| {
            head.headers
                .get(name)
                .and_then(|v: &HeaderValue| v.to_str().ok())
        };
        let media = text(CONTENT_TYPE).unwrap_or_default();
        if head.status != StatusCode::OK {
            return Err(fault::of_http(head.status, media, &body).into());
        }
        if let Some(coding) = text(CONTENT_ENCODING).filter(|coding| *coding != "identity") {
            return Err(fault::garbled(format!("it is encoded as {coding}, not asked for")).into());
        }
        let json_len = text(JSON_LENGTH).map(str::parse).transpose();
        let json_len = json_len
            .map_err(|_| fault::garbled("expected a length as Inference-Header-Content-Length"))?;
        Ok(Reply { body, json_len })
    }

    fn cut_off(&self, error: Box<dyn std::error::Error + Send + Sync>) -> Failed {
        match error.is::<LengthLimitError>() {
            true => fault::garbled(format!("it is larger than {} bytes", self.largest)).into(),
            false => fault::broken(error),
        }
    }
}

/// The caller's headers and the request's id.
pub(crate) fn hand_on(headers: &mut HeaderMap, context: &Context) {
    let own = ("seldon-puid".to_owned(), context.puid.to_string());
    for (name, value) in context.headers.iter().chain([&own]) {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
}
