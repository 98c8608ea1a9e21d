//! `Gelu`, `BiasGelu`, `FastGelu` and `QuickGelu`.

use hari_core::{DataType, Tensor};
use hari_error::Result;

use super::{Doubles, FLOATS};
use crate::compile::Node;
use crate::families::activation::{gelu, gelu_tanh, sigmoid};
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator};

/// A function of each number, behind a bias if there is one.
struct Biased<F>(F);

pub(super) fn with_bias(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(Biased(gelu::<f64>))
}

pub(super) fn fast(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(Biased(gelu_tanh::<f64>))
}

pub(super) fn quick(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let alpha = f64::from(node.attributes.float_or("alpha", 1.702)?);
    operator(Biased(move |x: f64| x * sigmoid(alpha * x)))
}

impl<F: Fn(f64) -> f64 + Send + Sync> Kernel for Biased<F> {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.one_of(0, FLOATS)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let mut x = Doubles::of(inputs.tensor(0)?)?;
        if let Some(bias) = inputs.optional(1)? {
            x.add(bias)?;
        }
        x.values
            .iter_mut()
            .for_each(|value| *value = (self.0)(*value));
        Ok(vec![x.tensor()?])
    }
}
