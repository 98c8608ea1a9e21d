//! Rows reduced by segment.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::back;
use super::sparse::rows_of;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integer, integers, operator};
use crate::{Inputs, Operator, size};

/// What is made of the rows of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reduction {
    Sum,
    Mean,
    /// The sum by the root of the count.
    SqrtN,
    Prod,
    Min,
    Max,
}

impl Reduction {
    fn start(self) -> f64 {
        match self {
            Self::Prod => 1.0,
            Self::Min => f64::INFINITY,
            Self::Max => f64::NEG_INFINITY,
            _ => 0.0,
        }
    }

    fn add(self, sum: f64, value: f64) -> f64 {
        match self {
            Self::Prod => sum * value,
            Self::Min => sum.min(value),
            Self::Max => sum.max(value),
            _ => sum + value,
        }
    }

    fn finish(self, sum: f64, count: f64) -> f64 {
        match self {
            Self::Mean => sum / count,
            Self::SqrtN => sum / count.sqrt(),
            _ => sum,
        }
    }
}

/// The value of a segment without rows, where it is not what a reduction starts with.
fn limit(reduction: Reduction, dtype: DataType) -> Option<f64> {
    let (low, high) = match dtype {
        DataType::Fp64 => (f64::MIN, f64::MAX),
        DataType::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DataType::Uint8 => (0.0, 255.0),
        DataType::Int8 => (-128.0, 127.0),
        DataType::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        DataType::Uint16 => (0.0, f64::from(u16::MAX)),
        DataType::Uint32 => (0.0, f64::from(u32::MAX)),
        _ => (f64::from(f32::MIN), f64::from(f32::MAX)),
    };
    match reduction {
        Reduction::Min => Some(high),
        Reduction::Max => Some(low),
        _ => None,
    }
}

/// Reduces rows of `width` numbers; `ids` says the segment of each, negative for none.
fn reduced(
    values: &[f64],
    (ids, width, count): (&[i64], usize, usize),
    reduction: Reduction,
    empty: f64,
) -> Result<Vec<f64>> {
    let mut made = vec![reduction.start(); size::count(&[count, width], DataType::Fp64)?];
    let mut counts = vec![0.0; count];
    for (at, &id) in ids.iter().enumerate() {
        let Ok(id) = usize::try_from(id) else {
            continue;
        };
        let found = counts.get_mut(id);
        *found.ok_or_else(|| Error::invalid(format!("segment {id} is outside of {count}")))? += 1.0;
        let row = values.get(at * width..(at + 1) * width).unwrap_or(&[]);
        let sums = made
            .get_mut(id * width..(id + 1) * width)
            .unwrap_or(&mut []);
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum = reduction.add(*sum, value);
        }
    }
    for (sums, &count) in made.chunks_mut(width.max(1)).zip(&counts) {
        for sum in sums {
            *sum = if count > 0.0 {
                reduction.finish(*sum, count)
            } else {
                empty
            };
        }
    }
    Ok(made)
}

/// INT64 beyond what a double holds is not summed.
fn exact(data: &Tensor) -> Result<Vec<f64>> {
    let values = data.to_f64()?;
    let wide = matches!(data.dtype(), DataType::Int64 | DataType::Uint64);
    if wide && values.iter().any(|value| value.abs() >= 9e15) {
        return Err(Error::invalid("integers beyond 2^53 cannot be reduced"));
    }
    Ok(values)
}

/// Segments of ascending ids.
struct Sorted {
    reduction: Reduction,
    /// The data is chosen by indices, and the count may be given.
    sparse: bool,
}

impl Kernel for Sorted {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.at(0)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let data = inputs.tensor(0)?;
        let chosen;
        let (data, next) = if self.sparse {
            let rows = size::sizes(&integers(inputs.tensor(1)?)?)?;
            chosen = rows_of(data, &rows)?;
            (&chosen, 2)
        } else {
            (data, 1)
        };
        let ids = integers(inputs.tensor(next)?)?;
        if ids.len() != data.rows() || !ids.is_sorted() || ids.first().is_some_and(|&id| id < 0) {
            return Err(Error::invalid(
                "expected as many segment ids as rows, ascending from zero",
            ));
        }
        let count = match inputs.optional(next + 1)? {
            Some(count) => integer(count)?,
            None => ids.last().map_or(0, |last| last.saturating_add(1)),
        };
        let count = size::sizes(&[count])?[0];
        let empty = if self.reduction == Reduction::Prod {
            1.0
        } else {
            0.0
        };
        let inner = data.shape().get(1..).unwrap_or(&[]);
        let width = inner.iter().product();
        let made = reduced(&exact(data)?, (&ids, width, count), self.reduction, empty)?;
        let shape = [&[count], inner].concat();
        Ok(vec![back(shape, made, data.dtype())?])
    }
}

/// Segments of ids in any order, one for each row of what is left of the data's shape.
struct Unsorted {
    reduction: Reduction,
}

impl Kernel for Unsorted {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.at(0)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (data, ids) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let count = size::sizes(&[integer(inputs.tensor(2)?)?])?[0];
        let inner = data.shape().strip_prefix(ids.shape()).ok_or_else(|| {
            Error::invalid(format!(
                "segment ids of shape {:?} do not start shape {:?}",
                ids.shape(),
                data.shape()
            ))
        })?;
        let empty = limit(self.reduction, data.dtype());
        let empty = empty.unwrap_or(self.reduction.start());
        let width = inner.iter().product();
        let ids = integers(ids)?;
        let made = reduced(&exact(data)?, (&ids, width, count), self.reduction, empty)?;
        let shape = [&[count], inner].concat();
        Ok(vec![back(shape, made, data.dtype())?])
    }
}

macro_rules! builders {
    ($($name:ident: $kind:ident { reduction: $reduction:ident $(, sparse: $sparse:literal)? };)*) => {
        $(pub(super) fn $name(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
            operator($kind { reduction: Reduction::$reduction $(, sparse: $sparse)? })
        })*
    };
}

builders! {
    sum: Sorted { reduction: Sum, sparse: false };
    mean: Sorted { reduction: Mean, sparse: false };
    prod: Sorted { reduction: Prod, sparse: false };
    min: Sorted { reduction: Min, sparse: false };
    max: Sorted { reduction: Max, sparse: false };
    sparse_sum: Sorted { reduction: Sum, sparse: true };
    sparse_mean: Sorted { reduction: Mean, sparse: true };
    sparse_sqrt: Sorted { reduction: SqrtN, sparse: true };
    unsorted_sum: Unsorted { reduction: Sum };
    unsorted_prod: Unsorted { reduction: Prod };
    unsorted_min: Unsorted { reduction: Min };
    unsorted_max: Unsorted { reduction: Max };
}
