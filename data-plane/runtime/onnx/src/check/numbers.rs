//! Types and values that the engine would hold only roughly.
//!
//! The engine saturates INT64 constants to 32 bits. Two uses survive that: the largest and
//! smallest INT64, which stand for "no bound" and stay larger and smaller than every other value,
//! and the bounds of `Slice`, which no dimension reaches. FP64 constants are let through if FP32
//! holds their values exactly, as exporters write scalars such as 0.5 in FP64.

use hari_core::DataType;
use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::tensor_shape_proto::dimension::Value::DimValue;
use hari_proto::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto, type_proto};

use super::{Problem, not_held};
use crate::extent::{self, Wide};
use crate::external::External;
use crate::{element, tensors};

type Complaint = (String, &'static str);

/// Constants by name, as far as the file holds them.
pub(crate) type Constants<'a> = &'a dyn Fn(&str) -> Option<&'a TensorProto>;

/// The tensors that are damaged or that nothing can hold.
pub(crate) fn damage(graph: &GraphProto, external: &External) -> Vec<Problem> {
    let mut problems = Vec::new();
    tensors::each_tensor(graph, &mut |title, tensor| {
        if let Err((why, hint)) = intact(tensor, external) {
            problems.push(Problem::new(title(), why, hint));
        }
    });
    tensors::each_graph(graph, &mut |graph| problems.extend(sparse(graph)));
    problems
}

/// What the engine would compute differently in this node because of types and values alone:
/// a constant, a cast or a softmax. `version` is that of the operators.
pub(crate) fn problem(
    graph: &GraphProto,
    node: &NodeProto,
    version: i64,
    constants: Constants<'_>,
) -> Option<Problem> {
    for (at, name) in node.input.iter().enumerate() {
        let bound = extent::wide(node.op_type(), at) == Some(Wide::Saturated);
        if let Some(tensor) = constants(name)
            && let Err((why, hint)) = exact(tensor, bound)
        {
            return Some(Problem::new(format!("initializer `{name}`"), why, hint));
        }
    }
    let within = node.attribute.iter().flat_map(|attribute| &attribute.t);
    for tensor in within {
        if let Err((why, hint)) = exact(tensor, false) {
            let title = format!("`{}` of {}", tensor.name(), tensors::title(node));
            return Some(Problem::new(title, why, hint));
        }
    }
    let old = version < 13;
    double(node).or_else(|| old.then(|| old_softmax(graph, node))?)
}

/// Whether the tensor has as many elements as it says, of a type that tensors have.
fn intact(tensor: &TensorProto, external: &External) -> Result<(), Complaint> {
    let elem = tensor.data_type();
    let dtype = element::data_type(elem).ok_or_else(|| not_held(elem))?;
    let raw = external
        .bytes(tensor)
        .map_err(|why| broken(why.to_owned()))?;
    let expected = tensors::len(tensor)
        .ok_or_else(|| broken(format!("has impossible dimensions {:?}", tensor.dims)))?;
    let found = match raw {
        Some(raw) => dtype.size().map(|size| raw.len() / size),
        None => tensors::found(tensor),
    };
    if found != Some(expected) {
        let found = found.map_or("a part of one".to_owned(), |found| found.to_string());
        return Err(broken(format!(
            "has dimensions {:?} of {expected} elements, found {found}",
            tensor.dims
        )));
    }
    Ok(())
}

/// Whether the engine holds the elements of an intact tensor exactly.
fn exact(tensor: &TensorProto, bound: bool) -> Result<(), Complaint> {
    let elem = tensor.data_type();
    let dtype = element::data_type(elem).filter(|&dtype| element::engine_size(dtype).is_some());
    match dtype.ok_or_else(|| not_held(elem))? {
        DataType::Int64 if !bound => beyond(&tensors::int64s(tensor)),
        DataType::Fp64 => rounded(&tensors::doubles(tensor)),
        _ => Ok(()),
    }
}

fn broken(why: String) -> Complaint {
    (why, "the file is damaged or incomplete; export it again")
}

fn beyond(values: &[i64]) -> Result<(), Complaint> {
    let fits = |value: i64| i32::try_from(value).is_ok() || value == i64::MAX || value <= -i64::MAX;
    match values.iter().find(|&&value| !fits(value)) {
        None => Ok(()),
        Some(value) => Err((
            format!("holds the INT64 value {value}, which the engine would cut to 32 bits"),
            "keep integers within 32 bits, or compute with FP32",
        )),
    }
}

fn rounded(values: &[f64]) -> Result<(), Complaint> {
    let exact = |value: f64| value.is_nan() || f64::from(value as f32) == value;
    match values.iter().find(|&&value| !exact(value)) {
        None => Ok(()),
        Some(value) => Err((
            format!("holds the FP64 value {value}, which the engine would round to FP32"),
            "export the model in FP32",
        )),
    }
}

fn sparse(graph: &GraphProto) -> impl Iterator<Item = Problem> {
    graph.sparse_initializer.iter().map(|tensor| {
        let name = tensor
            .values
            .as_ref()
            .map(TensorProto::name)
            .unwrap_or_default();
        Problem::new(
            format!("initializer `{name}`"),
            "is sparse",
            "export it dense",
        )
    })
}

/// A node that makes FP64 out of something else.
fn double(node: &NodeProto) -> Option<Problem> {
    let asks = |name: &str| name == "to" || name == "dtype";
    let found = node
        .attribute
        .iter()
        .any(|attribute| asks(attribute.name()) && attribute.i == Some(Elem::Double as i64));
    let (why, hint) = not_held(Elem::Double as i32);
    found.then(|| Problem::new(format!("the result of {}", tensors::title(node)), why, hint))
}

/// Before version 13 of the operators a softmax took all dimensions from `axis` on together; the
/// engine takes `axis` alone. The two agree on the last axis.
fn old_softmax(graph: &GraphProto, node: &NodeProto) -> Option<Problem> {
    if !matches!(node.op_type(), "Softmax" | "LogSoftmax") {
        return None;
    }
    let declared = node
        .attribute
        .iter()
        .find(|attribute| attribute.name() == "axis");
    let axis = declared.map_or(1, AttributeProto::i);
    let dims = node
        .input
        .iter()
        .chain(&node.output)
        .find_map(|name| dims(graph, name))?;
    let rank = i64::try_from(dims.len()).ok()?;
    let axis = if axis < 0 { axis + rank } else { axis };
    // The engine's own default is the last axis, whatever the version.
    let wrong = if declared.is_some() || rank <= 2 {
        let after = usize::try_from(axis + 1).ok()?;
        dims.iter().skip(after).any(|&dim| dim != 1)
    } else {
        true
    };
    let why = format!("spans axes {axis} to {}, which the engine cannot", rank - 1);
    let hint = "export the model for version 13 of the operators or later";
    wrong.then(|| Problem::new(tensors::title(node), why, hint))
}

/// The declared dimensions of a value, -1 for a dynamic one.
pub(crate) fn dims(graph: &GraphProto, name: &str) -> Option<Vec<i64>> {
    let declared = graph
        .value_info
        .iter()
        .chain(&graph.output)
        .chain(&graph.input);
    let value = declared.into_iter().find(|value| value.name() == name)?;
    let Some(type_proto::Value::TensorType(tensor)) = &value.r#type.as_ref()?.value else {
        return None;
    };
    let size = |value: &_| {
        if let Some(DimValue(size)) = value {
            *size
        } else {
            -1
        }
    };
    Some(
        tensor
            .shape
            .as_ref()?
            .dim
            .iter()
            .map(|dim| size(&dim.value))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use hari_proto::onnx::ModelProto;

    use super::*;
    use crate::fixture::{
        doubles, graph, int, int64s, loaded, model, node, refused, run, tensor, unary, value, with,
    };
    use crate::{check, lift};

    fn constant_model(weight: TensorProto) -> ModelProto {
        let elem = Elem::try_from(weight.data_type()).unwrap();
        let mut model = unary("Add", elem);
        let graph = model.graph.as_mut().unwrap();
        graph.node = vec![node("Add", &["x", "w"], &["y"])];
        graph.initializer = vec![weight];
        model
    }

    fn said(model: &ModelProto) -> Vec<String> {
        let version = check::operator_set(model).unwrap();
        let graph = lift::constants(model.graph.clone().unwrap());
        let constants = |name: &str| {
            graph
                .initializer
                .iter()
                .find(|tensor| tensor.name() == name)
        };
        let found = graph
            .node
            .iter()
            .filter_map(|node| problem(&graph, node, version, &constants));
        found.map(|problem| problem.why).collect()
    }

    #[test]
    fn an_int64_constant_beyond_32_bits_is_refused_unless_it_means_no_bound() {
        let far = said(&constant_model(int64s("w", &[1 << 40, 0])));
        assert_eq!(far.len(), 1);
        assert!(
            far[0].starts_with("holds the INT64 value 1099511627776"),
            "{far:?}"
        );
        assert!(said(&constant_model(int64s("w", &[i64::MAX, i64::MIN]))).is_empty());
        let mut raw = int64s("w", &[]);
        raw.dims = vec![1];
        raw.raw_data = Some((1_i64 << 40).to_le_bytes().to_vec().into());
        assert_eq!(said(&constant_model(raw)).len(), 1);
    }

    #[test]
    fn the_bounds_of_a_slice_may_be_anything() {
        let mut sliced = unary("Slice", Elem::Float);
        let graph = sliced.graph.as_mut().unwrap();
        graph.node = vec![node("Slice", &["x", "start", "end", "axis"], &["y"])];
        graph.initializer = vec![
            int64s("start", &[-(1 << 40)]),
            int64s("end", &[1 << 40]),
            int64s("axis", &[0]),
        ];
        let input = hari_core::Tensor::from_vec([3, 2], vec![1.0_f32; 6]).unwrap();
        assert_eq!(run(&loaded(&sliced), vec![input.clone()]), [input]);
        let graph = sliced.graph.as_mut().unwrap();
        graph.node[0].input = ["x", "start", "start", "end"].map(Into::into).into();
        assert_eq!(said(&sliced).len(), 1);
    }

    #[test]
    fn fp64_is_taken_where_fp32_holds_it() {
        assert_eq!(
            said(&constant_model(doubles("w", &[0.5, -3.0]))),
            Vec::<String>::new()
        );
        let third = said(&constant_model(doubles("w", &[0.1, 0.5])));
        assert_eq!(
            third,
            ["holds the FP64 value 0.1, which the engine would round to FP32"]
        );
    }

    #[test]
    fn a_cast_to_fp64_and_a_constant_node_are_looked_into() {
        let mut cast = unary("Cast", Elem::Float);
        let nodes = &mut cast.graph.as_mut().unwrap().node;
        nodes[0].attribute = vec![int("to", Elem::Double as i64)];
        let constant = tensor("value", doubles("", &[0.1]));
        nodes.push(with(node("Constant", &[], &["c"]), constant));
        nodes.push(node("Neg", &["c"], &["minus"]));
        let found = said(&cast);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("is FP64"), "{found:?}");
        assert!(
            found[1].starts_with("holds the FP64 value 0.1"),
            "{found:?}"
        );
    }

    #[test]
    fn types_that_no_tensor_has_are_named_all_at_once() {
        let odd = |name: &str, elem: Elem| TensorProto {
            data_type: Some(elem as i32),
            ..int64s(name, &[])
        };
        let mut model = unary("Identity", Elem::Float);
        model.graph.as_mut().unwrap().initializer =
            vec![odd("a", Elem::Float8e5m2), odd("c", Elem::Int4)];
        let found = refused(&model);
        for words in ["`a` is FLOAT8E5M2", "`c` is INT4"] {
            assert!(found.contains(words), "{words}: {found}");
        }
    }

    fn softmax(version: i64, dims: &[&str], axis: Option<i64>) -> usize {
        let mut softmax = node("Softmax", &["x"], &["y"]);
        softmax.attribute.extend(axis.map(|axis| int("axis", axis)));
        let ends = |name| vec![value(name, Elem::Float, dims)];
        let mut model = model(graph(ends("x"), vec![softmax], ends("y")));
        model.opset_import[0].version = Some(version);
        said(&model).len()
    }

    #[test]
    fn an_old_softmax_is_taken_where_it_means_the_last_axis() {
        assert_eq!(softmax(11, &["n", "10"], None), 0);
        assert_eq!(softmax(11, &["n", "10"], Some(1)), 0);
        assert_eq!(softmax(11, &["n", "10", "1", "1"], Some(1)), 0);
        assert_eq!(softmax(11, &["n", "3", "10"], Some(-1)), 0);
        assert_eq!(softmax(11, &["n", "3", "10"], Some(1)), 1);
        assert_eq!(softmax(11, &["n", "3", "10"], None), 1);
        assert_eq!(softmax(13, &["n", "3", "10"], Some(1)), 0);
    }
}
