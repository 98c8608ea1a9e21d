//! The resource itself: `SeldonDeployment` and its `spec`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ApiVersion, PredictorSpec, Protocol, SeldonDeploymentStatus, ServerType, Transport,
    UnknownValue,
};

/// The `kind` of the resource.
pub const KIND: &str = "SeldonDeployment";

/// A set of models, wired into graphs and served behind one address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeldonDeployment {
    /// Group and version of the resource: `machinelearning.seldon.io/v1`, `v1alpha2` or `v1alpha3`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Always `SeldonDeployment`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Name, namespace, labels and annotations.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What to serve.
    #[serde(default)]
    pub spec: SeldonDeploymentSpec,
    /// What is being served, as last seen by the controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SeldonDeploymentStatus>,
}

/// What to serve: one or more predictors that share the traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeldonDeploymentSpec {
    /// Deprecated: use `metadata.name`. Only shown in validation errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The predictors: each a graph of models with its share of the traffic. At least one.
    pub predictors: Vec<PredictorSpec>,
    /// Legacy gateway key; ignored.
    #[serde(default, rename = "oauth_key", skip_serializing_if = "Option::is_none")]
    pub oauth_key: Option<String>,
    /// Legacy gateway secret; ignored.
    #[serde(
        default,
        rename = "oauth_secret",
        skip_serializing_if = "Option::is_none"
    )]
    pub oauth_secret: Option<String>,
    /// Settings of this deployment, copied to its Deployments and pod templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Protocol between the parts of the graph: `seldon` (when empty), `tensorflow`, `v2`, or
    /// `kfserving`, another name of `v2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Transport between the parts of the graph: `rest` (when empty) or `grpc`. Clients can use
    /// both in either case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Number of pods, for predictors and component specs that do not set their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// How requests arrive: `rpc` (when empty) or `kafka`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_type: Option<String>,
}

impl SeldonDeployment {
    /// `metadata.name`, or `""`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// `metadata.namespace`, or `default`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        match self.metadata.namespace.as_deref() {
            None | Some("") => "default",
            Some(namespace) => namespace,
        }
    }

    /// The version named by `apiVersion`.
    ///
    /// # Errors
    /// When `apiVersion` is none of the three that are served.
    pub fn version(&self) -> Result<ApiVersion, UnknownValue> {
        self.api_version.parse()
    }

    /// The same resource in another version. All versions have one shape: only `apiVersion`
    /// changes.
    #[must_use]
    pub fn into_version(mut self, version: ApiVersion) -> Self {
        self.api_version = version.to_string();
        self
    }

    /// A setting of the resource: `spec.annotations` first, then `metadata.annotations`.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        let of_metadata = || self.metadata.annotations.as_ref()?.get(key);
        let found = self.spec.annotations.get(key).or_else(of_metadata);
        found.map(String::as_str)
    }
}

impl SeldonDeploymentSpec {
    /// The protocol; `seldon` when absent or empty.
    ///
    /// # Errors
    /// When `protocol` names none that is known.
    pub fn protocol(&self) -> Result<Protocol, UnknownValue> {
        Protocol::read_or_default(self.protocol.as_deref())
    }

    /// The transport; `rest` when absent or empty.
    ///
    /// # Errors
    /// When `transport` names none that is known.
    pub fn transport(&self) -> Result<Transport, UnknownValue> {
        Transport::read_or_default(self.transport.as_deref())
    }

    /// The server type; `rpc` when absent or empty.
    ///
    /// # Errors
    /// When `serverType` names none that is known.
    pub fn server_type(&self) -> Result<ServerType, UnknownValue> {
        ServerType::read_or_default(self.server_type.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> SeldonDeployment {
        let mut deployment = SeldonDeployment::default();
        deployment.metadata.name = Some(name.to_owned());
        deployment
    }

    #[test]
    fn annotations_of_the_spec_come_first() {
        let mut deployment = named("d");
        let mut of_metadata = BTreeMap::new();
        of_metadata.insert("a".to_owned(), "metadata".to_owned());
        of_metadata.insert("b".to_owned(), "metadata".to_owned());
        deployment.metadata.annotations = Some(of_metadata);
        deployment
            .spec
            .annotations
            .insert("a".to_owned(), "spec".to_owned());
        assert_eq!(deployment.annotation("a"), Some("spec"));
        assert_eq!(deployment.annotation("b"), Some("metadata"));
        assert_eq!(deployment.annotation("c"), None);
    }

    #[test]
    fn an_empty_namespace_is_the_default_one() {
        let mut deployment = named("d");
        assert_eq!(
            (deployment.name(), deployment.namespace()),
            ("d", "default")
        );
        deployment.metadata.namespace = Some(String::new());
        assert_eq!(deployment.namespace(), "default");
        deployment.metadata.namespace = Some("demo".to_owned());
        assert_eq!(deployment.namespace(), "demo");
    }

    #[test]
    fn words_of_the_spec() {
        let mut spec = SeldonDeploymentSpec::default();
        assert_eq!(spec.protocol(), Ok(Protocol::Seldon));
        assert_eq!(spec.transport(), Ok(Transport::Rest));
        assert_eq!(spec.server_type(), Ok(ServerType::Rpc));
        spec.protocol = Some("kfserving".to_owned());
        assert_eq!(spec.protocol(), Ok(Protocol::V2));
        spec.transport = Some("GRPC".to_owned());
        assert_eq!(spec.transport().unwrap_err().known, ["rest", "grpc"]);
    }
}
