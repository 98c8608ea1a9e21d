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

/// Bytes of all weights once they are loaded: tensors, and what nodes have in lists of attributes, as
/// trees, linear models and vocabularies do.
pub(crate) fn memory(graph: &GraphProto) -> u64 {
    let mut bytes = 0_u64;
    each_tensor(graph, &mut |_, tensor| {
        bytes = bytes.saturating_add(tensor_bytes(tensor));
    });
    each_node(graph, &mut |node| {
        let listed: u64 = node.attribute.iter().map(list_bytes).sum();
        bytes = bytes.saturating_add(listed);
    });
    bytes
}

fn tensor_bytes(tensor: &TensorProto) -> u64 {
    let dtype = element::data_type(tensor.data_type());
    let own = |dtype: DataType| dtype.size().map(|size| size as u64);
    let size = dtype.and_then(|dtype| element::engine_size(dtype).or_else(|| own(dtype)));
    let len = len(tensor).and_then(|len| u64::try_from(len).ok());
    let numbers = size.zip(len).and_then(|(size, len)| len.checked_mul(size));
    numbers.unwrap_or_else(|| texts(&tensor.string_data))
}

fn list_bytes(attribute: &AttributeProto) -> u64 {
    let numbers = size_of_val(&*attribute.floats) + size_of_val(&*attribute.ints);
    numbers as u64 + texts(&attribute.strings)
}

fn texts(texts: &[impl AsRef<[u8]>]) -> u64 {
    texts.iter().map(|text| text.as_ref().len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture;

    fn listed(floats: &[f32], strings: &[&'static str]) -> AttributeProto {
        AttributeProto {
            name: Some("listed".to_owned()),
            floats: floats.to_vec(),
            strings: strings.iter().map(|&text| text.into()).collect(),
            ..AttributeProto::default()
        }
    }

    #[test]
    fn weights_are_tensors_and_lists_of_attributes_however_deep() {
        let words = TensorProto {
            dims: vec![2],
            data_type: Some(Elem::String.into()),
            string_data: vec!["ab".into(), "cde".into()],
            ..TensorProto::default()
        };
        let linear = fixture::with(
            fixture::node("LinearRegressor", &["x"], &["y"]),
            listed(&[1.0, 2.0], &["label"]),
        );
        let mut inner = fixture::graph(vec![], vec![linear.clone()], vec![]);
        inner.initializer = vec![fixture::int64s("axes", &[0])];
        let branch = fixture::with(
            fixture::node("If", &["c"], &["z"]),
            fixture::subgraph("then_branch", inner),
        );
        let mut outer = fixture::graph(vec![], vec![linear, branch], vec![]);
        outer.initializer = vec![words];
        let (words, linear, axes) = (5, 2 * 4 + 5, 4);
        assert_eq!(memory(&outer), words + 2 * linear + axes);
    }

    #[test]
    fn a_size_beyond_all_numbers_counts_nothing() {
        let huge = TensorProto {
            dims: vec![i64::MAX, i64::MAX],
            data_type: Some(Elem::Float.into()),
            ..TensorProto::default()
        };
        let mut graph = fixture::graph(vec![], vec![], vec![]);
        graph.initializer = vec![huge];
        assert_eq!(memory(&graph), 0);
    }
}
