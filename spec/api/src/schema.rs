//! JSON schemas of the resource, generated from its types.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The metadata of a pod template: what Kubernetes has, less `managedFields`, and with a
/// `creationTimestamp` that may be null, as generated manifests write it.
pub(crate) fn pod_metadata(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = ObjectMeta::json_schema(generator);
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties.map(loosen);
    schema
}

fn loosen(properties: &mut Map<String, Value>) {
    properties.remove("managedFields");
    properties.insert(
        "creationTimestamp".to_owned(),
        json!({"type": "string", "format": "date-time", "nullable": true}),
    );
}
