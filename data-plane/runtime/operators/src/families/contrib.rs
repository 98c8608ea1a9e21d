//! Operators of `com.microsoft` that optimised transformers are exported with, computed in double
//! precision and rounded once.

mod attention;
mod gelu;
mod norm;

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::kernel::{Elements, Kernel, operator};
use super::linear::product;
use crate::compile::{Builder, Entry, Node};
use crate::convert::of_doubles;
use crate::view::View;
use crate::{Inputs, Operator};

const fn entry(name: &'static str, build: Builder) -> Entry {
    Entry {
        domain: "com.microsoft",
        name,
        since: 1,
        build,
    }
}

pub(crate) const TABLE: &[Entry] = &[
    entry("Attention", attention::attention),
    entry("BiasGelu", gelu::with_bias),
    entry("EmbedLayerNormalization", norm::embed),
    entry("FastGelu", gelu::fast),
    entry("FusedMatMul", fused_matmul),
    entry("Gelu", gelu::with_bias),
    entry("MultiHeadAttention", attention::multi_head),
    entry("QuickGelu", gelu::quick),
    entry("SkipLayerNormalization", norm::skip),
    entry("SkipSimplifiedLayerNormalization", norm::skip_simplified),
    // ONNX Runtime writes it into the default domain.
    Entry {
        domain: "",
        name: "SimplifiedLayerNormalization",
        since: 1,
        build: norm::simplified,
    },
];

/// Element types that are computed with.
const FLOATS: &[DataType] = &[
    DataType::Fp32,
    DataType::Fp64,
    DataType::Fp16,
    DataType::Bf16,
];

/// Floating-point numbers in double precision.
#[derive(Clone)]
struct Doubles {
    shape: Vec<usize>,
    values: Vec<f64>,
    dtype: DataType,
}

impl Doubles {
    fn of(tensor: &Tensor) -> Result<Self> {
        Ok(Self {
            shape: tensor.shape().to_vec(),
            values: tensor.to_f64()?,
            dtype: tensor.dtype(),
        })
    }

    /// The size of the last dimension.
    fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Adds other numbers, whose shape is the end of this one or has ones where it repeats.
    fn add(&mut self, other: &Tensor) -> Result<()> {
        let shape = super::text::broadcast::shape(&[&self.shape, other.shape()])?;
        if shape != self.shape {
            return Err(Error::invalid(format!(
                "shape {:?} does not fit {:?}",
                other.shape(),
                self.shape
            )));
        }
        let places = super::text::broadcast::places(other.shape(), &shape);
        let values = other.to_f64()?;
        for (sum, place) in self.values.iter_mut().zip(places) {
            *sum += values.get(place).copied().unwrap_or_default();
        }
        Ok(())
    }

    fn tensor(self) -> Result<Tensor> {
        of_doubles(&self.shape, self.dtype, self.values)
    }
}

/// A product of matrices, each transposed first if so written.
struct FusedMatMul {
    transposed: [bool; 2],
    alpha: f64,
}

fn fused_matmul(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    for name in ["transBatchA", "transBatchB"] {
        if attributes.flag(name, false)? {
            return Err(Error::model(format!("attribute `{name}` is not known")));
        }
    }
    let a = attributes.flag("transA", false)?;
    let b = attributes.flag("transB", false)?;
    operator(FusedMatMul {
        transposed: [a, b],
        alpha: attributes.float_or("alpha", 1.0)?.into(),
    })
}

impl Kernel for FusedMatMul {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.one_of(0, FLOATS)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let [a, b] = self.transposed;
        let made = product(
            &turned(inputs.tensor(0)?, a)?,
            &turned(inputs.tensor(1)?, b)?,
        )?;
        let mut made = Doubles::of(&made)?;
        made.values
            .iter_mut()
            .for_each(|value| *value *= self.alpha);
        Ok(vec![made.tensor()?])
    }
}

/// With the last two dimensions exchanged, if there are two.
fn turned(tensor: &Tensor, turn: bool) -> Result<Tensor> {
    let rank = tensor.shape().len();
    if !turn || rank < 2 {
        return Ok(tensor.clone());
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 1, rank - 2);
    View::of(tensor.shape()).permuted(&order).copy(tensor)
}
