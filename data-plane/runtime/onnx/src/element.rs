//! ONNX element types, and which of them the engine holds exactly.

use hari_core::DataType;
pub(crate) use hari_operators::data_type;
use hari_proto::onnx::tensor_proto::DataType as Elem;

/// ONNX's number for an element type.
pub(crate) fn elem(dtype: DataType) -> Elem {
    match dtype {
        DataType::Fp32 => Elem::Float,
        DataType::Uint8 => Elem::Uint8,
        DataType::Int8 => Elem::Int8,
        DataType::Uint16 => Elem::Uint16,
        DataType::Int16 => Elem::Int16,
        DataType::Int32 => Elem::Int32,
        DataType::Int64 => Elem::Int64,
        DataType::Bytes => Elem::String,
        DataType::Bool => Elem::Bool,
        DataType::Fp16 => Elem::Float16,
        DataType::Fp64 => Elem::Double,
        DataType::Uint32 => Elem::Uint32,
        DataType::Uint64 => Elem::Uint64,
        DataType::Bf16 => Elem::Bfloat16,
    }
}

/// ONNX's own name for an element type, for messages.
pub(crate) fn name(elem: i32) -> String {
    match Elem::try_from(elem) {
        Ok(known) => known.as_str_name().to_owned(),
        Err(_) => format!("element type {elem}"),
    }
}

/// Bytes of one element in the engine; none if the engine has no such type.
///
/// INT64, BOOL, FP16 and FP64 become four bytes wide.
pub(crate) fn engine_size(dtype: DataType) -> Option<u64> {
    match dtype {
        DataType::Fp32
        | DataType::Fp16
        | DataType::Fp64
        | DataType::Int32
        | DataType::Int64
        | DataType::Bool => Some(4),
        DataType::Int8 | DataType::Uint8 => Some(1),
        DataType::Uint16
        | DataType::Uint32
        | DataType::Uint64
        | DataType::Int16
        | DataType::Bf16
        | DataType::Bytes => None,
    }
}

/// Whether every value that can reach the engine in this type is held exactly there. INT64 is,
/// because values beyond 32 bits are refused one by one.
pub(crate) fn held_exactly(dtype: DataType) -> bool {
    dtype != DataType::Fp64 && engine_size(dtype).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_held_has_a_size() {
        for dtype in DataType::ALL {
            assert_eq!(data_type(elem(dtype) as i32), Some(dtype));
            assert!(
                !held_exactly(dtype) || engine_size(dtype).is_some(),
                "{dtype}"
            );
        }
        assert!(held_exactly(DataType::Int64) && !held_exactly(DataType::Fp64));
    }

    #[test]
    fn types_are_named_as_onnx_does() {
        assert_eq!(name(Elem::Double as i32), "DOUBLE");
        assert_eq!(name(99), "element type 99");
        assert_eq!(data_type(Elem::Complex64 as i32), None);
        assert_eq!(data_type(Elem::Float16 as i32), Some(DataType::Fp16));
    }
}
