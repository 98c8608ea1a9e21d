//! `StridedSlice`: Python's indexing, with its ellipsis, new axes and single indices.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::emit::{END, Id, Range, START};
use crate::graph::Node;
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[lowered("StridedSlice", strided_slice)];

/// One bit for each entry of the index.
struct Masks {
    begin: i64,
    end: i64,
    ellipsis: i64,
    new_axis: i64,
    shrink: i64,
}

impl Masks {
    fn of(node: &Node<'_>) -> Result<Self, Refusal> {
        let mask = |name: &str| node.attrs.int(name);
        Ok(Self {
            begin: mask("begin_mask")?,
            end: mask("end_mask")?,
            ellipsis: mask("ellipsis_mask")?,
            new_axis: mask("new_axis_mask")?,
            shrink: mask("shrink_axis_mask")?,
        })
    }
}

fn bit(mask: i64, index: usize) -> bool {
    index < 64 && mask >> index & 1 == 1
}

/// What an index does to a tensor.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    ranges: Vec<Range>,
    /// Axes of the sliced tensor that are left out.
    shrunk: Vec<i64>,
    /// Axes of the result that are new.
    fresh: Vec<i64>,
}

/// Begin, end and step of each entry, as far as they are known.
struct Entries {
    begin: Vec<Dim>,
    end: Vec<Dim>,
    steps: Vec<i64>,
}

fn plan(entries: &Entries, masks: &Masks, rank: usize) -> Result<Plan, Refusal> {
    let count = entries.steps.len();
    let mut plan = Plan::default();
    // The axis of the tensor that comes next, and that of the result.
    let (mut axis, mut made) = (0, 0);
    for index in 0..count {
        if bit(masks.ellipsis, index) {
            let after = (index + 1..count).filter(|&later| !bit(masks.new_axis, later));
            let skipped = rank.saturating_sub(axis + after.count());
            axis += skipped;
            made += skipped as i64;
        } else if bit(masks.new_axis, index) {
            plan.fresh.push(made);
            made += 1;
        } else {
            if axis >= rank {
                return Err(Refusal::new("it indexes more dimensions than there are"));
            }
            plan.ranges.push(range(entries, masks, (index, axis))?);
            match bit(masks.shrink, index) {
                true => plan.shrunk.push(axis as i64),
                false => made += 1,
            }
            axis += 1;
        }
    }
    Ok(plan)
}

fn range(
    entries: &Entries,
    masks: &Masks,
    (index, axis): (usize, usize),
) -> Result<Range, Refusal> {
    let number = |dims: &[Dim]| {
        let known = dims.get(index).copied().and_then(Dim::known);
        known.ok_or_else(|| Refusal::new("a bound of its index is not a constant"))
    };
    let clamped = |number: i64| number.clamp(START, END);
    let step = entries.steps.get(index).copied().unwrap_or(1);
    if bit(masks.shrink, index) {
        let start = clamped(number(&entries.begin)?);
        let end = if start == -1 { END } else { start + 1 };
        return Ok(Range {
            axis,
            start,
            end,
            step: 1,
        });
    }
    if step == 0 {
        return Err(Refusal::new("a step of its index is zero"));
    }
    let (first, last) = if step > 0 { (0, END) } else { (END, START) };
    let start = if bit(masks.begin, index) {
        first
    } else {
        clamped(number(&entries.begin)?)
    };
    let end = if bit(masks.end, index) {
        last
    } else {
        clamped(number(&entries.end)?)
    };
    Ok(Range {
        axis,
        start,
        end,
        step,
    })
}

fn strided_slice(c: &mut Context<'_>) -> Lowered {
    let (x, begin, end) = (c.first()?, c.input(1)?, c.input(2)?);
    let masks = Masks::of(c.node)?;
    let steps = c.numbers(3, "steps")?;
    let mut unknown = || vec![c.builder.symbols.fresh(); steps.len()];
    let (no_begin, no_end) = (unknown(), unknown());
    let entries = Entries {
        begin: c.builder.content(begin).unwrap_or(no_begin),
        end: c.builder.content(end).unwrap_or(no_end),
        steps,
    };
    let rank = c.builder.rank(x)?;
    let Ok(plan) = plan(&entries, &masks, rank) else {
        return at_runtime(c, (&entries, &masks), rank);
    };
    let mut y = c.builder.slice(x, &plan.ranges)?;
    if !plan.shrunk.is_empty() {
        y = c.builder.squeeze(y, &plan.shrunk)?;
    }
    Ok(vec![c.builder.unsqueeze(y, &plan.fresh)?])
}

