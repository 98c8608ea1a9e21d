//! `InferTensorContents`: elements one by one, in the field of their type.

use hari_core::{DataType, Element, Tensor, wire_texts};
use hari_error::{Error, Result};
use hari_proto::inference::InferTensorContents;

/// Whether elements of this type have no field: they travel as raw bytes alone.
pub(super) fn is_raw_only(dtype: DataType) -> bool {
    field(dtype).is_none()
}

/// The field that elements of this type belong into.
fn field(dtype: DataType) -> Option<&'static str> {
    Some(match dtype {
        DataType::Bool => "bool_contents",
        DataType::Int8 | DataType::Int16 | DataType::Int32 => "int_contents",
        DataType::Int64 => "int64_contents",
        DataType::Uint8 | DataType::Uint16 | DataType::Uint32 => "uint_contents",
        DataType::Uint64 => "uint64_contents",
        DataType::Fp32 => "fp32_contents",
        DataType::Fp64 => "fp64_contents",
        DataType::Bytes => "bytes_contents",
        DataType::Fp16 | DataType::Bf16 => return None,
    })
}

/// The tensor of these elements. The shape has been checked against the limits.
///
/// # Errors
/// If elements are in the field of another type, do not fit their type, or are not as many as the
/// shape needs.
pub(super) fn read(
    contents: InferTensorContents,
    dtype: DataType,
    shape: Vec<usize>,
) -> Result<Tensor> {
    let Some(field) = field(dtype) else {
        return Err(Error::invalid(format!(
            "{dtype} elements belong into raw_input_contents"
        )));
    };
    check_field(&contents, dtype, field)?;
    match dtype {
        DataType::Bool => Tensor::from_bools(shape, &contents.bool_contents),
        DataType::Int8 => narrow::<_, i8>(shape, &contents.int_contents),
        DataType::Int16 => narrow::<_, i16>(shape, &contents.int_contents),
        DataType::Int32 => Tensor::from_vec(shape, contents.int_contents),
        DataType::Int64 => Tensor::from_vec(shape, contents.int64_contents),
        DataType::Uint8 => narrow::<_, u8>(shape, &contents.uint_contents),
        DataType::Uint16 => narrow::<_, u16>(shape, &contents.uint_contents),
        DataType::Uint32 => Tensor::from_vec(shape, contents.uint_contents),
        DataType::Uint64 => Tensor::from_vec(shape, contents.uint64_contents),
        DataType::Fp64 => Tensor::from_vec(shape, contents.fp64_contents),
        DataType::Bytes => Tensor::from_strings(shape, contents.bytes_contents),
        DataType::Fp32 | DataType::Fp16 | DataType::Bf16 => {
            Tensor::from_vec(shape, contents.fp32_contents)
        }
    }
    .map_err(|error| error.context(field))
}

/// Checks that no field but `field` holds elements.
fn check_field(contents: &InferTensorContents, dtype: DataType, field: &str) -> Result<()> {
    let found = [
        ("bool_contents", contents.bool_contents.len()),
        ("int_contents", contents.int_contents.len()),
        ("int64_contents", contents.int64_contents.len()),
        ("uint_contents", contents.uint_contents.len()),
        ("uint64_contents", contents.uint64_contents.len()),
        ("fp32_contents", contents.fp32_contents.len()),
        ("fp64_contents", contents.fp64_contents.len()),
        ("bytes_contents", contents.bytes_contents.len()),
    ];
    match found
        .into_iter()
        .find(|&(name, count)| count > 0 && name != field)
    {
        None => Ok(()),
        Some((name, count)) => Err(Error::invalid(format!(
            "{dtype} elements belong into {field}, found {count} in {name}"
        ))),
    }
}

fn narrow<W, T>(shape: Vec<usize>, values: &[W]) -> Result<Tensor>
where
    W: Copy + std::fmt::Display,
    T: Element + TryFrom<W>,
{
    let each = |(at, &value): (usize, &W)| {
        let fits = T::try_from(value);
        fits.map_err(|_| Error::invalid(format!("element {at}: {value} does not fit {}", T::DTYPE)))
    };
    let values = values
        .iter()
        .enumerate()
        .map(each)
        .collect::<Result<Vec<_>>>()?;
    Tensor::from_vec(shape, values)
}

/// Every element in the field of its type; FP16 and BF16 have none.
pub(super) fn write(tensor: &Tensor) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    match tensor.dtype() {
        DataType::Bool => contents.bool_contents = map(tensor, |value: u8| value != 0),
        DataType::Int8 => contents.int_contents = map(tensor, |value: i8| value.into()),
        DataType::Int16 => contents.int_contents = map(tensor, |value: i16| value.into()),
        DataType::Int32 => contents.int_contents = all(tensor),
        DataType::Int64 => contents.int64_contents = all(tensor),
        DataType::Uint8 => contents.uint_contents = map(tensor, |value: u8| value.into()),
        DataType::Uint16 => contents.uint_contents = map(tensor, |value: u16| value.into()),
        DataType::Uint32 => contents.uint_contents = all(tensor),
        DataType::Uint64 => contents.uint64_contents = all(tensor),
        DataType::Fp32 => contents.fp32_contents = all(tensor),
        DataType::Fp64 => contents.fp64_contents = all(tensor),
        DataType::Bytes => {
            contents.bytes_contents = wire_texts(tensor);
        }
        DataType::Fp16 | DataType::Bf16 => {}
    }
    contents
}

fn all<T: Element>(tensor: &Tensor) -> Vec<T> {
    tensor.to_vec().unwrap_or_default()
}

fn map<T: Element, U>(tensor: &Tensor, each: impl Fn(T) -> U) -> Vec<U> {
    all::<T>(tensor).into_iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open_inference::arbitrary;
    use proptest::prelude::*;

    #[test]
    fn elements_in_the_field_of_another_type_are_refused() {
        let contents = InferTensorContents {
            int_contents: vec![1],
            ..Default::default()
        };
        let error = read(contents, DataType::Fp32, vec![1]).unwrap_err();
        assert_eq!(
            error.message(),
            "FP32 elements belong into fp32_contents, found 1 in int_contents"
        );
    }

    #[test]
    fn elements_must_fit_their_type_and_the_shape() {
        let contents = InferTensorContents {
            uint_contents: vec![1, 256],
            ..Default::default()
        };
        let error = read(contents.clone(), DataType::Uint8, vec![2]).unwrap_err();
        assert_eq!(
            error.message(),
            "uint_contents: element 1: 256 does not fit UINT8"
        );
        let error = read(contents, DataType::Uint16, vec![3]).unwrap_err();
        assert_eq!(
            error.message(),
            "uint_contents: shape [3] needs 3 elements, found 2"
        );
    }

    #[test]
    fn half_precision_is_raw_only() {
        let error = read(InferTensorContents::default(), DataType::Fp16, vec![0]).unwrap_err();
        assert_eq!(
            error.message(),
            "FP16 elements belong into raw_input_contents"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(tensor in arbitrary::tensor()) {
            prop_assume!(!is_raw_only(tensor.dtype()));
            let back = read(write(&tensor), tensor.dtype(), tensor.shape().to_vec()).unwrap();
            prop_assert_eq!(back.bytes(), tensor.bytes());
            prop_assert_eq!(back.strings().ok(), tensor.strings().ok());
        }
    }
}
