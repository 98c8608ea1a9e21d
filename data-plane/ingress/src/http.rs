//! REST routes of every protocol. A handler is decode, unit, encode, and nothing else.

mod docs;
mod exchange;
mod mlflow;
mod open_inference;
mod route;
mod seldon;
mod tensorflow;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hari_error::{Error, Kind};
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::app::App;
use crate::reply::{self, Dialect};
use crate::{grpc, probes};

pub(crate) use route::{Action, Route, router};

/// All of them.
pub(crate) fn routes(app: &App) -> Router {
    router(table())
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(app.clone())
}

/// All of them, in the order of the document.
fn table() -> Vec<Route> {
    let mut table = seldon::routes();
    table.extend(open_inference::routes());
    table.extend(tensorflow::routes());
    table.extend(mlflow::routes());
    table.extend(probes::routes());
    table.extend(docs::routes());
    table
}

/// Whether a request speaks gRPC.
pub(crate) fn grpc_call(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

async fn unknown_path(request: Request) -> Response {
    let path = request.uri().path();
    if grpc_call(request.headers()) {
        return grpc::unknown(path);
    }
    let error = Error::not_found(format!(
        "no such path: `{path}`; predictions are at /api/v1.0/predictions, \
         /v2/models/<model>/infer and /v1/models/<model>:predict"
    ));
    reply::error(Dialect::of_path(path), &error)
}

/// `OPTIONS` is known for every path; the router says which other methods are.
async fn unknown_method(request: Request) -> Response {
    if request.method() == http::Method::OPTIONS {
        return Response::new(Body::empty());
    }
    let path = request.uri().path();
    let error = Error::new(
        Kind::MethodNotAllowed,
        format!("method {} is not known for `{path}`", request.method()),
    );
    reply::error(Dialect::of_path(path), &error)
}
