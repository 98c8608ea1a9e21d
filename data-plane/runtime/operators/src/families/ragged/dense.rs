//! `RaggedTensorToTensor` and `RaggedTensorToSparse`.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::{longs, splits, unflat};
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integer, integers, operator, take_or};
use crate::{Inputs, Operator, size};

/// How rows are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Partition {
    FirstDimSize,
    ValueRowIds,
    RowSplits,
}

struct ToTensor {
    partitions: Vec<Partition>,
}

pub(super) fn to_tensor(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let names = node
        .attributes
        .strings("row_partition_types")?
        .unwrap_or(&[]);
    let partitions = names.iter().map(|name| match &**name {
        b"FIRST_DIM_SIZE" => Ok(Partition::FirstDimSize),
        b"VALUE_ROWIDS" => Ok(Partition::ValueRowIds),
        b"ROW_SPLITS" => Ok(Partition::RowSplits),
        other => Err(Error::model(format!(
            "attribute `row_partition_types`: expected FIRST_DIM_SIZE, VALUE_ROWIDS or \
             ROW_SPLITS, found {}",
            other.escape_ascii()
        ))),
    });
    operator(ToTensor {
        partitions: partitions.collect::<Result<_>>()?,
    })
}

impl ToTensor {
    /// The splits of every level.
    fn levels(&self, inputs: Inputs<'_>, values: usize) -> Result<Vec<Vec<usize>>> {
        let mut levels: Vec<Vec<usize>> = Vec::new();
        let mut rows = None;
        for (at, partition) in self.partitions.iter().enumerate() {
            let given = inputs.tensor(at + 3)?;
            match partition {
                Partition::FirstDimSize => {
                    rows = Some(size::sizes(&[integer(given)?])?[0]);
                    continue;
                }
                Partition::RowSplits => {
                    let last = integers(given)?.last().copied().unwrap_or(0);
                    levels.push(splits(given, usize::try_from(last).unwrap_or(0))?);
                }
                Partition::ValueRowIds => {
                    let above = levels.last().and_then(|splits| splits.last().copied());
                    let rows = above.or(rows).unwrap_or(0);
                    levels.push(from_ids(&integers(given)?, rows)?);
                }
            }
        }
        let last = levels.last().and_then(|splits| splits.last());
        if last != Some(&values) {
            return Err(Error::invalid(format!(
                "the row partitions do not hold {values} values"
            )));
        }
        Ok(levels)
    }
}

/// Splits from the ascending row of every value.
fn from_ids(ids: &[i64], rows: usize) -> Result<Vec<usize>> {
    size::count(&[rows.saturating_add(1)], DataType::Int64)?;
    let mut splits = vec![0; rows + 1];
    for &id in ids {
        let row = usize::try_from(id).ok().filter(|&row| row < rows);
        let row = row.ok_or_else(|| Error::invalid(format!("row {id} is outside of {rows}")))?;
        splits[row + 1] += 1;
    }
    if !ids.is_sorted() {
        return Err(Error::invalid("rows of values are not ascending"));
    }
    for row in 0..rows {
        splits[row + 1] += splits[row];
    }
    Ok(splits)
}

/// The length of the longest row.
fn longest(splits: &[usize]) -> usize {
    let lengths = splits.windows(2).map(|pair| pair[1] - pair[0]);
    lengths.max().unwrap_or(0)
}

/// The row of values that each row of a dense tensor of `shape` takes, if any.
fn rows(levels: &[Vec<usize>], shape: &[usize]) -> Vec<Option<usize>> {
    let first = shape.first().copied().unwrap_or(0);
    let known = levels.first().map_or(0, |splits| splits.len() - 1);
    let mut rows: Vec<_> = (0..first).map(|row| (row < known).then_some(row)).collect();
    for (splits, &width) in levels.iter().zip(shape.iter().skip(1)) {
        let children = rows.iter().flat_map(|row| {
            let bounds = row.and_then(|row| Some((*splits.get(row)?, *splits.get(row + 1)?)));
            (0..width).map(move |at| {
                let (from, to) = bounds?;
                (from + at < to).then_some(from + at)
            })
        });
        rows = children.collect();
    }
    rows
}

impl Kernel for ToTensor {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.at(1)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (values, default) = (inputs.tensor(1)?, inputs.tensor(2)?);
        let levels = self.levels(inputs, values.rows())?;
        let wanted = integers(inputs.tensor(0)?)?;
        let inner = values.shape().get(1..).unwrap_or(&[]);
        let mut shape = vec![levels.first().map_or(0, |splits| splits.len() - 1)];
        shape.extend(levels.iter().map(|splits| longest(splits)));
        for (size, &wanted) in shape.iter_mut().zip(&*wanted) {
            // A negative size is as large as it must be.
            *size = usize::try_from(wanted).unwrap_or(*size);
        }
        let outer = shape.clone();
        shape.extend_from_slice(inner);
        size::count(&shape, values.dtype())?;
        let width: usize = inner.iter().product();
        let picks = rows(&levels, &outer).into_iter().flat_map(|row| {
            (0..width).map(move |at| row.map_or(usize::MAX, |row| row * width + at))
        });
        let picks: Vec<usize> = picks.collect();
        Ok(vec![take_or(values, &picks, default, shape)?])
    }
}

struct ToSparse;

pub(super) fn to_sparse(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(ToSparse)
}

impl Kernel for ToSparse {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        let values = inputs.at(inputs.len().saturating_sub(1))?;
        Ok(vec![Some(DataType::Int64), values, Some(DataType::Int64)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (last, values) = match inputs.0.len().checked_sub(1) {
            Some(last) if last > 0 => (last, inputs.tensor(last)?),
            _ => return Err(Error::model("expected splits and values")),
        };
        let inner = values.shape().get(1..).unwrap_or(&[]);
        let mut shape = Vec::new();
        let mut indices: Vec<Vec<usize>> = vec![Vec::new()];
        for at in 0..last {
            let given = inputs.tensor(at)?;
            let below = match at + 1 < last {
                true => inputs.tensor(at + 1)?.len().saturating_sub(1),
                false => values.rows(),
            };
            let splits = splits(given, below)?;
            if at == 0 {
                shape.push(splits.len() - 1);
                indices = (0..splits.len() - 1).map(|row| vec![row]).collect();
            }
            if indices.len() + 1 != splits.len() {
                return Err(Error::invalid("the splits do not fit each other"));
            }
            shape.push(longest(&splits));
            let below = indices
                .iter()
                .zip(splits.windows(2))
                .flat_map(|(index, pair)| {
                    (0..pair[1] - pair[0]).map(move |at| [&index[..], &[at]].concat())
                });
            indices = below.collect();
        }
        if indices.len() != values.rows() {
            return Err(Error::invalid("the splits do not hold the values"));
        }
        let width: usize = inner.iter().product();
        let inside: Vec<_> = (0..width).map(|at| unflat(at, inner)).collect();
        let all = indices
            .iter()
            .flat_map(|index| inside.iter().map(move |at| [index, &at[..]].concat()));
        let all: Vec<usize> = all.flatten().collect();
        shape.extend_from_slice(inner);
        Ok(vec![
            longs(vec![values.len(), shape.len()], all)?,
            values.clone().reshape([values.len()])?,
            longs(vec![shape.len()], shape)?,
        ])
    }
}
