//! Metadata of units and of graphs as protocol buffers.

use std::sync::Arc;

use hari_core::{ModelMetadata, TensorSpec};
use hari_proto::seldon::{SeldonGraphMetadata, SeldonMessageMetadata, SeldonModelMetadata};

/// What a unit says of itself. Inputs and outputs are those of its default signature.
#[must_use]
pub fn from_metadata(metadata: &ModelMetadata) -> SeldonModelMetadata {
    let signature = metadata.signature(None);
    SeldonModelMetadata {
        name: metadata.name.clone(),
        versions: metadata.versions.clone(),
        platform: metadata.platform.clone(),
        inputs: specs(signature.map_or(&[], |signature| &signature.inputs)),
        outputs: specs(signature.map_or(&[], |signature| &signature.outputs)),
        custom: metadata.custom.clone(),
    }
}

/// The metadata of the graph `name`: its units, and what goes in and comes out of the whole.
#[must_use]
pub fn from_graph_metadata(
    name: &str,
    models: &[Arc<ModelMetadata>],
    inputs: &[TensorSpec],
    outputs: &[TensorSpec],
) -> SeldonGraphMetadata {
    SeldonGraphMetadata {
        name: name.to_owned(),
        models: models
            .iter()
            .map(|model| (model.name.clone(), from_metadata(model)))
            .collect(),
        inputs: specs(inputs),
        outputs: specs(outputs),
    }
}

fn specs(specs: &[TensorSpec]) -> Vec<SeldonMessageMetadata> {
    let spec = |spec: &TensorSpec| SeldonMessageMetadata {
        name: spec.name.clone(),
        datatype: spec.dtype.name().to_owned(),
        shape: spec.wire_shape(),
        ..SeldonMessageMetadata::default()
    };
    specs.iter().map(spec).collect()
}
