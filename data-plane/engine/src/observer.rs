//! Hands what the batch layer sees to the metrics of the model.

use std::time::Duration;

use hari_batch::Observer;
use hari_telemetry::metric::ModelMetrics;

/// The metrics of one model.
pub(crate) struct Metrics(pub(crate) ModelMetrics);

impl Observer for Metrics {
    fn queued(&self, requests: usize) {
        self.0.queued(requests);
    }

    fn waited(&self, time: Duration) {
        self.0.waited(time);
    }

    fn batch(&self, rows: usize) {
        self.0.batch(rows);
    }

    fn ran(&self, time: Duration) {
        self.0.ran(time);
    }
}
