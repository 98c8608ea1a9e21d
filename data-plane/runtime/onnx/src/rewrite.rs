//! Operators that the engine computes differently from ONNX, written in others that it computes
//! alike.
//!
//! | Operator | In the engine | Written as |
//! |---|---|---|
//! | `ArgMax`, `ArgMin` | the last of several equals | `TopK` of one, which takes the first |
//! | the same with `select_last_index` | refused | the operator without the attribute |
//! | `Sign` | 1 for 0.0 | `x > 0` less `x < 0` |
//! | `Cast` to BOOL | the number itself, cut to an integer | `not (x = 0)` |
//! | a window without `strides`, `dilations` or `pads` | fails | with ones and zeros |
//! | `FusedConv`, `FusedGemm` of ONNX Runtime | not there | as the operators that were fused |
//! | `QLinearAdd` and its like of ONNX Runtime | not there | with numbers restored and quantised again |
//! | `Add` of a product and a vector of other length | fails | with a scalar or a matrix |
//! | `Div`, `Pow` by a single element of more dimensions | of too few dimensions | with the first operand spread |

mod aligned;
mod biased;
mod fused;
mod quantised;

use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto};

use crate::check::numbers::Constants;

/// The nodes to put in the place of this one, if it needs that in its graph.
pub(crate) fn within(
    graph: &GraphProto,
    node: &NodeProto,
    constants: Constants<'_>,
) -> Option<Vec<NodeProto>> {
    rewritten(node)
        .or_else(|| aligned::aligned(graph, node, constants))
        .or_else(|| biased::biased(graph, node, constants))
        .or_else(|| fused::fused(node))
        .or_else(|| quantised::quantised(node))
}

/// The nodes to put in the place of this one, if it needs that wherever it is.
fn rewritten(node: &NodeProto) -> Option<Vec<NodeProto>> {
    let own = matches!(node.domain(), "" | "ai.onnx");
    if own && let Some(windowed) = windowed(node) {
        return Some(vec![windowed]);
    }
    let ([input], [output]) = (&*node.input, &*node.output) else {
        return None;
    };
    match node.op_type() {
        "ArgMax" | "ArgMin" if own => Some(arg(node, input, output)),
        "Sign" if own => Some(sign(input, output)),
        "Cast" if own && attribute(node, "to") == Some(Elem::Bool as i64) => {
            Some(to_bool(input, output))
        }
        _ => None,
    }
}

/// A node with a window that leaves out by how much the window moves, how far it is spread or what
/// is around it.
fn windowed(node: &NodeProto) -> Option<NodeProto> {
    let spreads = match node.op_type() {
        "MaxPool" | "AveragePool" => false,
        "Conv" | "ConvTranspose" | "ConvInteger" => true,
        _ => return None,
    };
    let find = |name: &str| node.attribute.iter().find(|found| found.name() == name);
    let long = |name: &str| find(name).map(|found| found.ints.len());
    let known = ["kernel_shape", "strides", "dilations", "output_padding"];
    let count = known.into_iter().find_map(long);
    let count = count.or_else(|| Some(long("pads")? / 2))?;
    let padded = find("auto_pad").is_some_and(|pad| pad.s() != b"NOTSET");
    let mut windowed = node.clone();
    for (name, values) in [
        ("strides", vec![1; count]),
        ("dilations", vec![1; if spreads { count } else { 0 }]),
        ("pads", vec![0; if padded { 0 } else { 2 * count }]),
    ] {
        if find(name).is_none() && !values.is_empty() {
            windowed.attribute.push(ints(name, values));
        }
    }
    (windowed.attribute.len() > node.attribute.len()).then_some(windowed)
}

fn ints(name: &str, values: Vec<i64>) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ints: values,
        r#type: Some(AttributeType::Ints as i32),
        ..AttributeProto::default()
    }
}

fn attribute(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute
        .iter()
        .find(|attribute| attribute.name() == name)?
        .i
}

fn arg(node: &NodeProto, input: &str, output: &str) -> Vec<NodeProto> {
    if attribute(node, "select_last_index").unwrap_or(0) != 0 {
        let mut last = node.clone();
        last.attribute
            .retain(|attribute| attribute.name() != "select_last_index");
        return vec![last];
    }
    let axis = attribute(node, "axis").unwrap_or(0);
    let keep = attribute(node, "keepdims").unwrap_or(1) != 0;
    let [one, top, place, axes] = temporaries(output, ["one", "top", "place", "axes"]);
    let found = if keep { output } else { &place };
    let mut topk = operator("TopK", &[input, &one], &[&top, found]);
    let largest = i64::from(node.op_type() == "ArgMax");
    topk.attribute = vec![int("axis", axis), int("largest", largest), int("sorted", 1)];
    let mut nodes = vec![constant(&one, integers(1)), topk];
    if !keep {
        nodes.push(constant(&axes, integers(axis)));
        nodes.push(operator("Squeeze", &[&place, &axes], &[output]));
    }
    nodes
}

