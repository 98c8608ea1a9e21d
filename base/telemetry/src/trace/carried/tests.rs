//! A trace that comes in one form and goes on in all that are wanted.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn headers(name: &'static str, value: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, value.parse().unwrap());
    headers
}

/// What a node two spans below a request gets to see.
fn handed_on(came: &HeaderMap) -> HeaderMap {
    begin(Forms {
        w3c: true,
        ..Forms::default()
    });
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let request = tracing::info_span!("request");
        continue_from(&request, came);
        let node = request.in_scope(|| tracing::info_span!("node"));
        let mut sent = HeaderMap::new();
        node.in_scope(|| outgoing(&mut sent));
        sent
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_node_is_in_the_trace_of_the_caller_but_not_its_child() {
    let sent = handed_on(&headers("traceparent", CALLER));
    let parent = text(&sent, "traceparent");
    assert!(
        parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
        "{sent:?}"
    );
    assert!(!parent.contains("b7ad6b7169203331"), "{parent}");
    assert_eq!(sent.len(), 1, "{sent:?}");
}

#[test]
fn a_caller_that_speaks_b3_is_answered_in_b3_as_well() {
    let b3 = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0";
    let sent = handed_on(&headers("b3", b3));
    let span = text(&sent, "x-b3-spanid").to_owned();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    assert_eq!(text(&sent, "b3"), format!("{trace}-{span}-0"));
    assert_eq!(text(&sent, "x-b3-traceid"), trace);
    assert_eq!(text(&sent, "x-b3-sampled"), "0");
    assert_eq!(text(&sent, "traceparent"), format!("00-{trace}-{span}-00"));
}

#[test]
fn jaegers_own_header_goes_on_too() {
    let sent = handed_on(&headers("uber-trace-id", "5:7:0:1"));
    let trace = "00000000000000000000000000000005";
    assert!(text(&sent, "uber-trace-id").starts_with(&format!("{trace}:")));
    assert!(text(&sent, "traceparent").starts_with(&format!("00-{trace}-")));
}

#[test]
fn without_a_caller_a_trace_begins() {
    let sent = handed_on(&HeaderMap::new());
    assert_eq!(text(&sent, "traceparent").len(), CALLER.len());
}

#[test]
fn propagators_are_read_from_their_names() {
    let all = forms_of("tracecontext, b3multi,baggage").unwrap();
    let expected = Forms {
        w3c: true,
        b3_multi: true,
        ..Forms::default()
    };
    assert_eq!(all, expected);
    assert_eq!(forms_of("none").unwrap(), Forms::default());
    assert!(forms_of("xray").unwrap_err().message().contains("`xray`"));
}
