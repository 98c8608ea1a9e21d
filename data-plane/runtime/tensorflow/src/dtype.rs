//! TensorFlow's element types: what each is to the data plane and in the ONNX graph.

use hari_core::DataType as Element;
use hari_proto::onnx::tensor_proto::DataType as OnnxType;
pub(crate) use hari_proto::tensorflow::DataType;

/// The type of this number; reference types count as what they refer to.
pub(crate) fn from_number(number: i32) -> DataType {
    const FIRST_REFERENCE: i32 = 101;
    let plain = if number >= FIRST_REFERENCE {
        number - FIRST_REFERENCE + 1
    } else {
        number
    };
    DataType::try_from(plain).unwrap_or(DataType::DtInvalid)
}

/// The data plane's type; none for what a caller cannot send or receive.
pub(crate) fn element(dtype: DataType) -> Option<Element> {
    Some(match dtype {
        DataType::DtBool => Element::Bool,
        DataType::DtUint8 => Element::Uint8,
        DataType::DtUint16 => Element::Uint16,
        DataType::DtUint32 => Element::Uint32,
        DataType::DtUint64 => Element::Uint64,
        DataType::DtInt8 => Element::Int8,
        DataType::DtInt16 => Element::Int16,
        DataType::DtInt32 => Element::Int32,
        DataType::DtInt64 => Element::Int64,
        DataType::DtHalf => Element::Fp16,
        DataType::DtBfloat16 => Element::Bf16,
        DataType::DtFloat => Element::Fp32,
        DataType::DtDouble => Element::Fp64,
        DataType::DtString => Element::Bytes,
        _ => return None,
    })
}

/// TensorFlow's type for a data plane's type.
pub(crate) fn from_element(element: Element) -> DataType {
    match element {
        Element::Bool => DataType::DtBool,
        Element::Uint8 => DataType::DtUint8,
        Element::Uint16 => DataType::DtUint16,
        Element::Uint32 => DataType::DtUint32,
        Element::Uint64 => DataType::DtUint64,
        Element::Int8 => DataType::DtInt8,
        Element::Int16 => DataType::DtInt16,
        Element::Int32 => DataType::DtInt32,
        Element::Int64 => DataType::DtInt64,
        Element::Fp16 => DataType::DtHalf,
        Element::Bf16 => DataType::DtBfloat16,
        Element::Fp32 => DataType::DtFloat,
        Element::Fp64 => DataType::DtDouble,
        Element::Bytes => DataType::DtString,
    }
}

/// The type that holds such elements inside the ONNX graph: every integer narrower than 32 bits is
/// computed as 32 bits and wrapped afterwards, since engines have no arithmetic for them. None for
/// what is no tensor of ONNX's.
pub(crate) fn held_as(dtype: DataType) -> Option<OnnxType> {
    Some(match dtype {
        DataType::DtFloat => OnnxType::Float,
        DataType::DtDouble => OnnxType::Double,
        DataType::DtHalf => OnnxType::Float16,
        DataType::DtBfloat16 => OnnxType::Bfloat16,
        DataType::DtInt64 => OnnxType::Int64,
        DataType::DtUint64 => OnnxType::Uint64,
        DataType::DtBool => OnnxType::Bool,
        DataType::DtInt32 => OnnxType::Int32,
        DataType::DtUint32 => OnnxType::Uint32,
        DataType::DtString => OnnxType::String,
        _ if is_narrow(dtype) => OnnxType::Int32,
        _ => return None,
    })
}

/// Whether it is an integer of 8 or 16 bits.
pub(crate) fn is_narrow(dtype: DataType) -> bool {
    matches!(
        dtype,
        DataType::DtInt8 | DataType::DtUint8 | DataType::DtInt16 | DataType::DtUint16
    )
}

/// Whether it is an integer that the graph can hold.
pub(crate) fn is_integer(dtype: DataType) -> bool {
    is_narrow(dtype)
        || matches!(
            dtype,
            DataType::DtInt32 | DataType::DtInt64 | DataType::DtUint32 | DataType::DtUint64
        )
}

/// Whether it is a floating-point number.
pub(crate) fn is_float(dtype: DataType) -> bool {
    matches!(
        dtype,
        DataType::DtFloat | DataType::DtDouble | DataType::DtHalf | DataType::DtBfloat16
    )
}

/// The name users know: `float32`, `string`.
pub(crate) fn name(dtype: DataType) -> String {
    match dtype {
        DataType::DtFloat => "float32".to_owned(),
        DataType::DtDouble => "float64".to_owned(),
        DataType::DtHalf => "float16".to_owned(),
        other => other.as_str_name().trim_start_matches("DT_").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_what_they_refer_to() {
        assert_eq!(from_number(101), DataType::DtFloat);
        assert_eq!(from_number(1), DataType::DtFloat);
        assert_eq!(from_number(-7), DataType::DtInvalid);
        assert_eq!(from_number(i32::MAX), DataType::DtInvalid);
    }

    #[test]
    fn every_element_type_comes_back() {
        for known in Element::ALL {
            assert_eq!(element(from_element(known)), Some(known));
        }
        assert_eq!(element(DataType::DtResource), None);
    }

    #[test]
    fn the_graph_holds_every_element_but_no_handle() {
        assert_eq!(held_as(DataType::DtDouble), Some(OnnxType::Double));
        assert_eq!(held_as(DataType::DtString), Some(OnnxType::String));
        assert_eq!(held_as(DataType::DtResource), None);
        assert_eq!(held_as(DataType::DtVariant), None);
        assert_eq!(held_as(DataType::DtUint8), Some(OnnxType::Int32));
        assert_eq!(name(DataType::DtDouble), "float64");
        assert_eq!(name(DataType::DtString), "string");
    }
}
