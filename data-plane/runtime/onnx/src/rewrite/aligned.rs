//! A quotient or a power of which the second operand has more dimensions than the first.
//!
//! If the second holds a single element, as a row of one number does, the engine takes it for a
//! scalar and gives the result the shape of the first. The first is spread to the shape of both.

use hari_proto::onnx::{GraphProto, NodeProto, TensorProto};

use super::{operator, temporaries};
use crate::check::numbers::{self, Constants};

/// The nodes to put in the place of this one, if it may be such a quotient or power. Of two values
/// without known dimensions nothing is assumed: in almost all graphs they have as many.
pub(super) fn aligned(
    graph: &GraphProto,
    node: &NodeProto,
    constants: Constants<'_>,
) -> Option<Vec<NodeProto>> {
    let ([first, second], [output]) = (&*node.input, &*node.output) else {
        return None;
    };
    let own = matches!(node.domain(), "" | "ai.onnx");
    let divides = node.op_type() == "Div";
    let computed = own && (divides || node.op_type() == "Pow");
    let single = |tensor: &TensorProto| tensor.dims.iter().all(|&size| size == 1);
    if !computed || constants(second).is_some_and(|tensor| !single(tensor)) {
        return None;
    }
    let declared = |name: &str| numbers::dims(graph, name).map(|dims| dims.len());
    let fixed = |name: &str| constants(name).map(|tensor| tensor.dims.len());
    let rank = |name: &str| fixed(name).or_else(|| declared(name));
    let aligned = match (rank(first), rank(second)) {
        (Some(first), Some(second)) => first >= second,
        _ => fixed(first).is_none(),
    };
    // The engine has a reciprocal, which keeps the shape.
    if aligned || divides && constants(first).is_some_and(is_one) {
        return None;
    }
    let [shape, spread] = temporaries(output, ["shape", "spread"]);
    let mut last = node.clone();
    last.input = vec![spread.clone(), second.clone()];
    Some(vec![
        operator("Shape", &[second], &[&shape]),
        operator("Expand", &[first, &shape], &[&spread]),
        last,
    ])
}

/// Whether a constant is the FP32 scalar 1.
fn is_one(tensor: &TensorProto) -> bool {
    let raw = tensor.raw_data.as_deref() == Some(&1_f32.to_le_bytes());
    tensor.dims.is_empty() && (raw || tensor.float_data == [1.0])
}

#[cfg(test)]
mod tests {
    use hari_core::Tensor;
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture::{floats, graph, loaded, model, node, run, value};

    /// `y = operator(c, relu(x))` over rows of `columns` numbers.
    fn made(operator: &str, constant: TensorProto, columns: usize, rows: usize) -> Tensor {
        let width = columns.to_string();
        let ends = |name| vec![value(name, Elem::Float, &["n", &width])];
        let nodes = vec![
            node("Relu", &["x"], &["hidden"]),
            node(operator, &["c", "hidden"], &["y"]),
        ];
        let mut graph = graph(ends("x"), nodes, ends("y"));
        graph.initializer = vec![constant];
        let x = Tensor::from_vec([rows, columns], vec![2.0_f32; rows * columns]).unwrap();
        run(&loaded(&model(graph)), vec![x]).remove(0)
    }

    #[test]
    fn a_row_of_one_number_keeps_its_shape() {
        let scalar = |value| floats("c", &[], &[value]);
        let vector = |value| floats("c", &[1], &[value]);
        for (operator, constant, expected) in [
            ("Pow", vector(3.0), 9.0),
            ("Pow", scalar(3.0), 9.0),
            ("Div", vector(3.0), 1.5),
            ("Div", scalar(3.0), 1.5),
            ("Div", vector(1.0), 0.5),
            ("Div", scalar(1.0), 0.5),
        ] {
            for rows in [1, 2] {
                let found = made(operator, constant.clone(), 1, rows);
                assert_eq!(found.shape(), [rows, 1], "{operator}");
                assert_eq!(found.to_vec::<f32>().unwrap(), vec![expected; rows]);
            }
        }
    }

    #[test]
    fn several_by_a_row_of_one_keep_their_rows() {
        let c = floats("c", &[3], &[2.0, 4.0, 6.0]);
        let graph = |nodes| {
            graph(
                vec![value("x", Elem::Float, &["n", "1"])],
                nodes,
                vec![value("y", Elem::Float, &["n", "3"])],
            )
        };
        let mut graph = graph(vec![node("Div", &["c", "x"], &["y"])]);
        graph.initializer = vec![c];
        let x = Tensor::from_vec([1, 1], vec![2.0_f32]).unwrap();
        let found = run(&loaded(&model(graph)), vec![x]).remove(0);
        assert_eq!(found.shape(), [1, 3]);
        assert_eq!(found.to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn what_is_aligned_is_left_alone() {
        let graph = graph(
            vec![
                value("x", Elem::Float, &["n", "2"]),
                value("v", Elem::Float, &["2"]),
            ],
            vec![],
            vec![],
        );
        let (one, many) = (floats("one", &[], &[1.0]), floats("many", &[4], &[1.0; 4]));
        let constants = |name: &str| match name {
            "one" => Some(&one),
            "many" => Some(&many),
            _ => None,
        };
        let changed = |operator: &str, inputs: &[&str]| {
            aligned(&graph, &node(operator, inputs, &["y"]), &constants).is_some()
        };
        assert!(!changed("Div", &["x", "v"]) && changed("Div", &["v", "x"]));
        assert!(!changed("Div", &["one", "x"]) && changed("Pow", &["one", "x"]));
        assert!(!changed("Pow", &["x", "one"]) && !changed("Div", &["v", "many"]));
        assert!(!changed("Div", &["unknown", "x"]) && changed("Pow", &["one", "unknown"]));
        assert!(!changed("Mul", &["v", "x"]));
    }
}
