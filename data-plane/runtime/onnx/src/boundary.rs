//! Sequences, maps and optional values at the border of a model, where callers know tensors alone.
//!
//! | In the graph | What callers see |
//! |---|---|
//! | `ZipMap` at the end | the tensor in front of it, `[rows, keys]`, the keys as labels of its columns |
//! | `DictVectorizer` of an input | a tensor `[rows, keys]` in place of the map, the keys as labels |
//! | `SequenceConstruct` at the end | one output for each element, `name.0`, `name.1`, ... |
//! | any other sequence of tensors of one shape | one tensor with the elements as rows |
//! | a sequence of maps with the same keys | one tensor `[maps, keys]` |
//! | an optional value | the value |

use std::collections::{BTreeMap, HashMap};

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use hari_operators::{Map, Type, Value};
use hari_proto::onnx::tensor_shape_proto::{Dimension, dimension};
use hari_proto::onnx::{
    AttributeProto, GraphProto, NodeProto, TensorShapeProto, ValueInfoProto, type_proto,
};

use crate::types;

/// Names of the columns of inputs and outputs, by the graph's name of the value.
pub(crate) type Labels = BTreeMap<String, Vec<String>>;

/// Whether the graph has anything but tensors at its border.
pub(crate) fn is_plain(graph: &GraphProto) -> bool {
    let tensor = |value: &ValueInfoProto| !matches!(types::declared(value), Some(kind) if !matches!(kind, Type::Tensor(_)));
    graph.input.iter().chain(&graph.output).all(tensor)
}

/// The graph with tensors at its border where that can be said before it runs.
pub(crate) fn simplify(mut graph: GraphProto) -> (GraphProto, Labels) {
    let mut labels = Labels::new();
    let users = users(&graph);
    let mut split = HashMap::new();
    for node in &mut graph.node {
        match node.op_type() {
            "ZipMap" => zip_map(node, &users, &mut graph.output, &mut labels),
            "DictVectorizer" => vectorizer(node, &users, &mut graph.input, &mut labels),
            "SequenceConstruct" => split.extend(elements(node, &users)),
            _ => {}
        }
    }
    spread(&mut graph, &split);
    (graph, labels)
}

/// How often nodes use each value.
fn users(graph: &GraphProto) -> HashMap<String, usize> {
    let mut users = HashMap::new();
    for name in graph.node.iter().flat_map(crate::scope::uses) {
        *users.entry(name.to_owned()).or_insert(0) += 1;
    }
    users
}

fn zip_map(
    node: &mut NodeProto,
    users: &HashMap<String, usize>,
    outputs: &mut [ValueInfoProto],
    labels: &mut Labels,
) {
    let keys = keys(node, ["classlabels_strings", "classlabels_int64s"]);
    let name = node.output.first().cloned().unwrap_or_default();
    let output = outputs.iter_mut().find(|output| output.name() == name);
    let (Some(output), Some(keys), None) = (output, keys, users.get(&name)) else {
        return;
    };
    let value = match types::declared(output) {
        Some(Type::Sequence(map)) => match *map {
            Type::Map(_, value) => *value,
            _ => return,
        },
        _ => Type::Tensor(DataType::Fp32),
    };
    *output = columns(&name, &value, keys.len());
    *node = identity(node);
    labels.insert(name, keys);
}

fn vectorizer(
    node: &mut NodeProto,
    users: &HashMap<String, usize>,
    inputs: &mut [ValueInfoProto],
    labels: &mut Labels,
) {
    let keys = keys(node, ["string_vocabulary", "int64_vocabulary"]);
    let name = node.input.first().cloned().unwrap_or_default();
    let input = inputs.iter_mut().find(|input| input.name() == name);
    let (Some(input), Some(keys), Some(1)) = (input, keys, users.get(&name)) else {
        return;
    };
    if let Some(Type::Map(_, value)) = types::declared(input) {
        *input = columns(&name, &value, keys.len());
        *node = identity(node);
        labels.insert(name, keys);
    }
}

/// The keys that a node lists, as text.
fn keys(node: &NodeProto, names: [&str; 2]) -> Option<Vec<String>> {
    let find = |name: &str| {
        node.attribute
            .iter()
            .find(|attribute| attribute.name() == name)
    };
    let text = |attribute: &AttributeProto| -> Vec<String> {
        let strings = attribute.strings.iter();
        strings
            .map(|key| String::from_utf8_lossy(key).into_owned())
            .collect()
    };
    let strings = find(names[0]).map(text).filter(|keys| !keys.is_empty());
    let numbers = || {
        let keys = &find(names[1])?.ints;
        Some(keys.iter().map(ToString::to_string).collect())
    };
    strings.or_else(numbers)
}

