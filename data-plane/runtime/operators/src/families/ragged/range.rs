//! `RaggedRange` and `RaggedGather`.

use hari_core::{DataType, Element, Tensor};
use hari_error::{Error, Result};

use super::{longs, splits};
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, integers, operator, take};
use crate::families::text::unicode::index_type;
use crate::{Inputs, Operator, size};

struct Range {
    to: DataType,
}

pub(super) fn range(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let to = index_type(node.attributes, DataType::Int64)?;
    operator(Range { to })
}

/// How many steps lead from `start` to before `limit`.
fn steps(start: f64, limit: f64, delta: f64) -> Result<usize> {
    if delta == 0.0 || !delta.is_finite() {
        return Err(Error::invalid("a step is zero or not finite"));
    }
    let steps = ((limit - start) / delta).ceil().max(0.0);
    size::count(&[steps as usize], DataType::Int64)
}

impl Range {
    /// The rows of numbers, made by `one` of a start, a step and how often it is taken.
    fn rows<T: Element>(
        &self,
        given: [&Tensor; 3],
        one: impl Fn(T, T, usize) -> T,
        wide: impl Fn(T) -> f64,
    ) -> Result<Vec<Tensor>> {
        let given = given.map(Tensor::values::<T>);
        let [starts, limits, deltas] = given;
        let (starts, limits, deltas) = (starts?, limits?, deltas?);
        let rows = starts.len().max(limits.len()).max(deltas.len());
        let at = |values: &[T], row: usize| {
            let found = if values.len() == 1 {
                values.first()
            } else {
                values.get(row)
            };
            let found = found.copied();
            found.ok_or_else(|| Error::invalid("starts, limits and steps differ in length"))
        };
        let (mut made, mut ends) = (Vec::new(), vec![0]);
        for row in 0..rows {
            let (start, delta) = (at(&starts, row)?, at(&deltas, row)?);
            let count = steps(wide(start), wide(at(&limits, row)?), wide(delta))?;
            size::count(&[made.len() + count], T::DTYPE)?;
            made.extend((0..count).map(|step| one(start, delta, step)));
            ends.push(made.len());
        }
        Ok(vec![
            longs(vec![ends.len()], ends)?.cast(self.to)?,
            Tensor::from_vec([made.len()], made)?,
        ])
    }
}

impl Kernel for Range {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![Some(self.to), inputs.at(0)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let given = [inputs.tensor(0)?, inputs.tensor(1)?, inputs.tensor(2)?];
        match given[0].dtype() {
            DataType::Int32 => self.rows::<i32>(
                given,
                |start, delta, step| start.wrapping_add(delta.wrapping_mul(step as i32)),
                f64::from,
            ),
            DataType::Int64 => self.rows::<i64>(
                given,
                |start, delta, step| start.wrapping_add(delta.wrapping_mul(step as i64)),
                |value| value as f64,
            ),
            DataType::Fp32 => self.rows::<f32>(
                given,
                |start, delta, step| start + delta * step as f32,
                f64::from,
            ),
            DataType::Fp64 => self.rows::<f64>(
                given,
                |start, delta, step| start + delta * step as f64,
                |value| value,
            ),
            other => Err(Error::invalid(format!("no ranges of {other}"))),
        }
    }
}

struct Gather;

pub(super) fn gather(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(Gather)
}

impl Kernel for Gather {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        (0..inputs.len().saturating_sub(1))
            .map(|at| inputs.at(at))
            .collect()
    }

    /// Rows chosen at the first level, and all that lies below them.
    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let Some(levels) = inputs.0.len().checked_sub(2).filter(|&levels| levels > 0) else {
            return Err(Error::model("expected splits, values and indices"));
        };
        let (values, chosen) = (inputs.tensor(levels)?, inputs.tensor(levels + 1)?);
        if chosen.shape().len() != 1 {
            return Err(Error::invalid("expected indices of one dimension"));
        }
        let mut rows = size::sizes(&integers(chosen)?)?;
        let mut made = Vec::with_capacity(levels + 1);
        for at in 0..levels {
            let given = inputs.tensor(at)?;
            let below = match at + 1 < levels {
                true => inputs.tensor(at + 1)?.len().saturating_sub(1),
                false => values.rows(),
            };
            let splits = splits(given, below)?;
            let (mut next, mut ends) = (Vec::new(), vec![0]);
            for row in rows {
                let (Some(&from), Some(&to)) = (splits.get(row), splits.get(row + 1)) else {
                    return Err(Error::invalid(format!("row {row} does not exist")));
                };
                size::count(&[next.len() + to - from], values.dtype())?;
                next.extend(from..to);
                ends.push(next.len());
            }
            made.push(longs(vec![ends.len()], ends)?.cast(given.dtype())?);
            rows = next;
        }
        let inner = values.shape().get(1..).unwrap_or(&[]);
        let width: usize = inner.iter().product();
        let shape = [&[rows.len()], inner].concat();
        size::count(&shape, values.dtype())?;
        let picks = rows
            .iter()
            .flat_map(|row| (0..width).map(move |at| row * width + at));
        made.push(take(values, &picks.collect::<Vec<_>>(), shape)?);
        Ok(made)
    }
}
