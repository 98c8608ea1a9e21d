//! The metrics of one branch of a router that learns.

#![expect(
    clippy::disallowed_macros,
    reason = "this module is a part of the home of metric names"
)]

use metrics::{Counter, Gauge, counter, gauge};

use super::{MetricInfo, MetricKind, info};

const CHOICES: &str = "hari_router_choices_total";
const SUCCESSES: &str = "hari_router_successes";
const FAILURES: &str = "hari_router_failures";
const REWARD: &str = "hari_router_reward";
const POSTERIOR: &str = "hari_router_posterior_mean";

const LABELS: &[&str] = &["deployment_name", "predictor_name", "model_name", "branch"];

pub(super) const CHOICES_INFO: MetricInfo = info(
    CHOICES,
    MetricKind::Counter,
    LABELS,
    "Requests that a router that learns sent to the branch.",
);
pub(super) const SUCCESSES_INFO: MetricInfo = info(
    SUCCESSES,
    MetricKind::Gauge,
    LABELS,
    "Rows with a reward that were a success, those of the kept state included.",
);
pub(super) const FAILURES_INFO: MetricInfo = info(
    FAILURES,
    MetricKind::Gauge,
    LABELS,
    "Rows with a reward that were none, those of the kept state included.",
);
pub(super) const REWARD_INFO: MetricInfo = info(
    REWARD,
    MetricKind::Gauge,
    LABELS,
    "Sum of reward times rows, that of the kept state included.",
);
pub(super) const POSTERIOR_INFO: MetricInfo = info(
    POSTERIOR,
    MetricKind::Gauge,
    LABELS,
    "Mean of the Beta posterior of the share of successes.",
);

/// The metrics of one branch.
pub struct BranchMetrics {
    choices: Counter,
    successes: Gauge,
    failures: Gauge,
    reward: Gauge,
    posterior: Gauge,
}

impl BranchMetrics {
    /// Of the branch `branch` of the router `model` in a predictor.
    #[must_use]
    pub fn new(deployment: &str, predictor: &str, model: &str, branch: &str) -> Self {
        let labels = [
            ("deployment_name", deployment.to_owned()),
            ("predictor_name", predictor.to_owned()),
            ("model_name", model.to_owned()),
            ("branch", branch.to_owned()),
        ];
        Self {
            choices: counter!(CHOICES, &labels),
            successes: gauge!(SUCCESSES, &labels),
            failures: gauge!(FAILURES, &labels),
            reward: gauge!(REWARD, &labels),
            posterior: gauge!(POSTERIOR, &labels),
        }
    }

    /// A request goes there.
    pub fn chosen(&self) {
        self.choices.increment(1);
    }

    /// What is known of it now.
    pub fn learnt(&self, successes: u64, failures: u64, reward: f64, posterior: f64) {
        self.successes.set(successes as f64);
        self.failures.set(failures as f64);
        self.reward.set(reward);
        self.posterior.set(posterior);
    }
}
