//! What every request passes on its way in and every reply on its way out.
//!
//! In order: the URI within its limit, the prefix `/seldon/<namespace>/<name>` taken off, an id,
//! a trace; then the routes; then the common headers, and compression where the caller wants it.

mod headers;
mod prefix;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use hari_error::Error;
use hari_telemetry::trace;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use tower::Layer as _;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::app::App;
use crate::reply::{self, Dialect};
use crate::select::Selector;
use crate::{body, http::grpc_call};

pub(crate) use headers::{event, is_event};

/// Bytes of a URI.
const URI_BYTES: usize = 8 << 10;
/// Bytes of all headers together.
const HEADER_BYTES: usize = 32 << 10;

/// What the stack found out about a request; handlers take it from the extensions.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) puid: Arc<str>,
    pub(crate) selector: Selector,
    pub(crate) started: Instant,
    pub(crate) skip_logging: bool,
}

/// The routes with everything around them.
pub(crate) fn wrap(app: &App, routes: Router) -> Router {
    let entered = middleware::from_fn_with_state(app.clone(), enter).layer(routes);
    Router::new().fallback_service(entered)
}

async fn enter(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Some(refusal) = too_long(&request) {
        return refusal;
    }
    let selector = match request.extensions_mut().remove::<Selector>() {
        Some(known) => known,
        None => prefix::take(&mut request),
    };
    let puid = headers::puid(request.headers());
    let arrival = Arrival {
        puid: puid.clone(),
        selector,
        started: Instant::now(),
        skip_logging: headers::skip_logging(request.headers()),
    };
    request.extensions_mut().insert(arrival);
    let span = span(&request, &puid);
    if grpc_call(request.headers()) {
        return next.run(request).instrument(span).await;
    }
    let asked = headers::Asked::of(&request, &puid);
    let reply = next.run(request).instrument(span).await;
    let mut reply = squeeze(&asked, reply).await;
    asked.finish(app.settings(), reply.headers_mut());
    reply
}

/// The answer to a request whose URI or headers are beyond their limits.
fn too_long(request: &Request) -> Option<Response> {
    let uri = request.uri().path_and_query();
    let field = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    let headers: usize = request.headers().iter().map(field).sum();
    let (what, limit, status) = if uri.is_some_and(|uri| uri.as_str().len() > URI_BYTES) {
        ("the URI is", URI_BYTES, StatusCode::PAYLOAD_TOO_LARGE)
    } else if headers > HEADER_BYTES {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        ("the headers are", HEADER_BYTES, status)
    } else {
        return None;
    };
    let error = Error::too_large(format!("{what} longer than {limit} bytes"));
    let mut refusal = reply::error(Dialect::of_path(request.uri().path()), &error);
    *refusal.status_mut() = status;
    Some(refusal)
}

/// The span of a request, as log lines show it. In a trace it has its service's name as well, and is
/// marked if the request fails.
fn span(request: &Request, puid: &str) -> tracing::Span {
    let (method, path) = (request.method(), request.uri().path());
    if !trace::on() {
        return tracing::info_span!("request", puid, %method, path);
    }
    let span = tracing::info_span!(
        "request",
        puid,
        %method,
        path,
        otel.kind = "server",
        otel.status_code = Empty,
        otel.status_description = Empty,
    );
    trace::continue_from(&span, request.headers());
    span
}

/// Compresses the reply if the caller wants it and it is worth it.
async fn squeeze(asked: &headers::Asked, reply: Response) -> Response {
    let len = http_body::Body::size_hint(reply.body())
        .exact()
        .unwrap_or(0) as usize;
    let encoding = body::preferred(asked.accept_encoding.as_ref(), len);
    if encoding == body::Encoding::Identity || encoded(reply.headers()) {
        return reply;
    }
    let (mut parts, whole) = reply.into_parts();
    let Ok(whole) = whole.collect().await else {
        return failed();
    };
    match body::compress(encoding, &whole.to_bytes()) {
        Ok(packed) => {
            headers::compressed(&mut parts.headers, encoding);
            Response::from_parts(parts, Body::from(packed))
        }
        Err(error) => reply::error(Dialect::Seldon, &error),
    }
}

fn encoded(headers: &HeaderMap) -> bool {
    headers.contains_key(http::header::CONTENT_ENCODING)
}

fn failed() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
