//! The metrics of payload logging: one node, one sink.

#![expect(
    clippy::disallowed_macros,
    reason = "this module is a part of the home of metric names"
)]

use metrics::{Counter, Gauge, counter, gauge};

use super::{MetricInfo, MetricKind, info};

const QUEUED: &str = "hari_payload_log_queued";
const SENT: &str = "hari_payload_log_sent_total";
const DROPPED: &str = "hari_payload_log_dropped_total";
const RETRIED: &str = "hari_payload_log_retried_total";
const FAILED: &str = "hari_payload_log_failed_total";

const LABELS: &[&str] = &["deployment_name", "predictor_name", "model_name", "sink"];
const DROPPED_LABELS: &[&str] = &[
    "deployment_name",
    "predictor_name",
    "model_name",
    "sink",
    "reason",
];

pub(super) const QUEUED_INFO: MetricInfo = info(
    QUEUED,
    MetricKind::Gauge,
    LABELS,
    "Payloads that wait to be logged; sink is `http`, `file` or `kafka`.",
);
pub(super) const SENT_INFO: MetricInfo = info(
    SENT,
    MetricKind::Counter,
    LABELS,
    "Payloads that the sink has.",
);
pub(super) const DROPPED_INFO: MetricInfo = info(
    DROPPED,
    MetricKind::Counter,
    DROPPED_LABELS,
    "Payloads that were not tried; reason is `full`, `bytes`, `closed` or `shutdown`.",
);
pub(super) const RETRIED_INFO: MetricInfo = info(
    RETRIED,
    MetricKind::Counter,
    LABELS,
    "Further tries to log a payload.",
);
pub(super) const FAILED_INFO: MetricInfo = info(
    FAILED,
    MetricKind::Counter,
    LABELS,
    "Payloads that were given up: the sink refused them, or took none of the tries.",
);

/// The metrics of one node and one sink; made once, used for every payload.
pub struct PayloadLogMetrics {
    labels: [(&'static str, String); 4],
    queued: Gauge,
    sent: Counter,
    retried: Counter,
    failed: Counter,
}

impl PayloadLogMetrics {
    /// Of the node `model` in a predictor, for this kind of sink.
    #[must_use]
    pub fn new(deployment: &str, predictor: &str, model: &str, sink: &str) -> Self {
        let labels = [
            ("deployment_name", deployment.to_owned()),
            ("predictor_name", predictor.to_owned()),
            ("model_name", model.to_owned()),
            ("sink", sink.to_owned()),
        ];
        Self {
            queued: gauge!(QUEUED, &labels),
            sent: counter!(SENT, &labels),
            retried: counter!(RETRIED, &labels),
            failed: counter!(FAILED, &labels),
            labels,
        }
    }

    /// One more waits.
    pub fn queued(&self) {
        self.queued.increment(1.0);
    }

    /// One waits no more.
    pub fn left(&self) {
        self.queued.decrement(1.0);
    }

    /// The sink has so many more.
    pub fn sent(&self, events: u64) {
        self.sent.increment(events);
    }

    /// So many were not tried.
    pub fn dropped(&self, reason: &'static str, events: u64) {
        let [deployment, predictor, model, sink] = &self.labels;
        let reason = ("reason", reason.to_owned());
        let labels = [
            deployment.clone(),
            predictor.clone(),
            model.clone(),
            sink.clone(),
            reason,
        ];
        counter!(DROPPED, &labels).increment(events);
    }

    /// So many are tried again.
    pub fn retried(&self, events: u64) {
        self.retried.increment(events);
    }

    /// So many were given up.
    pub fn failed(&self, events: u64) {
        self.failed.increment(events);
    }
}
