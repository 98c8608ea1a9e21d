//! Where no trace leaves the process, a request allocates nothing for traces, and a call to a node
//! nothing for its metrics but what the recorder keeps.

use std::time::Duration;

use hari_telemetry::metric::{CallMetrics, NodeLabels};
use hari_telemetry::trace;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const ROUNDS: u64 = 1000;

/// What a request does for its trace: continued, named, a span for each node, a call to another node.
fn request(headers: &http::HeaderMap, sent: &mut http::HeaderMap) {
    let span = tracing::Span::current();
    trace::continue_from(&span, headers);
    trace::named("predictions");
    let node =
        tracing::debug_span!(target: "hari::node", "call", node = "model", method = "predict");
    node.in_scope(|| trace::outgoing(sent));
    trace::failed("500");
}

fn blocks() -> u64 {
    dhat::HeapStats::get().total_blocks
}

#[test]
fn nothing_is_allocated_for_a_trace_that_nobody_wants() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    let lines = lines.with_filter(tracing_subscriber::EnvFilter::new("info"));
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));
    let mut came = http::HeaderMap::new();
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    came.insert("traceparent", caller.parse().unwrap());
    let mut sent = http::HeaderMap::new();
    request(&came, &mut sent);
    let before = blocks();
    for _ in 0..ROUNDS {
        request(&came, &mut sent);
    }
    assert_eq!(blocks() - before, 0);
    assert!(sent.is_empty() && !trace::on());

    // The recorder keeps what was observed in blocks until it is folded in.
    hari_telemetry::install_metrics().unwrap();
    let calls = CallMetrics::rest(&NodeLabels::default(), "/predict");
    calls.succeeded(Duration::from_micros(5));
    calls.answered("500", Duration::from_micros(5));
    let before = blocks();
    for _ in 0..ROUNDS {
        calls.succeeded(Duration::from_micros(5));
        calls.answered("500", Duration::from_micros(5));
    }
    assert!(blocks() - before < ROUNDS / 4);
}