/// A tensor of any number of rows and of `width` columns.
fn columns(name: &str, kind: &Type, width: usize) -> ValueInfoProto {
    let mut value = types::named(name, Some(kind));
    let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = kind {
        let width = i64::try_from(width).ok().map(dimension::Value::DimValue);
        let dim = |value| Dimension {
            value,
            denotation: None,
        };
        tensor.shape = Some(TensorShapeProto {
            dim: vec![dim(None), dim(width)],
        });
    }
    value
}

fn identity(node: &NodeProto) -> NodeProto {
    NodeProto {
        op_type: Some("Identity".to_owned()),
        domain: None,
        attribute: Vec::new(),
        ..node.clone()
    }
}

/// The elements of a sequence that is made to be an output and nothing else.
fn elements(node: &NodeProto, users: &HashMap<String, usize>) -> Option<(String, Vec<String>)> {
    let name = node.output.first()?;
    users
        .get(name)
        .is_none()
        .then(|| (name.clone(), node.input.clone()))
}

/// Puts the elements of the sequences in `split` among the outputs.
fn spread(graph: &mut GraphProto, split: &HashMap<String, Vec<String>>) {
    let mut outputs = Vec::with_capacity(graph.output.len());
    for output in std::mem::take(&mut graph.output) {
        let kind = match types::declared(&output) {
            Some(Type::Sequence(kind)) => *kind,
            _ => {
                outputs.push(output);
                continue;
            }
        };
        let Some(elements) = split.get(output.name()) else {
            outputs.push(output);
            continue;
        };
        graph
            .node
            .retain(|node| node.output.first().map(String::as_str) != output.name.as_deref());
        for (at, element) in elements.iter().enumerate() {
            let name = format!("{}.{at}", output.name());
            graph.node.push(NodeProto {
                op_type: Some("Identity".to_owned()),
                input: vec![element.clone()],
                output: vec![name.clone()],
                ..NodeProto::default()
            });
            outputs.push(types::named(&name, Some(&kind)));
        }
    }
    graph.output = outputs;
}

/// The elements of what callers see as a tensor: of an output of this type.
pub(crate) fn elements_of(kind: &Type) -> Option<DataType> {
    match kind {
        Type::Tensor(dtype) => Some(*dtype),
        Type::Sequence(inner) | Type::Optional(inner) | Type::Map(_, inner) => elements_of(inner),
    }
}

/// The one tensor that callers see of a value.
///
/// # Errors
/// `Model` if the value does not fit into one.
pub(crate) fn tensor(value: Value) -> Result<Tensor> {
    match value {
        Value::Tensor(tensor) => Ok(tensor),
        Value::Optional(Some(value)) => tensor(*value),
        Value::Optional(None) => Err(Error::model("the value is absent")),
        Value::Map(map) => row(map),
        Value::Sequence(values) => {
            let keys = values.first().map(keys_of).unwrap_or_default();
            if values.iter().any(|value| keys_of(value) != keys) {
                return Err(Error::model("the maps of the sequence have different keys"));
            }
            let rows = values.into_iter().map(tensor);
            stacked(&rows.collect::<Result<Vec<_>>>()?)
        }
    }
}

fn keys_of(value: &Value) -> Vec<hari_operators::Key> {
    match value {
        Value::Map(map) => map.iter().map(|(key, _)| key.clone()).collect(),
        _ => Vec::new(),
    }
}

/// The values of a map of scalars.
fn row(map: Map) -> Result<Tensor> {
    let values = map.into_iter().map(|(_, value)| {
        let value = tensor(value)?;
        if value.len() == 1 {
            value.reshape([])
        } else {
            Err(Error::model(
                "a map holds more than one element under a key",
            ))
        }
    });
    stacked(&values.collect::<Result<Vec<_>>>()?)
}

/// Tensors of one type and shape as the rows of one.
fn stacked(tensors: &[Tensor]) -> Result<Tensor> {
    let Some(first) = tensors.first() else {
        return Err(Error::model(
            "the sequence is empty, so that its shape is not known",
        ));
    };
    let (dtype, shape) = (first.dtype(), first.shape().to_vec());
    if let Some(other) = tensors
        .iter()
        .find(|one| one.dtype() != dtype || one.shape() != shape)
    {
        return Err(Error::model(format!(
            "the elements of the sequence are not alike: expected {dtype} {shape:?}, found {} {:?}",
            other.dtype(),
            other.shape()
        )));
    }
    let whole = [vec![tensors.len()], shape].concat();
    let made = if dtype == DataType::Bytes {
        let strings = tensors
            .iter()
            .map(|tensor| tensor.strings().map(<[_]>::to_vec));
        Tensor::from_strings(whole, strings.collect::<Result<Vec<_>>>()?.concat())
    } else {
        let bytes: Vec<_> = tensors
            .iter()
            .filter_map(Tensor::bytes)
            .map(|bytes| &**bytes)
            .collect();
        Tensor::from_bytes(dtype, whole, bytes.concat())
    };
    made.map_err(|error| Error::model(error.message().to_owned()))
}

#[cfg(test)]
mod tests;
