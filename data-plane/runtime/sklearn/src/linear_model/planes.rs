//! Weights and offsets: what every linear estimator computes.

use hari_error::{Error, Result};
use hari_pickle::{Cursor, SparseFormat};

use crate::attributes::matrix_at;
use crate::math::affine;
use crate::table::{Csr, Matrix, Table};

/// `rows @ weights.T + offsets`.
#[derive(Debug)]
pub(crate) struct Planes {
    weights: Weights,
    /// One for each row of the weights, or one for all.
    offsets: Vec<f64>,
    /// Whether there is one number for a row of the table, rather than a column of one.
    pub(crate) flat: bool,
}

#[derive(Debug)]
enum Weights {
    Dense(Matrix),
    /// After `sparsify()`; the columns of each row rise.
    Sparse(Csr),
}

impl Planes {
    /// `coef_` of shape `[features]` or `[outputs, features]`, dense or sparse, and `intercept_`.
    ///
    /// # Errors
    /// `Model` for shapes that do not fit each other.
    pub(crate) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let (weights, flat) = weights(&cursor.attribute("coef_")?)?;
        let offsets = offsets(cursor, weights.shape().0)?;
        Ok(Self {
            weights,
            offsets,
            flat,
        })
    }

    /// Planes that were computed from other attributes.
    pub(crate) fn new(weights: Matrix, offsets: Vec<f64>) -> Self {
        Self {
            weights: Weights::Dense(weights),
            offsets,
            flat: false,
        }
    }

    pub(crate) fn outputs(&self) -> usize {
        self.weights.shape().0
    }

    pub(crate) fn features(&self) -> usize {
        self.weights.shape().1
    }

    /// `[rows, outputs]`.
    ///
    /// # Errors
    /// `InvalidInput` for text.
    pub(crate) fn at(&self, rows: &Table) -> Result<Matrix> {
        match &self.weights {
            Weights::Dense(weights) => affine(rows, weights, &self.offsets),
            Weights::Sparse(weights) => self.sparse(rows, weights),
        }
    }

    fn sparse(&self, rows: &Table, weights: &Csr) -> Result<Matrix> {
        if let Table::Sparse(rows) = rows {
            let mut found = Matrix::zeros(rows.rows(), weights.rows());
            for row in 0..rows.rows() {
                for (output, to) in found.row_mut(row).iter_mut().enumerate() {
                    let (columns, values) = weights.row(output);
                    let product = |(column, value): (usize, f64)| {
                        let at = columns.binary_search(&u32::try_from(column).ok()?).ok()?;
                        Some(value * values.get(at)?)
                    };
                    *to = rows.entries(row).filter_map(product).sum::<f64>() + self.offset(output);
                }
            }
            return Ok(found);
        }
        let rows = rows.dense()?;
        Ok(rows.map_rows(weights.rows(), |row, found| {
            for (output, to) in found.iter_mut().enumerate() {
                let products = weights
                    .entries(output)
                    .map(|(column, weight)| weight * row.get(column).copied().unwrap_or(0.0));
                *to = products.sum::<f64>() + self.offset(output);
            }
        }))
    }

    fn offset(&self, output: usize) -> f64 {
        match self.offsets.as_slice() {
            [all] => *all,
            each => each.get(output).copied().unwrap_or(0.0),
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let weights = match &self.weights {
            Weights::Dense(weights) => size_of_val(weights.values.as_slice()),
            Weights::Sparse(weights) => {
                size_of_val(weights.values.as_slice()) + size_of_val(weights.indices.as_slice())
            }
        };
        weights + size_of_val(self.offsets.as_slice())
    }
}

impl Weights {
    /// Outputs and features.
    fn shape(&self) -> (usize, usize) {
        match self {
            Self::Dense(weights) => (weights.rows, weights.columns),
            Self::Sparse(weights) => (weights.rows(), weights.columns),
        }
    }
}

/// The weights, and whether there is no dimension for outputs.
fn weights(cursor: &Cursor<'_>) -> Result<(Weights, bool)> {
    if cursor.any_array().is_err() {
        let found = csr(cursor)?;
        let flat = found.rows() == 1;
        return Ok((Weights::Sparse(found), flat));
    }
    let found = cursor.numbers()?;
    match *found.shape {
        [features] if features > 0 => {
            let row = Matrix::new(1, features, found.values);
            Ok((Weights::Dense(row), true))
        }
        _ => Ok((Weights::Dense(matrix_at(cursor)?), false)),
    }
}

/// A sparse matrix, compressed by row, the columns of each row rising.
///
/// # Errors
/// `Model` for another kind of value, one compressed by column, or columns that occur twice.
pub(crate) fn csr(cursor: &Cursor<'_>) -> Result<Csr> {
    let found = cursor.sparse()?;
    if found.format != SparseFormat::Csr {
        return Err(cursor.refuse("expected a matrix that is compressed by row"));
    }
    let mut sorted = Csr {
        columns: found.shape.1,
        starts: vec![0],
        ..Csr::default()
    };
    for bounds in found.starts.windows(2) {
        let range = match *bounds {
            [start, end] => start..end,
            _ => 0..0,
        };
        let columns = found.indices.get(range.clone()).unwrap_or_default();
        let values = found.values.get(range).unwrap_or_default();
        let mut entries: Vec<_> = columns
            .iter()
            .copied()
            .zip(values.iter().copied())
            .collect();
        entries.sort_by_key(|(column, _)| *column);
        for (column, value) in entries {
            let column = u32::try_from(column).map_err(|_| too_wide(cursor))?;
            sorted.indices.push(column);
            sorted.values.push(value);
        }
        sorted.starts.push(sorted.values.len());
    }
    Ok(sorted)
}

fn too_wide(cursor: &Cursor<'_>) -> Error {
    cursor.refuse(format_args!("expected fewer than {} columns", u32::MAX))
}

/// `intercept_`: one for each output, or one for all.
fn offsets(cursor: &Cursor<'_>, outputs: usize) -> Result<Vec<f64>> {
    let at = cursor.attribute("intercept_")?;
    let found = match at.float() {
        Ok(all) => vec![all],
        Err(_) => at.numbers()?.values,
    };
    if found.len() == 1 || found.len() == outputs {
        return Ok(found);
    }
    Err(at.refuse(format_args!(
        "expected 1 or {outputs} numbers, found {}",
        found.len()
    )))
}
