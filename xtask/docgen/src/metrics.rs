//! `metrics.md`: names and labels of what `/metrics` exposes.

use hari_telemetry::metric::{METRICS, MetricKind, SELDON_BUCKETS};

use crate::table::{code, codes, heading, table};

pub(crate) fn page() -> String {
    let rows = METRICS.iter().map(|metric| {
        [
            code(metric.name),
            kind(metric.kind).to_owned(),
            codes(metric.labels.iter().copied()),
            metric.help.to_owned(),
        ]
    });
    let buckets: Vec<String> = SELDON_BUCKETS.iter().map(ToString::to_string).collect();
    let introduction = format!(
        "What the metrics port exposes at `/metrics` and `/prometheus`, in Prometheus' text form. \
         The process' own metrics (`process_resident_memory_bytes`, `process_cpu_seconds_total`, \
         `process_open_fds`) come with them on Linux.\n\n\
         Histograms whose name begins with `seldon_` have these upper bounds in seconds: {}.",
        buckets.join(", ")
    );
    let mut text = heading("Metrics", "`base/telemetry`", &introduction);
    text.push_str(&table(["Metric", "Kind", "Labels", "What it says"], rows));
    text
}

fn kind(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
        MetricKind::Summary => "summary",
    }
}
