//! Types of values: as a file declares them, and back.

use hari_core::DataType;
use hari_operators::Type;
use hari_proto::onnx::{TypeProto, ValueInfoProto, type_proto};

use crate::element;

/// The type that a file declares for a value; none if it declares none or one that no value has.
pub(crate) fn declared(value: &ValueInfoProto) -> Option<Type> {
    value.r#type.as_ref().and_then(of)
}

fn of(kind: &TypeProto) -> Option<Type> {
    use type_proto::Value::{MapType, OptionalType, SequenceType, TensorType};
    let inner = |inner: &Option<Box<TypeProto>>| inner.as_deref().and_then(of).map(Box::new);
    match kind.value.as_ref()? {
        TensorType(tensor) => element::data_type(tensor.elem_type()).map(Type::Tensor),
        SequenceType(sequence) => inner(&sequence.elem_type).map(Type::Sequence),
        OptionalType(optional) => inner(&optional.elem_type).map(Type::Optional),
        MapType(map) => {
            let key = match element::data_type(map.key_type())? {
                DataType::Bytes => DataType::Bytes,
                key if key.is_integer() => DataType::Int64,
                _ => return None,
            };
            inner(&map.value_type).map(|value| Type::Map(key, value))
        }
        _ => None,
    }
}

/// A declaration of the type, without a shape.
pub(crate) fn declaration(kind: &Type) -> TypeProto {
    use type_proto::Value::{MapType, OptionalType, SequenceType, TensorType};
    let elem = |dtype| Some(element::elem(dtype) as i32);
    let inner = |kind| Some(Box::new(declaration(kind)));
    let value = match kind {
        Type::Tensor(dtype) => TensorType(type_proto::Tensor {
            elem_type: elem(*dtype),
            shape: None,
        }),
        Type::Sequence(kind) => SequenceType(Box::new(type_proto::Sequence {
            elem_type: inner(kind),
        })),
        Type::Optional(kind) => OptionalType(Box::new(type_proto::Optional {
            elem_type: inner(kind),
        })),
        Type::Map(key, kind) => MapType(Box::new(type_proto::Map {
            key_type: elem(*key),
            value_type: inner(kind),
        })),
    };
    TypeProto {
        value: Some(value),
        denotation: None,
    }
}

/// A declared value of this name and type.
pub(crate) fn named(name: &str, kind: Option<&Type>) -> ValueInfoProto {
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: kind.map(declaration),
        ..ValueInfoProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_declared_and_read_back() {
        let tensor = Type::Tensor(DataType::Fp64);
        let map = Type::Map(DataType::Bytes, Box::new(tensor.clone()));
        let nested = Type::Optional(Box::new(Type::Sequence(Box::new(map))));
        for kind in [tensor, nested] {
            assert_eq!(declared(&named("x", Some(&kind))), Some(kind));
        }
        assert_eq!(declared(&named("x", None)), None);
    }

    #[test]
    fn keys_of_a_map_are_integers_or_strings() {
        let key = |dtype| {
            let map = Type::Map(dtype, Box::new(Type::Tensor(DataType::Fp32)));
            declared(&named("x", Some(&map)))
        };
        let Some(Type::Map(found, _)) = key(DataType::Uint8) else {
            panic!("no map")
        };
        assert_eq!(found, DataType::Int64);
        assert_eq!(key(DataType::Fp32), None);
    }
}
