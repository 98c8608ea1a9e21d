//! Operators that make one element of many.

use super::{Attr, Builder, Id};
use crate::dtype::DataType;
use crate::refusal::Refusal;
use crate::shape::{self, Dim};

/// Up to here, positions along an axis are kept as a constant.
const MAX_POSITIONS: i64 = 1 << 16;

impl Builder {
    /// One element for all along these axes; the axes stay with size 1 if `keep`.
    ///
    /// # Errors
    /// If the rank is not known or an axis is out of range.
    pub(crate) fn reduce(
        &mut self,
        op: &'static str,
        x: Id,
        axes: &[i64],
        keep: bool,
    ) -> Result<Id, Refusal> {
        if axes.is_empty() {
            return Ok(x);
        }
        let dims = self.dims(x)?;
        let reduced = counted(axes, dims.len())?;
        let left = self.reduced_dims(x, axes, keep)?;
        let content = self.content(x).filter(|_| dims.len() == 1);
        let content = content.and_then(|content| match op {
            "ReduceProd" => Some(vec![self.symbols.product(&content)]),
            "ReduceSum" if shape::all_known(&content).is_some() => {
                let numbers = shape::all_known(&content)?;
                let sum = numbers.into_iter().try_fold(0_i64, i64::checked_add)?;
                Some(vec![Dim::Known(sum)])
            }
            _ => None,
        });
        let axes: Vec<_> = reduced.iter().map(|&axis| axis as i64).collect();
        let axes = self.int64s(&axes)?;
        let attrs = vec![("keepdims", Attr::Int(keep.into()))];
        let id = self.node(op, &[x, axes], attrs, (self.dtype(x), Some(left)));
        self.settle(id, content)
    }

    /// The shape without these axes, or with size 1 in their place if `keep`.
    ///
    /// # Errors
    /// If the rank is not known or an axis is out of range.
    pub(crate) fn reduced_dims(
        &self,
        x: Id,
        axes: &[i64],
        keep: bool,
    ) -> Result<Vec<Dim>, Refusal> {
        let dims = self.dims(x)?;
        let reduced = counted(axes, dims.len())?;
        let left = dims.iter().enumerate().filter_map(|(axis, &dim)| {
            if reduced.contains(&axis) {
                keep.then_some(Dim::Known(1))
            } else {
                Some(dim)
            }
        });
        Ok(left.collect())
    }

    /// The size of an axis as a scalar.
    ///
    /// # Errors
    /// If the rank is not known or the axis is out of range.
    pub(crate) fn size_of_axis(
        &mut self,
        x: Id,
        axis: usize,
        dtype: DataType,
    ) -> Result<Id, Refusal> {
        let sizes = self.shape_of(x, dtype)?;
        let at = self.integers(DataType::DtInt64, &[], &[axis as i64])?;
        self.gather(sizes, at, 0)
    }

    /// The index of the greatest (or least) element along an axis, the first of several. ONNX's own
    /// operators are not used, since engines differ in which of several equal elements they take.
    ///
    /// # Errors
    /// If the rank is not known or the axis is out of range.
    pub(crate) fn index_of(
        &mut self,
        op: &'static str,
        x: Id,
        axis: i64,
        output: DataType,
    ) -> Result<Id, Refusal> {
        let dims = self.dims(x)?;
        let axis = shape::axis(axis, dims.len())?;
        let best = self.reduce(op, x, &[axis as i64], true)?;
        let found = self.compare("Equal", x, best)?;
        let (positions, last) = self.positions(x, &dims, axis)?;
        let candidates = self.choose(found, positions, last)?;
        let index = self.reduce("ReduceMin", candidates, &[axis as i64], false)?;
        self.cast(index, output)
    }

