//! Metric names as types: every metric is declared here once, with its labels, and nowhere else.
//!
//! [`METRICS`] is the list; the reference page of the docs is made from it. The names that start
//! with `seldon_` are those that users' dashboards already query.

#![expect(
    clippy::disallowed_macros,
    reason = "this module is the home of metric names"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hari_error::{Error, Result};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::process;

mod node;
pub mod operator;
mod payload_log;
pub mod ready;
mod request;
mod router;
mod stream;
mod unit;
mod worker;

pub use node::{CallMetrics, NodeLabels};
pub use payload_log::PayloadLogMetrics;
pub use request::ServerRequest;
pub use router::BranchMetrics;
pub use stream::StreamMetrics;
pub use unit::{Custom, CustomKind, UnitMetrics};
pub use worker::WorkerMetrics;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
    /// Observations as quantiles.
    Summary,
}

/// One metric, for the exposition and for the docs.
#[derive(Clone, Copy, Debug)]
pub struct MetricInfo {
    /// The exposed name.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const SERVER_SECONDS: &str = "seldon_api_executor_server_requests_seconds";
const SERVER_SUMMARY: &str = "seldon_api_executor_server_requests_seconds_summary";
const LOAD_SECONDS: &str = "hari_model_load_seconds";
const MEMORY: &str = "hari_model_memory_bytes";
const QUEUE: &str = "hari_model_queue_requests";
const QUEUE_WAIT: &str = "hari_model_queue_wait_seconds";
const BATCH_ROWS: &str = "hari_model_batch_rows";
const INFERENCE: &str = "hari_model_inference_seconds";
const DECODE: &str = "hari_decode_seconds";
const IN_FLIGHT: &str = "hari_requests_in_flight";
const REJECTED: &str = "hari_requests_rejected_total";
const CONNECTIONS: &str = "hari_connections";
const RELOADS: &str = "hari_reloads_total";

const SERVER_LABELS: &[&str] = &[
    "deployment_name",
    "predictor_name",
    "predictor_version",
    "service",
    "method",
    "code",
];
const MODEL_LABELS: &[&str] = &["deployment_name", "predictor_name", "model_name"];

/// Every metric.
pub const METRICS: &[MetricInfo] = &[
    info(
        SERVER_SECONDS,
        MetricKind::Histogram,
        SERVER_LABELS,
        "Requests answered, by how long they took in seconds.",
    ),
    info(
        SERVER_SUMMARY,
        MetricKind::Summary,
        SERVER_LABELS,
        "Requests answered: quantiles of how long they took in seconds.",
    ),
    node::SECONDS_INFO,
    node::SUMMARY_INFO,
    unit::FEEDBACK_INFO,
    unit::REWARD_INFO,
    unit::DROPPED_INFO,
    ready::INFO,
    worker::UP_INFO,
    worker::RESTARTS_INFO,
    info(
        LOAD_SECONDS,
        MetricKind::Gauge,
        MODEL_LABELS,
        "Seconds that the last load of the model took.",
    ),
    info(
        MEMORY,
        MetricKind::Gauge,
        MODEL_LABELS,
        "Bytes that the loaded model keeps in memory.",
    ),
    info(
        QUEUE,
        MetricKind::Gauge,
        MODEL_LABELS,
        "Requests that wait for the model.",
    ),
    info(
        QUEUE_WAIT,
        MetricKind::Histogram,
        MODEL_LABELS,
        "Seconds from arrival at the model to its start.",
    ),
    info(
        BATCH_ROWS,
        MetricKind::Histogram,
        MODEL_LABELS,
        "Rows that one run of the model computed.",
    ),
    info(
        INFERENCE,
        MetricKind::Histogram,
        MODEL_LABELS,
        "Seconds that one run of the model took.",
    ),
    info(
        DECODE,
        MetricKind::Histogram,
        &["protocol"],
        "Seconds from the bytes of a body to tensors.",
    ),
    info(
        IN_FLIGHT,
        MetricKind::Gauge,
        &[],
        "Requests that are being answered.",
    ),
    info(
        REJECTED,
        MetricKind::Counter,
        &["reason"],
        "Requests refused for a limit.",
    ),
    info(CONNECTIONS, MetricKind::Gauge, &[], "Open connections."),
    info(
        RELOADS,
        MetricKind::Counter,
        &["deployment_name", "outcome"],
        "Reloads of a deployment; outcome is `ok` or `failed`.",
    ),
    router::CHOICES_INFO,
    router::SUCCESSES_INFO,
    router::FAILURES_INFO,
    router::REWARD_INFO,
    router::POSTERIOR_INFO,
    payload_log::QUEUED_INFO,
    payload_log::SENT_INFO,
    payload_log::DROPPED_INFO,
    payload_log::RETRIED_INFO,
    payload_log::FAILED_INFO,
    stream::CONSUMED_INFO,
    stream::PRODUCED_INFO,
    stream::FAILED_INFO,
    stream::RETRIED_INFO,
    stream::LAG_INFO,
    operator::RECONCILES_INFO,
    operator::SECONDS_INFO,
    operator::ERRORS_INFO,
    operator::WRITES_INFO,
    operator::DEPLOYMENTS_INFO,
    operator::ADMISSIONS_INFO,
    operator::ADMISSION_SECONDS_INFO,
    operator::LEADER_INFO,
    operator::CONFIGURATION_INFO,
    operator::CERTIFICATE_INFO,
];

const fn info(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricInfo {
    MetricInfo {
        name,
        kind,
        labels,
        help,
    }
}

/// Upper bounds in seconds of every duration histogram with a `seldon_` name.
pub const SELDON_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Upper bounds in seconds of Hari's own duration histograms: from 10 microseconds.
const FINE_BUCKETS: [f64; 16] = [
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
    5.0,
];

const ROW_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0];

/// Writes the Prometheus exposition.
#[derive(Clone)]
pub struct Exporter(PrometheusHandle);

impl Exporter {
    /// All metrics in Prometheus' text form, this process' own included.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.0.render();
        text.push_str(&unit::render());
        text.push_str(&process::render());
        text
    }

