//! Operators that take elements out, put tensors together, or pad.

use hari_core::Tensor;

use super::{Attr, Builder, Id};
use crate::constant;
use crate::dtype::DataType;
use crate::refusal::Refusal;
use crate::shape::{self, Dim};

/// Past the end of every dimension that the engine can have.
pub(crate) const END: i64 = i32::MAX as i64;
/// Before the start of every dimension, counted from the end.
pub(crate) const START: i64 = -(i32::MAX as i64);

/// A part of one axis, as ONNX slices: negative ends count from the back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) axis: usize,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: i64,
}

impl Range {
    /// The first index and the number of indices in a dimension of this size.
    fn bounds(&self, size: i64) -> Option<(i64, i64)> {
        let step = self.step.checked_abs().filter(|&step| step > 0)?;
        let counted = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
        let (low, high) = if self.step > 0 {
            (0, size)
        } else {
            (-1, size - 1)
        };
        let (start, end) = (
            counted(self.start).clamp(low, high),
            counted(self.end).clamp(low, high),
        );
        let span = if self.step > 0 {
            end - start
        } else {
            start - end
        };
        Some((start, if span > 0 { (span - 1) / step + 1 } else { 0 }))
    }

    fn indices(&self, size: i64) -> Option<Vec<i64>> {
        let (start, count) = self.bounds(size)?;
        Some((0..count).map(|index| start + index * self.step).collect())
    }

    /// The number of elements that it takes of a dimension.
    pub(crate) fn len(&self, size: Dim) -> Option<i64> {
        self.bounds(size.known()?).map(|(_, count)| count)
    }

    /// Whether it takes the whole axis from its end to its start.
    fn is_backwards(&self) -> bool {
        self.start >= END && self.end <= START && self.step == -1
    }

    fn is_all(&self) -> bool {
        self.start == 0 && self.end >= END && self.step == 1
    }
}

impl Builder {
    /// Parts of axes.
    ///
    /// # Errors
    /// If the rank is not known.
    pub(crate) fn slice(&mut self, x: Id, ranges: &[Range]) -> Result<Id, Refusal> {
        let mut dims = self.dims(x)?;
        let ranges: Vec<_> = ranges
            .iter()
            .filter(|range| !range.is_all())
            .copied()
            .collect();
        if ranges.is_empty() {
            return Ok(x);
        }
        if let Some(part) = self.constant_part(x, &ranges) {
            return self.computed(part);
        }
        for range in &ranges {
            if let Some(dim) = dims.get_mut(range.axis) {
                *dim = match range.len(*dim) {
                    Some(size) => Dim::Known(size),
                    None if range.is_backwards() => *dim,
                    None => self.symbols.fresh(),
                };
            }
        }
        let content = self
            .content(x)
            .zip(ranges.first())
            .and_then(|(content, range)| {
                let indices = range.indices(content.len() as i64)?;
                pick(&content, &indices)
            });
        let content = content.filter(|_| dims.len() == 1);
        let column = |f: fn(&Range) -> i64| ranges.iter().map(f).collect::<Vec<_>>();
        let inputs = [
            x,
            self.int64s(&column(|range| range.start))?,
            self.int64s(&column(|range| range.end))?,
            self.int64s(&column(|range| range.axis as i64))?,
            self.int64s(&column(|range| range.step))?,
        ];
        let id = self.node("Slice", &inputs, Vec::new(), (self.dtype(x), Some(dims)));
        self.settle(id, content)
    }

    /// These parts of axes of a constant; none if it is not one, or not of numbers.
    fn constant_part(&self, x: Id, ranges: &[Range]) -> Option<Tensor> {
        let constant = self.value(x).constant.as_ref();
        let mut part = constant
            .filter(|constant| constant.bytes().is_some())?
            .clone();
        for range in ranges {
            let size = i64::try_from(*part.shape().get(range.axis)?).ok()?;
            part = constant::part(&part, range.axis, &range.indices(size)?).ok()?;
        }
        Some(part)
    }

    /// A slice whose starts and ends are computed: one number each for the first axes.
    ///
    /// # Errors
    /// If the rank is not known.
    pub(crate) fn slice_at_runtime(
        &mut self,
        x: Id,
        (starts, ends): (Id, Id),
        count: usize,
    ) -> Result<Id, Refusal> {
        let mut dims = self.dims(x)?;
        for dim in dims.iter_mut().take(count) {
            *dim = self.symbols.fresh();
        }
        let axes: Vec<_> = (0..count as i64).collect();
        let inputs = [
            x,
            self.cast(starts, DataType::DtInt64)?,
            self.cast(ends, DataType::DtInt64)?,
            self.int64s(&axes)?,
        ];
        Ok(self.node("Slice", &inputs, Vec::new(), (self.dtype(x), Some(dims))))
    }