fn sign(input: &str, output: &str) -> Vec<NodeProto> {
    let names = ["float", "zero", "above", "below", "sign"];
    let [float, zero, above, below, sign] = temporaries(output, names);
    vec![
        to_float(input, &float),
        constant(&zero, zero_float()),
        operator("Greater", &[&float, &zero], &[&above]),
        operator("Less", &[&float, &zero], &[&below]),
        // The engine's booleans are the integers 0 and 1.
        operator("Sub", &[&above, &below], &[&sign]),
        operator("CastLike", &[&sign, input], &[output]),
    ]
}

fn to_bool(input: &str, output: &str) -> Vec<NodeProto> {
    let [float, zero, equal] = temporaries(output, ["float", "zero", "equal"]);
    vec![
        to_float(input, &float),
        constant(&zero, zero_float()),
        operator("Equal", &[&float, &zero], &[&equal]),
        operator("Not", &[&equal], &[output]),
    ]
}

/// Names for the values in between; `output` is unique in its graph, so they are.
fn temporaries<const N: usize>(output: &str, names: [&str; N]) -> [String; N] {
    names.map(|name| format!("{output}/hari/{name}"))
}

fn operator(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        op_type: Some(op_type.to_owned()),
        input: owned(inputs),
        output: owned(outputs),
        ..NodeProto::default()
    }
}

fn to_float(input: &str, output: &str) -> NodeProto {
    let mut cast = operator("Cast", &[input], &[output]);
    cast.attribute = vec![int("to", Elem::Float as i64)];
    cast
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        r#type: Some(AttributeType::Int as i32),
        ..AttributeProto::default()
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        f: Some(value),
        r#type: Some(AttributeType::Float as i32),
        ..AttributeProto::default()
    }
}

fn constant(output: &str, value: TensorProto) -> NodeProto {
    let mut constant = operator("Constant", &[], &[output]);
    constant.attribute = vec![AttributeProto {
        name: Some("value".to_owned()),
        t: Some(value),
        r#type: Some(AttributeType::Tensor as i32),
        ..AttributeProto::default()
    }];
    constant
}

/// An INT64 vector of one element.
fn integers(value: i64) -> TensorProto {
    TensorProto {
        dims: vec![1],
        data_type: Some(Elem::Int64 as i32),
        int64_data: vec![value],
        ..TensorProto::default()
    }
}

/// A FLOAT scalar of zero.
fn zero_float() -> TensorProto {
    TensorProto {
        data_type: Some(Elem::Float as i32),
        float_data: vec![0.0],
        ..TensorProto::default()
    }
}

#[cfg(test)]
mod tests {
    use hari_core::Tensor;

    use super::*;
    use crate::fixture::{self, dense, graph, loaded, model, node, run, unary, value, with};

    fn floats(shape: &[usize], values: &[f32]) -> Tensor {
        Tensor::from_vec(shape, values.to_vec()).unwrap()
    }

    #[test]
    fn a_model_without_such_operators_is_left_alone() {
        let graph = dense().graph.unwrap();
        assert!(graph.node.iter().all(|node| rewritten(node).is_none()));
    }

    fn arg_of(op_type: &str, attributes: &[(&str, i64)], dims: &[&str]) -> Vec<i64> {
        let mut arg = node(op_type, &["x"], &["y"]);
        arg.attribute = attributes
            .iter()
            .map(|&(name, value)| int(name, value))
            .collect();
        let model = model(graph(
            vec![value("x", Elem::Float, &["n", "4"])],
            vec![arg],
            vec![value("y", Elem::Int64, dims)],
        ));
        let input = floats(&[2, 4], &[1.0, 3.0, 3.0, 1.0, 2.0, 0.5, 2.0, 0.5]);
        run(&loaded(&model), vec![input])[0].to_vec().unwrap()
    }

    #[test]
    fn the_first_of_equals_is_the_largest_unless_the_last_is_asked_for() {
        let (axis, last) = (("axis", 1), ("select_last_index", 1));
        assert_eq!(arg_of("ArgMax", &[axis], &["n", "1"]), [1, 0]);
        assert_eq!(
            arg_of("ArgMax", &[("axis", -1), ("keepdims", 0)], &["n"]),
            [1, 0]
        );
        assert_eq!(arg_of("ArgMax", &[axis, last], &["n", "1"]), [2, 2]);
        assert_eq!(arg_of("ArgMin", &[axis], &["n", "1"]), [0, 1]);
        assert_eq!(
            arg_of("ArgMin", &[axis, last, ("keepdims", 0)], &["n"]),
            [3, 3]
        );
        assert_eq!(arg_of("ArgMax", &[], &["1", "4"]), [1, 0, 0, 0]);
    }

