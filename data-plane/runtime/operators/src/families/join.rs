//! Tensors put together and taken apart along an axis: `Concat`, `Split`, `Slice`.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::array::{Given, ints};
use crate::cell::{Cell, alike, by_cell};
use crate::compile::{Entry, Node};
use crate::rule::{Built, Rule, moved, moved_many};
use crate::size::{self, axis, sizes};
use crate::view::View;
use crate::{Inputs, Value};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Concat", 1, concat),
    Entry::onnx("Slice", 1, slice),
    Entry::onnx("Split", 1, split),
];

fn concat(node: &mut Node<'_>) -> Built {
    let fallback = (node.version < 4).then_some(1);
    let at = node.attributes.int("axis")?.or(fallback);
    let at = at.ok_or_else(|| Error::model("attribute `axis` is missing"))?;
    moved(Rule::Like(0), move |inputs| {
        let tensors = inputs.0.iter().flatten().map(Value::tensor);
        let tensors: Vec<&Tensor> = tensors.collect::<Result<_>>()?;
        let rank = tensors.first().map_or(0, |first| first.shape().len());
        joined(&tensors, axis(at, rank)?)
    })
}

/// The tensors one after the other along `axis`, which all of them have.
pub(crate) fn joined(tensors: &[&Tensor], axis: usize) -> Result<Tensor> {
    alike(tensors)?;
    let Some(first) = tensors.first() else {
        return Err(Error::model("at least one input is expected"));
    };
    let mut shape = first.shape().to_vec();
    for tensor in &tensors[1..] {
        let rest = |shape: &[usize]| {
            let mut shape = shape.to_vec();
            shape.get_mut(axis).map(std::mem::take);
            shape
        };
        if rest(tensor.shape()) != rest(&shape) {
            return Err(Error::invalid(format!(
                "shapes {:?} and {:?} cannot be joined along axis {axis}",
                first.shape(),
                tensor.shape()
            )));
        }
        shape[axis] += tensor.shape()[axis];
    }
    let count = size::count(&shape, first.dtype())?;
    let outer: usize = shape.iter().take(axis).product();
    by_cell!(first.dtype(), T => {
        let parts: Result<Vec<_>> = tensors.iter().copied().map(T::read).collect();
        let parts = parts?;
        let mut made: Vec<T> = Vec::with_capacity(count);
        for row in 0..outer {
            for part in &parts {
                let size = part.len() / outer;
                made.extend_from_slice(&part[row * size..(row + 1) * size]);
            }
        }
        T::make(first.dtype(), shape, made)
    })
}

/// Sizes by attribute, by input, or equal parts; of `num_outputs` the last may be smaller.
fn split(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int_or("axis", 0)?;
    let given = Given::of(node.attributes, "split", 1)?;
    let parts = node.attributes.int("num_outputs")?;
    let parts = parts.map_or(Ok(node.outputs.len()), |parts| {
        usize::try_from(parts).map_err(|_| Error::model("attribute `num_outputs` is negative"))
    })?;
    let rules = vec![Rule::Like(0); node.outputs.len()];
    moved_many(rules, move |inputs| {
        let tensor = inputs.tensor(0)?;
        let axis = axis(at, tensor.shape().len())?;
        let size = tensor.shape()[axis];
        let lengths = match given.read(inputs)? {
            Some(lengths) => sizes(&lengths)?,
            None => equal_parts(size, parts),
        };
        let pieces = pieces(tensor, axis, &lengths)?;
        Ok(pieces.into_iter().map(Value::from).collect())
    })
}

fn equal_parts(size: usize, parts: usize) -> Vec<usize> {
    let length = size.div_ceil(parts.max(1));
    let start = |part: usize| (part * length).min(size);
    (0..parts)
        .map(|part| start(part + 1) - start(part))
        .collect()
}

/// The tensor cut along `axis` into pieces of these lengths, which together are its size.
pub(crate) fn pieces(tensor: &Tensor, axis: usize, lengths: &[usize]) -> Result<Vec<Tensor>> {
    let size = tensor.shape()[axis];
    let sum = lengths
        .iter()
        .try_fold(0_usize, |sum, &length| sum.checked_add(length));
    if sum != Some(size) {
        return Err(Error::invalid(format!(
            "parts of {lengths:?} are not the {size} elements of axis {axis}"
        )));
    }
    let mut start = 0;
    let mut cut = |&length: &usize| {
        let view = View::of(tensor.shape()).cut(axis, start, 1, length);
        start += length;
        view.copy(tensor)
    };
    lengths.iter().map(&mut cut).collect()
}

/// Starts, ends, axes and steps are attributes before version 10 and inputs later.
fn slice(node: &mut Node<'_>) -> Built {
    let starts = Given::of(node.attributes, "starts", 1)?;
    let ends = Given::of(node.attributes, "ends", 2)?;
    let axes = Given::of(node.attributes, "axes", 3)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let (starts, ends) = (starts.need(inputs)?, ends.need(inputs)?);
        let axes = axes.read(inputs)?;
        let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = steps(inputs, starts.len())?;
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err(Error::invalid(
                "starts, ends, axes and steps differ in number",
            ));
        }
        let mut view = View::of(tensor.shape());
        let axes = size::axes(&axes, tensor.shape().len())?;
        for (at, &axis) in axes.iter().enumerate() {
            let cut = Cut::new(starts[at], ends[at], steps[at], tensor.shape()[axis])?;
            view = view.cut(axis, cut.start, cut.step, cut.count);
        }
        view.copy(tensor)
    })
}

