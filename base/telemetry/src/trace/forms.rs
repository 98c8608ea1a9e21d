//! The forms in which HTTP headers and gRPC metadata carry a trace: W3C, B3 in one header or in
//! several, and Jaeger's own. All are read; which are written is a set of [`Forms`].
//!
//! Sources: W3C Trace Context (level 1), openzipkin's `b3-propagation`, Jaeger's client libraries.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

const TRACEPARENT: &str = "traceparent";
const B3: &str = "b3";
const B3_TRACE: &str = "x-b3-traceid";
const B3_SPAN: &str = "x-b3-spanid";
const B3_SAMPLED: &str = "x-b3-sampled";
const B3_FLAGS: &str = "x-b3-flags";
const JAEGER: &str = "uber-trace-id";

/// Every header that belongs to a trace, lower-case.
pub(super) const HEADERS: [&str; 9] = [
    TRACEPARENT,
    "tracestate",
    B3,
    B3_TRACE,
    B3_SPAN,
    "x-b3-parentspanid",
    B3_SAMPLED,
    B3_FLAGS,
    JAEGER,
];

/// A set of forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forms {
    /// `traceparent` and `tracestate`.
    pub(super) w3c: bool,
    /// `b3`.
    pub(super) b3: bool,
    /// `x-b3-traceid` and its companions.
    pub(super) b3_multi: bool,
    /// `uber-trace-id`.
    pub(super) jaeger: bool,
}

impl Forms {
    /// Those that are in either.
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            w3c: self.w3c | other.w3c,
            b3: self.b3 | other.b3,
            b3_multi: self.b3_multi | other.b3_multi,
            jaeger: self.jaeger | other.jaeger,
        }
    }

    /// The forms that `headers` have, whether they can be read or not. Who speaks B3 in one form
    /// is taken to read both.
    fn of(headers: &HeaderMap) -> Self {
        let b3 = headers.contains_key(B3) || headers.contains_key(B3_TRACE);
        Self {
            w3c: headers.contains_key(TRACEPARENT),
            b3,
            b3_multi: b3,
            jaeger: headers.contains_key(JAEGER),
        }
    }
}

/// The caller's span and the forms it came in; `None` if no header holds a valid one.
pub(super) fn read(headers: &HeaderMap) -> Option<(SpanContext, Forms)> {
    let forms = Forms::of(headers);
    if forms == Forms::default() {
        return None;
    }
    let found = w3c(headers)
        .or_else(|| b3(headers.get(B3)?.to_str().ok()?))
        .or_else(|| b3_multi(headers))
        .or_else(|| jaeger(headers.get(JAEGER)?.to_str().ok()?))?;
    Some((found, forms))
}

/// Writes `span` in each of `forms`.
pub(super) fn write(span: &SpanContext, forms: Forms, headers: &mut HeaderMap) {
    let (trace, id) = (span.trace_id(), span.span_id());
    let sampled = if span.is_sampled() { "1" } else { "0" };
    if forms.w3c {
        let context = opentelemetry::Context::new().with_remote_span_context(span.clone());
        TraceContextPropagator::new().inject_context(&context, &mut Writing(headers));
    }
    if forms.b3 {
        put(headers, B3, &format!("{trace:032x}-{id:016x}-{sampled}"));
    }
    if forms.b3_multi {
        put(headers, B3_TRACE, &format!("{trace:032x}"));
        put(headers, B3_SPAN, &format!("{id:016x}"));
        put(headers, B3_SAMPLED, sampled);
    }
    if forms.jaeger {
        put(
            headers,
            JAEGER,
            &format!("{trace:032x}:{id:016x}:0:{sampled}"),
        );
    }
}

fn w3c(headers: &HeaderMap) -> Option<SpanContext> {
    let none = opentelemetry::Context::new();
    let found = TraceContextPropagator::new().extract_with_context(&none, &Reading(headers));
    let found = found.span().span_context().clone();
    found.is_valid().then_some(found)
}

/// `{trace}-{span}`, `{trace}-{span}-{sampled}` or with the parent's span after that.
fn b3(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (trace, span) = (b3_trace(parts.next()?)?, b3_span(parts.next()?)?);
    remote(trace, span, parts.next().is_none_or(b3_sampled))
}

fn b3_multi(headers: &HeaderMap) -> Option<SpanContext> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (trace, span) = (b3_trace(text(B3_TRACE)?)?, b3_span(text(B3_SPAN)?)?);
    let debug = text(B3_FLAGS) == Some("1");
    let sampled = text(B3_SAMPLED).is_none_or(b3_sampled);
    remote(trace, span, debug || sampled)
}

/// Debug is more than sampled; a decision that was not taken leaves it to us, who sample.
fn b3_sampled(text: &str) -> bool {
    !matches!(text, "0" | "false" | "False")
}

fn b3_trace(text: &str) -> Option<u128> {
    number(text, &[16, 32])
}

fn b3_span(text: &str) -> Option<u64> {
    number(text, &[16]).and_then(|id| u64::try_from(id).ok())
}

/// `{trace}:{span}:{parent}:{flags}`; leading zeros may be missing, colons may be percent-encoded.
fn jaeger(text: &str) -> Option<SpanContext> {
    let text = text.replace("%3A", ":").replace("%3a", ":");
    let mut parts = text.split(':');
    let (trace, span) = (hexadecimal(parts.next()?)?, hexadecimal(parts.next()?)?);
    let flags = hexadecimal(parts.nth(1)?)?;
    let end = parts.next().is_none();
    let span = u64::try_from(span).ok().filter(|_| end)?;
    remote(trace, span, flags & 1 == 1)
}

/// A number in so many hexadecimal digits.
fn number(text: &str, digits: &[usize]) -> Option<u128> {
    digits
        .contains(&text.len())
        .then(|| hexadecimal(text))
        .flatten()
}

fn hexadecimal(text: &str) -> Option<u128> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

/// Zero is no id.
fn remote(trace: u128, span: u64, sampled: bool) -> Option<SpanContext> {
    let flags = if sampled {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::default()
    };
    let (trace, span) = (TraceId::from(trace), SpanId::from(span));
    let found = SpanContext::new(trace, span, flags, true, TraceState::default());
    found.is_valid().then_some(found)
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

struct Reading<'a>(&'a HeaderMap);

impl Extractor for Reading<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Writing<'a>(&'a mut HeaderMap);

impl Injector for Writing<'_> {
    /// The state of a trace may be empty: such a header says nothing.
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::from_bytes(key.as_bytes());
        if let (Ok(name), Ok(value), false) =
            (name, HeaderValue::from_str(&value), value.is_empty())
        {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests;
