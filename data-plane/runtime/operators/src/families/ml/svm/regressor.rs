//! `SVMRegressor`, and whether a row is one of a class.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::{Likeness, Vectors};
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::families::ml::INPUTS;
use crate::{Inputs, Operator, size};

struct Regressor {
    likeness: Likeness,
    vectors: Vectors,
    /// The weight of each vector.
    weights: Vec<f32>,
    offset: f64,
    one_class: bool,
}

pub(in crate::families::ml) fn regressor(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let coefficients = attributes.floats("coefficients")?.unwrap_or(&[]);
    let offset = attributes.floats("rho")?.and_then(<[f32]>::first);
    let supports = attributes.int_or("n_supports", 0)?;
    let (likeness, vectors, weights) = if supports > 0 {
        let vectors = attributes.floats("support_vectors")?.unwrap_or(&[]);
        let count = size::sizes(&[supports])?.first().copied().unwrap_or(0);
        if coefficients.len() != count {
            return Err(Error::model(format!(
                "{count} support vectors need as many coefficients, found {}",
                coefficients.len()
            )));
        }
        let vectors = Vectors::new(vectors, count)?;
        (Likeness::of(attributes)?, vectors, coefficients.to_vec())
    } else {
        (
            Likeness::linear(),
            Vectors::new(coefficients, 1)?,
            vec![1.0],
        )
    };
    operator(Regressor {
        likeness,
        vectors,
        weights,
        offset: f64::from(offset.copied().unwrap_or_default()),
        one_class: attributes.flag("one_class", false)?,
    })
}

impl Kernel for Regressor {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, INPUTS)?;
        Ok(vec![Some(DataType::Fp32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let made = self.vectors.rows(inputs.tensor(0)?, |row| {
            let alike = self.vectors.alike(row, self.likeness);
            let products = alike.iter().zip(&self.weights);
            let sum: f64 = products
                .map(|(alike, &weight)| alike * f64::from(weight))
                .sum();
            let value = sum + self.offset;
            Ok(match self.one_class {
                true if value > 0.0 => 1.0,
                true => -1.0,
                false => value as f32,
            })
        })?;
        Ok(vec![Tensor::from_vec([made.len(), 1], made)?])
    }
}
