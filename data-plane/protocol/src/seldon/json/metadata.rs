//! Metadata of units and of graphs as JSON.

use std::sync::Arc;

use bytes::Bytes;
use hari_core::{ModelMetadata, TensorSpec};
use serde_json::{Map, Value, json};

use crate::json::write::{self, Escape};

/// Writes what a unit says of itself, every member there. Inputs and outputs are those of its
/// default signature.
#[must_use]
pub fn encode_metadata(metadata: &ModelMetadata) -> Bytes {
    to_bytes(&Value::Object(members(metadata)))
}

/// Writes the metadata of the graph `name`: each unit without its empty members, and what goes in
/// and comes out of the whole.
#[must_use]
pub fn encode_graph_metadata(
    name: &str,
    models: &[Arc<ModelMetadata>],
    inputs: &[TensorSpec],
    outputs: &[TensorSpec],
) -> Bytes {
    let models: Map<String, Value> = models
        .iter()
        .map(|model| {
            let mut members = members(model);
            members.retain(|_, value| !is_empty(value));
            (model.name.clone(), Value::Object(members))
        })
        .collect();
    to_bytes(&json!({
        "name": name,
        "models": models,
        "graphinputs": specs(inputs),
        "graphoutputs": specs(outputs),
    }))
}

fn members(metadata: &ModelMetadata) -> Map<String, Value> {
    let signature = metadata.signature(None);
    let mut members = Map::new();
    members.insert("name".into(), json!(metadata.name));
    members.insert("platform".into(), json!(metadata.platform));
    members.insert("versions".into(), json!(metadata.versions));
    members.insert(
        "inputs".into(),
        specs(signature.map_or(&[], |signature| &signature.inputs)),
    );
    members.insert(
        "outputs".into(),
        specs(signature.map_or(&[], |signature| &signature.outputs)),
    );
    members.insert("custom".into(), json!(metadata.custom));
    members
}

fn specs(specs: &[TensorSpec]) -> Value {
    let spec = |spec: &TensorSpec| json!({"name": spec.name, "datatype": spec.dtype.name(), "shape": spec.wire_shape()});
    specs.iter().map(spec).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn to_bytes(value: &Value) -> Bytes {
    let mut out = Vec::new();
    // Neither a tree nor a vector can fail.
    _ = write::serialize(&mut out, value, Escape::Html);
    out.into()
}