    /// Values one after the other along an axis.
    ///
    /// # Errors
    /// If there are none, or if their shapes do not go together.
    pub(crate) fn concat(&mut self, parts: &[Id], axis: i64) -> Result<Id, Refusal> {
        let first = *parts
            .first()
            .ok_or_else(|| Refusal::new("it has no inputs"))?;
        if parts.len() == 1 {
            return Ok(first);
        }
        let mut dims = self.dims(first)?;
        let axis = shape::axis(axis, dims.len())?;
        for &part in parts.iter().skip(1) {
            let other = self.dims(part)?;
            if other.len() != dims.len() {
                return Err(Refusal::new("its inputs have different ranks"));
            }
            for (index, (dim, &other)) in dims.iter_mut().zip(&other).enumerate() {
                *dim = match (index == axis, *dim) {
                    (true, own) => self.symbols.apply(own, other, i64::checked_add),
                    (false, own @ Dim::Known(_)) => own,
                    (false, Dim::Symbol(_)) => other,
                };
            }
        }
        let contents: Option<Vec<_>> = parts.iter().map(|&part| self.content(part)).collect();
        let content = contents
            .filter(|_| dims.len() == 1)
            .map(|contents| contents.concat());
        let attrs = vec![("axis", Attr::Int(axis as i64))];
        let id = self.node("Concat", parts, attrs, (self.dtype(first), Some(dims)));
        self.settle(id, content)
    }

    /// Parts of these sizes along an axis.
    ///
    /// # Errors
    /// If the axis is out of range.
    pub(crate) fn split(&mut self, x: Id, axis: i64, sizes: &[i64]) -> Result<Vec<Id>, Refusal> {
        let dims = self.dims(x)?;
        let axis = shape::axis(axis, dims.len())?;
        if self.value(x).constant.is_some() && self.constant_part(x, &[]).is_some() {
            return self.split_constant(x, axis, sizes);
        }
        let dtype = self.dtype(x);
        let outputs = sizes.iter().map(|&size| {
            let mut part = dims.clone();
            if let Some(dim) = part.get_mut(axis) {
                *dim = Dim::Known(size);
            }
            (dtype, Some(part))
        });
        let outputs = outputs.collect();
        let sizes = self.int64s(sizes)?;
        let attrs = vec![("axis", Attr::Int(axis as i64))];
        Ok(self.node_with_outputs("Split", vec![Some(x), Some(sizes)], attrs, outputs))
    }

    fn split_constant(&mut self, x: Id, axis: usize, sizes: &[i64]) -> Result<Vec<Id>, Refusal> {
        let mut start = 0_i64;
        let mut parts = Vec::new();
        for &size in sizes {
            let end = start.saturating_add(size);
            parts.push(self.slice(
                x,
                &[Range {
                    axis,
                    start,
                    end,
                    step: 1,
                }],
            )?);
            start = end;
        }
        Ok(parts)
    }

    /// Elements at these indices of an axis.
    ///
    /// # Errors
    /// If a rank is not known or the axis is out of range.
    pub(crate) fn gather(&mut self, x: Id, indices: Id, axis: i64) -> Result<Id, Refusal> {
        let mut dims = self.dims(x)?;
        let axis = shape::axis(axis, dims.len())?;
        dims.splice(axis..=axis, self.dims(indices)?);
        let numbers = self.numbers(indices, "indices").ok();
        let content = self
            .content(x)
            .zip(numbers)
            .and_then(|(content, at)| pick(&content, &at));
        let content = content.filter(|_| self.rank(x) == Ok(1));
        let attrs = vec![("axis", Attr::Int(axis as i64))];
        let id = self.node("Gather", &[x, indices], attrs, (self.dtype(x), Some(dims)));
        self.settle(id, content)
    }

