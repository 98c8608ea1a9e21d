//! Spans of traces: one for each call of a unit, and one around a node with all that is below it.
//!
//! They are at level DEBUG, so that a log of level INFO costs nothing for them; traces take every
//! level. In a trace they have the node's name.

use hari_core::Method;
use hari_error::Error;
use tracing::Span;
use tracing::field::Empty;

use crate::tree::Step;

/// One call of the unit of `step`.
pub(super) fn call(step: &Step, method: Method) -> Span {
    tracing::debug_span!(
        target: "hari::node",
        "call",
        otel.name = %step.name,
        otel.status_code = Empty,
        otel.status_description = Empty,
        node = %step.name,
        method = method.path(),
    )
}

/// A node with its children.
pub(super) fn node(step: &Step, method: Method) -> Span {
    tracing::debug_span!(
        target: "hari::node",
        "node",
        otel.name = %format_args!("{} graph", step.name),
        otel.status_code = Empty,
        otel.status_description = Empty,
        node = %step.name,
        method = method.path(),
    )
}

/// Marks what failed.
pub(super) fn failed(span: &Span, error: &Error) {
    if !span.is_disabled() {
        span.record("otel.status_code", "ERROR");
        span.record("otel.status_description", error.message());
    }
}
