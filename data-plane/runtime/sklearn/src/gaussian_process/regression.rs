//! `GaussianProcessRegressor`: the mean of the functions that fit.

use hari_error::Result;
use hari_pickle::Cursor;

use super::kernels::Kernel;
use crate::attributes::{matrix, numbers_at};
use crate::estimator::{Estimator, Form, Method};
use crate::math::dot;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
pub(super) struct Regressor {
    kernel: Kernel,
    points: Matrix,
    /// `[outputs, training rows]`.
    weights: Matrix,
    /// Of the targets, for each output.
    means: Vec<f64>,
    spreads: Vec<f64>,
}

impl Regressor {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let points = matrix(cursor, "X_train_")?;
        let kernel = Kernel::read(&cursor.attribute("kernel_")?, points.columns)?;
        let at = cursor.attribute("alpha_")?;
        let found = at.numbers()?;
        let outputs = match *found.shape {
            [rows] if rows == points.rows => 1,
            [rows, outputs] if rows == points.rows && outputs > 0 => outputs,
            _ => return Err(at.refuse(format_args!("expected {} rows", points.rows))),
        };
        Ok(Box::new(Self {
            kernel,
            weights: Matrix::new(points.rows, outputs, found.values).transposed(),
            points,
            means: each(&cursor.attribute("_y_train_mean")?, outputs)?,
            spreads: each(&cursor.attribute("_y_train_std")?, outputs)?,
        }))
    }
}

/// A number for each output, or one for all.
fn each(cursor: &Cursor<'_>, outputs: usize) -> Result<Vec<f64>> {
    if let Ok(one) = cursor.float() {
        return Ok(vec![one; outputs]);
    }
    match numbers_at(cursor, 1) {
        Ok(one) => Ok(one.repeat(outputs)),
        Err(_) => numbers_at(cursor, outputs),
    }
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        let form = match self.weights.rows {
            1 => Form::NUMBER,
            outputs => Form::numbers(outputs),
        };
        (method == Method::Predict).then_some(form)
    }

    fn width(&self) -> Option<usize> {
        Some(self.points.columns)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let rows = rows.dense()?;
        let found = rows.map_rows(self.weights.rows, |row, found| {
            let near = self.kernel.with_each(row, &self.points);
            let scales = self.spreads.iter().zip(&self.means);
            let outputs = self.weights.iter_rows().zip(scales);
            for (to, (weights, (spread, mean))) in found.iter_mut().zip(outputs) {
                *to = spread * dot(&near, weights) + mean;
            }
        });
        Ok(Values::Floats(found.values))
    }

    fn memory_bytes(&self) -> usize {
        (self.points.values.len() + self.weights.values.len()) * size_of::<f64>()
    }
}
