//! `GaussianProcessClassifier`: classes by a function of which the sign decides.

use std::f64::consts::PI;

use hari_error::Result;
use hari_pickle::Cursor;

use super::kernels::Kernel;
use crate::attributes::{self, matrix, matrix_of, numbers_of};
use crate::delegate::delegate;
use crate::estimator::{Estimator, Form, Method};
use crate::math::dot;
use crate::reader::{Node, Reader};
use crate::special::erf;
use crate::table::{Matrix, Table};
use crate::values::Values;

/// One function for two classes, or several that vote.
#[derive(Debug)]
pub(super) struct Classifier {
    inner: Node,
    classes: [Values; 1],
}

impl Classifier {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self {
            inner: reader.read(&cursor.attribute("base_estimator_")?)?,
            classes: [attributes::classes(cursor)?],
        }))
    }
}

impl Estimator for Classifier {
    delegate!(self => &self.inner; form width predict predict_proba memory_bytes);

    fn classes(&self) -> &[Values] {
        &self.classes
    }
}

/// Two classes, by Laplace's approximation: Rasmussen and Williams, "Gaussian Processes for
/// Machine Learning", algorithm 3.2.
#[derive(Debug)]
pub(super) struct Binary {
    classes: [Values; 1],
    kernel: Kernel,
    points: Matrix,
    /// What the training rows give to the function: label less probability.
    weights: Vec<f64>,
    /// Roots of the curvature at the training rows.
    roots: Vec<f64>,
    /// The lower triangle that the covariance at a row is solved with.
    lower: Matrix,
}

/// The logistic function as a sum of error functions: Williams and Barber, "Bayesian
/// Classification with Gaussian Processes", appendix A. Widths and weights.
const ERROR_FUNCTIONS: [(f64, f64); 5] = [
    (0.41, -1854.8214151),
    (0.4, 3516.89893646),
    (0.37, 221.29346712),
    (0.44, 128.12323805),
    (0.39, -2010.49422654),
];

impl Binary {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = attributes::classes(cursor)?;
        if classes.len() != 2 {
            return Err(cursor.refuse(format_args!(
                "expected two classes, found {}",
                classes.len()
            )));
        }
        let points = matrix(cursor, "X_train_")?;
        let count = points.rows;
        let labels = numbers_of(cursor, "y_train_", count)?;
        let chances = numbers_of(cursor, "pi_", count)?;
        Ok(Box::new(Self {
            classes: [classes],
            kernel: Kernel::read(&cursor.attribute("kernel_")?, points.columns)?,
            weights: labels.iter().zip(chances).map(|(y, pi)| y - pi).collect(),
            roots: numbers_of(cursor, "W_sr_", count)?,
            lower: matrix_of(cursor, "L_", (count, count))?,
            points,
        }))
    }

    /// The mean of the function at a row.
    fn mean(&self, near: &[f64]) -> f64 {
        dot(near, &self.weights)
    }

    /// Its variance.
    fn variance(&self, row: &[f64], near: &[f64]) -> f64 {
        let scaled = near.iter().zip(&self.roots).map(|(k, root)| k * root);
        let mut solved: Vec<f64> = Vec::with_capacity(near.len());
        for (lower, value) in self.lower.iter_rows().zip(scaled) {
            let (before, rest) = lower.split_at(solved.len().min(lower.len()));
            let diagonal = rest.first().copied().unwrap_or(f64::NAN);
            solved.push((value - dot(&solved, before)) / diagonal);
        }
        self.kernel.variance(row) - dot(&solved, &solved)
    }

    /// How likely the second class is.
    fn chance(&self, row: &[f64]) -> f64 {
        let near = self.kernel.with_each(row, &self.points);
        let (mean, variance) = (self.mean(&near), self.variance(row, &near));
        let alpha = 1.0 / (2.0 * variance);
        let terms = ERROR_FUNCTIONS.map(|(width, weight)| {
            let at = width * mean * (alpha / (alpha + width * width)).sqrt();
            let integral = (PI / alpha).sqrt() * erf(at) / (2.0 * (variance * 2.0 * PI).sqrt());
            (weight * integral, weight)
        });
        let sum: f64 = terms.iter().map(|(term, _)| term).sum();
        let weights: f64 = terms.iter().map(|(_, weight)| weight).sum();
        sum + 0.5 * weights
    }
}

impl Estimator for Binary {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::Predict => Some(Form::label(classes)),
            Method::PredictProba => Some(Form::numbers(2)),
            _ => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.points.columns)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let rows = rows.dense()?;
        let places = rows.iter_rows().map(|row| {
            let near = self.kernel.with_each(row, &self.points);
            usize::from(self.mean(&near) > 0.0)
        });
        Ok(classes.at(&places.collect::<Vec<_>>()))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        Ok(rows.dense()?.map_rows(2, |row, found| {
            let chance = self.chance(row);
            found.copy_from_slice(&[1.0 - chance, chance]);
        }))
    }

    fn memory_bytes(&self) -> usize {
        (self.points.values.len() + self.lower.values.len()) * size_of::<f64>()
    }
}
