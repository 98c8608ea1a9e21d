//! `KernelPCA`: components of what a kernel says of pairs of rows.

use hari_error::Result;
use hari_pickle::Cursor;

use super::equations::product;
use crate::attributes::{matrix, number, numbers, rows_of};
use crate::estimator::{Estimator, Form, Method};
use crate::metrics::pairwise::{Kernel, Parameters};
use crate::preprocessing::KernelCenterer;
use crate::reader::Reader;
use crate::table::{Matrix, Table};

#[derive(Debug)]
pub(super) struct KernelPca {
    /// The kernel and the rows that were fitted; none: rows are kernels.
    pairs: Option<(Kernel, Matrix)>,
    centerer: KernelCenterer,
    /// `[components, rows that were fitted]`.
    weights: Matrix,
}

impl KernelPca {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let centerer = KernelCenterer::of(&cursor.attribute("_centerer")?)?;
        let name = cursor.attribute("kernel")?;
        let pairs = match name.text().is_ok_and(|name| name == "precomputed") {
            true => None,
            false => {
                let rows = rows_of(cursor, "X_fit_", centerer.fitted())?;
                Some((kernel(cursor, &name, rows.columns)?, rows))
            }
        };
        let weights = weights(cursor, centerer.fitted())?;
        Ok(Box::new(Self {
            pairs,
            centerer,
            weights,
        }))
    }
}

fn kernel(cursor: &Cursor<'_>, name: &Cursor<'_>, width: usize) -> Result<Kernel> {
    let gamma = match number(cursor, "gamma_")? {
        Some(gamma) => Some(gamma),
        None => number(cursor, "gamma")?,
    };
    let given = Parameters {
        gamma,
        coef0: number(cursor, "coef0")?,
        degree: number(cursor, "degree")?,
    };
    Kernel::read(name, given, width)
}

/// Eigenvectors over the roots of their eigenvalues.
fn weights(cursor: &Cursor<'_>, fitted: usize) -> Result<Matrix> {
    let (values, vectors) = match cursor.find_attribute("eigenvalues_")? {
        Some(_) => (
            numbers(cursor, "eigenvalues_")?,
            rows_of(cursor, "eigenvectors_", fitted)?,
        ),
        None => (numbers(cursor, "lambdas_")?, matrix(cursor, "alphas_")?),
    };
    if values.len() != vectors.columns || vectors.rows != fitted {
        return Err(cursor.refuse("eigenvalues and eigenvectors differ in number"));
    }
    let scaled = values.iter().enumerate().flat_map(|(at, value)| {
        let scale = |vector: f64| {
            if *value == 0.0 {
                0.0
            } else {
                vector / value.sqrt()
            }
        };
        vectors.column(at).into_iter().map(scale)
    });
    Ok(Matrix::new(values.len(), fitted, scaled.collect()))
}

impl Estimator for KernelPca {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.weights.rows)
    }

    fn width(&self) -> Option<usize> {
        let columns = self.pairs.as_ref().map(|(_, rows)| rows.columns);
        Some(columns.unwrap_or(self.weights.columns))
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = rows.dense()?;
        let mut found = match &self.pairs {
            Some((kernel, fitted)) => kernel.pairs(&rows, fitted)?,
            None => rows.into_owned(),
        };
        for row in 0..found.rows {
            self.centerer.centre(found.row_mut(row));
        }
        Ok(product(&found, &self.weights).into())
    }

    fn memory_bytes(&self) -> usize {
        let fitted = self.pairs.as_ref().map_or(0, |(_, rows)| rows.values.len());
        (self.weights.values.len() + fitted) * size_of::<f64>()
    }
}
