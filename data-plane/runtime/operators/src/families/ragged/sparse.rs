//! Sparse tensors: indices `[n, rank]`, values `[n]` and a shape.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::{back, flat, longs, places, unflat};
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integers, operator, take, take_or};
use crate::{Inputs, Operator, size};

fn shape(tensor: &Tensor) -> Result<Vec<usize>> {
    size::sizes(&integers(tensor)?)
}

struct ToDense;

pub(super) fn to_dense(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(ToDense)
}

impl Kernel for ToDense {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.at(2)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (rank, indices) = places(inputs.tensor(0)?)?;
        let (shape, values) = (shape(inputs.tensor(1)?)?, inputs.tensor(2)?);
        let mut picks = vec![usize::MAX; size::count(&shape, values.dtype())?];
        for (at, index) in indices.chunks(rank.max(1)).enumerate() {
            let value = if values.shape().is_empty() { 0 } else { at };
            if let Some(pick) = picks.get_mut(flat(index, &shape)?) {
                *pick = value;
            }
        }
        Ok(vec![take_or(values, &picks, inputs.tensor(3)?, shape)?])
    }
}

struct Reshape;

pub(super) fn reshape(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(Reshape)
}

/// The sizes of `wanted`, one of which may be left to find.
fn resolved(wanted: &[i64], count: usize) -> Result<Vec<usize>> {
    let mut known = wanted.iter().filter(|&&size| size != -1);
    let known = known.try_fold(1_usize, |all, &size| {
        all.checked_mul(usize::try_from(size).ok()?)
    });
    let resolved = wanted.iter().map(|&size| match size {
        -1 => count.checked_div(known?),
        size => usize::try_from(size).ok(),
    });
    let resolved: Option<Vec<usize>> = resolved.collect();
    let fits = |sizes: &Vec<usize>| {
        let open = wanted.iter().filter(|&&size| size == -1).count();
        open <= 1
            && sizes
                .iter()
                .try_fold(1_usize, |all, &size| all.checked_mul(size))
                == Some(count)
    };
    resolved
        .filter(fits)
        .ok_or_else(|| Error::invalid(format!("{count} elements have no shape {wanted:?}")))
}

impl Kernel for Reshape {
    fn outputs(&self, _: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![Some(DataType::Int64); 2])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (rank, indices) = places(inputs.tensor(0)?)?;
        let from = shape(inputs.tensor(1)?)?;
        let count = from
            .iter()
            .try_fold(1_usize, |all, &size| all.checked_mul(size));
        let count = count.ok_or_else(|| Error::invalid("a shape has too many elements"))?;
        let to = resolved(&integers(inputs.tensor(2)?)?, count)?;
        let rows = indices.chunks(rank.max(1));
        let moved = rows.map(|index| Ok(unflat(flat(index, &from)?, &to)));
        let moved = moved.collect::<Result<Vec<_>>>()?;
        Ok(vec![
            longs(vec![moved.len(), to.len()], moved.into_iter().flatten())?,
            longs(vec![to.len()], to)?,
        ])
    }
}

struct FillEmptyRows;

pub(super) fn fill_empty_rows(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(FillEmptyRows)
}

impl Kernel for FillEmptyRows {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        let long = Some(DataType::Int64);
        Ok(vec![long, inputs.at(1)?, Some(DataType::Bool), long])
    }

    /// Rows in order; the entries of a row stay in theirs, a row without one gets the default.
    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (rank, indices) = places(inputs.tensor(0)?)?;
        let (values, shape) = (inputs.tensor(1)?, shape(inputs.tensor(2)?)?);
        let rows = shape.first().copied().unwrap_or(0);
        size::count(&[rows, rank.max(1), 4], DataType::Int64)?;
        let mut entries = vec![Vec::new(); rows];
        for (at, index) in indices.chunks(rank.max(1)).enumerate() {
            let row = index.first().and_then(|&row| entries.get_mut(row));
            row.ok_or_else(|| {
                Error::invalid(format!("index {index:?} is outside of {rows} rows"))
            })?
            .push(at);
        }
        let mut moved = vec![0; values.len()];
        let (mut filled, mut picks) = (Vec::new(), Vec::new());
        for (row, entries) in entries.iter().enumerate() {
            if entries.is_empty() {
                filled.push(row);
                filled.resize(filled.len() + rank.max(1) - 1, 0);
                picks.push(usize::MAX);
            }
            for &at in entries {
                if let Some(moved) = moved.get_mut(at) {
                    *moved = picks.len();
                }
                filled.extend_from_slice(indices.get(at * rank..(at + 1) * rank).unwrap_or(&[]));
                picks.push(at);
            }
        }
        let empty: Vec<bool> = entries.iter().map(Vec::is_empty).collect();
        Ok(vec![
            longs(vec![picks.len(), rank], filled)?,
            take_or(values, &picks, inputs.tensor(3)?, vec![picks.len()])?,
            Tensor::from_bools([rows], &empty)?,
            longs(vec![moved.len()], moved)?,
        ])
    }
}

