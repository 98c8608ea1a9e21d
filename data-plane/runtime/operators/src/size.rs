//! Bounds on what an operator makes: an artifact may ask for more than any machine has.

use hari_core::DataType;
use hari_error::{Error, Result};

/// No tensor made by an operator is larger, in bytes.
const MAX_BYTES: usize = 1 << 30;

/// Bytes of a byte string that has not been made yet, as it is counted here.
const STRING: usize = 16;

/// The number of elements of `shape`.
///
/// # Errors
/// `TooLarge` if the tensor would be larger than an operator may make.
pub(crate) fn count(shape: &[usize], dtype: DataType) -> Result<usize> {
    let size = dtype.size().unwrap_or(STRING);
    let bounded = shape
        .iter()
        .try_fold(size, |bytes, &dim| bytes.checked_mul(dim.max(1)));
    if bounded.is_none_or(|bytes| bytes > MAX_BYTES) {
        return Err(Error::too_large(format!(
            "a tensor of {dtype} {shape:?} would be larger than {} MiB",
            MAX_BYTES >> 20
        )));
    }
    Ok(shape.iter().product())
}

/// Sizes that a tensor holds, none of them negative.
///
/// # Errors
/// `InvalidInput` if one is negative.
pub(crate) fn sizes(values: &[i64]) -> Result<Vec<usize>> {
    let sizes = values.iter().map(|&value| usize::try_from(value));
    sizes
        .collect::<Result<_, _>>()
        .map_err(|_| Error::invalid(format!("{values:?} are not sizes: one is negative")))
}

/// An axis counted from the front, where a negative one counts from the back.
///
/// # Errors
/// `InvalidInput` if there is no such axis.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize> {
    wrap(axis, rank)
        .ok_or_else(|| Error::invalid(format!("axis {axis} is outside of {rank} dimensions")))
}

/// Several axes, in the order in which they are given.
///
/// # Errors
/// `InvalidInput` if one does not exist or is given twice.
pub(crate) fn axes(given: &[i64], rank: usize) -> Result<Vec<usize>> {
    let mut made = Vec::with_capacity(given.len());
    for &one in given {
        let one = axis(one, rank)?;
        if made.contains(&one) {
            return Err(Error::invalid(format!("axis {one} is given twice")));
        }
        made.push(one);
    }
    Ok(made)
}

/// An index into `size` elements, where a negative one counts from the end.
///
/// # Errors
/// `InvalidInput` if it is outside.
pub(crate) fn index(index: i64, size: usize) -> Result<usize> {
    wrap(index, size)
        .ok_or_else(|| Error::invalid(format!("index {index} is outside of {size} elements")))
}

fn wrap(at: i64, size: usize) -> Option<usize> {
    let size = i64::try_from(size).ok()?;
    let at = if at < 0 { at.checked_add(size)? } else { at };
    (0..size).contains(&at).then_some(at as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_axes_count_from_the_back() {
        assert_eq!(axes(&[-1, 0], 3).unwrap(), [2, 0]);
        assert!(axis(3, 3).is_err() && axis(-4, 3).is_err());
        assert!(axes(&[2, -1], 3).is_err());
        assert!(index(i64::MIN, 3).is_err());
    }

    #[test]
    fn what_no_machine_holds_is_refused() {
        assert_eq!(count(&[2, 0, 5], DataType::Fp32).unwrap(), 0);
        assert!(count(&[1 << 20, 1 << 20], DataType::Uint8).is_err());
        assert!(count(&[usize::MAX, 2], DataType::Fp64).is_err());
        assert!(count(&[0, usize::MAX, 2], DataType::Fp64).is_err());
    }
}
