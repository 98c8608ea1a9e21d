//! A sum of a product of matrices and a constant vector that is no bias.
//!
//! The engine fuses both and wants an element for each column. A vector of one element, or one over
//! a single column, which ONNX spreads, would stop it. Such a vector is written with another number
//! of dimensions, which the engine does not fuse.

use hari_proto::onnx::{GraphProto, NodeProto};

use super::{constant, operator, temporaries};
use crate::check::numbers::{self, Constants};

/// The nodes to put in the place of this one, if it may be such a sum.
pub(super) fn biased(
    graph: &GraphProto,
    node: &NodeProto,
    constants: Constants<'_>,
) -> Option<Vec<NodeProto>> {
    let ([first, second], [output]) = (&*node.input, &*node.output) else {
        return None;
    };
    if !matches!(node.domain(), "" | "ai.onnx") || node.op_type() != "Add" {
        return None;
    }
    let vector = |name: &str| constants(name).filter(|tensor| tensor.dims.len() == 1);
    let (product, vector) = match (vector(first), vector(second)) {
        (None, Some(vector)) => (first, vector),
        (Some(vector), None) => (second, vector),
        _ => return None,
    };
    let product = graph
        .node
        .iter()
        .find(|made| made.output.contains(product))?;
    let right = product
        .input
        .get(1)
        .filter(|_| product.op_type() == "MatMul")?;
    let size = vector.dims.first().copied()?;
    let fixed = constants(right).map(|tensor| tensor.dims.clone());
    let dims = fixed.or_else(|| numbers::dims(graph, right));
    let columns = dims
        .and_then(|dims| dims.last().copied())
        .filter(|&columns| columns > 0);
    let mut spread = vector.clone();
    spread.dims = match (size, columns) {
        (size, Some(columns)) if size == columns => return None,
        (1, _) => Vec::new(),
        (size, Some(1)) => vec![1, size],
        _ => return None,
    };
    let [shaped] = temporaries(output, ["bias"]);
    let made = product.output.first()?;
    let sum = operator("Add", &[made, &shaped], &[output]);
    Some(vec![constant(&shaped, spread), sum])
}

#[cfg(test)]
mod tests {
    use hari_core::Tensor;
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture::{floats, graph, loaded, model, node, run, value};

    /// `x * w + c`, or `c + x * w`, for one row of two ones.
    fn sum(columns: usize, bias: &[f32], turned: bool) -> (Vec<usize>, Vec<f32>) {
        let inputs = if turned { ["c", "xw"] } else { ["xw", "c"] };
        let mut graph = graph(
            vec![value("x", Elem::Float, &["n", "2"])],
            vec![
                node("MatMul", &["x", "w"], &["xw"]),
                node("Add", &inputs, &["y"]),
            ],
            vec![value("y", Elem::Float, &["n", "k"])],
        );
        graph.initializer = vec![
            floats("w", &[2, columns as i64], &vec![1.0; 2 * columns]),
            floats("c", &[bias.len() as i64], bias),
        ];
        let x = Tensor::from_vec([1, 2], vec![1.0_f32; 2]).unwrap();
        let found = run(&loaded(&model(graph)), vec![x]).remove(0);
        (found.shape().to_vec(), found.to_vec().unwrap())
    }

    #[test]
    fn a_vector_of_another_length_than_the_columns_is_spread() {
        for turned in [false, true] {
            assert_eq!(sum(3, &[0.5], turned), (vec![1, 3], vec![2.5; 3]));
            assert_eq!(sum(1, &[0.5], turned), (vec![1, 1], vec![2.5]));
            let three = (vec![1, 3], vec![2.0, 3.0, 4.0]);
            assert_eq!(sum(1, &[0.0, 1.0, 2.0], turned), three);
            assert_eq!(sum(3, &[0.0, 1.0, 2.0], turned), three);
        }
    }

    #[test]
    fn a_bias_is_left_alone() {
        let (bias, weight) = (
            floats("b", &[3], &[0.0; 3]),
            floats("w", &[2, 3], &[0.0; 6]),
        );
        let graph = graph(vec![], vec![node("MatMul", &["x", "w"], &["xw"])], vec![]);
        let constants = |name: &str| match name {
            "b" => Some(&bias),
            "w" => Some(&weight),
            _ => None,
        };
        for inputs in [["xw", "b"], ["x", "b"], ["b", "b"]] {
            let add = node("Add", &inputs, &["y"]);
            assert!(biased(&graph, &add, &constants).is_none(), "{inputs:?}");
        }
    }
}
