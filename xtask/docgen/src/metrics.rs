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
         The process' own metrics (`process_resident_memory_bytes`, `process_virtual_memory_bytes`, \
         `process_cpu_seconds_total`, `process_start_time_seconds`, `process_open_fds`, \
         `process_max_fds`, `process_threads`, and `hari_memory_limit_bytes`, the memory that the \
         container or the machine has) come with them on Linux. Custom metrics of units have the \
         labels of `seldon_api_model_feedback_total` after their own tags.\n\n\
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
