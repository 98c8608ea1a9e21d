//! Values of the tests as files hold them: messages of `onnx-data.proto` that models do not use.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use hari_operators::{Key, Value, constant};
use hari_proto::onnx::TensorProto;
use hari_proto::onnx::type_proto::Value as Kind;
use prost::Message;

/// Values of one type.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SequenceProto {
    #[prost(int32, optional, tag = "2")]
    elem_type: Option<i32>,
    #[prost(message, repeated, tag = "3")]
    tensor_values: Vec<TensorProto>,
    #[prost(message, repeated, tag = "5")]
    sequence_values: Vec<SequenceProto>,
    #[prost(message, repeated, tag = "6")]
    map_values: Vec<MapProto>,
}

/// Keys and, in the same order, values.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MapProto {
    #[prost(int64, repeated, tag = "3")]
    keys: Vec<i64>,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    string_keys: Vec<Bytes>,
    #[prost(message, optional, tag = "5")]
    values: Option<SequenceProto>,
}

/// A value, or none.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OptionalProto {
    #[prost(message, optional, tag = "3")]
    tensor_value: Option<TensorProto>,
    #[prost(message, optional, tag = "5")]
    sequence_value: Option<SequenceProto>,
    #[prost(message, optional, tag = "6")]
    map_value: Option<MapProto>,
}

/// The value in a file, for a port of this type.
pub(crate) fn value(kind: &Kind, file: Bytes) -> Result<Value> {
    match kind {
        Kind::TensorType(_) => tensor(&TensorProto::decode(file)?),
        Kind::SequenceType(_) => sequence(&SequenceProto::decode(file)?),
        Kind::MapType(_) => map(&MapProto::decode(file)?),
        Kind::OptionalType(_) => optional(&OptionalProto::decode(file)?),
        _ => bail!("a type that is none of tensor, sequence, map and optional"),
    }
}

fn tensor(message: &TensorProto) -> Result<Value> {
    Ok(Value::Tensor(constant(message)?))
}

fn sequence(message: &SequenceProto) -> Result<Value> {
    let tensors = message.tensor_values.iter().map(tensor);
    let sequences = message.sequence_values.iter().map(sequence);
    let maps = message.map_values.iter().map(map);
    let values = tensors.chain(sequences).chain(maps);
    Ok(Value::Sequence(values.collect::<Result<_>>()?))
}

fn map(message: &MapProto) -> Result<Value> {
    let numbers = message.keys.iter().map(|&key| Key::Int(key));
    let texts = message.string_keys.iter().cloned().map(Key::String);
    let values = message.values.as_ref().context("a map without values")?;
    let Value::Sequence(values) = sequence(values)? else {
        bail!("the values of a map are no sequence");
    };
    Ok(Value::Map(numbers.chain(texts).zip(values).collect()))
}

fn optional(message: &OptionalProto) -> Result<Value> {
    let tensor = message.tensor_value.as_ref().map(tensor);
    let sequence = message.sequence_value.as_ref().map(sequence);
    let map = message.map_value.as_ref().map(map);
    let value = tensor.or(sequence).or(map).transpose()?;
    Ok(Value::Optional(value.map(Box::new)))
}
