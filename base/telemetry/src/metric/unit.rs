//! What units say of themselves: their custom metrics, and the feedback that they get.
//!
//! Names and labels are chosen by users, so they are kept apart from the metrics of this program:
//! cleaned, bounded in number, and never under a name of ours.

mod family;
mod name;
mod registry;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{MetricInfo, MetricKind, NodeLabels, info};
use family::Kind;
pub(super) use name::push_label;
use registry::Registry;

const FEEDBACK: &str = "seldon_api_model_feedback_total";
const REWARD: &str = "seldon_api_model_feedback_reward_total";
const DROPPED: &str = "hari_custom_metrics_dropped_total";

/// The labels of everything here; a tag of the same name is left out.
const LABELS: &[&str] = &[
    "method",
    "deployment_name",
    "predictor_name",
    "predictor_version",
    "model_name",
    "model_image",
    "model_version",
    "seldon_deployment_name",
    "image_name",
    "image_version",
];

pub(super) const FEEDBACK_INFO: MetricInfo = info(
    FEEDBACK,
    MetricKind::Counter,
    LABELS,
    "Feedback that the node got.",
);
pub(super) const REWARD_INFO: MetricInfo = info(
    REWARD,
    MetricKind::Gauge,
    LABELS,
    "Sum of the rewards that the node got; one that is negative lowers it.",
);
pub(super) const DROPPED_INFO: MetricInfo = info(
    DROPPED,
    MetricKind::Counter,
    &["deployment_name", "reason"],
    "Values of custom metrics that were dropped; reason is `name`, `kind`, `value` or `limit`.",
);

/// Those of every deployment in this process.
static ALL: LazyLock<Registry> = LazyLock::new(Registry::default);

/// What is exposed of all units, in Prometheus' text form.
pub(super) fn render() -> String {
    ALL.render()
}

/// One value of a custom metric.
#[derive(Clone, Copy, Debug)]
pub struct Custom<'a> {
    /// As the unit names it.
    pub key: &'a str,
    /// How values are combined.
    pub kind: CustomKind,
    /// Milliseconds for a timer.
    pub value: f32,
    /// More labels.
    pub tags: &'a BTreeMap<String, String>,
}

/// How the values of a custom metric are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomKind {
    /// Added up, under the key with `_total` at its end.
    Counter,
    /// The last one counts.
    Gauge,
    /// Milliseconds, observed in a histogram of seconds.
    Timer,
}

/// The metrics of one unit.
pub struct UnitMetrics {
    deployment: String,
    /// The labels but for `method`, written down.
    fixed: String,
}

impl UnitMetrics {
    /// Of this node.
    #[must_use]
    pub fn new(node: &NodeLabels) -> Self {
        let values = [
            &node.deployment,
            &node.predictor,
            &node.version,
            &node.model,
            &node.image,
            &node.image_version,
            &node.deployment,
            &node.image,
            &node.image_version,
        ];
        let mut fixed = String::new();
        for (label, value) in LABELS.iter().skip(1).zip(values) {
            push_label(&mut fixed, label, value);
        }
        Self {
            deployment: node.deployment.clone(),
            fixed,
        }
    }

    /// What the unit said in its answer to `method`: `predict`, `inputtransform`,
    /// `outputtransform`, `router`, `aggregate` or `feedback`.
    pub fn record(&self, method: &str, custom: &Custom<'_>) {
        self.record_in(&ALL, method, custom);
    }

    /// The unit got feedback with this reward.
    pub fn feedback(&self, reward: f32) {
        self.feedback_in(&ALL, reward);
    }

    fn record_in(&self, all: &Registry, method: &str, custom: &Custom<'_>) {
        let value = decimal(custom.value);
        let (kind, value) = match custom.kind {
            CustomKind::Counter => (Kind::Counter, value),
            CustomKind::Gauge => (Kind::Gauge, value),
            CustomKind::Timer => (Kind::Times, value / 1000.0),
        };
        let stored = match name::of_metric(custom.key, kind) {
            Some(name) => {
                let labels = self.labels(method, custom.tags);
                all.store(&self.deployment, (&name, kind), labels, value)
            }
            None => Err("name"),
        };
        if let Err(reason) = stored {
            all.drop(&self.deployment, reason, custom.key);
        }
    }

    fn feedback_in(&self, all: &Registry, reward: f32) {
        let labels = || self.labels("feedback", &BTreeMap::new());
        all.add_own((FEEDBACK, Kind::Counter), labels(), 1.0);
        if reward.is_finite() {
            all.add_own((REWARD, Kind::Sum), labels(), decimal(reward));
        }
    }

    /// The user's tags, then `method`, then what is fixed.
    fn labels(&self, method: &str, tags: &BTreeMap<String, String>) -> String {
        let mut text = name::of_tags(tags, LABELS);
        push_label(&mut text, "method", method);
        text.push(',');
        text.push_str(&self.fixed);
        text
    }
}

/// The number that was meant: 0.1 travels as the nearest `f32`, which is not the nearest `f64`.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

#[cfg(test)]
mod tests;
