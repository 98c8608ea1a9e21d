//! Products of matrices.

use hari_error::{Error, Result};
use ndarray::ArrayView2;

use crate::number::Number;

/// Numbers whose matrices can be multiplied.
pub(crate) trait Matrix: Number {
    /// The product of row-major matrices of `size` m x k and k x n, m x n.
    fn multiply(a: &[Self], b: &[Self], size: [usize; 3]) -> Result<Vec<Self>>;
}

macro_rules! integers {
    ($($rust:ty),*) => {
        $(impl Matrix for $rust {
            fn multiply(a: &[Self], b: &[Self], size: [usize; 3]) -> Result<Vec<Self>> {
                by_rows(a, b, size)
            }
        })*
    };
}

macro_rules! floats {
    ($($rust:ty),*) => {
        $(impl Matrix for $rust {
            fn multiply(a: &[Self], b: &[Self], [m, k, n]: [usize; 3]) -> Result<Vec<Self>> {
                let wrong = |_| Error::internal("a matrix has another size than its elements");
                let a = ArrayView2::from_shape((m, k), a).map_err(wrong)?;
                let b = ArrayView2::from_shape((k, n), b).map_err(wrong)?;
                let (made, _) = a.dot(&b).as_standard_layout().into_owned().into_raw_vec_and_offset();
                Ok(made)
            }
        })*
    };
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);
floats!(f32, f64);

/// Each row of the product is a sum of rows of `b`.
fn by_rows<T: Number>(a: &[T], b: &[T], [m, k, n]: [usize; 3]) -> Result<Vec<T>> {
    if a.len() != m * k || b.len() != k * n {
        return Err(Error::internal(
            "a matrix has another size than its elements",
        ));
    }
    let mut made = vec![T::default(); m * n];
    if m * k * n == 0 {
        return Ok(made);
    }
    for (row, factors) in made.chunks_mut(n).zip(a.chunks(k)) {
        for (&factor, other) in factors.iter().zip(b.chunks(n)) {
            for (sum, &value) in row.iter_mut().zip(other) {
                *sum = sum.plus(factor.times(value));
            }
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_sum_is_zero() {
        assert_eq!(f32::multiply(&[], &[], [2, 0, 2]).unwrap(), [0.0; 4]);
        assert_eq!(i32::multiply(&[], &[], [2, 0, 2]).unwrap(), [0; 4]);
        assert_eq!(f64::multiply(&[], &[1.0], [0, 1, 1]).unwrap(), [0.0_f64; 0]);
        assert!(f32::multiply(&[1.0], &[], [1, 1, 1]).is_err());
    }

    proptest! {
        #[test]
        fn floats_and_integers_agree(
            m in 1_usize..5,
            k in 1_usize..5,
            n in 1_usize..5,
            seed in proptest::collection::vec(-9_i32..9, 32),
        ) {
            let a: Vec<i32> = seed.iter().copied().cycle().take(m * k).collect();
            let b: Vec<i32> = seed.iter().rev().copied().cycle().take(k * n).collect();
            let wide = |values: &[i32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
            let made = i32::multiply(&a, &b, [m, k, n]).unwrap();
            let wanted = f64::multiply(&wide(&a), &wide(&b), [m, k, n]).unwrap();
            prop_assert_eq!(wide(&made), wanted);
        }
    }
}