/// The same where some bounds are numbers that are known only when a request comes: those count as
/// masked in the plan, and are then taken by a slice or, for a single index, by a gather.
fn at_runtime(c: &mut Context<'_>, (entries, masks): (&Entries, &Masks), rank: usize) -> Lowered {
    let (x, begin, end) = (c.first()?, c.input(1)?, c.input(2)?);
    let mut guessed = Entries {
        begin: entries.begin.clone(),
        end: entries.end.clone(),
        steps: entries.steps.clone(),
    };
    for dim in guessed.begin.iter_mut().chain(&mut guessed.end) {
        *dim = Dim::Known(dim.known().unwrap_or(0));
    }
    let plan = plan(&guessed, masks, rank)?;
    let used = (0..entries.steps.len())
        .filter(|&index| !bit(masks.ellipsis, index) && !bit(masks.new_axis, index));
    let (mut bounds, mut single) = (Bounds::default(), Vec::new());
    for (index, range) in used.zip(&plan.ranges) {
        let known = |dims: &[Dim]| dims.get(index).copied().and_then(Dim::known);
        if bit(masks.shrink, index) {
            single.push((range.axis, bound(c, begin, (index, known(&entries.begin)))?));
            continue;
        }
        let (mut from, mut to) = (known(&entries.begin), known(&entries.end));
        if bit(masks.begin, index) {
            from = Some(range.start);
        }
        if bit(masks.end, index) {
            to = Some(range.end);
        }
        bounds.starts.push(bound(c, begin, (index, from))?);
        bounds.ends.push(bound(c, end, (index, to))?);
        bounds.axes.push(range.axis as i64);
        bounds.steps.push(range.step);
    }
    let mut y = bounds.slice(c, x)?;
    for (axis, index) in single.into_iter().rev() {
        let index = c.builder.squeeze(index, &[0])?;
        y = c.builder.gather(y, index, axis as i64)?;
    }
    Ok(vec![c.builder.unsqueeze(y, &plan.fresh)?])
}

/// A bound as a vector of one: its number if that is known, else what the input has there.
fn bound(
    c: &mut Context<'_>,
    input: Id,
    (index, known): (usize, Option<i64>),
) -> Result<Id, Refusal> {
    if let Some(number) = known {
        return c.builder.int64s(&[number.clamp(START, END)]);
    }
    let at = c.builder.int64s(&[index as i64])?;
    let found = c.builder.gather(input, at, 0)?;
    c.builder.cast(found, DataType::DtInt64)
}

/// Bounds of a slice, some of them computed.
#[derive(Default)]
struct Bounds {
    starts: Vec<Id>,
    ends: Vec<Id>,
    axes: Vec<i64>,
    steps: Vec<i64>,
}

impl Bounds {
    fn slice(&self, c: &mut Context<'_>, x: Id) -> Result<Id, Refusal> {
        if self.axes.is_empty() {
            return Ok(x);
        }
        let mut dims = c.builder.dims(x)?;
        for &axis in &self.axes {
            if let Some(dim) = usize::try_from(axis)
                .ok()
                .and_then(|axis| dims.get_mut(axis))
            {
                *dim = c.builder.symbols.fresh();
            }
        }
        let inputs = [
            x,
            c.builder.concat(&self.starts, 0)?,
            c.builder.concat(&self.ends, 0)?,
            c.builder.int64s(&self.axes)?,
            c.builder.int64s(&self.steps)?,
        ];
        let kind = (c.builder.dtype(x), Some(dims));
        Ok(c.builder.node("Slice", &inputs, Vec::new(), kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::known;

    const NONE: Masks = Masks {
        begin: 0,
        end: 0,
        ellipsis: 0,
        new_axis: 0,
        shrink: 0,
    };

    fn entries(begin: &[i64], end: &[i64], steps: &[i64]) -> Entries {
        Entries {
            begin: known(begin),
            end: known(end),
            steps: steps.to_vec(),
        }
    }

    #[test]
    fn an_ellipsis_stands_for_the_axes_that_are_left() {
        // x[..., 1, newaxis, 2:] of rank 4
        let entries = entries(&[0, 1, 0, 2], &[0, 0, 0, 0], &[1; 4]);
        let masks = Masks {
            ellipsis: 1,
            shrink: 2,
            new_axis: 4,
            end: 8,
            ..NONE
        };
        let plan = plan(&entries, &masks, 4).unwrap();
        assert_eq!(plan.shrunk, [2]);
        assert_eq!(plan.fresh, [2]);
        let last = Range {
            axis: 3,
            start: 2,
            end: END,
            step: 1,
        };
        assert_eq!(
            plan.ranges,
            [
                Range {
                    axis: 2,
                    start: 1,
                    end: 2,
                    step: 1
                },
                last
            ]
        );
    }

    #[test]
    fn the_last_element_and_backwards() {
        let plan = plan(
            &entries(&[-1, 0], &[0, 0], &[1, -1]),
            &Masks {
                shrink: 1,
                begin: 2,
                end: 2,
                ..NONE
            },
            2,
        )
        .unwrap();
        let last = Range {
            axis: 0,
            start: -1,
            end: END,
            step: 1,
        };
        let backwards = Range {
            axis: 1,
            start: END,
            end: START,
            step: -1,
        };
        assert_eq!(plan.ranges, [last, backwards]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(plan(&entries(&[0, 0], &[1, 1], &[1, 1]), &NONE, 1).is_err());
        assert!(plan(&entries(&[0], &[1], &[0]), &NONE, 1).is_err());
        let unknown = Entries {
            begin: vec![Dim::Symbol(1)],
            ..entries(&[], &[1], &[1])
        };
        assert!(plan(&unknown, &NONE, 1).is_err());
        assert!(plan(&unknown, &Masks { begin: 1, ..NONE }, 1).is_ok());
    }
}
