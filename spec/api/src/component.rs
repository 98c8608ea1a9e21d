//! The pods of a predictor: template, replicas, scaling and disruption budget.

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SeldonHpaSpec, SeldonPdbSpec, SeldonScaledObjectSpec};

/// A pod of the predictor, and how many of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeldonPodSpec {
    /// Name of the Deployment, and labels and annotations of its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::pod_metadata")]
    pub metadata: Option<ObjectMeta>,
    /// The pod, as Kubernetes types it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<PodSpec>,
    /// Scaling on metrics by a HorizontalPodAutoscaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hpa_spec: Option<SeldonHpaSpec>,
    /// Scaling on events by KEDA; wins over `hpaSpec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keda_spec: Option<SeldonScaledObjectSpec>,
    /// How many pods may be away at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdb_spec: Option<SeldonPdbSpec>,
    /// Number of pods; wins over the predictor's and the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
}

impl SeldonPodSpec {
    /// The containers of the pod; none where there is no pod spec.
    #[must_use]
    pub fn containers(&self) -> &[Container] {
        self.spec.as_ref().map_or(&[], |spec| &spec.containers)
    }
}