    #[test]
    fn the_sign_of_zero_is_zero() {
        let signs = run(
            &loaded(&unary("Sign", Elem::Float)),
            vec![floats(
                &[3, 2],
                &[-2.5, 0.0, -0.0, 1e-30, f32::INFINITY, -1e-30],
            )],
        );
        assert_eq!(
            signs[0].to_vec::<f32>().unwrap(),
            [-1.0, 0.0, 0.0, 1.0, 1.0, -1.0]
        );
        let integers = Tensor::from_vec([1, 2], vec![-7_i64, 0]).unwrap();
        let signs = run(&loaded(&unary("Sign", Elem::Int64)), vec![integers]);
        assert_eq!(signs[0].to_vec::<i64>().unwrap(), [-1, 0]);
    }

    #[test]
    fn every_number_but_zero_is_true() {
        let cast = |from: Elem| {
            let nodes = vec![
                with(node("Cast", &["x"], &["b"]), int("to", Elem::Bool as i64)),
                with(node("Cast", &["b"], &["y"]), int("to", Elem::Float as i64)),
            ];
            let (x, y) = (value("x", from, &["n"]), value("y", Elem::Float, &["n"]));
            loaded(&model(graph(vec![x], nodes, vec![y])))
        };
        let given = floats(&[5], &[0.5, 0.0, -3.0, f32::NAN, -0.0]);
        let found = run(&cast(Elem::Float), vec![given]);
        assert_eq!(found[0].to_vec::<f32>().unwrap(), [1.0, 0.0, 1.0, 1.0, 0.0]);
        let given = Tensor::from_vec([3], vec![2_u8, 0, 255]).unwrap();
        let found = run(&cast(Elem::Uint8), vec![given]);
        assert_eq!(found[0].to_vec::<f32>().unwrap(), [1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_window_moves_by_one_if_nothing_is_said() {
        let said = |node: &NodeProto| -> Vec<(String, Vec<i64>)> {
            let made = rewritten(node).unwrap().remove(0).attribute;
            let made = made.into_iter().skip(node.attribute.len());
            made.map(|attribute| (attribute.name().to_owned(), attribute.ints))
                .collect()
        };
        let pool = with(
            node("MaxPool", &["x"], &["y"]),
            ints("kernel_shape", vec![2; 3]),
        );
        let (strides, pads) = (
            ("strides".to_owned(), vec![1; 3]),
            ("pads".to_owned(), vec![0; 6]),
        );
        assert_eq!(said(&pool), [strides, pads]);
        assert!(rewritten(&rewritten(&pool).unwrap()[0]).is_none());
        let bare = node("ConvTranspose", &["x", "w"], &["y"]);
        assert!(rewritten(&bare).is_none());
        let same = AttributeProto {
            name: Some("auto_pad".into()),
            s: Some("SAME_UPPER".as_bytes().into()),
            ..AttributeProto::default()
        };
        let strided = with(with(bare, ints("strides", vec![2; 2])), same);
        assert_eq!(said(&strided), [("dilations".to_owned(), vec![1, 1])]);
    }

    #[test]
    fn graphs_inside_nodes_are_rewritten_too() {
        let inner = |operator: &str| {
            let out = value("inner", Elem::Float, &["n", "2"]);
            graph(vec![], vec![node(operator, &["x"], &["inner"])], vec![out])
        };
        let branches = with(
            node("If", &["c"], &["y"]),
            fixture::subgraph("then_branch", inner("Sign")),
        );
        let branches = with(branches, fixture::subgraph("else_branch", inner("Neg")));
        let model = model(graph(
            vec![
                value("x", Elem::Float, &["n", "2"]),
                value("c", Elem::Bool, &[]),
            ],
            vec![branches],
            vec![value("y", Elem::Float, &["n", "2"])],
        ));
        let model = loaded(&model);
        let x = floats(&[1, 2], &[0.0, -3.0]);
        let choose = |yes| {
            let inputs = vec![x.clone(), Tensor::from_bools([], &[yes]).unwrap()];
            run(&model, inputs)[0].to_vec::<f32>().unwrap()
        };
        assert_eq!(
            (choose(true), choose(false)),
            (vec![0.0, -1.0], vec![-0.0, 3.0])
        );
    }
}
