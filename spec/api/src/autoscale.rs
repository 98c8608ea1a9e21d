//! Scaling of a pod: HorizontalPodAutoscaler, KEDA, disruption budget.

mod convert;
pub mod keda;
pub mod v2beta1;

use k8s_openapi::api::autoscaling::v2::MetricSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Scaling on metrics by a HorizontalPodAutoscaler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeldonHpaSpec {
    /// Fewest pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<i32>,
    /// Most pods.
    pub max_replicas: i32,
    /// What to scale on, in the form of `autoscaling/v2beta1`; wins over `metricsv2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<v2beta1::MetricSpec>,
    /// What to scale on, in the form of `autoscaling/v2`.
    #[serde(default, rename = "metricsv2", skip_serializing_if = "Vec::is_empty")]
    pub metrics_v2: Vec<MetricSpec>,
}

/// How many pods may be away at a time, by number (`1`) or share (`"50%"`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeldonPdbSpec {
    /// Pods that must stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_available: Option<IntOrString>,
    /// Pods that may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
}

impl SeldonHpaSpec {
    /// What to scale on, in the form that Kubernetes takes: `metrics` translated, or else
    /// `metricsv2`.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricSpec> {
        match self.metrics.as_slice() {
            [] => self.metrics_v2.clone(),
            metrics => metrics.iter().cloned().map(MetricSpec::from).collect(),
        }
    }
}
