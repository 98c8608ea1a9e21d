//! JSON schemas of the resource, generated from its types.

pub(crate) mod check;
mod simplify;
pub(crate) mod structural;

use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::SeldonDeployment;

/// The schema of the resource: `$ref` into `$defs`, no null types, no defaults.
static ROOT: LazyLock<Value> = LazyLock::new(generate);

/// Where `$ref` points.
const DEFINITIONS: &str = "#/$defs/";

fn generate() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator
        .into_root_schema_for::<SeldonDeployment>()
        .to_value();
    simplify::simplify(&mut schema);
    schema
}

/// The name and schema that a `$ref` stands for.
fn definition(reference: &str) -> Option<(&str, &'static Value)> {
    let name = reference.strip_prefix(DEFINITIONS)?;
    Some((name, ROOT.get("$defs")?.get(name)?))
}

/// The metadata of a pod template: what Kubernetes has, less `managedFields`, and with a
/// `creationTimestamp` that may be null, as generated manifests write it.
pub(crate) fn pod_metadata(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = ObjectMeta::json_schema(generator);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        loosen(properties);
    }
    schema
}

fn loosen(properties: &mut Map<String, Value>) {
    properties.remove("managedFields");
    let timestamp = json!({
        "description": "When the object was created; left out or null in a template.",
        "type": "string",
        "format": "date-time",
        "nullable": true,
    });
    properties.insert("creationTimestamp".to_owned(), timestamp);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_has_its_definition() {
        fn visit(value: &Value) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(reference)) = fields.get("$ref") {
                        assert!(definition(reference).is_some(), "{reference}");
                    }
                    fields.values().for_each(visit);
                }
                Value::Array(items) => items.iter().for_each(visit),
                _ => {}
            }
        }
        visit(&ROOT);
    }

    #[test]
    fn pod_metadata_is_looser_than_that_of_kubernetes() {
        let pod = definition("#/$defs/SeldonPodSpec").unwrap().1;
        let properties = &pod["properties"]["metadata"]["properties"];
        assert_eq!(properties["creationTimestamp"]["nullable"], true);
        assert_eq!(properties.get("managedFields"), None);
        assert_eq!(
            properties["labels"]["additionalProperties"]["type"],
            "string"
        );
    }
}
