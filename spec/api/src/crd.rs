//! The CustomResourceDefinition, generated from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec, CustomResourceDefinitionVersion, CustomResourceSubresourceScale,
    CustomResourceSubresourceStatus, CustomResourceSubresources, CustomResourceValidation,
    JSONSchemaProps,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::schema::structural::structural;
use crate::{KIND, to_yaml};

/// Group of the resource.
pub const GROUP: &str = "machinelearning.seldon.io";
/// Plural of the resource, as in URLs.
pub const PLURAL: &str = "seldondeployments";

/// Versions that are served; the first is stored.
const VERSIONS: [&str; 3] = ["v1", "v1alpha2", "v1alpha3"];

/// The CustomResourceDefinition: three served versions of one schema, `v1` stored, no conversion
/// but the rewriting of `apiVersion`.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    let schema = schema();
    let versions = VERSIONS.iter().map(|name| version(name, &schema));
    CustomResourceDefinition {
        metadata: ObjectMeta {
            name: Some(format!("{PLURAL}.{GROUP}")),
            ..ObjectMeta::default()
        },
        spec: CustomResourceDefinitionSpec {
            group: GROUP.to_owned(),
            names: names(),
            scope: "Namespaced".to_owned(),
            versions: versions.collect(),
            ..CustomResourceDefinitionSpec::default()
        },
        status: None,
    }
}

/// The CustomResourceDefinition as YAML.
#[must_use]
pub fn crd_yaml() -> String {
    to_yaml(&serde_json::to_value(crd()).unwrap_or_default())
}

#[expect(
    clippy::expect_used,
    reason = "generated from the types alone; the tests run it"
)]
fn schema() -> JSONSchemaProps {
    serde_json::from_value(structural()).expect("the schema is one that Kubernetes knows")
}

fn names() -> CustomResourceDefinitionNames {
    CustomResourceDefinitionNames {
        kind: KIND.to_owned(),
        list_kind: Some(format!("{KIND}List")),
        plural: PLURAL.to_owned(),
        singular: Some("seldondeployment".to_owned()),
        short_names: Some(vec!["sdep".to_owned()]),
        categories: None,
    }
}

fn version(name: &str, schema: &JSONSchemaProps) -> CustomResourceDefinitionVersion {
    CustomResourceDefinitionVersion {
        name: name.to_owned(),
        served: true,
        storage: Some(&name) == VERSIONS.first(),
        additional_printer_columns: Some(columns()),
        schema: Some(CustomResourceValidation {
            open_api_v3_schema: Some(schema.clone()),
        }),
        subresources: Some(subresources()),
        ..CustomResourceDefinitionVersion::default()
    }
}

fn subresources() -> CustomResourceSubresources {
    CustomResourceSubresources {
        scale: Some(CustomResourceSubresourceScale {
            label_selector_path: None,
            spec_replicas_path: ".spec.replicas".to_owned(),
            status_replicas_path: ".status.replicas".to_owned(),
        }),
        status: Some(CustomResourceSubresourceStatus(serde_json::json!({}))),
    }
}

/// What `kubectl get` shows.
fn columns() -> Vec<CustomResourceColumnDefinition> {
    let column = |name: &str, json_path: &str, type_: &str| CustomResourceColumnDefinition {
        name: name.to_owned(),
        json_path: json_path.to_owned(),
        type_: type_.to_owned(),
        ..CustomResourceColumnDefinition::default()
    };
    vec![
        column("State", ".status.state", "string"),
        column("Replicas", ".status.replicas", "integer"),
        column("URL", ".status.address.url", "string"),
        column("Age", ".metadata.creationTimestamp", "date"),
        // With `-o wide`: it may be long.
        CustomResourceColumnDefinition {
            priority: Some(1),
            ..column("Message", ".status.description", "string")
        },
    ]
}
