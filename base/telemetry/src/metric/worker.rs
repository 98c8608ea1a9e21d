//! The metrics of the worker processes of one node.

#![expect(
    clippy::disallowed_macros,
    reason = "this module is a part of the home of metric names"
)]

use metrics::{Counter, Gauge, counter, gauge};

use super::{MODEL_LABELS, MetricInfo, MetricKind, info};

const UP: &str = "hari_python_workers";
const RESTARTS: &str = "hari_python_worker_restarts_total";

pub(super) const UP_INFO: MetricInfo = info(
    UP,
    MetricKind::Gauge,
    MODEL_LABELS,
    "Worker processes of a Python node that are up.",
);
pub(super) const RESTARTS_INFO: MetricInfo = info(
    RESTARTS,
    MetricKind::Counter,
    MODEL_LABELS,
    "Worker processes of a Python node that ended and were to be started anew.",
);

/// The metrics of the workers of one node; made once.
#[derive(Clone, Debug)]
pub struct WorkerMetrics {
    up: Gauge,
    restarts: Counter,
}

impl WorkerMetrics {
    /// Of the node `model` in a predictor of a deployment.
    #[must_use]
    pub fn new(deployment: &str, predictor: &str, model: &str) -> Self {
        let values = [deployment, predictor, model].map(str::to_owned);
        let labels: Vec<_> = MODEL_LABELS.iter().copied().zip(values).collect();
        let restarts = counter!(RESTARTS, &labels);
        // Zero is exposed too, so that the first restart is an increase.
        restarts.increment(0);
        Self {
            up: gauge!(UP, &labels),
            restarts,
        }
    }

    /// So many are up now.
    pub fn up(&self, workers: usize) {
        self.up.set(workers as f64);
    }

    /// One ended, and is to be started anew.
    pub fn restarted(&self) {
        self.restarts.increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_its_restarts_before_the_first_one() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let exporter = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            let workers = WorkerMetrics::new("d", "p", "m");
            workers.up(2);
            let labels = "{deployment_name=\"d\",predictor_name=\"p\",model_name=\"m\"}";
            let text = exporter.render();
            assert!(text.contains(&format!("{UP}{labels} 2\n")), "{text}");
            assert!(text.contains(&format!("{RESTARTS}{labels} 0\n")), "{text}");
            workers.restarted();
            let text = exporter.render();
            assert!(text.contains(&format!("{RESTARTS}{labels} 1\n")), "{text}");
        });
    }
}
