//! Joining: `StringConcat`, `StringJoin`, `ReduceJoin`, `UnsortedSegmentJoin`.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::broadcast;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integer, integers, operator};
use crate::{Inputs, Operator, size};

/// Texts one after the other, with `separator` between them.
fn joined<'a>(texts: impl Iterator<Item = &'a Bytes>, separator: &[u8]) -> Bytes {
    let mut made = Vec::new();
    for (at, text) in texts.enumerate() {
        if at > 0 {
            made.extend_from_slice(separator);
        }
        made.extend_from_slice(text);
    }
    made.into()
}

fn separator(node: &Node<'_>) -> Result<Bytes> {
    let separator = node.attributes.text("separator")?.unwrap_or("");
    Ok(Bytes::copy_from_slice(separator.as_bytes()))
}

/// Element by element, all inputs broadcast to one shape.
struct Join {
    separator: Bytes,
}

pub(super) fn join(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let separator = separator(node)?;
    operator(Join { separator })
}

impl Kernel for Join {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        for at in 0..inputs.len() {
            inputs.one_of(at, &[DataType::Bytes])?;
        }
        Ok(vec![Some(DataType::Bytes)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let given = (0..inputs.0.len()).map(|at| inputs.tensor(at));
        let given = given.collect::<Result<Vec<_>>>()?;
        let shapes: Vec<&[usize]> = given.iter().map(|tensor| tensor.shape()).collect();
        let shape = broadcast::shape(&shapes)?;
        let count = size::count(&shape, DataType::Bytes)?;
        let mut parts = Vec::with_capacity(given.len());
        for tensor in &given {
            parts.push((tensor.strings()?, broadcast::places(tensor.shape(), &shape)));
        }
        let made = (0..count).map(|at| {
            let texts = parts
                .iter()
                .filter_map(|(texts, places)| texts.get(*places.get(at)?));
            joined(texts, &self.separator)
        });
        let made = made.collect();
        Ok(vec![Tensor::from_strings(shape, made)?])
    }
}

struct Reduce {
    separator: Bytes,
    keep: bool,
}

pub(super) fn reduce(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let keep = node.attributes.flag("keep_dims", false)?;
    let separator = separator(node)?;
    operator(Reduce { separator, keep })
}

impl Kernel for Reduce {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bytes)])
    }

    /// The first axis that is named runs fastest.
    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let axes = size::axes(&integers(inputs.tensor(1)?)?, x.shape().len())?;
        let strides = broadcast::strides(x.shape());
        let of = |axis: &usize| {
            let size = x.shape().get(*axis).copied().unwrap_or(1);
            (size, strides.get(*axis).copied().unwrap_or(0))
        };
        let kept: Vec<usize> = (0..x.shape().len())
            .filter(|axis| !axes.contains(axis))
            .collect();
        let outer: Vec<_> = kept.iter().map(of).collect();
        let inner: Vec<_> = axes.iter().rev().map(of).collect();
        let (texts, inner) = (x.strings()?, offsets(&inner));
        let made = offsets(&outer).into_iter().map(|from| {
            let texts = inner.iter().filter_map(|at| texts.get(from + at));
            joined(texts, &self.separator)
        });
        let made = made.collect();
        let shape = x.shape().iter().enumerate().filter_map(|(axis, &size)| {
            match (kept.contains(&axis), self.keep) {
                (true, _) => Some(size),
                (false, true) => Some(1),
                (false, false) => None,
            }
        });
        Ok(vec![Tensor::from_strings(shape.collect::<Vec<_>>(), made)?])
    }
}

/// Where the elements along some axes lie, the last axis fastest; axes are sizes and strides.
fn offsets(axes: &[(usize, usize)]) -> Vec<usize> {
    axes.iter().fold(vec![0], |found, &(size, stride)| {
        let along = |from: usize| (0..size).map(move |at| from + at * stride);
        found.into_iter().flat_map(along).collect()
    })
}

struct Segments {
    separator: Bytes,
}

pub(super) fn segments(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let separator = separator(node)?;
    operator(Segments { separator })
}

impl Kernel for Segments {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bytes)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (x, ids) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let rest = x.shape().strip_prefix(ids.shape()).ok_or_else(|| {
            Error::invalid(format!(
                "segment ids of shape {:?} do not start shape {:?}",
                ids.shape(),
                x.shape()
            ))
        })?;
        let width: usize = rest.iter().product();
        let count = size::sizes(&[integer(inputs.tensor(2)?)?])?;
        let shape = [&count[..], rest].concat();
        let mut found = vec![Vec::new(); size::count(&shape, DataType::Bytes)?];
        for (row, &id) in x.strings()?.chunks(width.max(1)).zip(&*integers(ids)?) {
            // Negative ids are left out.
            let Ok(id) = usize::try_from(id) else {
                continue;
            };
            for (column, text) in row.iter().enumerate() {
                let place = found.get_mut(id.saturating_mul(width).saturating_add(column));
                place
                    .ok_or_else(|| Error::invalid(format!("segment {id} is beyond the last")))?
                    .push(text);
            }
        }
        let made = found
            .into_iter()
            .map(|texts| joined(texts.into_iter(), &self.separator));
        let made = made.collect();
        Ok(vec![Tensor::from_strings(shape, made)?])
    }
}
