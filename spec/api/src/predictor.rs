//! A predictor: one graph of models, its pods and its share of the traffic.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Explainer, PredictiveUnit, SeldonPodSpec};

/// One graph of models, its pods and its share of the traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PredictorSpec {
    /// Name of the predictor, unique in the resource.
    pub name: String,
    /// Root of the graph.
    pub graph: PredictiveUnit,
    /// Pods that hold the containers of the graph. Not needed where every unit is a prepackaged
    /// server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub component_specs: Vec<SeldonPodSpec>,
    /// Number of pods, for component specs that do not set their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Settings of this predictor, copied to its Services, Deployments and pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Legacy and ignored: use `svcOrchSpec.resources`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_resources: Option<ResourceRequirements>,
    /// Labels copied to Deployments and pods. `version` is the predictor's name when absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Resources and environment of the orchestrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svc_orch_spec: Option<SvcOrchSpec>,
    /// Share of the requests, in percent. The shares of all predictors that are not shadows add
    /// up to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<i32>,
    /// An explainer beside the predictor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explainer: Option<Explainer>,
    /// Whether the predictor gets a copy of the requests while its replies are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<bool>,
    /// TLS of the orchestrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl: Option<Ssl>,
    /// Seconds a Deployment may take before it counts as failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
}

/// Resources and environment of the orchestrator, the process that walks the graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SvcOrchSpec {
    /// Requests and limits; replaces the installation's defaults as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Environment variables added to the orchestrator's container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// Number of orchestrator pods, where it has a pod of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
}

/// TLS of the orchestrator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ssl {
    /// Name of the Secret that holds the certificate and its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_name: Option<String>,
}

impl PredictorSpec {
    /// Whether the predictor only gets a copy of the requests.
    #[must_use]
    pub fn is_shadow(&self) -> bool {
        self.shadow.unwrap_or_default()
    }
}
