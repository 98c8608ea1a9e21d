//! Kernels: how alike two rows are.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{number, text};
use crate::math::dot;

/// A kernel of libsvm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kernel {
    Linear,
    Polynomial {
        gamma: f64,
        coef0: f64,
        degree: u32,
    },
    Radial {
        gamma: f64,
    },
    Sigmoid {
        gamma: f64,
        coef0: f64,
    },
    /// The rows hold what a kernel gives for each row that was fitted.
    Precomputed,
}

impl Kernel {
    /// `kernel` and its parameters; `gamma` as it was resolved when fitted.
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let at = cursor.attribute("kernel")?;
        let name = at.text().map_err(|_| {
            at.refuse("a kernel that is a function of Python: expected one that has a name")
        })?;
        let gamma = || cursor.attribute("_gamma")?.float();
        let coef0 = || Ok::<_, hari_error::Error>(number(cursor, "coef0")?.unwrap_or_default());
        Ok(match name.as_str() {
            "linear" => Self::Linear,
            "poly" => Self::Polynomial {
                gamma: gamma()?,
                coef0: coef0()?,
                degree: degree(&cursor.attribute("degree")?)?,
            },
            "rbf" => Self::Radial { gamma: gamma()? },
            "sigmoid" => Self::Sigmoid {
                gamma: gamma()?,
                coef0: coef0()?,
            },
            "precomputed" => Self::Precomputed,
            other => return Err(at.refuse(format_args!("`{other}` is no kernel"))),
        })
    }

    /// Of two dense rows.
    pub(super) fn dense(self, a: &[f64], b: &[f64]) -> f64 {
        match self {
            Self::Radial { .. } => self.of(squared(a, b)),
            _ => self.of(dot(a, b)),
        }
    }

    /// Of two sparse rows whose columns rise.
    pub(super) fn sparse(self, a: Entries<'_>, b: Entries<'_>) -> f64 {
        let radial = matches!(self, Self::Radial { .. });
        let mut sum = 0.0;
        merge(a, b, |a, b| {
            sum += if radial { (a - b) * (a - b) } else { a * b };
        });
        self.of(sum)
    }

    /// From the product of two rows, or the square of their distance.
    fn of(self, sum: f64) -> f64 {
        match self {
            Self::Linear | Self::Precomputed => sum,
            Self::Polynomial {
                gamma,
                coef0,
                degree,
            } => power(gamma * sum + coef0, degree),
            Self::Radial { gamma } => (-gamma * sum).exp(),
            Self::Sigmoid { gamma, coef0 } => (gamma * sum + coef0).tanh(),
        }
    }
}

fn degree(cursor: &Cursor<'_>) -> Result<u32> {
    let found = u32::try_from(cursor.integer()?);
    found.map_err(|_| cursor.refuse("expected a degree that is not negative"))
}

/// The name of the kernel is `precomputed`.
pub(super) fn is_precomputed(cursor: &Cursor<'_>) -> bool {
    text(cursor, "kernel").is_ok_and(|name| name == "precomputed")
}

/// The sum of squared differences, built side by side as [`dot`] is.
fn squared(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let ((a_blocks, a_rest), (b_blocks, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += (a - b) * (a - b);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b));
    lanes.iter().sum::<f64>() + rest.sum::<f64>()
}

/// By squaring, in libsvm's order.
fn power(base: f64, degree: u32) -> f64 {
    let (mut square, mut found, mut left) = (base, 1.0, degree);
    while left > 0 {
        if left % 2 == 1 {
            found *= square;
        }
        left /= 2;
        square *= square;
    }
    found
}

/// Columns that rise, and their values.
pub(super) type Entries<'a> = (&'a [u32], &'a [f64]);

/// Calls `with` for each column that one of two rows has.
fn merge(
    (mut at, mut a): Entries<'_>,
    (mut bt, mut b): Entries<'_>,
    mut with: impl FnMut(f64, f64),
) {
    loop {
        let order = match (at.first(), bt.first()) {
            (Some(x), Some(y)) => x.cmp(y),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return,
        };
        let (mut left, mut right) = (0.0, 0.0);
        if order.is_le() {
            left = next(&mut at, &mut a);
        }
        if order.is_ge() {
            right = next(&mut bt, &mut b);
        }
        with(left, right);
    }
}

fn next(columns: &mut &[u32], values: &mut &[f64]) -> f64 {
    *columns = columns.get(1..).unwrap_or_default();
    let value = values.first().copied().unwrap_or_default();
    *values = values.get(1..).unwrap_or_default();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const RADIAL: Kernel = Kernel::Radial { gamma: 0.5 };

    #[test]
    fn sparse_rows_are_as_like_as_dense_ones() {
        let (a, b) = ([1.5, 0.0, -2.0, 0.0], [0.0, 3.0, 1.0, 0.0]);
        let sparse = ([0, 2].as_slice(), [1.5, -2.0].as_slice());
        let other = ([1, 2].as_slice(), [3.0, 1.0].as_slice());
        let kernels = [
            Kernel::Linear,
            RADIAL,
            Kernel::Polynomial {
                gamma: 0.5,
                coef0: 1.0,
                degree: 3,
            },
            Kernel::Sigmoid {
                gamma: 0.1,
                coef0: -1.0,
            },
        ];
        for kernel in kernels {
            let (dense, sparse) = (kernel.dense(&a, &b), kernel.sparse(sparse, other));
            assert!(
                (dense - sparse).abs() < 1e-15,
                "{kernel:?}: {dense} {sparse}"
            );
        }
        assert_eq!(RADIAL.sparse(sparse, sparse), 1.0);
        assert_eq!(RADIAL.sparse((&[], &[]), (&[], &[])), 1.0);
    }

    #[test]
    fn long_rows_are_measured_whole() {
        let a: Vec<_> = (0..21).map(f64::from).collect();
        let expected: f64 = a.iter().map(|x| x * x).sum();
        assert_eq!(squared(&a, &[0.0; 21]), expected);
    }

    #[test]
    fn powers_are_products() {
        for degree in 0..9 {
            let expected = (0..degree).fold(1.0, |product, _| product * -1.5);
            assert_eq!(power(-1.5, degree), expected, "{degree}");
        }
        assert_eq!(power(0.5, u32::MAX), 0.0);
    }
}
