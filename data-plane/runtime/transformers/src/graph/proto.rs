//! Small ONNX messages.

use bytes::Bytes;
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::tensor_shape_proto::{Dimension, dimension};
use hari_proto::onnx::{
    AttributeProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, tensor_proto,
    type_proto,
};

/// An attribute of a node.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attr<'a> {
    Int(i64),
    Float(f32),
    Ints(&'a [i64]),
}

pub(super) fn attribute(name: &str, attr: Attr<'_>) -> AttributeProto {
    let mut proto = AttributeProto {
        name: Some(name.to_owned()),
        ..AttributeProto::default()
    };
    let kind = match attr {
        Attr::Int(number) => {
            proto.i = Some(number);
            AttributeType::Int
        }
        Attr::Float(number) => {
            proto.f = Some(number);
            AttributeType::Float
        }
        Attr::Ints(numbers) => {
            proto.ints = numbers.to_vec();
            AttributeType::Ints
        }
    };
    proto.r#type = Some(kind.into());
    proto
}

pub(super) fn tensor(
    name: &str,
    kind: tensor_proto::DataType,
    shape: &[usize],
    bytes: Bytes,
) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(kind.into()),
        dims: shape
            .iter()
            .map(|&dim| i64::try_from(dim).unwrap_or(i64::MAX))
            .collect(),
        raw_data: Some(bytes),
        ..TensorProto::default()
    }
}

/// A value of the graph's edge; its dimensions have names, not sizes.
pub(super) fn info(name: &str, kind: tensor_proto::DataType, dims: &[&str]) -> ValueInfoProto {
    let dim = |name: &&str| Dimension {
        value: Some(dimension::Value::DimParam((*name).to_owned())),
        ..Dimension::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(kind.into()),
        shape: Some(TensorShapeProto {
            dim: dims.iter().map(dim).collect(),
        }),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