    /// Elements at these indices of an axis, the first `batch` dimensions of value and indices
    /// taken in pairs.
    ///
    /// # Errors
    /// If a rank is not known, or if the axis lies within the batch.
    pub(crate) fn gather_batched(
        &mut self,
        x: Id,
        indices: Id,
        (axis, batch): (usize, usize),
    ) -> Result<Id, Refusal> {
        let (rank, picked) = (self.rank(x)?, self.dims(indices)?);
        if axis < batch || axis >= rank || batch > picked.len() {
            return Err(Refusal::new(format!(
                "axis {axis} with {batch} dimensions in pairs"
            )));
        }
        // The axis right behind the batch, the dimensions between them after it.
        let order = (0..batch)
            .chain([axis])
            .chain(batch..axis)
            .chain(axis + 1..rank);
        let x = self.transpose(x, &order.collect::<Vec<_>>())?;
        let inner: Vec<_> = self.dims(x)?.into_iter().skip(batch + 1).collect();
        let new = picked.len() - batch;
        let dims = picked.into_iter().chain(inner).collect::<Vec<_>>();
        let count = dims.len();
        let indices = self.cast(indices, DataType::DtInt64)?;
        let indices = self.unsqueeze(indices, &[-1])?;
        let attrs = vec![("batch_dims", Attr::Int(batch as i64))];
        let kind = (self.dtype(x), Some(dims));
        let found = self.node("GatherND", &[x, indices], attrs, kind);
        // The dimensions that were between back in front of the new ones.
        let between = batch + new..batch + new + (axis - batch);
        let order = (0..batch)
            .chain(between.clone())
            .chain(batch..batch + new)
            .chain(between.end..count);
        self.transpose(found, &order.collect::<Vec<_>>())
    }

    /// Elements before and after each dimension; `pads` are all befores, then all afters.
    ///
    /// # Errors
    /// If the rank is not known or another than that of `pads`.
    pub(crate) fn pad(
        &mut self,
        x: Id,
        pads: &[i64],
        mode: &str,
        value: Option<Id>,
    ) -> Result<Id, Refusal> {
        let dims = self.dims(x)?;
        if pads.len() != 2 * dims.len() {
            return Err(Refusal::new("its paddings are for another rank"));
        }
        if pads.iter().all(|&pad| pad == 0) {
            return Ok(x);
        }
        let (before, after) = pads.split_at(dims.len());
        let sums = before
            .iter()
            .zip(after)
            .map(|(&before, &after)| before.saturating_add(after));
        let padded = dims.iter().zip(sums).map(|(&dim, more)| match more {
            0 => dim,
            _ => self.symbols.apply(dim, Dim::Known(more), i64::checked_add),
        });
        let padded: Vec<_> = padded.collect();
        let pads = self.int64s(pads)?;
        let inputs = [Some(x), Some(pads), value]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        let attrs = vec![("mode", Attr::Text(mode.to_owned()))];
        Ok(self.node("Pad", &inputs, attrs, (self.dtype(x), Some(padded))))
    }
}

fn pick(content: &[Dim], indices: &[i64]) -> Option<Vec<Dim>> {
    let size = content.len() as i64;
    let counted = indices
        .iter()
        .map(|&index| if index < 0 { index + size } else { index });
    counted
        .map(|index| content.get(usize::try_from(index).ok()?).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_take_what_python_takes() {
        let range = |start, end, step| Range {
            axis: 0,
            start,
            end,
            step,
        };
        assert_eq!(range(1, END, 1).indices(4).unwrap(), [1, 2, 3]);
        assert_eq!(range(-2, END, 1).indices(4).unwrap(), [2, 3]);
        assert_eq!(range(0, -1, 2).indices(4).unwrap(), [0, 2]);
        assert_eq!(range(3, START, -2).indices(4).unwrap(), [3, 1]);
        assert_eq!(range(5, END, 1).indices(4).unwrap(), Vec::<i64>::new());
        assert!(range(0, 1, 0).indices(4).is_none());
        for start in [-9, -2, 0, 3, 9] {
            for (end, step) in [(END, 1), (-1, 2), (START, -1), (1, -3), (2, 1)] {
                let range = range(start, end, step);
                let count = range.indices(4).unwrap().len() as i64;
                assert_eq!(range.len(Dim::Known(4)), Some(count), "{range:?}");
            }
        }
    }

    #[test]
    fn a_batch_is_followed_through_shape_slice_and_concat() {
        let mut builder = Builder::default();
        let batch = builder.symbols.fresh();
        let x = builder.input(
            "x",
            DataType::DtFloat,
            Some(vec![batch, Dim::Known(4), Dim::Known(5)]),
        );
        let sizes = builder.shape_of(x, DataType::DtInt32).unwrap();
        let rows = builder
            .slice(
                sizes,
                &[Range {
                    axis: 0,
                    start: 0,
                    end: 1,
                    step: 1,
                }],
            )
            .unwrap();
        let rest = builder.integers(DataType::DtInt32, &[1], &[20]).unwrap();
        let target = builder.concat(&[rows, rest], 0).unwrap();
        assert_eq!(builder.content(target).unwrap(), [batch, Dim::Known(20)]);
        let flat = builder.reshape(x, target).unwrap();
        assert_eq!(builder.shape(flat).unwrap(), [batch, Dim::Known(20)]);
        builder.prune(&[flat]);
        assert_eq!(builder.nodes.len(), 1, "only the reshape is left");
    }
}