    /// 0, 1, 2, ... along the axis, shaped to be broadcast, and the greatest of them.
    fn positions(&mut self, x: Id, dims: &[Dim], axis: usize) -> Result<(Id, Id), Refusal> {
        let mut shape = vec![Dim::Known(1); dims.len()];
        if let Some(size) = dims
            .get(axis)
            .and_then(|dim| dim.known())
            .filter(|size| (1..=MAX_POSITIONS).contains(size))
        {
            let numbers: Vec<_> = (0..size).collect();
            let all = self.int64s(&numbers)?;
            if let Some(dim) = shape.get_mut(axis) {
                *dim = Dim::Known(size);
            }
            return Ok((
                self.reshape_to(all, &shape)?,
                self.integers(DataType::DtInt64, &[], &[size - 1])?,
            ));
        }
        let size = self.size_of_axis(x, axis, DataType::DtInt64)?;
        let zero = self.integers(DataType::DtInt64, &[], &[0])?;
        let one = self.integers(DataType::DtInt64, &[], &[1])?;
        let all = self.range(zero, size, one)?;
        if let (Some(dim), Some(&own)) = (shape.get_mut(axis), dims.get(axis)) {
            *dim = own;
        }
        Ok((
            self.reshape_to(all, &shape)?,
            self.binary("Sub", size, one)?,
        ))
    }

    /// Numbers from `start` up to and without `limit`.
    ///
    /// # Errors
    /// If the types differ.
    pub(crate) fn range(&mut self, start: Id, limit: Id, delta: Id) -> Result<Id, Refusal> {
        let known = [start, limit, delta].map(|id| self.number(id, "limit").ok());
        if let [Some(from), Some(to), Some(step)] = known
            && let Some(numbers) = numbers(from, to, step)
        {
            return self.integers(self.dtype(start), &[numbers.len()], &numbers);
        }
        let one = |id| {
            self.content(id)
                .and_then(|content| content.first().copied())
        };
        let length = match (one(start), one(limit), one(delta)) {
            (Some(Dim::Known(0)), Some(size @ Dim::Symbol(_)), Some(Dim::Known(1))) => size,
            _ => self.symbols.fresh(),
        };
        let kind = (self.dtype(start), Some(vec![length]));
        Ok(self.node("Range", &[start, limit, delta], Vec::new(), kind))
    }
}

/// The axes counted from the front, each once, in order.
fn counted(axes: &[i64], rank: usize) -> Result<Vec<usize>, Refusal> {
    let axes = axes.iter().map(|&axis| shape::axis(axis, rank));
    let mut axes = axes.collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok(axes)
}

/// The numbers of a range, if there are not too many to keep.
fn numbers(start: i64, limit: i64, step: i64) -> Option<Vec<i64>> {
    let span = if step > 0 {
        limit.checked_sub(start)?
    } else {
        start.checked_sub(limit)?
    };
    let size = step.checked_abs().filter(|&size| size > 0)?;
    let count = span.max(0).checked_add(size - 1)? / size;
    (count <= MAX_POSITIONS).then(|| (0..count).map(|index| start + index * step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_known_numbers_are_constants() {
        assert_eq!(numbers(0, 5, 2).unwrap(), [0, 2, 4]);
        assert_eq!(numbers(3, 0, -1).unwrap(), [3, 2, 1]);
        assert_eq!(numbers(3, 0, 1).unwrap(), Vec::<i64>::new());
        assert!(numbers(0, i64::MAX, 1).is_none() && numbers(0, 1, 0).is_none());
        assert!(numbers(i64::MIN, i64::MAX, 1).is_none());
    }

    #[test]
    fn the_product_of_sizes_keeps_the_batch() {
        let mut builder = Builder::default();
        let batch = builder.symbols.fresh();
        let x = builder.input("x", DataType::DtFloat, Some(vec![batch, Dim::Known(1)]));
        let sizes = builder.shape_of(x, DataType::DtInt32).unwrap();
        let product = builder.reduce("ReduceProd", sizes, &[0], false).unwrap();
        assert_eq!(builder.content(product).unwrap(), [batch]);
        assert!(builder.reduce("ReduceSum", x, &[2], true).is_err());
        let sum = builder.reduce("ReduceSum", x, &[-1, 1], false).unwrap();
        assert_eq!(builder.shape(sum).unwrap(), [batch]);
    }
}
