//! The HTTP under the stores' clients: our own, with its policy, its TLS and its timeouts.

use async_trait::async_trait;
use bytes::Bytes;
use hari_error::{Error, Result};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use url::{Host, Url};

use super::refusal::Answer;
use crate::client::Client;
use crate::fault::Fault;

/// Most bytes of a reply that is read whole: an error, a token.
const MAX_REPLY: usize = 64 << 10;

/// Where the clouds' metadata services listen; asked only where the user says so.
const METADATA: [&str; 4] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "metadata.google.internal",
];

/// One client for the store and its token endpoints, one for the metadata service if it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) client: Client,
    pub(crate) metadata: Option<reqwest::Client>,
}

impl Connector {
    /// A request whose whole reply is small, as a token is.
    pub(crate) async fn ask(
        &self,
        (method, url): (Method, &str),
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Bytes, Fault> {
        let mut request = Request::new(reqwest::Body::from(body));
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        let reply = self.exchange(request, url).await?;
        if !reply.status().is_success() {
            return Err(Answer::of(reply).await.into_fault());
        }
        whole(reply.into_body()).await
    }

    async fn exchange(
        &self,
        request: Request<reqwest::Body>,
        url: &str,
    ) -> Result<Response<reqwest::Body>, Fault> {
        let url = Url::parse(url)
            .map_err(|_| Error::invalid("the address of the store cannot be read"))?;
        let (parts, body) = request.into_parts();
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(body);
        let client = self.for_host(request.url())?;
        let reply = client.execute(request).await;
        reply.map(Response::from).map_err(Fault::of_connection)
    }

    fn for_host(&self, url: &Url) -> Result<&reqwest::Client> {
        let metadata = match url.host() {
            Some(Host::Domain(name)) => METADATA.contains(&name),
            Some(Host::Ipv4(ip)) => METADATA.contains(&&*ip.to_string()),
            _ => false,
        };
        if let (true, Some(client)) = (metadata, &self.metadata) {
            return Ok(client);
        }
        self.client.policy.admit(url)?;
        Ok(&self.client.inner)
    }
}

/// The body, if it is small.
pub(super) async fn whole(body: reqwest::Body) -> Result<Bytes, Fault> {
    let collected = Limited::new(body, MAX_REPLY).collect().await;
    let collected = collected.map_err(|_| Fault::broken("the transfer of a reply broke"))?;
    Ok(collected.to_bytes())
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        // Requests are to read: none has a body of several pieces.
        let body = body.as_bytes().cloned().unwrap_or_default();
        let request = Request::from_parts(parts, reqwest::Body::from(body));
        let reply = self.exchange(request, &url).await.map_err(carried)?;
        if !reply.status().is_success() {
            return Err(refused(Answer::of(reply).await));
        }
        let (mut parts, body) = reply.into_parts();
        if parts.status == StatusCode::OK || parts.status == StatusCode::PARTIAL_CONTENT {
            let headers = parts.headers.clone();
            parts.extensions.insert(headers);
        }
        let body = body.map_err(|error| carried(Fault::of_connection(error)));
        Ok(Response::from_parts(parts, HttpResponseBody::new(body)))
    }
}

/// Of a kind that the store's client does not try again: that is ours to do.
fn carried(fault: Fault) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, fault)
}

fn refused(answer: Answer) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, answer)
}
