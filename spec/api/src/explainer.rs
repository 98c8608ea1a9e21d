//! The explainer beside a predictor.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::vocabulary::read_optional;
use crate::{Endpoint, ExplainerType, UnknownValue};

/// Answers why the predictor answered as it did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explainer {
    /// Method: `AnchorTabular`, `AnchorImages`, `AnchorText`, `Counterfactuals`, `Contrastive`,
    /// `KernelShap`, `IntegratedGradients`, `ALE` or `TreeShap`. Without it there is no explainer.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Where the explainer's files are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_uri: Option<String>,
    /// Service account of the pod, whose credentials read `modelUri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The explainer's container; what is not written gets a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_spec: Option<Container>,
    /// Settings of the method, passed as `--key=value` arguments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// Port of the explainer, and the transport by which it calls the predictor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Secret whose entries are the environment of the download.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_secret_ref_name: Option<String>,
    /// Image that downloads `modelUri`, instead of the installation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_initializer_image: Option<String>,
    /// Number of explainer pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Parameters of the method as the text of a JSON object; protocol `v2` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_parameters: Option<String>,
}

impl Explainer {
    /// The method, where one is written.
    ///
    /// # Errors
    /// When `type` names none that is known.
    pub fn explainer_type(&self) -> Result<Option<ExplainerType>, UnknownValue> {
        read_optional(self.type_.as_deref())
    }
}