struct MatMul {
    adjoint: [bool; 2],
}

pub(super) fn matmul(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let a = attributes.flag("adjoint_a", false)?;
    let b = attributes.flag("adjoint_b", false)?;
    operator(MatMul { adjoint: [a, b] })
}

impl Kernel for MatMul {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.one_of(1, &[DataType::Fp32, DataType::Fp64])?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (_, indices) = places(inputs.tensor(0)?)?;
        let (values, dense) = (inputs.tensor(1)?, inputs.tensor(3)?);
        let (&[rows, inner], &[b_rows, b_columns]) =
            (&shape(inputs.tensor(2)?)?[..], dense.shape())
        else {
            return Err(Error::invalid("expected two matrices"));
        };
        let [flip_a, flip_b] = self.adjoint;
        let (rows, inner) = if flip_a { (inner, rows) } else { (rows, inner) };
        let (b_inner, columns) = if flip_b {
            (b_columns, b_rows)
        } else {
            (b_rows, b_columns)
        };
        if inner != b_inner {
            return Err(Error::invalid(format!(
                "a matrix of {inner} columns does not fit one of {b_inner} rows"
            )));
        }
        let (weights, b) = (values.to_f64()?, dense.to_f64()?);
        let mut made = vec![0.0; size::count(&[rows, columns], DataType::Fp64)?];
        for (index, weight) in indices.chunks(2).zip(weights) {
            let (row, at) = match *index {
                [row, at] if flip_a => (at, row),
                [row, at] => (row, at),
                _ => return Err(Error::invalid("expected indices of a matrix")),
            };
            flat(&[row, at], &[rows, inner])?;
            for column in 0..columns {
                let place = if flip_b {
                    column * b_columns + at
                } else {
                    at * b_columns + column
                };
                let product = weight * b.get(place).copied().unwrap_or_default();
                if let Some(sum) = made.get_mut(row * columns + column) {
                    *sum += product;
                }
            }
        }
        Ok(vec![back(vec![rows, columns], made, values.dtype())?])
    }
}

struct ReduceSum {
    keep: bool,
}

pub(super) fn reduce_sum(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let keep = node.attributes.flag("keep_dims", false)?;
    operator(ReduceSum { keep })
}

impl Kernel for ReduceSum {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.at(1)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (rank, indices) = places(inputs.tensor(0)?)?;
        let (values, shape) = (inputs.tensor(1)?, shape(inputs.tensor(2)?)?);
        let axes = size::axes(&integers(inputs.tensor(3)?)?, shape.len())?;
        let kept: Vec<usize> = (0..shape.len())
            .filter(|axis| !axes.contains(axis))
            .collect();
        let outer: Vec<usize> = kept.iter().map(|&axis| shape[axis]).collect();
        let mut made = vec![0.0; size::count(&outer, DataType::Fp64)?];
        for (index, value) in indices.chunks(rank.max(1)).zip(values.to_f64()?) {
            flat(index, &shape)?;
            let own: Vec<usize> = kept.iter().map(|&axis| index[axis]).collect();
            made[flat(&own, &outer)?] += value;
        }
        let sizes = shape.iter().enumerate().filter_map(|(axis, &size)| {
            match (axes.contains(&axis), self.keep) {
                (false, _) => Some(size),
                (true, true) => Some(1),
                (true, false) => None,
            }
        });
        Ok(vec![back(sizes.collect(), made, values.dtype())?])
    }
}

struct Where;

pub(super) fn where_true(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(Where)
}

impl Kernel for Where {
    fn outputs(&self, _: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![Some(DataType::Int64)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let found: Vec<bool> = match x.dtype() {
            DataType::Bool => x.values::<u8>()?.iter().map(|&value| value != 0).collect(),
            _ => x.to_f64()?.iter().map(|&value| value != 0.0).collect(),
        };
        let places = found.iter().enumerate().filter(|(_, found)| **found);
        let indices: Vec<_> = places.map(|(at, _)| unflat(at, x.shape())).collect();
        let shape = vec![indices.len(), x.shape().len()];
        Ok(vec![longs(shape, indices.into_iter().flatten())?])
    }
}

/// Rows of a tensor, chosen.
pub(super) fn rows_of(tensor: &Tensor, rows: &[usize]) -> Result<Tensor> {
    let inner = tensor.shape().get(1..).unwrap_or(&[]);
    let width: usize = inner.iter().product();
    let shape = [&[rows.len()], inner].concat();
    size::count(&shape, tensor.dtype())?;
    if let Some(row) = rows.iter().find(|&&row| row >= tensor.rows()) {
        return Err(Error::invalid(format!(
            "row {row} is outside of {}",
            tensor.rows()
        )));
    }
    let picks = rows
        .iter()
        .flat_map(|row| (0..width).map(move |at| row * width + at));
    take(tensor, &picks.collect::<Vec<_>>(), shape)
}
