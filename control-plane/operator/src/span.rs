//! Spans of traces: one for each reconcile, and below it one for each write to the API server.
//!
//! They are at level DEBUG, so that a log of level INFO costs nothing for them; traces take every
//! level.

use hari_telemetry::trace;
use hyper::header::HeaderMap;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::fault::words;
use crate::reconcile::Own;

/// One reconcile of a deployment.
pub(crate) fn reconcile(own: &Own) -> Span {
    tracing::debug_span!(
        "reconcile",
        otel.status_code = Empty,
        otel.status_description = Empty,
        deployment = own.name,
        namespace = own.namespace,
        generation = own.generation,
        outcome = Empty,
    )
}

/// One request of the webhook, in the trace of the API server if it has one.
pub(crate) fn admission(headers: &HeaderMap) -> Span {
    let span = tracing::debug_span!(
        "admission",
        otel.kind = "server",
        deployment = Empty,
        namespace = Empty,
        outcome = Empty,
    );
    trace::continue_from(&span, headers);
    span
}

/// Waits for a write to the API server. Its span has the words of the metric of writes, and is marked
/// if it fails.
pub(crate) async fn write<T>(
    verb: &'static str,
    (kind, object): (&str, &str),
    asked: impl Future<Output = kube::Result<T>>,
) -> kube::Result<T> {
    let span = tracing::debug_span!(
        "write",
        otel.name = %format_args!("{verb} {kind}"),
        otel.kind = "client",
        otel.status_code = Empty,
        otel.status_description = Empty,
        verb,
        kind,
        object,
    );
    let marked = async {
        asked
            .await
            .inspect_err(|error| trace::failed(&words(error)))
    };
    marked.instrument(span).await
}
