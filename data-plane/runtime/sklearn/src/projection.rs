//! Rows times fitted directions: `sklearn.random_projection`, and what other modules project with.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::rows_dense_or_sparse;
use crate::estimator::{Estimator, Form, Method};
use crate::math::affine;
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Csr, Matrix, Table};

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.random_projection.GaussianRandomProjection",
        components,
    ),
    (
        "sklearn.random_projection.SparseRandomProjection",
        components,
    ),
];

/// `(rows - mean) @ weights.T`.
#[derive(Debug)]
pub(crate) struct Projection {
    /// Of each column; empty if it is not taken away.
    pub(crate) mean: Vec<f64>,
    /// `[directions, columns]`.
    pub(crate) weights: Matrix,
    pub(crate) width: usize,
}

/// What is nothing but `components_`, dense or sparse.
pub(crate) fn components(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let weights = rows_dense_or_sparse(&cursor.attribute("components_")?)?;
    Ok(Box::new(Projection {
        mean: Vec::new(),
        width: weights.columns,
        weights,
    }))
}

impl Estimator for Projection {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Transform).then(|| Form::numbers(self.weights.rows))
    }

    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        if self.mean.is_empty() {
            let found = affine(rows, &self.weights, &[])?;
            // What is sparse stays sparse, as in scikit-learn.
            return Ok(match rows {
                Table::Sparse(_) => Csr::from_dense(&found).into(),
                _ => found.into(),
            });
        }
        let rows = rows.dense()?;
        let away = rows.map_rows(rows.columns, |row, found| {
            for (to, (x, mean)) in found.iter_mut().zip(row.iter().zip(&self.mean)) {
                *to = x - mean;
            }
        });
        affine(&away.into(), &self.weights, &[]).map(Table::from)
    }

    fn memory_bytes(&self) -> usize {
        self.weights.values.len() * size_of::<f64>()
    }
}
