//! Small models, made in memory.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what these tests stand on is not there"
)]

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_onnxruntime::{Library, Options, Session};
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::tensor_proto::{DataLocation, DataType as Elem};
use hari_proto::onnx::type_proto::{self, Value as Kind};
use hari_proto::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TypeProto, ValueInfoProto,
};
use prost::Message as _;

/// The library that the setting names. Without one these tests are not run at all.
pub(crate) fn library() -> Library {
    let found = Library::find().expect("the library that the settings name can be opened");
    found.expect("HARI_ONNXRUNTIME names ONNX Runtime's library")
}

/// A tensor type of any rank.
pub(crate) fn tensor(elem: Elem) -> Kind {
    Kind::TensorType(type_proto::Tensor {
        elem_type: Some(elem as i32),
        shape: None,
    })
}

/// A sequence of values of this type.
pub(crate) fn sequence(inner: Kind) -> Kind {
    Kind::SequenceType(Box::new(type_proto::Sequence {
        elem_type: Some(Box::new(typed(inner))),
    }))
}

/// A map from this type of key to single values of that type.
pub(crate) fn map(key: Elem, value: Elem) -> Kind {
    Kind::MapType(Box::new(type_proto::Map {
        key_type: Some(key as i32),
        value_type: Some(Box::new(typed(tensor(value)))),
    }))
}

fn typed(kind: Kind) -> TypeProto {
    TypeProto {
        value: Some(kind),
        denotation: None,
    }
}

fn port(name: &str, kind: Kind) -> ValueInfoProto {
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(typed(kind)),
        ..ValueInfoProto::default()
    }
}

/// A node of ONNX's own domain.
pub(crate) fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        op_type: Some(operator.to_owned()),
        input: owned(inputs),
        output: owned(outputs),
        ..NodeProto::default()
    }
}

/// An attribute of texts.
pub(crate) fn texts(name: &str, values: &[&'static str]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Strings as i32),
        strings: values
            .iter()
            .map(|&text| Bytes::from_static(text.as_bytes()))
            .collect(),
        ..AttributeProto::default()
    }
}

/// An attribute of integers.
pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Ints as i32),
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

/// A model with these nodes and ports.
pub(crate) fn model(
    nodes: Vec<NodeProto>,
    inputs: &[(&str, Kind)],
    outputs: &[(&str, Kind)],
) -> ModelProto {
    let ports = |ports: &[(&str, Kind)]| {
        ports
            .iter()
            .map(|(name, kind)| port(name, kind.clone()))
            .collect()
    };
    let set = |domain: &str, version| OperatorSetIdProto {
        domain: Some(domain.to_owned()),
        version: Some(version),
    };
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![set("", 18), set("ai.onnx.ml", 3)],
        graph: Some(GraphProto {
            name: Some("test".to_owned()),
            node: nodes,
            input: ports(inputs),
            output: ports(outputs),
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
}

/// The model with one more constant, which lies in a file.
pub(crate) fn with_external(mut model: ModelProto, name: &str, file: &str) -> ModelProto {
    let entry = |key: &str, value: &str| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    };
    let constant = TensorProto {
        name: Some(name.to_owned()),
        dims: vec![2],
        data_type: Some(Elem::Float as i32),
        data_location: Some(DataLocation::External as i32),
        external_data: vec![
            entry("location", file),
            entry("offset", "0"),
            entry("length", "8"),
        ],
        ..TensorProto::default()
    };
    model
        .graph
        .get_or_insert_with(GraphProto::default)
        .initializer
        .push(constant);
    model
}

/// The model with constants of one FP32 element each.
pub(crate) fn with_constants(mut model: ModelProto, constants: &[(&str, f32)]) -> ModelProto {
    let constant = |&(name, value): &(&str, f32)| TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(Elem::Float as i32),
        float_data: vec![value],
        ..TensorProto::default()
    };
    let graph = model.graph.get_or_insert_with(GraphProto::default);
    graph.initializer.extend(constants.iter().map(constant));
    model
}

/// The bytes of its file.
pub(crate) fn bytes(model: &ModelProto) -> Bytes {
    model.encode_to_vec().into()
}

/// The model, loaded as by default.
pub(crate) fn load(model: &ModelProto) -> Session {
    library().load(&bytes(model), &Options::default()).unwrap()
}

/// The engine's name of each element type.
pub(crate) const ELEMENTS: [(DataType, Elem); 14] = [
    (DataType::Bool, Elem::Bool),
    (DataType::Uint8, Elem::Uint8),
    (DataType::Uint16, Elem::Uint16),
    (DataType::Uint32, Elem::Uint32),
    (DataType::Uint64, Elem::Uint64),
    (DataType::Int8, Elem::Int8),
    (DataType::Int16, Elem::Int16),
    (DataType::Int32, Elem::Int32),
    (DataType::Int64, Elem::Int64),
    (DataType::Fp16, Elem::Float16),
    (DataType::Bf16, Elem::Bfloat16),
    (DataType::Fp32, Elem::Float),
    (DataType::Fp64, Elem::Double),
    (DataType::Bytes, Elem::String),
];

/// A tensor of `count` elements that all bit patterns in use here survive.
pub(crate) fn sample(dtype: DataType, shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    match dtype.size() {
        None => {
            let text = |at| Bytes::from(format!("text {at} \u{1F980}"));
            Tensor::from_strings(shape, (0..count).map(text).collect()).unwrap()
        }
        Some(size) => {
            let byte = |at: usize| match dtype {
                DataType::Bool => (at % 2) as u8,
                _ => (at * 7 % 64) as u8,
            };
            let raw: Vec<u8> = (0..count * size).map(byte).collect();
            Tensor::from_bytes(dtype, shape, raw).unwrap()
        }
    }
}
