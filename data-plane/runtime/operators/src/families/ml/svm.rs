//! Support vector machines: what classifier and regressor share.

mod classifier;
mod coupling;
mod regressor;

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::attributes::Attributes;
use crate::families::kernel::{matrix, singles};

pub(super) use classifier::classifier;
pub(super) use regressor::regressor;

/// How alike two rows are.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Linear,
    Poly,
    Rbf,
    Sigmoid,
}

/// A kernel with its parameters.
#[derive(Clone, Copy, Debug)]
struct Likeness {
    kind: Kind,
    gamma: f64,
    offset: f64,
    degree: f64,
}

impl Likeness {
    fn of(attributes: Attributes<'_>) -> Result<Self> {
        let kind = match attributes.text("kernel_type")?.unwrap_or("LINEAR") {
            "LINEAR" => Kind::Linear,
            "POLY" => Kind::Poly,
            "RBF" => Kind::Rbf,
            "SIGMOID" => Kind::Sigmoid,
            other => {
                return Err(Error::model(format!(
                    "attribute `kernel_type`: expected LINEAR, POLY, RBF or SIGMOID, found {other}"
                )));
            }
        };
        let given = attributes.floats("kernel_params")?.unwrap_or(&[]);
        let parameter = |at: usize| given.get(at).copied().map_or(0.0, f64::from);
        Ok(Self {
            kind,
            gamma: parameter(0),
            offset: parameter(1),
            degree: parameter(2),
        })
    }

    fn linear() -> Self {
        Self {
            kind: Kind::Linear,
            gamma: 0.0,
            offset: 0.0,
            degree: 0.0,
        }
    }

    fn between(self, a: &[f32], b: &[f32]) -> f64 {
        let pairs = || a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b)));
        let dot = || pairs().map(|(a, b)| a * b).sum::<f64>();
        match self.kind {
            Kind::Linear => dot(),
            Kind::Poly => (self.gamma * dot() + self.offset).powf(self.degree),
            Kind::Sigmoid => (self.gamma * dot() + self.offset).tanh(),
            Kind::Rbf => {
                let distance: f64 = pairs().map(|(a, b)| (a - b) * (a - b)).sum();
                (-self.gamma * distance).exp()
            }
        }
    }
}

/// Rows to compare with, each with as many features.
struct Vectors {
    values: Vec<f32>,
    features: usize,
}

impl Vectors {
    /// `count` rows.
    fn new(values: &[f32], count: usize) -> Result<Self> {
        match values.len().checked_div(count) {
            Some(features) if features > 0 && features * count == values.len() => Ok(Self {
                values: values.to_vec(),
                features,
            }),
            _ => Err(Error::model(format!(
                "{} values are not {count} vectors of one length",
                values.len()
            ))),
        }
    }

    /// Likeness of a row and every vector.
    fn alike(&self, row: &[f32], likeness: Likeness) -> Vec<f64> {
        let vectors = self.values.chunks(self.features);
        vectors
            .map(|vector| likeness.between(row, vector))
            .collect()
    }

    /// Runs `one` on every row of `x`.
    fn rows<T>(&self, x: &Tensor, one: impl FnMut(&[f32]) -> Result<T>) -> Result<Vec<T>> {
        let (rows, columns) = matrix(x)?;
        if columns != self.features {
            return Err(Error::invalid(format!(
                "expected {} features, found {columns}",
                self.features
            )));
        }
        let values = singles(x)?;
        values.chunks(columns).take(rows).map(one).collect()
    }
}
