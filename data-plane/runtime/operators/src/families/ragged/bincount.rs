//! `Bincount`, `RaggedBincount` and `SparseBincount`: how often each number occurs in a row.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::{back, places, splits};
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integer, integers, operator};
use crate::{Inputs, Operator, size};

/// How the numbers are given.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Dense,
    Ragged,
    Sparse,
}

struct Bincount {
    layout: Layout,
    /// Whether it counts only that a number occurs.
    binary: bool,
}

fn bincount(node: &Node<'_>, layout: Layout) -> Result<Box<dyn Operator>> {
    let binary = node.attributes.flag("binary_output", false)?;
    operator(Bincount { layout, binary })
}

pub(super) fn dense(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    bincount(node, Layout::Dense)
}

pub(super) fn ragged(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    bincount(node, Layout::Ragged)
}

pub(super) fn sparse(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    bincount(node, Layout::Sparse)
}

/// The numbers, the row of each, and how many rows there are; none for a vector.
struct Given {
    values: Vec<i64>,
    rows: Vec<usize>,
    count: Option<usize>,
}

impl Layout {
    /// The place of the sizes among the inputs, which the weights follow.
    fn size_at(self) -> usize {
        match self {
            Self::Dense => 1,
            Self::Ragged => 2,
            Self::Sparse => 3,
        }
    }

    fn read(self, inputs: Inputs<'_>) -> Result<Given> {
        match self {
            Self::Dense => {
                let x = inputs.tensor(0)?;
                let (count, width) = match *x.shape() {
                    [] | [_] => (None, x.len()),
                    [rows, width] => (Some(rows), width),
                    ref other => {
                        return Err(Error::invalid(format!(
                            "expected one or two dimensions, found {other:?}"
                        )));
                    }
                };
                Ok(Given {
                    values: integers(x)?.into_owned(),
                    rows: (0..x.len()).map(|at| at / width.max(1)).collect(),
                    count,
                })
            }
            Self::Ragged => {
                let values = integers(inputs.tensor(1)?)?.into_owned();
                let splits = splits(inputs.tensor(0)?, values.len())?;
                let rows = splits.windows(2).enumerate();
                let rows = rows.flat_map(|(row, pair)| (pair[0]..pair[1]).map(move |_| row));
                Ok(Given {
                    rows: rows.collect(),
                    values,
                    count: Some(splits.len() - 1),
                })
            }
            Self::Sparse => {
                let (rank, indices) = places(inputs.tensor(0)?)?;
                let shape = size::sizes(&integers(inputs.tensor(2)?)?)?;
                let row = |index: &[usize]| if rank == 2 { index[0] } else { 0 };
                Ok(Given {
                    values: integers(inputs.tensor(1)?)?.into_owned(),
                    rows: indices.chunks_exact(rank.max(1)).map(row).collect(),
                    count: match shape[..] {
                        [rows, _] => Some(rows),
                        _ => None,
                    },
                })
            }
        }
    }
}

impl Kernel for Bincount {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.at(self.layout.size_at() + 1)?])
    }

    /// Numbers beyond the size are left out.
    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let given = self.layout.read(inputs)?;
        let at = self.layout.size_at();
        let width = size::sizes(&[integer(inputs.tensor(at)?)?])?[0];
        let weights = inputs.tensor(at + 1)?;
        let weight = weights.to_f64()?;
        if !weight.is_empty() && weight.len() != given.values.len() {
            return Err(Error::invalid(format!(
                "{} numbers need as many weights or none, found {}",
                given.values.len(),
                weight.len()
            )));
        }
        let shape: Vec<usize> = given.count.into_iter().chain([width]).collect();
        let mut made = vec![0.0; size::count(&shape, DataType::Fp64)?];
        for (at, (&value, &row)) in given.values.iter().zip(&given.rows).enumerate() {
            let value = usize::try_from(value)
                .map_err(|_| Error::invalid(format!("number {value} is negative")))?;
            if value >= width {
                continue;
            }
            let place = made.get_mut(row.saturating_mul(width).saturating_add(value));
            let count = place.ok_or_else(|| Error::invalid(format!("row {row} does not exist")))?;
            match self.binary {
                true => *count = 1.0,
                false => *count += weight.get(at).copied().unwrap_or(1.0),
            }
        }
        Ok(vec![back(shape, made, weights.dtype())?])
    }
}
