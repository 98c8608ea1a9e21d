//! Weights outside the model: only files that were handed over may be named.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};
use hari_proto::onnx::tensor_proto::DataLocation;
use hari_proto::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};
use prost::Message as _;

/// Checks that every tensor of the model lies inside it or in one of `files`, so that the engine
/// has no reason to open one.
///
/// # Errors
/// `Model` if another file is named, or if the bytes are no model.
pub(crate) fn check(model: &Bytes, files: &BTreeMap<String, Arc<[u8]>>) -> Result<()> {
    let model = ModelProto::decode(model.clone())
        .map_err(|error| Error::model(format!("not an ONNX model: {error}")))?;
    let mut tensors = Vec::new();
    model
        .graph
        .iter()
        .for_each(|graph| of_graph(graph, &mut tensors));
    let bodies = model.functions.iter().flat_map(|function| &function.node);
    bodies.for_each(|node| of_node(node, &mut tensors));
    tensors.into_iter().try_for_each(|tensor| {
        let known = |name: &&str| files.contains_key(*name);
        match location(tensor) {
            Some(name) if !known(&name) => Err(Error::model(format!(
                "tensor `{}` lies in the file `{name}`, which is not beside the model",
                tensor.name()
            ))),
            _ => Ok(()),
        }
    })
}

/// The file of a tensor outside the model.
fn location(tensor: &TensorProto) -> Option<&str> {
    let outside =
        tensor.data_location() == DataLocation::External || !tensor.external_data.is_empty();
    let mut entries = tensor.external_data.iter();
    let named = entries.find(|entry| entry.key() == "location");
    outside.then(|| named.map_or("", |entry| entry.value()))
}

fn of_graph<'a>(graph: &'a GraphProto, tensors: &mut Vec<&'a TensorProto>) {
    tensors.extend(&graph.initializer);
    for sparse in &graph.sparse_initializer {
        tensors.extend(sparse.values.iter().chain(&sparse.indices));
    }
    graph.node.iter().for_each(|node| of_node(node, tensors));
}

fn of_node<'a>(node: &'a NodeProto, tensors: &mut Vec<&'a TensorProto>) {
    for attribute in &node.attribute {
        of_attribute(attribute, tensors);
    }
}

fn of_attribute<'a>(attribute: &'a AttributeProto, tensors: &mut Vec<&'a TensorProto>) {
    tensors.extend(attribute.t.iter().chain(&attribute.tensors));
    let sparse = attribute
        .sparse_tensor
        .iter()
        .chain(&attribute.sparse_tensors);
    for sparse in sparse {
        tensors.extend(sparse.values.iter().chain(&sparse.indices));
    }
    let graphs = attribute.g.iter().chain(&attribute.graphs);
    graphs.for_each(|graph| of_graph(graph, tensors));
}