    /// Folds new observations in; called every few seconds so that they do not pile up.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Whether an engine in front of this process counts its requests.
static BESIDE_ENGINE: AtomicBool = AtomicBool::new(false);

/// From now on requests and calls are not counted: this process is one node of a graph, and the
/// engine that calls it counts them under the same labels.
pub fn leave_requests_to_the_engine() {
    BESIDE_ENGINE.store(true, Ordering::Relaxed);
}

fn beside_engine() -> bool {
    BESIDE_ENGINE.load(Ordering::Relaxed)
}

/// Makes this process record metrics. Once per process.
///
/// # Errors
/// If it was called before.
pub fn install_metrics() -> Result<Exporter> {
    let failed = |error| Error::internal("cannot install the metrics recorder").with_source(error);
    let mut builder = PrometheusBuilder::new()
        .set_quantiles(&[0.5, 0.75, 0.9, 0.98, 0.99, 1.0])
        .map_err(failed)?;
    for metric in METRICS
        .iter()
        .filter(|metric| metric.kind == MetricKind::Histogram)
    {
        let buckets: &[f64] = match metric.name {
            SERVER_SECONDS | node::CLIENT_SECONDS => &SELDON_BUCKETS,
            BATCH_ROWS => &ROW_BUCKETS,
            _ => &FINE_BUCKETS,
        };
        let matcher = Matcher::Full(metric.name.to_owned());
        builder = builder
            .set_buckets_for_metric(matcher, buckets)
            .map_err(failed)?;
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|_| Error::internal("the metrics recorder is installed already"))?;
    describe();
    Ok(Exporter(handle))
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, metric.help),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            _ => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

/// The metrics of one model; made once, used for every request.
pub struct ModelMetrics {
    labels: [(&'static str, String); 3],
    queue: metrics::Gauge,
    wait: metrics::Histogram,
    rows: metrics::Histogram,
    inference: metrics::Histogram,
}

impl ModelMetrics {
    /// The metrics of `model` in a predictor of a deployment.
    #[must_use]
    pub fn new(deployment: &str, predictor: &str, model: &str) -> Self {
        let labels = [
            ("deployment_name", deployment.to_owned()),
            ("predictor_name", predictor.to_owned()),
            ("model_name", model.to_owned()),
        ];
        Self {
            queue: gauge!(QUEUE, &labels),
            wait: histogram!(QUEUE_WAIT, &labels),
            rows: histogram!(BATCH_ROWS, &labels),
            inference: histogram!(INFERENCE, &labels),
            labels,
        }
    }

    /// The model was loaded.
    pub fn loaded(&self, took: Duration, memory_bytes: u64) {
        gauge!(LOAD_SECONDS, &self.labels).set(took.as_secs_f64());
        gauge!(MEMORY, &self.labels).set(memory_bytes as f64);
    }

    /// So many requests wait now.
    pub fn queued(&self, requests: usize) {
        self.queue.set(requests as f64);
    }

    /// A request waited so long before it was run.
    pub fn waited(&self, time: Duration) {
        self.wait.record(time);
    }

    /// One run computed so many rows.
    pub fn batch(&self, rows: usize) {
        self.rows.record(rows as f64);
    }

    /// One run took so long.
    pub fn ran(&self, time: Duration) {
        self.inference.record(time);
    }
}

/// A body was decoded.
pub fn decoded(protocol: &'static str, took: Duration) {
    histogram!(DECODE, "protocol" => protocol).record(took);
}

/// A request was refused for a limit.
pub fn rejected(reason: &'static str) {
    counter!(REJECTED, "reason" => reason).increment(1);
}

/// A deployment was reloaded, or its reload failed.
pub fn reloaded(deployment: &str, ok: bool) {
    let outcome = if ok { "ok" } else { "failed" };
    counter!(RELOADS, "deployment_name" => deployment.to_owned(), "outcome" => outcome)
        .increment(1);
}

/// Counts itself up while it lives.
pub struct Held(metrics::Gauge);

impl Held {
    /// A request that is being answered.
    #[must_use]
    pub fn request() -> Self {
        Self::of(gauge!(IN_FLIGHT))
    }

    /// An open connection.
    #[must_use]
    pub fn connection() -> Self {
        Self::of(gauge!(CONNECTIONS))
    }

    fn of(gauge: metrics::Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_say_their_unit() {
        let names: std::collections::HashSet<_> = METRICS.iter().map(|m| m.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS
            .iter()
            .filter(|metric| metric.kind == MetricKind::Counter)
        {
            assert!(metric.name.ends_with("_total"), "{}", metric.name);
        }
    }

    #[test]
    fn a_request_is_exposed_with_its_labels() {
        let exporter = install_metrics().unwrap();
        let request = ServerRequest {
            deployment: "mnist",
            predictor: "default",
            version: "v1",
            service: "predictions",
            method: "post",
            code: "200",
        };
        request.observe(Duration::from_millis(7));
        let text = exporter.render();
        let labels = "deployment_name=\"mnist\",predictor_name=\"default\",predictor_version=\"v1\",\
                      service=\"predictions\",method=\"post\",code=\"200\"";
        assert!(
            text.contains(&format!(
                "{SERVER_SECONDS}_bucket{{{labels},le=\"0.01\"}} 1"
            )),
            "{text}"
        );
        assert!(
            text.contains(&format!("{SERVER_SUMMARY}{{{labels},quantile=\"0.99\"}}")),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
        assert!(install_metrics().is_err(), "only once");
    }
}
