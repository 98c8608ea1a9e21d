//! The classification extension: the highest elements of an output as texts `value:index`.
//!
//! Source: Triton's "Classification Extension". The output becomes BYTES of shape
//! `[rows, count]`; an output of one dimension is one row and becomes `[count]`. Of equal values
//! the lower index comes first.

use std::cmp::Ordering;

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

/// The `count` highest elements of each row.
///
/// # Errors
/// If the elements are not numbers, or if the tensor is a scalar.
pub(super) fn classify(tensor: &Tensor, count: u32) -> Result<Tensor> {
    if !tensor.dtype().is_numeric() {
        let found = tensor.dtype();
        return Err(Error::invalid(format!(
            "classification needs numbers, found {found}"
        )));
    }
    let (rows, width) = match tensor.shape() {
        [] => {
            return Err(Error::invalid(
                "classification needs at least one dimension",
            ));
        }
        [width] => (None, *width),
        [rows, rest @ ..] => (Some(*rows), rest.iter().product()),
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(width);
    let ranks = Ranks::of(tensor)?;
    let labels = (0..rows.unwrap_or(1))
        .flat_map(|row| ranks.highest(row * width, width, count))
        .collect();
    let shape = rows.map_or(vec![count], |rows| vec![rows, count]);
    Tensor::from_strings(shape, labels)
}

/// Elements that can be compared exactly and shown as they are.
enum Ranks {
    Signed(Vec<i64>),
    Unsigned(Vec<u64>),
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Ranks {
    fn of(tensor: &Tensor) -> Result<Self> {
        match tensor.dtype() {
            DataType::Fp64 => tensor.to_vec().map(Self::Double),
            dtype if dtype.is_float() => tensor.cast(DataType::Fp32)?.to_vec().map(Self::Single),
            DataType::Uint64 => tensor.to_vec().map(Self::Unsigned),
            _ => tensor.cast(DataType::Int64)?.to_vec().map(Self::Signed),
        }
    }

    fn highest(&self, start: usize, width: usize, count: usize) -> Vec<Bytes> {
        let row = start..start + width;
        match self {
            Self::Signed(values) => highest(values.get(row), count, i64::cmp),
            Self::Unsigned(values) => highest(values.get(row), count, u64::cmp),
            Self::Single(values) => highest(values.get(row), count, by_f32),
            Self::Double(values) => highest(values.get(row), count, by_f64),
        }
    }
}

/// What is not a number is below all numbers.
fn by_f64(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

fn by_f32(a: &f32, b: &f32) -> Ordering {
    by_f64(&(*a).into(), &(*b).into())
}

fn highest<T: std::fmt::Display>(
    row: Option<&[T]>,
    count: usize,
    order: impl Fn(&T, &T) -> Ordering,
) -> Vec<Bytes> {
    let mut ranked: Vec<_> = row.unwrap_or_default().iter().enumerate().collect();
    ranked.sort_by(|(_, a), (_, b)| order(b, a));
    let label = |(index, value): (usize, &T)| Bytes::from(format!("{value:.6}:{index}"));
    ranked.into_iter().take(count).map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(tensor: &Tensor, count: u32) -> Vec<String> {
        let classified = classify(tensor, count).unwrap();
        let strings = classified.strings().unwrap().iter();
        strings
            .map(|s| String::from_utf8(s.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn the_highest_elements_of_each_row_come_first() {
        let tensor = Tensor::from_vec([2, 4], vec![1_i32, 5, 10, 4, 7, 7, 0, 9]).unwrap();
        assert_eq!(labels(&tensor, 2), ["10:2", "5:1", "9:3", "7:0"]);
        assert_eq!(classify(&tensor, 2).unwrap().shape(), [2, 2]);
        assert_eq!(classify(&tensor, 9).unwrap().shape(), [2, 4]);
    }

    #[test]
    fn floats_have_six_digits_and_what_is_no_number_comes_last() {
        let tensor = Tensor::from_vec([3], vec![0.25_f32, f32::NAN, 0.5]).unwrap();
        assert_eq!(labels(&tensor, 3), ["0.500000:2", "0.250000:0", "NaN:1"]);
        assert_eq!(classify(&tensor, 1).unwrap().shape(), [1]);
    }

    #[test]
    fn large_integers_are_compared_exactly() {
        let tensor = Tensor::from_vec([2], vec![i64::MAX - 1, i64::MAX]).unwrap();
        assert_eq!(labels(&tensor, 1), [format!("{}:1", i64::MAX)]);
        let tensor = Tensor::from_vec([2], vec![u64::MAX, 0]).unwrap();
        assert_eq!(labels(&tensor, 1), [format!("{}:0", u64::MAX)]);
    }

    #[test]
    fn only_numbers_in_rows_can_be_classified() {
        let texts = Tensor::from_strings([1], vec!["a".into()]).unwrap();
        assert!(
            classify(&texts, 1)
                .unwrap_err()
                .message()
                .contains("found BYTES")
        );
        assert!(classify(&Tensor::from_vec([], vec![1.0_f32]).unwrap(), 1).is_err());
        assert_eq!(
            classify(&Tensor::from_vec([0, 3], Vec::<f32>::new()).unwrap(), 2)
                .unwrap()
                .shape(),
            [0, 2]
        );
    }
}
