//! REST, over real connections: paths, headers, errors, limits, routing, drain and documents.

#![expect(clippy::expect_used, reason = "a test says what it needed")]

#[path = "http/compression.rs"]
mod compression;
#[path = "http/document.rs"]
mod document;
#[path = "http/drain.rs"]
mod drain;
#[path = "http/errors.rs"]
mod errors;
#[path = "http/forms.rs"]
mod forms;
#[path = "http/headers.rs"]
mod headers;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/messages.rs"]
mod messages;
#[path = "http/metrics.rs"]
mod metrics;
#[path = "http/mlflow.rs"]
mod mlflow;
#[path = "http/open_inference.rs"]
mod open_inference;
#[path = "http/routing.rs"]
mod routing;
#[path = "http/seldon.rs"]
mod seldon;
#[path = "http/server.rs"]
mod server;
#[path = "http/tensorflow.rs"]
mod tensorflow;
