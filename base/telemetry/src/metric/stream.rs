//! The metrics of a predictor that reads requests from a topic.

#![expect(
    clippy::disallowed_macros,
    reason = "this module is a part of the home of metric names"
)]

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use metrics::{Counter, Gauge, counter, gauge};

use super::{MetricInfo, MetricKind, info};

const CONSUMED: &str = "hari_kafka_consumed_total";
const PRODUCED: &str = "hari_kafka_produced_total";
const FAILED: &str = "hari_kafka_failed_total";
const RETRIED: &str = "hari_kafka_retried_total";
const LAG: &str = "hari_kafka_lag";

const LABELS: &[&str] = &["deployment_name", "predictor_name", "topic"];
const LAG_LABELS: &[&str] = &["deployment_name", "predictor_name", "topic", "partition"];

pub(super) const CONSUMED_INFO: MetricInfo = info(
    CONSUMED,
    MetricKind::Counter,
    LABELS,
    "Requests read from the topic.",
);
pub(super) const PRODUCED_INFO: MetricInfo = info(
    PRODUCED,
    MetricKind::Counter,
    LABELS,
    "Requests of the topic whose answers, errors included, the broker acknowledged.",
);
pub(super) const FAILED_INFO: MetricInfo = info(
    FAILED,
    MetricKind::Counter,
    LABELS,
    "Those of them whose answer is an error.",
);
pub(super) const RETRIED_INFO: MetricInfo = info(
    RETRIED,
    MetricKind::Counter,
    LABELS,
    "Times that a request of the topic, or the writing of its answer, was tried again.",
);
pub(super) const LAG_INFO: MetricInfo = info(
    LAG,
    MetricKind::Gauge,
    LAG_LABELS,
    "Requests that wait in the partition, if it is ours.",
);

/// The metrics of one topic of requests.
pub struct StreamMetrics {
    consumed: Counter,
    produced: Counter,
    failed: Counter,
    retried: Counter,
    lags: Mutex<HashMap<i32, Gauge>>,
    labels: [(&'static str, String); 3],
}

impl StreamMetrics {
    /// Of the requests that a predictor reads from `topic`.
    #[must_use]
    pub fn new(deployment: &str, predictor: &str, topic: &str) -> Self {
        let labels = [
            ("deployment_name", deployment.to_owned()),
            ("predictor_name", predictor.to_owned()),
            ("topic", topic.to_owned()),
        ];
        Self {
            consumed: counter!(CONSUMED, &labels),
            produced: counter!(PRODUCED, &labels),
            failed: counter!(FAILED, &labels),
            retried: counter!(RETRIED, &labels),
            lags: Mutex::default(),
            labels,
        }
    }

    /// A request was read.
    pub fn consumed(&self) {
        self.consumed.increment(1);
    }

    /// An answer is acknowledged; `failed` if it is an error.
    pub fn produced(&self, failed: bool) {
        self.produced.increment(1);
        if failed {
            self.failed.increment(1);
        }
    }

    /// Something is tried again.
    pub fn retried(&self) {
        self.retried.increment(1);
    }

    /// What waits in a partition now.
    pub fn lag(&self, partition: i32, records: u64) {
        let mut lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        let gauge = lags.entry(partition).or_insert_with(|| {
            let mut labels = self.labels.to_vec();
            labels.push(("partition", partition.to_string()));
            gauge!(LAG, &labels)
        });
        gauge.set(records as f64);
    }

    /// No partition is ours any more.
    pub fn left(&self) {
        let lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        lags.values().for_each(|gauge| gauge.set(0.0));
    }
}
