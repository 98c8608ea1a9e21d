//! A trace on its way: from a caller to a span of ours, and from the current span to another node.

use std::sync::OnceLock;

use hari_error::{Error, Result};
use hari_settings as settings;
use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::forms::{self, Forms};

/// What is written whatever a caller's forms are. Empty as long as no trace leaves this process.
static WRITTEN: OnceLock<Forms> = OnceLock::new();

/// The forms that the caller's trace came in, kept beside its span.
struct Came(Forms);

/// Traces leave from now on, with these forms written to other nodes.
pub(super) fn begin(forms: Forms) {
    // Once per process, as logging is; a second try fails there.
    let _ = WRITTEN.set(forms);
}

/// Whether traces leave this process.
#[must_use]
pub fn on() -> bool {
    WRITTEN.get().is_some()
}

/// Whether the header `name` (lower case) belongs to a trace. Where traces leave this process a
/// call to another node gets its own from [`outgoing`]; elsewhere the caller's are handed on.
#[must_use]
pub fn is_header(name: &str) -> bool {
    forms::HEADERS.contains(&name)
}

/// Makes `span` the child of the trace that the headers carry, if any: W3C, B3 or Jaeger's own.
pub fn continue_from(span: &tracing::Span, headers: &HeaderMap) {
    if !on() {
        return;
    }
    let Some((caller, came)) = forms::read(headers) else {
        return;
    };
    let parent = Context::new()
        .with_value(Came(came))
        .with_remote_span_context(caller);
    // Fails only where no trace layer is installed: then there is nothing to continue.
    let _ = span.set_parent(parent);
}

/// Puts the current span into the headers of a call to another node: in W3C's form, in the forms
/// of the settings, and in those that the caller's own trace came in. Nothing where no trace
/// leaves this process.
pub fn outgoing(headers: &mut HeaderMap) {
    let Some(written) = WRITTEN.get() else {
        return;
    };
    let context = tracing::Span::current().context();
    let span = context.span();
    if !span.span_context().is_valid() {
        return;
    }
    let came = context
        .get::<Came>()
        .map_or(Forms::default(), |came| came.0);
    forms::write(span.span_context(), written.and(came), headers);
}

/// Names the current span, that of a request, after the service it asks for.
pub fn named(service: &str) {
    if on() {
        let name = service.trim_start_matches('/').to_owned();
        // A field of the span would come too late: it has begun.
        tracing::Span::current().context().span().update_name(name);
    }
}

/// Marks the current span as failed.
pub fn failed(why: &str) {
    if on() {
        let span = tracing::Span::current();
        span.record("otel.status_code", "ERROR");
        span.record("otel.status_description", why);
    }
}

/// The forms that the settings ask for.
///
/// # Errors
/// If a setting names one that is not known.
pub(super) fn wanted() -> Result<Forms> {
    let forms = match settings::PROPAGATORS.get() {
        Some(names) => forms_of(&names)?,
        None => Forms {
            w3c: true,
            ..Forms::default()
        },
    };
    match settings::JAEGER_PROPAGATION.get().as_deref() {
        None | Some("jaeger") => Ok(forms),
        Some("b3") => Ok(forms.and(Forms {
            b3: true,
            b3_multi: true,
            ..Forms::default()
        })),
        Some(other) => Err(Error::invalid(format!(
            "environment variable JAEGER_TRACE_PROPAGATION_TYPE: found `{other}`, use `b3` or \
             `jaeger`"
        ))),
    }
}

fn forms_of(names: &str) -> Result<Forms> {
    let mut forms = Forms::default();
    for name in names.split(',').map(str::trim) {
        match name {
            "tracecontext" => forms.w3c = true,
            "b3" => forms.b3 = true,
            "b3multi" => forms.b3_multi = true,
            "jaeger" => forms.jaeger = true,
            // A header like any other, handed on as it came.
            "baggage" | "none" | "" => {}
            other => {
                return Err(Error::invalid(format!(
                    "environment variable OTEL_PROPAGATORS: found `{other}`, use `tracecontext`, \
                     `baggage`, `b3`, `b3multi`, `jaeger` or `none`"
                )));
            }
        }
    }
    Ok(forms)
}

#[cfg(test)]
mod tests;
