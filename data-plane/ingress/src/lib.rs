//! Sockets, limits, routes, health and drain: requests in, replies out.
//!
//! The way of a request, top to bottom: [`listen`] accepts and bounds the connection, [`stack`]
//! gives it an id, a trace and its common headers, [`http`] and [`grpc`] route by protocol. A
//! handler decodes, calls the unit through [`dispatch`] and encodes; [`reply`] turns an error
//! into the answer of the protocol spoken.

pub mod app;
mod body;
pub mod directory;
mod dispatch;
pub mod examples;
mod grpc;
mod handed_on;
mod http;
mod index;
pub mod listen;
pub mod message;
mod probes;
mod reply;
mod select;
mod stack;

pub use app::App;
pub use directory::{Deployment, Directory, Inlet, Predictor};
pub use listen::{Bound, Listener, Service, Stage, Tls};
pub use probes::is_plain_path;

/// REST and gRPC of every protocol, for one port.
pub fn everything(app: &App) -> axum::Router {
    let requests = stack::wrap(app, http::routes(app).merge(grpc::routes(app)));
    probes::with_metrics(app, requests)
}

/// gRPC of every protocol, alone.
pub fn grpc_only(app: &App) -> axum::Router {
    let unknown =
        |request: axum::extract::Request| async move { grpc::unknown(request.uri().path()) };
    stack::wrap(app, grpc::routes(app).fallback(unknown))
}

/// Metrics and probes.
pub fn metrics(app: &App) -> axum::Router {
    probes::metrics_routes(app)
}
