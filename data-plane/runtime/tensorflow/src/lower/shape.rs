//! Shapes, and the same elements under another shape.

use super::{Context, Lowered, Operator, folded, lowered};
use crate::dtype::DataType;
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Reshape", |c| {
        let (x, target) = c.pair()?;
        Ok(vec![c.builder.reshape(x, target)?])
    }),
    lowered("Squeeze", |c| {
        let (x, axes) = (c.first()?, c.node.attrs.ints("squeeze_dims"));
        Ok(vec![c.builder.squeeze(x, &axes)?])
    }),
    lowered("ExpandDims", |c| {
        let (x, axes) = (c.first()?, c.numbers(1, "axis")?);
        Ok(vec![c.builder.unsqueeze(x, &axes)?])
    }),
    lowered("Transpose", |c| {
        let (x, order) = (c.first()?, c.numbers(1, "permutation")?);
        let order: Result<Vec<_>, _> = order.into_iter().map(usize::try_from).collect();
        let order = order.map_err(|_| Refusal::new("its permutation is negative"))?;
        Ok(vec![c.builder.transpose(x, &order)?])
    }),
    lowered("Shape", shapes),
    lowered("ShapeN", shapes),
    folded("Rank", |c| {
        let rank = c.builder.rank(c.first()?)? as i64;
        Ok(vec![c.builder.integers(DataType::DtInt32, &[], &[rank])?])
    }),
    lowered("Size", size),
    lowered("BroadcastTo", |c| {
        let (x, target) = c.pair()?;
        Ok(vec![c.builder.expand(x, target)?])
    }),
    lowered("BroadcastArgs", common_shape),
    lowered("Tile", tile),
];

fn shapes(c: &mut Context<'_>) -> Lowered {
    let dtype = c.node.attrs.dtype("out_type").unwrap_or(DataType::DtInt32);
    c.inputs
        .clone()
        .into_iter()
        .map(|x| c.builder.shape_of(x, dtype))
        .collect()
}

fn size(c: &mut Context<'_>) -> Lowered {
    let x = c.first()?;
    let dtype = c.node.attrs.dtype("out_type").unwrap_or(DataType::DtInt32);
    let sizes = c.builder.shape_of(x, dtype)?;
    Ok(vec![c.builder.reduce("ReduceProd", sizes, &[0], false)?])
}

/// The shape that two shapes broadcast to, as far as it is known while loading.
fn common_shape(c: &mut Context<'_>) -> Lowered {
    let (a, b) = c.pair()?;
    let unknown = || Refusal::new("its shapes are not known");
    let (left, right) = c
        .builder
        .content(a)
        .zip(c.builder.content(b))
        .ok_or_else(unknown)?;
    let both = c.builder.symbols.broadcast(&left, &right)?;
    for (id, own) in [(a, left), (b, right)] {
        if own == both {
            return Ok(vec![id]);
        }
    }
    let known: Option<Vec<_>> = both.iter().map(|dim| dim.known()).collect();
    let known = known.ok_or_else(unknown)?;
    let dtype = c.builder.dtype(a);
    Ok(vec![c.builder.integers(dtype, &[known.len()], &known)?])
}

fn tile(c: &mut Context<'_>) -> Lowered {
    let (x, counts) = c.pair()?;
    let times = c.builder.content(counts);
    let dims = c.builder.dims(x)?;
    let times = times.unwrap_or_else(|| dims.iter().map(|_| c.builder.symbols.fresh()).collect());
    if times.len() != dims.len() {
        return Err(Refusal::new("its multiples are for another rank"));
    }
    if times.iter().all(|&count| count == Dim::Known(1)) {
        return Ok(vec![x]);
    }
    let repeated: Vec<_> = dims
        .iter()
        .zip(&times)
        .map(|(&dim, &count)| c.builder.symbols.product(&[dim, count]))
        .collect();
    let counts = c.builder.cast(counts, DataType::DtInt64)?;
    let kind = (c.builder.dtype(x), Some(repeated));
    Ok(vec![c.builder.node("Tile", &[x, counts], Vec::new(), kind)])
}
