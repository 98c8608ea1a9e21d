//! Types and values that the engine would hold only roughly.
//!
//! The engine saturates INT64 constants to 32 bits. Two uses survive that: the largest and
//! smallest INT64, which stand for "no bound" and stay larger and smaller than every other value,
//! and the bounds of `Slice`, which no dimension reaches. FP64 constants are let through if FP32
//! holds their values exactly, as exporters write scalars such as 0.5 in FP64.

use std::collections::HashMap;

use hari_core::DataType;
use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::tensor_shape_proto::dimension::Value::DimValue;
use hari_proto::onnx::{GraphProto, ModelProto, NodeProto, TensorProto, type_proto};

use super::{Problem, not_held, operator_set};
use crate::external::External;
use crate::{element, tensors};

type Complaint = (String, &'static str);

/// Every tensor, cast and softmax that would be computed differently from what is declared.
pub(crate) fn problems(model: &ModelProto, external: &External) -> Vec<Problem> {
    let Some(graph) = &model.graph else {
        return Vec::new();
    };
    let bounds = slice_bounds(graph);
    let mut problems = Vec::new();
    tensors::each_tensor(graph, &mut |title, tensor| {
        let bound = bounds.get(tensor.name()).copied().unwrap_or(false);
        if let Err((why, hint)) = constant(tensor, bound, external) {
            problems.push(Problem::new(title(), why, hint));
        }
    });
    tensors::each_graph(graph, &mut |graph| problems.extend(sparse(graph)));
    tensors::each_node(graph, &mut |node| problems.extend(double(node)));
    if operator_set(model).is_some_and(|version| version < 13) {
        problems.extend(
            graph
                .node
                .iter()
                .filter_map(|node| old_softmax(graph, node)),
        );
    }
    problems
}

fn constant(tensor: &TensorProto, bound: bool, external: &External) -> Result<(), Complaint> {
    let elem = tensor.data_type();
    let dtype = element::data_type(elem).filter(|&dtype| element::engine_size(dtype).is_some());
    let dtype = dtype.ok_or_else(|| not_held(elem))?;
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
    match dtype {
        DataType::Int64 if !bound => beyond(&tensors::int64s(tensor, raw)),
        DataType::Fp64 => rounded(&tensors::doubles(tensor, raw)),
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
            .map(|values| values.name())
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
    let axis = declared.map_or(1, |attribute| attribute.i());
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
fn dims(graph: &GraphProto, name: &str) -> Option<Vec<i64>> {
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

/// Values that are used somewhere, and whether always as the start or end of a `Slice`.
fn slice_bounds(graph: &GraphProto) -> HashMap<&str, bool> {
    let mut bounds = HashMap::new();
    tensors::each_node(graph, &mut |node| {
        for (at, name) in node.input.iter().enumerate() {
            let bound = node.op_type() == "Slice" && (at == 1 || at == 2);
            *bounds.entry(name.as_str()).or_insert(true) &= bound;
        }
    });
    tensors::each_graph(graph, &mut |graph| {
        bounds.extend(graph.output.iter().map(|output| (output.name(), false)));
    });
    bounds
}
