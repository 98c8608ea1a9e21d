//! Every tensor and node of a model, subgraphs included, and the elements of a tensor.

use std::borrow::Cow;

use hari_core::DataType;
use hari_proto::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto};

use crate::element;

/// Calls `visit` with every node of the graph and of the graphs inside its nodes.
pub(crate) fn each_node<'a>(graph: &'a GraphProto, visit: &mut impl FnMut(&'a NodeProto)) {
    for node in &graph.node {
        visit(node);
        for inner in node.attribute.iter().flat_map(subgraphs) {
            each_node(inner, visit);
        }
    }
}

/// Calls `visit` with every graph: this one and those inside its nodes.
pub(crate) fn each_graph<'a>(graph: &'a GraphProto, visit: &mut impl FnMut(&'a GraphProto)) {
    visit(graph);
    for inner in graph
        .node
        .iter()
        .flat_map(|node| &node.attribute)
        .flat_map(subgraphs)
    {
        each_graph(inner, visit);
    }
}

/// Calls `visit` with every tensor and with words for where it is.
pub(crate) fn each_tensor<'a>(
    graph: &'a GraphProto,
    visit: &mut impl FnMut(&dyn Fn() -> String, &'a TensorProto),
) {
    each_graph(graph, &mut |graph| {
        for tensor in &graph.initializer {
            visit(&|| format!("initializer `{}`", tensor.name()), tensor);
        }
    });
    each_node(graph, &mut |node| {
        for attribute in &node.attribute {
            for tensor in attribute.t.iter().chain(&attribute.tensors) {
                visit(
                    &|| format!("`{}` of {}", attribute.name(), title(node)),
                    tensor,
                );
            }
        }
    });
}

/// The graphs inside an attribute.
pub(crate) fn subgraphs(attribute: &AttributeProto) -> impl Iterator<Item = &GraphProto> {
    attribute.g.iter().chain(&attribute.graphs)
}

/// A node by its name, or by its operator and first output if it has none.
pub(crate) fn title(node: &NodeProto) -> String {
    match node.name() {
        "" => match node.output.first() {
            Some(output) => format!("the {} that makes `{output}`", node.op_type()),
            None => format!("an unnamed {}", node.op_type()),
        },
        name => format!("node `{name}`"),
    }
}

/// The number of elements that the dimensions promise; none if they are negative or too large.
pub(crate) fn len(tensor: &TensorProto) -> Option<usize> {
    tensor.dims.iter().try_fold(1_usize, |product, &dim| {
        usize::try_from(dim)
            .ok()
            .and_then(|dim| product.checked_mul(dim))
    })
}

/// Elements found in the model itself, by the size of the raw bytes or by the typed field; none
/// for a type that is not looked into.
pub(crate) fn found(tensor: &TensorProto) -> Option<usize> {
    let dtype = element::data_type(tensor.data_type())?;
    if let Some(raw) = &tensor.raw_data {
        let size = dtype.size()?;
        return raw.len().is_multiple_of(size).then_some(raw.len() / size);
    }
    Some(match dtype {
        DataType::Fp32 => tensor.float_data.len(),
        DataType::Fp64 => tensor.double_data.len(),
        DataType::Int64 => tensor.int64_data.len(),
        DataType::Uint32 | DataType::Uint64 => tensor.uint64_data.len(),
        DataType::Bytes => tensor.string_data.len(),
        _ => tensor.int32_data.len(),
    })
}

/// The elements of an INT64 tensor inside the model.
pub(crate) fn int64s(tensor: &TensorProto) -> Cow<'_, [i64]> {
    match tensor.raw_data.as_deref() {
        Some(raw) => Cow::Owned(
            raw.as_chunks()
                .0
                .iter()
                .map(|&le| i64::from_le_bytes(le))
                .collect(),
        ),
        None => Cow::Borrowed(&tensor.int64_data),
    }
}

/// The elements of a DOUBLE tensor inside the model.
pub(crate) fn doubles(tensor: &TensorProto) -> Cow<'_, [f64]> {
    match tensor.raw_data.as_deref() {
        Some(raw) => Cow::Owned(
            raw.as_chunks()
                .0
                .iter()
                .map(|&le| f64::from_le_bytes(le))
                .collect(),
        ),
        None => Cow::Borrowed(&tensor.double_data),
    }
}

/// Bytes of all tensors once they are loaded.
pub(crate) fn memory(graph: &GraphProto) -> u64 {
    let mut bytes = 0_u64;
    each_tensor(graph, &mut |_, tensor| {
        let dtype = element::data_type(tensor.data_type());
        let own = |dtype: DataType| dtype.size().map(|size| size as u64);
        let size = dtype.and_then(|dtype| element::engine_size(dtype).or_else(|| own(dtype)));
        let len = len(tensor).and_then(|len| u64::try_from(len).ok());
        let tensor = size.zip(len).and_then(|(size, len)| len.checked_mul(size));
        bytes = bytes.saturating_add(tensor.unwrap_or(0));
    });
    bytes
}
