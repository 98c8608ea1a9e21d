//! `sklearn.kernel_ridge`: linear regression in the space of a kernel.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{number, rows_dense_or_sparse};
use crate::estimator::{Estimator, Form, Method};
use crate::math::affine;
use crate::metrics::pairwise::{Kernel, Parameters};
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[("sklearn.kernel_ridge.KernelRidge", KernelRidge::read)];

#[derive(Debug)]
struct KernelRidge {
    kernel: Kernel,
    points: Matrix,
    /// `[outputs, training rows]`.
    weights: Matrix,
    /// Whether the outputs have a dimension of their own.
    several: bool,
}

/// `gamma`, `coef0` and `degree`.
pub(crate) fn parameters(cursor: &Cursor<'_>) -> Result<Parameters> {
    Ok(Parameters {
        gamma: number(cursor, "gamma")?,
        coef0: number(cursor, "coef0")?,
        degree: number(cursor, "degree")?,
    })
}

impl KernelRidge {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let points = rows_dense_or_sparse(&cursor.attribute("X_fit_")?)?;
        let kernel = cursor.attribute("kernel")?;
        let kernel = Kernel::read(&kernel, parameters(cursor)?, points.columns)?;
        let at = cursor.attribute("dual_coef_")?;
        let found = at.numbers()?;
        let (rows, outputs) = match *found.shape {
            [rows] => (rows, 1),
            [rows, outputs] => (rows, outputs),
            _ => (0, 0),
        };
        if rows != points.rows || outputs == 0 {
            return Err(at.refuse(format_args!("expected a row for each of {}", points.rows)));
        }
        Ok(Box::new(Self {
            kernel,
            several: found.shape.len() == 2,
            weights: Matrix::new(rows, outputs, found.values).transposed(),
            points,
        }))
    }
}

impl Estimator for KernelRidge {
    fn form(&self, method: Method) -> Option<Form> {
        let form = match self.several {
            true => Form::numbers(self.weights.rows),
            false => Form::NUMBER,
        };
        (method == Method::Predict).then_some(form)
    }

    fn width(&self) -> Option<usize> {
        Some(self.points.columns)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let pairs = self.kernel.pairs(&*rows.dense()?, &self.points)?;
        Ok(Values::Floats(
            affine(&pairs.into(), &self.weights, &[])?.values,
        ))
    }

    fn memory_bytes(&self) -> usize {
        (self.points.values.len() + self.weights.values.len()) * size_of::<f64>()
    }
}
