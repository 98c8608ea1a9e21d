//! The signature that an ONNX graph declares.

use std::collections::HashSet;

use hari_core::{DataType, Dim, Signature, SignatureMethod, TensorSpec};
use hari_operators::Type;
use hari_proto::onnx::tensor_shape_proto::{self, dimension};
use hari_proto::onnx::{GraphProto, TensorProto, TensorShapeProto, ValueInfoProto, type_proto};

use crate::check::Problem;
use crate::{BoundSignature, boundary, element, types};

/// The graph's inputs and outputs under their own names, or what is wrong with each of them.
pub(crate) fn of(graph: &GraphProto) -> Result<BoundSignature, Vec<Problem>> {
    let (inputs, mut problems) = specs("input", inputs(graph));
    let (outputs, more) = specs("output", graph.output.iter());
    problems.extend(more);
    if outputs.is_empty() && problems.is_empty() {
        problems.push(Problem::new(
            "the graph",
            "has no outputs",
            "export the model again",
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let names = |specs: &[TensorSpec]| specs.iter().map(|spec| spec.name.clone()).collect();
    let (input_names, output_names) = (names(&inputs), names(&outputs));
    let name = Signature::DEFAULT.to_owned();
    let signature = Signature {
        name,
        method: SignatureMethod::Predict,
        inputs,
        outputs,
    };
    Ok(BoundSignature {
        signature,
        inputs: input_names,
        outputs: output_names,
    })
}

/// The values that callers give: an initializer listed as an input is a weight.
pub(crate) fn inputs(graph: &GraphProto) -> impl Iterator<Item = &ValueInfoProto> {
    let weights: HashSet<_> = graph.initializer.iter().map(TensorProto::name).collect();
    graph
        .input
        .iter()
        .filter(move |value| !weights.contains(value.name()))
}

fn specs<'a>(
    role: &str,
    values: impl Iterator<Item = &'a ValueInfoProto>,
) -> (Vec<TensorSpec>, Vec<Problem>) {
    let (mut specs, mut problems) = (Vec::new(), Vec::new());
    for value in values {
        match spec(role, value) {
            Ok(spec) => specs.push(spec),
            Err((why, hint)) => {
                problems.push(Problem::new(
                    format!("{role} `{}`", value.name()),
                    why,
                    hint,
                ));
            }
        }
    }
    (specs, problems)
}

fn spec(role: &str, value: &ValueInfoProto) -> Result<TensorSpec, (String, &'static str)> {
    let kind = value
        .r#type
        .as_ref()
        .and_then(|declared| declared.value.as_ref());
    let (dtype, shape) = match kind {
        Some(type_proto::Value::TensorType(tensor)) => {
            let dtype = element::data_type(tensor.elem_type());
            let dtype = dtype.ok_or_else(|| crate::check::not_held(tensor.elem_type()))?;
            (dtype, tensor.shape.as_ref().map(dims))
        }
        Some(_) => (inside(role, value)?, None),
        None => {
            return Err((
                "has no declared type".to_owned(),
                "run shape inference on the file",
            ));
        }
    };
    Ok(TensorSpec {
        name: value.name().to_owned(),
        dtype,
        shape,
    })
}

/// The elements of a value that is no tensor. Callers can give no sequences and no maps.
fn inside(role: &str, value: &ValueInfoProto) -> Result<DataType, (String, &'static str)> {
    let kind = types::declared(value);
    let dtype = kind.as_ref().and_then(boundary::elements_of);
    match (dtype, kind) {
        (Some(dtype), Some(Type::Optional(_))) => Ok(dtype),
        (Some(dtype), Some(_)) if role == "output" => Ok(dtype),
        (_, Some(kind)) => Err((
            format!("is a {kind}, which no protocol has"),
            "export the model with tensors as inputs",
        )),
        (_, None) => Err((
            "has a type that is not known".to_owned(),
            "export the model with tensors as inputs and outputs",
        )),
    }
}

fn dims(shape: &TensorShapeProto) -> Vec<Dim> {
    let dim = |dim: &tensor_shape_proto::Dimension| match &dim.value {
        Some(dimension::Value::DimValue(size)) => {
            usize::try_from(*size).map_or(Dim::Dynamic(None), Dim::Fixed)
        }
        Some(dimension::Value::DimParam(name)) if !name.is_empty() => {
            Dim::Dynamic(Some(name.clone()))
        }
        _ => Dim::Dynamic(None),
    };
    shape.dim.iter().map(dim).collect()
}
