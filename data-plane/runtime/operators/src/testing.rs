//! Nodes made by hand, for the tests of this crate.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto};

use crate::{Bodies, Body, Inputs, Operator, Refusal, Value, compile};

/// An attribute.
#[derive(Clone, Debug)]
pub(crate) enum Attr {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Floats(Vec<f32>),
    Text(&'static str),
    Texts(Vec<&'static str>),
    Tensor(Box<TensorProto>),
}

impl Attr {
    fn proto(&self, name: &str) -> AttributeProto {
        let mut made = AttributeProto {
            name: Some(name.to_owned()),
            ..Default::default()
        };
        let kind = match self {
            Self::Int(value) => {
                made.i = Some(*value);
                AttributeType::Int
            }
            Self::Ints(values) => {
                made.ints.clone_from(values);
                AttributeType::Ints
            }
            Self::Float(value) => {
                made.f = Some(*value);
                AttributeType::Float
            }
            Self::Floats(values) => {
                made.floats.clone_from(values);
                AttributeType::Floats
            }
            Self::Text(text) => {
                made.s = Some(text.as_bytes().into());
                AttributeType::String
            }
            Self::Texts(texts) => {
                made.strings = texts.iter().map(|text| text.as_bytes().into()).collect();
                AttributeType::Strings
            }
            Self::Tensor(tensor) => {
                made.t = Some((**tensor).clone());
                AttributeType::Tensor
            }
        };
        made.set_type(kind);
        made
    }
}

/// Refuses every graph inside a node.
pub(crate) struct NoBodies;

impl Bodies for NoBodies {
    fn body(&self, _: &GraphProto) -> Result<Box<dyn Body>> {
        Err(Error::model("no graphs inside nodes here"))
    }
}

/// A node of the default domain with three outputs and six inputs.
pub(crate) fn node(name: &str, attributes: &[(&str, Attr)]) -> NodeProto {
    let attribute = |(name, attr): &(&str, Attr)| attr.proto(name);
    NodeProto {
        op_type: Some(name.to_owned()),
        input: (0..6).map(|at| format!("in{at}")).collect(),
        output: (0..3).map(|at| format!("out{at}")).collect(),
        attribute: attributes.iter().map(attribute).collect(),
        ..Default::default()
    }
}

/// The operator of a node.
pub(crate) fn built(
    name: &str,
    version: i64,
    attributes: &[(&str, Attr)],
) -> Result<Box<dyn Operator>> {
    match compile(&node(name, attributes), version, &NoBodies) {
        Ok(compiled) => Ok(compiled.operator),
        Err(Refusal::Form(error)) => Err(error),
        Err(Refusal::Unknown) => Err(Error::model(format!("`{name}` is not known"))),
    }
}

/// Runs one node on tensors.
pub(crate) fn run(
    name: &str,
    version: i64,
    attributes: &[(&str, Attr)],
    inputs: &[Tensor],
) -> Result<Vec<Value>> {
    let inputs: Vec<_> = inputs.iter().cloned().map(Some).collect();
    run_some(name, version, attributes, &inputs)
}

/// Runs one node on tensors of which some are left out.
pub(crate) fn run_some(
    name: &str,
    version: i64,
    attributes: &[(&str, Attr)],
    inputs: &[Option<Tensor>],
) -> Result<Vec<Value>> {
    let inputs: Vec<_> = inputs.iter().cloned().map(|t| t.map(Value::from)).collect();
    built(name, version, attributes)?.run(Inputs(&inputs))
}

/// The first output of [`run`].
pub(crate) fn first(
    name: &str,
    version: i64,
    attributes: &[(&str, Attr)],
    inputs: &[Tensor],
) -> Result<Tensor> {
    let made = run(name, version, attributes, inputs)?;
    let made = made.into_iter().next();
    made.ok_or_else(|| Error::model("no output"))?.into_tensor()
}

/// Byte strings in one row.
pub(crate) fn strings(texts: &[&'static str]) -> Tensor {
    let texts: Vec<_> = texts.iter().map(|text| text.as_bytes().into()).collect();
    Tensor::from_strings([texts.len()], texts).expect("as many as there are")
}

/// Elements of type INT64.
pub(crate) fn longs(shape: &[usize], values: &[i64]) -> Tensor {
    Tensor::from_vec(shape, values.to_vec()).expect("the test's shape fits")
}

/// Elements of type FP32.
pub(crate) fn singles(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_vec(shape, values.to_vec()).expect("the test's shape fits")
}

/// A constant of the file, as an attribute holds it.
pub(crate) fn proto(tensor: &Tensor) -> TensorProto {
    use hari_proto::onnx::tensor_proto::DataType as Elem;
    let elem = match tensor.dtype() {
        DataType::Fp32 => Elem::Float,
        DataType::Fp64 => Elem::Double,
        DataType::Bool => Elem::Bool,
        DataType::Int32 => Elem::Int32,
        DataType::Bytes => Elem::String,
        _ => Elem::Int64,
    };
    TensorProto {
        dims: tensor.shape().iter().map(|&dim| dim as i64).collect(),
        data_type: Some(elem.into()),
        raw_data: tensor.bytes().cloned(),
        string_data: tensor.strings().map(<[_]>::to_vec).unwrap_or_default(),
        ..Default::default()
    }
}
