//! Element types under TensorFlow's numbers and names.

use hari_core::DataType;
use hari_error::{Error, Result};
use hari_proto::tensorflow::DataType as Wire;

/// Every type that both sides have.
const PAIRS: [(Wire, DataType); 14] = [
    (Wire::DtFloat, DataType::Fp32),
    (Wire::DtDouble, DataType::Fp64),
    (Wire::DtInt32, DataType::Int32),
    (Wire::DtUint8, DataType::Uint8),
    (Wire::DtInt16, DataType::Int16),
    (Wire::DtInt8, DataType::Int8),
    (Wire::DtString, DataType::Bytes),
    (Wire::DtInt64, DataType::Int64),
    (Wire::DtBool, DataType::Bool),
    (Wire::DtBfloat16, DataType::Bf16),
    (Wire::DtUint16, DataType::Uint16),
    (Wire::DtHalf, DataType::Fp16),
    (Wire::DtUint32, DataType::Uint32),
    (Wire::DtUint64, DataType::Uint64),
];

/// The element type of TensorFlow's number for it.
///
/// # Errors
/// `InvalidInput` that names the type if it is not offered: complex, quantised, resource.
pub fn from_wire(number: i32) -> Result<DataType> {
    let found = PAIRS.iter().find(|(wire, _)| *wire as i32 == number);
    found.map(|(_, dtype)| *dtype).ok_or_else(|| {
        let name = Wire::try_from(number)
            .map_or_else(|_| number.to_string(), |wire| wire.as_str_name().to_owned());
        let known: Vec<_> = PAIRS.iter().map(|(wire, _)| wire.as_str_name()).collect();
        Error::invalid(format!(
            "dtype {name} is not offered; use one of {}",
            known.join(", ")
        ))
    })
}

/// TensorFlow's type for an element type.
#[must_use]
pub fn to_wire(dtype: DataType) -> Wire {
    let found = PAIRS.iter().find(|(_, own)| *own == dtype);
    found.map_or(Wire::DtInvalid, |(wire, _)| *wire)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_number() {
        for dtype in DataType::ALL {
            assert_eq!(from_wire(to_wire(dtype) as i32).unwrap(), dtype);
        }
    }

    #[test]
    fn a_type_that_is_not_offered_is_named() {
        let error = from_wire(Wire::DtComplex64 as i32).unwrap_err();
        assert!(
            error
                .message()
                .starts_with("dtype DT_COMPLEX64 is not offered"),
            "{error}"
        );
        assert!(from_wire(0).unwrap_err().message().contains("DT_INVALID"));
        assert!(from_wire(-7).unwrap_err().message().contains("dtype -7"));
    }
}
