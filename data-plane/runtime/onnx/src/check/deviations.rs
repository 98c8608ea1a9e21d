//! Operators that the engine has, and computes differently from ONNX.
//!
//! Found by running ONNX's own test cases on the engine. What can be written in other operators
//! is (see [`crate::rewrite`]); the rest is refused here, rather than answered wrong.
//!
//! Known and let through: `DynamicQuantizeLinear` may round a half the other way (one step of 256),
//! and what is random.

use hari_proto::onnx::{GraphProto, NodeProto};

use super::{Problem, numbers};
use crate::tensors;

/// Why the result of the node would be another than ONNX's, if it would.
pub(crate) fn problem(graph: &GraphProto, node: &NodeProto) -> Option<Problem> {
    if !matches!(node.domain(), "" | "ai.onnx") {
        return None;
    }
    let (why, hint) = match node.op_type() {
        "Resize" | "Upsample" if text(node, "mode") == Some("cubic") => (
            "is cubic, which the engine computes as linear",
            "resize with `linear` or `nearest`",
        ),
        "NonMaxSuppression" => (
            "would suppress boxes of one class by those of another",
            "leave it out of the export and suppress after the prediction",
        ),
        "SequenceInsert" if node.input.len() > 2 => (
            "inserts at a position, which the engine counts differently",
            "insert at the end",
        ),
        "GRU" if int(node, "linear_before_reset") != Some(1) => (
            "has `linear_before_reset` 0, which the engine does not have",
            "export it with `linear_before_reset` 1 (Keras: `reset_after=True`)",
        ),
        "MatMul" if by_vector(graph, node) => (
            "multiplies by a vector, which the engine shapes differently",
            "use a matrix of one column, then squeeze",
        ),
        _ => return None,
    };
    Some(Problem::new(tensors::title(node), why, hint))
}

fn text<'a>(node: &'a NodeProto, name: &str) -> Option<&'a str> {
    let found = node
        .attribute
        .iter()
        .find(|attribute| attribute.name() == name)?;
    std::str::from_utf8(found.s()).ok()
}

fn int(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute
        .iter()
        .find(|attribute| attribute.name() == name)?
        .i
}

/// Whether a tensor of more than two dimensions, or of unknown ones, is multiplied by a vector.
fn by_vector(graph: &GraphProto, node: &NodeProto) -> bool {
    let [left, right] = &*node.input else {
        return false;
    };
    let weight = graph
        .initializer
        .iter()
        .find(|tensor| tensor.name() == right);
    let rank = match weight {
        Some(weight) => Some(weight.dims.len()),
        None => numbers::dims(graph, right).map(|dims| dims.len()),
    };
    rank == Some(1) && numbers::dims(graph, left).is_none_or(|dims| dims.len() > 2)
}

#[cfg(test)]
mod tests {
    use hari_proto::onnx::AttributeProto;
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture::{floats, graph, int, node, value, with};

    fn said(node: NodeProto) -> Vec<String> {
        let dims = ["a", "b", "c"];
        let ends = |name| vec![value(name, Elem::Float, &dims)];
        let mut graph = graph(ends("x"), vec![node], ends("y"));
        graph.initializer = vec![
            floats("v", &[2], &[1.0, 2.0]),
            floats("m", &[1, 2], &[1.0, 2.0]),
        ];
        let found = graph.node.iter().filter_map(|node| problem(&graph, node));
        found.map(|problem| problem.why).collect()
    }

    #[test]
    fn what_would_come_out_differently_is_refused() {
        let mode = |mode: &'static str| AttributeProto {
            name: Some("mode".into()),
            s: Some(mode.as_bytes().into()),
            ..AttributeProto::default()
        };
        assert!(said(with(node("Resize", &["x"], &["y"]), mode("cubic")))[0].contains("as linear"));
        assert!(said(with(node("Resize", &["x"], &["y"]), mode("nearest"))).is_empty());
        assert_eq!(
            said(node("NonMaxSuppression", &["x", "x"], &["y"])).len(),
            1
        );
        assert_eq!(
            said(node("SequenceInsert", &["x", "x", "v"], &["y"])).len(),
            1
        );
        assert!(said(node("SequenceInsert", &["x", "x"], &["y"])).is_empty());
        assert_eq!(said(node("GRU", &["x", "m", "m"], &["y"])).len(), 1);
        let keras = with(
            node("GRU", &["x", "m", "m"], &["y"]),
            int("linear_before_reset", 1),
        );
        assert!(said(keras).is_empty());
        assert_eq!(said(node("MatMul", &["x", "v"], &["y"])).len(), 1);
        assert!(said(node("MatMul", &["x", "m"], &["y"])).is_empty());
    }
}
