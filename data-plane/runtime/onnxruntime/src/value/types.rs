//! The engine's types in the words of the data plane.

use hari_core::DataType;
use hari_operators::Type;
use ort::value::{TensorElementType as Elem, ValueType};

/// The type of a value; none for what no value of ours can hold.
pub(crate) fn r#type(value: &ValueType) -> Option<Type> {
    Some(match value {
        ValueType::Tensor { ty, .. } => Type::Tensor(data_type(*ty)?),
        ValueType::Sequence(inner) => Type::Sequence(Box::new(r#type(inner)?)),
        ValueType::Map { key, value } => {
            let key = match key {
                Elem::String => DataType::Bytes,
                _ => DataType::Int64,
            };
            Type::Map(key, Box::new(Type::Tensor(data_type(*value)?)))
        }
        ValueType::Optional(inner) => Type::Optional(Box::new(r#type(inner)?)),
    })
}

/// The type of an element; none for those that no tensor of ours has.
pub(super) fn data_type(elem: Elem) -> Option<DataType> {
    Some(match elem {
        Elem::Float32 => DataType::Fp32,
        Elem::Float64 => DataType::Fp64,
        Elem::Float16 => DataType::Fp16,
        Elem::Bfloat16 => DataType::Bf16,
        Elem::Int8 => DataType::Int8,
        Elem::Int16 => DataType::Int16,
        Elem::Int32 => DataType::Int32,
        Elem::Int64 => DataType::Int64,
        Elem::Uint8 => DataType::Uint8,
        Elem::Uint16 => DataType::Uint16,
        Elem::Uint32 => DataType::Uint32,
        Elem::Uint64 => DataType::Uint64,
        Elem::Bool => DataType::Bool,
        Elem::String => DataType::Bytes,
        _ => return None,
    })
}
