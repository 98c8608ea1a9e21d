//! Elements by their indices.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::emit::{END, Id, Range, START};
use crate::refusal::Refusal;
use crate::shape::{self, Dim};

pub(super) static OPERATORS: &[Operator] = &[
    lowered("GatherV2", |c| {
        let (x, indices, axis) = (c.first()?, c.input(1)?, c.input(2)?);
        let axis = c.builder.number(axis, "axis")?;
        gather(c, x, indices, axis)
    }),
    lowered("Gather", |c| {
        let (x, indices) = c.pair()?;
        gather(c, x, indices, 0)
    }),
    lowered("ResourceGather", |c| {
        let (x, indices) = c.pair()?;
        gather(c, x, indices, 0)
    }),
    lowered("GatherNd", gather_nd),
    lowered("ResourceGatherNd", gather_nd),
    lowered("Where", |c| {
        let mut x = c.first()?;
        if c.builder.dtype(x) != DataType::DtBool {
            x = c.builder.cast(x, DataType::DtBool)?;
        }
        let count = c.builder.symbols.fresh();
        let rank = Dim::Known(c.builder.rank(x)? as i64);
        let kind = (DataType::DtInt64, Some(vec![rank, count]));
        let found = c.builder.node("NonZero", &[x], Vec::new(), kind);
        Ok(vec![c.builder.transpose(found, &[1, 0])?])
    }),
    lowered("OneHot", one_hot),
    lowered("Slice", slice),
    lowered("ReverseV2", |c| {
        let (x, axes) = (c.first()?, c.numbers(1, "axes")?);
        let rank = c.builder.rank(x)?;
        let backwards = |axis| {
            Ok(Range {
                axis: shape::axis(axis, rank)?,
                start: END,
                end: START,
                step: -1,
            })
        };
        let ranges: Result<Vec<_>, Refusal> = axes.into_iter().map(backwards).collect();
        Ok(vec![c.builder.slice(x, &ranges?)?])
    }),
];

fn gather(c: &mut Context<'_>, x: Id, indices: Id, axis: i64) -> Lowered {
    let batch = c.node.attrs.int("batch_dims").unwrap_or(0);
    if batch != 0 {
        let axis = shape::axis(axis, c.builder.rank(x)?)?;
        let batch = shape::axis(batch, c.builder.rank(indices)? + 1)?;
        return Ok(vec![c.builder.gather_batched(x, indices, (axis, batch))?]);
    }
    Ok(vec![c.builder.gather(x, indices, axis)?])
}

fn gather_nd(c: &mut Context<'_>) -> Lowered {
    let (x, indices) = c.pair()?;
    let (dims, mut picked) = (c.builder.dims(x)?, c.builder.dims(indices)?);
    let depth = picked
        .pop()
        .and_then(Dim::known)
        .and_then(|depth| usize::try_from(depth).ok());
    let depth = depth.filter(|&depth| depth <= dims.len());
    let depth = depth.ok_or_else(|| Refusal::new("how many indices make a place is not known"))?;
    picked.extend(dims.into_iter().skip(depth));
    let indices = c.builder.cast(indices, DataType::DtInt64)?;
    let kind = (c.builder.dtype(x), Some(picked));
    Ok(vec![c.builder.node(
        "GatherND",
        &[x, indices],
        Vec::new(),
        kind,
    )])
}

/// `on` where the position along the new axis is the index, else `off`; so no index is out of
/// range.
fn one_hot(c: &mut Context<'_>) -> Lowered {
    let (indices, on, off) = (c.first()?, c.input(2)?, c.input(3)?);
    let depth = c.input(1)?;
    if let Ok(depth) = c.builder.number(depth, "depth")
        && !(0..=1 << 20).contains(&depth)
    {
        return Err(Refusal::new(format!("depth {depth}")));
    }
    let rank = c.builder.rank(indices)? + 1;
    let axis = shape::axis(c.node.attrs.int("axis").unwrap_or(-1), rank)?;
    let dtype = c.builder.dtype(indices);
    let depth = c.builder.cast(depth, dtype)?;
    let depth = c.builder.squeeze(depth, &[])?;
    let (zero, one) = (c.like(0.0)?, c.like(1.0)?);
    let positions = c.builder.range(zero, depth, one)?;
    let mut dims = vec![Dim::Known(1); rank];
    if let (Some(dim), Some(&depth)) = (dims.get_mut(axis), c.builder.dims(positions)?.first()) {
        *dim = depth;
    }
    let positions = c.builder.reshape_to(positions, &dims)?;
    let indices = c.builder.unsqueeze(indices, &[axis as i64])?;
    let hot = c.builder.compare("Equal", indices, positions)?;
    Ok(vec![c.builder.choose(hot, on, off)?])
}

fn slice(c: &mut Context<'_>) -> Lowered {
    let (x, begin, size) = (c.first()?, c.input(1)?, c.input(2)?);
    let known = c.builder.content(begin).zip(c.builder.content(size));
    let dims = c.builder.dims(x)?;
    let ranges = known.and_then(|(begin, size)| ranges(&begin, &size, &dims));
    if let Some(ranges) = ranges {
        return Ok(vec![c.builder.slice(x, &ranges)?]);
    }
    if let Ok(sizes) = c.builder.numbers(size, "size")
        && sizes.iter().any(|&size| size < 0)
    {
        return Err(Refusal::new("where it begins is not a constant"));
    }
    let end = c.builder.binary("Add", begin, size)?;
    let part = c.builder.slice_at_runtime(x, (begin, end), dims.len())?;
    let sizes = c.builder.content(size);
    c.builder.refine(part, sizes.as_deref());
    Ok(vec![part])
}

/// The part of each axis, if it is known; a size of -1, or that of the whole axis, goes to the end.
fn ranges(begin: &[Dim], size: &[Dim], dims: &[Dim]) -> Option<Vec<Range>> {
    let parts = begin.iter().zip(size).zip(dims).enumerate();
    parts
        .map(|(axis, ((begin, size), dim))| {
            let start = begin.known()?;
            let end = match size {
                Dim::Known(-1) => END,
                Dim::Known(size) => start.checked_add(*size)?,
                Dim::Symbol(_) if start == 0 && size == dim => END,
                Dim::Symbol(_) => return None,
            };
            Some(Range {
                axis,
                start,
                end,
                step: 1,
            })
        })
        .collect()
}
