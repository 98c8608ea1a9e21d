//! Shapes as the wire writes them, checked against the limits before anything is allocated.

use bytes::Bytes;
use hari_core::{DataType, Limits};
use hari_error::{Error, Result};

/// The dimensions `dims` of a tensor of `dtype`, once rank and size are known to be in bounds. A
/// byte string counts with the handle that points to it.
///
/// # Errors
/// `InvalidInput` for a negative dimension or a rank over the limit, `TooLarge` for too many
/// bytes.
pub(crate) fn checked(dims: &[i64], dtype: DataType, limits: &Limits) -> Result<Vec<usize>> {
    if dims.len() > limits.rank {
        return Err(Error::invalid(format!(
            "the shape has {} dimensions, at most {} are allowed",
            dims.len(),
            limits.rank
        )));
    }
    let shape = dims
        .iter()
        .map(|&dim| {
            usize::try_from(dim).map_err(|_| {
                Error::invalid(format!(
                    "shape {dims:?}: expected sizes of 0 or more, found {dim}"
                ))
            })
        })
        .collect::<Result<Vec<_>>>()?;
    match bytes_needed(&shape, dtype) {
        Some(bytes) if bytes <= limits.tensor => Ok(shape),
        _ => Err(Error::too_large(format!(
            "shape {dims:?} of {dtype} is over the limit of {} bytes for a tensor",
            limits.tensor
        ))),
    }
}

/// The bytes that a tensor takes in memory; none if that is more than can be counted.
fn bytes_needed(shape: &[usize], dtype: DataType) -> Option<usize> {
    let each = dtype.size().unwrap_or(size_of::<Bytes>());
    shape
        .iter()
        .try_fold(each, |bytes, &dim| bytes.checked_mul(dim))
}

/// The number of elements of a shape that [`checked`] let through.
pub(crate) fn elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// The dimensions as the wire writes them.
pub(crate) fn to_wire(shape: &[usize]) -> Vec<i64> {
    shape
        .iter()
        .map(|&dim| i64::try_from(dim).unwrap_or(i64::MAX))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hari_error::Kind;

    fn check(dims: &[i64], dtype: DataType) -> Result<Vec<usize>> {
        checked(dims, dtype, &Limits::default())
    }

    #[test]
    fn a_shape_in_bounds_is_taken() {
        assert_eq!(check(&[], DataType::Fp32).unwrap(), Vec::<usize>::new());
        assert_eq!(check(&[2, 0, 3], DataType::Fp32).unwrap(), [2, 0, 3]);
        assert_eq!(check(&[64 << 20], DataType::Uint8).unwrap(), [64 << 20]);
    }

    #[test]
    fn a_negative_dimension_is_named() {
        let error = check(&[2, -1], DataType::Fp32).unwrap_err();
        assert_eq!(
            error.message(),
            "shape [2, -1]: expected sizes of 0 or more, found -1"
        );
    }

    #[test]
    fn a_shape_over_the_limit_or_over_all_counting_is_too_large() {
        for dims in [&[(64 << 20) + 1][..], &[i64::MAX, i64::MAX]] {
            assert_eq!(
                check(dims, DataType::Uint8).unwrap_err().kind(),
                Kind::TooLarge
            );
        }
        assert_eq!(
            check(&[4 << 20], DataType::Bytes).unwrap_err().kind(),
            Kind::TooLarge
        );
    }

    #[test]
    fn a_rank_over_the_limit_is_refused() {
        let error = check(&[1; 17], DataType::Fp32).unwrap_err();
        assert_eq!(
            error.message(),
            "the shape has 17 dimensions, at most 16 are allowed"
        );
    }
}