fn steps(inputs: Inputs<'_>, count: usize) -> Result<Vec<i64>> {
    let steps = inputs.optional(4)?.map(ints).transpose()?;
    Ok(steps.unwrap_or_else(|| vec![1; count]))
}

#[derive(Debug, PartialEq)]
struct Cut {
    start: usize,
    step: isize,
    count: usize,
}

impl Cut {
    /// Bounds beyond the axis are held at its ends, as in NumPy.
    fn new(start: i64, end: i64, step: i64, size: usize) -> Result<Self> {
        if step == 0 {
            return Err(Error::invalid("a slice has step 0"));
        }
        let size = size as i64;
        let from_back = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
        let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
        let start = from_back(start).clamp(low, high.max(low));
        let end = from_back(end).clamp(low, high.max(low));
        let length = if step > 0 { end - start } else { start - end };
        let count = length.max(0).unsigned_abs().div_ceil(step.unsigned_abs());
        Ok(Self {
            start: start.max(0) as usize,
            step: if count > 1 { step as isize } else { 1 },
            count: count as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Attr, first, longs, run, strings};

    #[test]
    fn rows_and_columns_are_joined() {
        let (a, b) = (longs(&[2, 1], &[1, 2]), longs(&[2, 2], &[3, 4, 5, 6]));
        let columns = [("axis", Attr::Int(-1))];
        let made = first("Concat", 13, &columns, &[a.clone(), b.clone()]).unwrap();
        assert_eq!(made, longs(&[2, 3], &[1, 3, 4, 2, 5, 6]));
        let rows = [("axis", Attr::Int(0))];
        let error = first("Concat", 13, &rows, &[a, b]).unwrap_err();
        assert!(error.message().contains("along axis 0"), "{error}");
        let made = first(
            "Concat",
            13,
            &rows,
            &[strings(&["a"]), strings(&[]), strings(&["b"])],
        );
        assert_eq!(made.unwrap(), strings(&["a", "b"]));
    }

    #[test]
    fn parts_are_equal_but_for_the_last() {
        assert_eq!(equal_parts(7, 3), [3, 3, 1]);
        assert_eq!(equal_parts(6, 3), [2, 2, 2]);
        assert_eq!(equal_parts(2, 4), [1, 1, 0, 0]);
        let x = longs(&[7], &[1, 2, 3, 4, 5, 6, 7]);
        let made = run(
            "Split",
            18,
            &[("num_outputs", Attr::Int(3))],
            std::slice::from_ref(&x),
        )
        .unwrap();
        assert_eq!(made[2].tensor().unwrap(), &longs(&[1], &[7]));
        let made = run("Split", 13, &[], &[x.clone(), longs(&[2], &[2, 5])]).unwrap();
        assert_eq!(made[0].tensor().unwrap(), &longs(&[2], &[1, 2]));
        assert!(run("Split", 13, &[], &[x, longs(&[2], &[2, 6])]).is_err());
    }

    #[test]
    fn a_slice_may_run_backwards_and_beyond() {
        let x = longs(&[4], &[0, 1, 2, 3]);
        let cut = |start: i64, end: i64, step: i64| {
            let one = |value| longs(&[1], &[value]);
            let inputs = [x.clone(), one(start), one(end), one(0), one(step)];
            first("Slice", 13, &[], &inputs)
                .unwrap()
                .to_vec::<i64>()
                .unwrap()
        };
        assert_eq!(cut(3, i64::MIN, -1), [3, 2, 1, 0]);
        assert_eq!(cut(1, i64::MAX, 2), [1, 3]);
        assert_eq!(cut(9, 12, 1), [0_i64; 0]);
        assert_eq!(cut(0, 4, i64::MAX), [0]);
        let old = [
            ("starts", Attr::Ints(vec![1])),
            ("ends", Attr::Ints(vec![-1])),
        ];
        assert_eq!(
            first("Slice", 1, &old, std::slice::from_ref(&x)).unwrap(),
            longs(&[2], &[1, 2])
        );
    }

    proptest! {
        #[test]
        fn no_slice_leaves_its_axis(start: i64, end: i64, step in -5_i64..5, size in 0_usize..9) {
            let Ok(cut) = Cut::new(start, end, step, size) else {
                prop_assert_eq!(step, 0);
                return Ok(());
            };
            let places = (0..cut.count as isize).map(|at| cut.start as isize + at * cut.step);
            for place in places {
                prop_assert!((0..size as isize).contains(&place));
            }
        }

        #[test]
        fn pieces_joined_are_the_whole(lengths in proptest::collection::vec(0_usize..4, 1..4)) {
            let size: usize = lengths.iter().sum();
            let values: Vec<i64> = (0..2 * size as i64 * 2).collect();
            let whole = longs(&[2, size, 2], &values);
            let cut = pieces(&whole, 1, &lengths).unwrap();
            let cut: Vec<&Tensor> = cut.iter().collect();
            prop_assert_eq!(joined(&cut, 1).unwrap(), whole);
        }
    }
}
