//! Elements as raw bytes: `raw_input_contents` of gRPC and the binary tensor extension of REST.
//!
//! Little-endian, row-major, without padding. A byte string has its length in front as four
//! bytes. Numbers are shared with the message, never copied.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hari_core::{DataType, Tensor, wire_text};
use hari_error::{Error, Result};

use crate::shape::elements;

/// Bytes of the length in front of a byte string.
const PREFIX: usize = size_of::<u32>();

/// The tensor of these bytes. The shape has been checked against the limits.
///
/// # Errors
/// If the bytes are not exactly the elements that the shape needs.
pub(super) fn read(dtype: DataType, shape: Vec<usize>, bytes: Bytes) -> Result<Tensor> {
    if dtype != DataType::Bytes {
        return Tensor::from_bytes(dtype, shape, bytes);
    }
    let strings = read_strings(elements(&shape), bytes)?;
    Tensor::from_strings(shape, strings)
}

fn read_strings(count: usize, mut bytes: Bytes) -> Result<Vec<Bytes>> {
    if count
        .checked_mul(PREFIX)
        .is_none_or(|least| least > bytes.len())
    {
        return Err(Error::invalid(format!(
            "{count} BYTES elements need {PREFIX} bytes of length each, found {} bytes in all",
            bytes.len()
        )));
    }
    let strings = (0..count)
        .map(|at| {
            read_string(&mut bytes).map_err(|e| e.context(format_args!("BYTES element {at}")))
        })
        .collect::<Result<Vec<_>>>()?;
    if bytes.is_empty() {
        return Ok(strings);
    }
    let left = bytes.len();
    Err(Error::invalid(format!(
        "{left} bytes are left after the last of {count} BYTES elements"
    )))
}

fn read_string(bytes: &mut Bytes) -> Result<Bytes> {
    let cut =
        |needed: usize, left: usize| Error::invalid(format!("needs {needed} bytes, found {left}"));
    let left = bytes.len();
    let length = bytes.try_get_u32_le().map_err(|_| cut(PREFIX, left))?;
    match usize::try_from(length) {
        Ok(length) if length <= bytes.len() => Ok(bytes.split_to(length)),
        _ => Err(cut(length.try_into().unwrap_or(usize::MAX), bytes.len())),
    }
}

/// The bytes of a tensor.
///
/// # Errors
/// If a byte string is over 4 GiB.
pub(super) fn write(tensor: &Tensor) -> Result<Bytes> {
    if let Some(bytes) = tensor.bytes() {
        return Ok(bytes.clone());
    }
    let strings = tensor.strings()?;
    let mut bytes = BytesMut::with_capacity(tensor.byte_len() + strings.len() * PREFIX);
    for string in strings {
        let string = wire_text(string);
        let length = u32::try_from(string.len());
        bytes.put_u32_le(length.map_err(|_| Error::too_large("a BYTES element is over 4 GiB"))?);
        bytes.put_slice(string);
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open_inference::arbitrary;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_shared_both_ways() {
        let bytes = Bytes::from(vec![0_u8; 8]);
        let tensor = read(DataType::Fp32, vec![2], bytes.clone()).unwrap();
        assert_eq!(tensor.bytes().unwrap().as_ptr(), bytes.as_ptr());
        assert_eq!(write(&tensor).unwrap().as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn strings_have_their_length_in_front() {
        let bytes = Bytes::from_static(b"\x02\0\0\0hi\0\0\0\0");
        let tensor = read(DataType::Bytes, vec![2], bytes.clone()).unwrap();
        assert_eq!(tensor.strings().unwrap(), ["hi", ""]);
        assert_eq!(write(&tensor).unwrap(), bytes);
    }

    #[test]
    fn strings_that_do_not_fit_are_refused() {
        let refused = |count, bytes: &'static [u8]| {
            let error = read(DataType::Bytes, vec![count], Bytes::from_static(bytes)).unwrap_err();
            error.message().to_owned()
        };
        assert_eq!(
            refused(1, b"\x05\0\0\0hi"),
            "BYTES element 0: needs 5 bytes, found 2"
        );
        assert_eq!(
            refused(2, b"\x03\0\0\0abc\0"),
            "BYTES element 1: needs 4 bytes, found 1"
        );
        assert_eq!(
            refused(1, b"\0\0\0\0x"),
            "1 bytes are left after the last of 1 BYTES elements"
        );
        assert!(refused(usize::MAX, b"").contains("need 4 bytes of length each"));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(tensor in arbitrary::tensor()) {
            let back = read(tensor.dtype(), tensor.shape().to_vec(), write(&tensor).unwrap()).unwrap();
            prop_assert_eq!(back.bytes(), tensor.bytes());
            prop_assert_eq!(back.strings().ok(), tensor.strings().ok());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, count in 0_usize..4) {
            if let Ok(tensor) = read(DataType::Bytes, vec![count], bytes.clone().into()) {
                prop_assert_eq!(write(&tensor).unwrap(), bytes);
            }
        }
    }
}
