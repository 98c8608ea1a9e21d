//! Kernels between rows, as `sklearn.metrics.pairwise` has them.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use super::distance::{Metric, squared};
use crate::math::dot;
use crate::table::Matrix;

/// A kernel with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kernel {
    Linear,
    Polynomial { gamma: f64, coef0: f64, degree: f64 },
    Sigmoid { gamma: f64, coef0: f64 },
    Rbf { gamma: f64 },
    Laplacian { gamma: f64 },
    Cosine,
    Chi2 { gamma: f64 },
    AdditiveChi2,
}

/// What a kernel is given; each kernel has its own default for what is missing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) gamma: Option<f64>,
    pub(crate) coef0: Option<f64>,
    pub(crate) degree: Option<f64>,
}

impl Kernel {
    /// A kernel by its name, for rows of so many columns.
    ///
    /// # Errors
    /// `Model` for a name that is not known, or a function.
    pub(crate) fn read(name: &Cursor<'_>, given: Parameters, width: usize) -> Result<Self> {
        let text = name.text().map_err(|_| {
            name.refuse("expected a kernel by its name: a function of your own cannot be read")
        })?;
        let gamma = given.gamma.unwrap_or(1.0 / width as f64);
        let coef0 = given.coef0.unwrap_or(1.0);
        Ok(match text.as_str() {
            "linear" => Self::Linear,
            "poly" | "polynomial" => Self::Polynomial {
                gamma,
                coef0,
                degree: given.degree.unwrap_or(3.0),
            },
            "sigmoid" => Self::Sigmoid { gamma, coef0 },
            "rbf" => Self::Rbf { gamma },
            "laplacian" => Self::Laplacian { gamma },
            "cosine" => Self::Cosine,
            "chi2" => Self::Chi2 {
                gamma: given.gamma.unwrap_or(1.0),
            },
            "additive_chi2" => Self::AdditiveChi2,
            other => {
                return Err(name.refuse(format_args!("the kernel `{other}` is not supported")));
            }
        })
    }

    /// The kernel of two rows.
    pub(crate) fn of(&self, a: &[f64], b: &[f64]) -> f64 {
        match *self {
            Self::Linear => dot(a, b),
            Self::Polynomial {
                gamma,
                coef0,
                degree,
            } => (gamma * dot(a, b) + coef0).powf(degree),
            Self::Sigmoid { gamma, coef0 } => (gamma * dot(a, b) + coef0).tanh(),
            Self::Rbf { gamma } => (-gamma * squared(a, b)).exp(),
            Self::Laplacian { gamma } => (-gamma * Metric::Manhattan.reduced(a, b)).exp(),
            Self::Cosine => 1.0 - Metric::Cosine.reduced(a, b),
            Self::Chi2 { gamma } => (gamma * additive_chi2(a, b)).exp(),
            Self::AdditiveChi2 => additive_chi2(a, b),
        }
    }

    /// The kernel of each row with each of `others`: `[rows, others.rows]`.
    ///
    /// # Errors
    /// `InvalidInput` for a number below 0, if the kernel is of none.
    pub(crate) fn pairs(&self, rows: &Matrix, others: &Matrix) -> Result<Matrix> {
        if matches!(self, Self::Chi2 { .. } | Self::AdditiveChi2) {
            refuse_negative(rows)?;
        }
        Ok(rows.map_rows(others.rows, |row, found| {
            for (to, other) in found.iter_mut().zip(others.iter_rows()) {
                *to = self.of(row, other);
            }
        }))
    }
}

/// # Errors
/// `InvalidInput` for a number below 0.
pub(crate) fn refuse_negative(rows: &Matrix) -> Result<()> {
    let Some(at) = rows.values.iter().position(|&value| value < 0.0) else {
        return Ok(());
    };
    let (row, column) = (at / rows.columns.max(1), at % rows.columns.max(1));
    Err(Error::invalid(format!(
        "row {row}, column {column} is negative: the kernel takes numbers from 0"
    )))
}

/// `-sum((x - y)^2 / (x + y))`.
fn additive_chi2(a: &[f64], b: &[f64]) -> f64 {
    let terms = a.iter().zip(b).map(|(x, y)| {
        let (away, size) = (x - y, x + y);
        if size == 0.0 { 0.0 } else { away * away / size }
    });
    -terms.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_what_their_definitions_say() {
        let (a, b) = ([1.0, 2.0], [3.0, 1.0]);
        let polynomial = Kernel::Polynomial {
            gamma: 0.5,
            coef0: 1.0,
            degree: 2.0,
        };
        let expected = [
            (Kernel::Linear, 5.0),
            (polynomial, 12.25),
            (Kernel::Rbf { gamma: 0.1 }, (-0.5f64).exp()),
            (Kernel::Laplacian { gamma: 0.1 }, (-0.3f64).exp()),
            (Kernel::Cosine, 1.0 / 2f64.sqrt()),
            (Kernel::AdditiveChi2, -(1.0 + 1.0 / 3.0)),
        ];
        for (kernel, value) in expected {
            let found = kernel.of(&a, &b);
            assert!((found - value).abs() < 1e-12, "{kernel:?}: {found}");
        }
        let rows = Matrix::new(1, 2, a.to_vec());
        let others = Matrix::new(2, 2, vec![3.0, 1.0, 0.0, 1.0]);
        let pairs = Kernel::Linear.pairs(&rows, &others).unwrap();
        assert_eq!(pairs.values, [5.0, 2.0]);
        let negative = Matrix::new(1, 2, vec![1.0, -1.0]);
        assert!(Kernel::AdditiveChi2.pairs(&negative, &others).is_err());
    }
}
