//! What is being served, as the controller reports it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is being served, as last seen by the controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeldonDeploymentStatus {
    /// `Available`, `Creating` or `Failed`; absent until first reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What went wrong, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Pods of the first component spec of the first predictor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Deployments, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deployment_status: BTreeMap<String, DeploymentStatus>,
    /// Services, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_status: BTreeMap<String, ServiceStatus>,
    /// Where predictions are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SeldonAddressable>,
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Annotations of the status.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// How the parts of the deployment are, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// How far the canary is, if a predictor has the annotation `hari.dev/rollout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutStatus>,
}

/// How one Deployment is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStatus {
    /// Name of the Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// State of the Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What went wrong, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Pods there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Pods that answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_replicas: Option<i32>,
    /// The predictor that this explainer explains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explainer_for: Option<String>,
}

/// Where one Service answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Name of the Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svc_name: Option<String>,
    /// `<service>.<namespace>:<port>` for REST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_endpoint: Option<String>,
    /// `<service>.<namespace>:<port>` for gRPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc_endpoint: Option<String>,
    /// The predictor Service that this explainer explains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explainer_for: Option<String>,
}

/// Where predictions are asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeldonAddressable {
    /// URL of the first predictor, with the path of its protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// One fact about the deployment, and since when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about, such as `DeploymentsReady`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in a word or a short phrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// How bad it is when not `True`; an error where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
}

/// How far a canary is on its way to all requests, or that it was taken back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStatus {
    /// The canary.
    pub predictor: String,
    /// Which canary it is: changes with what it serves.
    pub revision: String,
    /// `Pending`, `Stepping`, `Paused`, `Promoted` or `RolledBack`.
    pub phase: String,
    /// Percent of the requests that it gets.
    pub weight: i32,
    /// Index of the step, from 0.
    #[serde(default)]
    pub step: i32,
    /// What happens, or why it ended, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the step began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_time: Option<Time>,
    /// Since when the canary does not answer, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unready_time: Option<Time>,
    /// A request that takes longer counts as slow in this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_seconds: Option<f64>,
    /// What the canary answered in this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<RolloutCounts>,
    /// What the other predictors answered in this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<RolloutCounts>,
    /// What was decided, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<RolloutEvent>,
}

/// Requests of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutCounts {
    /// All of them.
    #[serde(default)]
    pub requests: u64,
    /// Those that failed.
    #[serde(default)]
    pub errors: u64,
    /// Those whose time was compared.
    #[serde(default)]
    pub timed: u64,
    /// Those that were slow.
    #[serde(default)]
    pub slow: u64,
}

/// One decision of a rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutEvent {
    /// When.
    pub time: Time,
    /// Percent of the requests from then on.
    pub weight: i32,
    /// What, and why.
    pub message: String,
}
