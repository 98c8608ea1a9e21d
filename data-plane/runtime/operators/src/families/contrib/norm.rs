//! Layer normalisation of a sum: `SkipLayerNormalization`, `EmbedLayerNormalization` and their
//! simplified forms.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::{Doubles, FLOATS};
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integers, operator};
use crate::{Inputs, Operator, size};

/// How rows are normalised.
#[derive(Clone, Copy)]
struct Norm {
    epsilon: f64,
    /// By the root of the mean square, without taking the mean away.
    simplified: bool,
}

impl Norm {
    fn of(node: &Node<'_>, epsilon: f32, simplified: bool) -> Result<Self> {
        let epsilon = node.attributes.float_or("epsilon", epsilon)?;
        Ok(Self {
            epsilon: epsilon.into(),
            simplified,
        })
    }

    /// Normalises every row in place; the means, and one by the deviations.
    fn rows(self, x: &mut Doubles, scale: &Tensor, bias: Option<&Tensor>) -> Result<[Vec<f64>; 2]> {
        let width = x.width();
        let (scale, bias) = (scale.to_f64()?, bias.map(Tensor::to_f64).transpose()?);
        let long = |values: &Vec<f64>| values.len() == width;
        if !long(&scale) || !bias.as_ref().is_none_or(long) {
            return Err(Error::invalid(format!(
                "expected scales and biases of {width} numbers"
            )));
        }
        let (mut means, mut inverses) = (Vec::new(), Vec::new());
        for row in x.values.chunks_mut(width.max(1)) {
            let count = row.len() as f64;
            let mean = match self.simplified {
                true => 0.0,
                false => row.iter().sum::<f64>() / count,
            };
            let squares = row.iter().map(|value| (value - mean).powi(2));
            let inverse = 1.0 / (squares.sum::<f64>() / count + self.epsilon).sqrt();
            for (at, value) in row.iter_mut().enumerate() {
                let bias = bias.as_ref().and_then(|bias| bias.get(at));
                let scale = scale.get(at).copied().unwrap_or(1.0);
                *value = (*value - mean) * inverse * scale + bias.copied().unwrap_or_default();
            }
            means.push(mean);
            inverses.push(inverse);
        }
        Ok([means, inverses])
    }
}

struct Skip {
    norm: Norm,
    /// The places of the scale, and of the bias behind it if the form has one.
    bias: Option<usize>,
}

pub(super) fn skip(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let norm = Norm::of(node, 1e-12, false)?;
    operator(Skip {
        norm,
        bias: Some(3),
    })
}

pub(super) fn skip_simplified(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let norm = Norm::of(node, 1e-12, true)?;
    operator(Skip { norm, bias: None })
}

impl Kernel for Skip {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        let own = inputs.one_of(0, FLOATS)?;
        let single = Some(DataType::Fp32);
        Ok(vec![own, single, single, own])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let mut sum = Doubles::of(inputs.tensor(0)?)?;
        sum.add(inputs.tensor(1)?)?;
        let last = self.bias.map_or(3, |at| at + 1);
        if let Some(bias) = inputs.optional(last)? {
            sum.add(bias)?;
        }
        let whole = sum.clone().tensor()?;
        let bias = self
            .bias
            .map(|at| inputs.optional(at))
            .transpose()?
            .flatten();
        let [means, inverses] = self.norm.rows(&mut sum, inputs.tensor(2)?, bias)?;
        let mut rows = sum.shape.clone();
        if let Some(last) = rows.last_mut() {
            *last = 1;
        }
        let single = |values: Vec<f64>| {
            let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            Tensor::from_vec(rows.clone(), values)
        };
        Ok(vec![
            sum.tensor()?,
            single(means)?,
            single(inverses)?,
            whole,
        ])
    }
}

struct Simplified {
    norm: Norm,
}

pub(super) fn simplified(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    if !matches!(node.attributes.int_or("axis", -1)?, -1) {
        return Err(Error::model("attribute `axis`: expected -1, the last"));
    }
    let norm = Norm::of(node, 1e-5, true)?;
    operator(Simplified { norm })
}

impl Kernel for Simplified {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.one_of(0, FLOATS)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let mut x = Doubles::of(inputs.tensor(0)?)?;
        self.norm.rows(&mut x, inputs.tensor(1)?, None)?;
        Ok(vec![x.tensor()?])
    }
}

/// The sum of the embeddings of words, positions and segments, normalised.
struct Embed {
    norm: Norm,
}

pub(super) fn embed(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let norm = Norm::of(node, 1e-12, false)?;
    operator(Embed { norm })
}

/// Adds the rows of a table at `ids`, one to each row of `sum`.
fn gather(sum: &mut Doubles, table: &Tensor, ids: impl Iterator<Item = i64>) -> Result<()> {
    let width = sum.width();
    if table.shape().last() != Some(&width) {
        return Err(Error::invalid(format!(
            "expected embeddings of {width} numbers, found shape {:?}",
            table.shape()
        )));
    }
    let rows = table.to_f64()?;
    for (sum, id) in sum.values.chunks_mut(width.max(1)).zip(ids) {
        let from = usize::try_from(id)
            .ok()
            .and_then(|id| id.checked_mul(width));
        let row = from.and_then(|from| rows.get(from..from.checked_add(width)?));
        let row = row.ok_or_else(|| Error::invalid(format!("there is no embedding {id}")))?;
        sum.iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += value);
    }
    Ok(())
}

impl Kernel for Embed {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        let own = inputs.one_of(2, FLOATS)?;
        Ok(vec![own, Some(DataType::Int32), own])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (ids, words) = (inputs.tensor(0)?, inputs.tensor(2)?);
        let (&[batch, length], Some(&width)) = (ids.shape(), words.shape().last()) else {
            return Err(Error::invalid(
                "expected ids [batch, length] and embeddings",
            ));
        };
        let shape = vec![batch, length, width];
        let mut sum = Doubles {
            values: vec![0.0; size::count(&shape, DataType::Fp64)?],
            shape,
            dtype: words.dtype(),
        };
        gather(&mut sum, words, integers(ids)?.iter().copied())?;
        let places = match inputs.optional(8)? {
            Some(given) => integers(given)?.into_owned(),
            None => (0..length as i64).collect(),
        };
        let places = places.iter().copied().cycle().take(batch * length);
        gather(&mut sum, inputs.tensor(3)?, places)?;
        if let (Some(ids), Some(table)) = (inputs.optional(1)?, inputs.optional(4)?) {
            gather(&mut sum, table, integers(ids)?.iter().copied())?;
        }
        let whole = sum.clone().tensor()?;
        self.norm
            .rows(&mut sum, inputs.tensor(5)?, inputs.optional(6)?)?;
        let lengths: Vec<i32> = match inputs.optional(7)? {
            None => vec![0; batch],
            Some(mask) => {
                let mask = integers(mask)?;
                let rows = (0..batch).map(|row| mask.get(row * length..(row + 1) * length));
                let seen = |row: &[i64]| row.iter().filter(|&&seen| seen != 0).count() as i32;
                rows.map(|row| row.map_or(0, seen)).collect()
            }
        };
        Ok(vec![
            sum.tensor()?,
            Tensor::from_vec([batch], lengths)?,
            whole,
        ])
    }
}
