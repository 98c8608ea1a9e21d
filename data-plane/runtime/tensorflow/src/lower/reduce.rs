//! Reductions, and the place of the greatest and the least.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::{self, DataType};
use crate::emit::Attr;
use crate::refusal::Refusal;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("All", |c| of_booleans(c, "ReduceMin")),
    lowered("Any", |c| of_booleans(c, "ReduceMax")),
    lowered("ArgMax", |c| index(c, "ReduceMax")),
    lowered("ArgMin", |c| index(c, "ReduceMin")),
    lowered("EuclideanNorm", |c| of_floats(c, "ReduceL2")),
    lowered("Max", |c| over_axes(c, "ReduceMax")),
    lowered("Mean", |c| of_floats(c, "ReduceMean")),
    lowered("Min", |c| over_axes(c, "ReduceMin")),
    lowered("Prod", |c| of_wide(c, "ReduceProd")),
    lowered("Sum", |c| of_wide(c, "ReduceSum")),
    lowered("TopKV2", greatest),
];

fn over_axes(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let (x, axes) = (c.first()?, c.numbers(1, "axes")?);
    let keep = c.node.attrs.bool("keep_dims")?;
    Ok(vec![c.builder.reduce(op, x, &axes, keep)?])
}

fn of_floats(c: &mut Context<'_>, op: &'static str) -> Lowered {
    match c.dtype(0)? {
        float if dtype::is_float(float) => over_axes(c, op),
        other => Err(Refusal::new(format!("of {}", dtype::name(other)))),
    }
}

fn of_wide(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let outputs = over_axes(c, op)?;
    let dtype = c.dtype(0)?;
    outputs
        .into_iter()
        .map(|id| c.builder.wrap(id, dtype))
        .collect()
}

fn of_booleans(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let (x, axes) = (c.first()?, c.numbers(1, "axes")?);
    let keep = c.node.attrs.bool("keep_dims")?;
    let numbers = c.builder.cast(x, DataType::DtInt32)?;
    let reduced = c.builder.reduce(op, numbers, &axes, keep)?;
    Ok(vec![c.builder.cast(reduced, DataType::DtBool)?])
}

fn index(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let (x, axes) = c.pair()?;
    let axis = c.builder.number(axes, "axis")?;
    let output = c
        .node
        .attrs
        .dtype("output_type")
        .unwrap_or(DataType::DtInt64);
    Ok(vec![c.builder.index_of(op, x, axis, output)?])
}

fn greatest(c: &mut Context<'_>) -> Lowered {
    let (x, count) = c.pair()?;
    let mut dims = c.builder.dims(x)?;
    let known = c
        .builder
        .content(count)
        .and_then(|content| content.first().copied());
    let size = known.unwrap_or_else(|| c.builder.symbols.fresh());
    match dims.last_mut() {
        Some(last) => *last = size,
        None => return Err(Refusal::new("its input is a scalar")),
    }
    let count = c.builder.cast(count, DataType::DtInt64)?;
    let one = c.builder.int64s(&[1])?;
    let count = c.builder.reshape(count, one)?;
    let outputs = vec![
        (c.builder.dtype(x), Some(dims.clone())),
        (DataType::DtInt64, Some(dims)),
    ];
    let attrs = vec![
        ("axis", Attr::Int(-1)),
        ("largest", Attr::Int(1)),
        ("sorted", Attr::Int(1)),
    ];
    let inputs = vec![Some(x), Some(count)];
    let mut outputs = c.builder.node_with_outputs("TopK", inputs, attrs, outputs);
    let wanted = c
        .node
        .attrs
        .dtype("index_type")
        .unwrap_or(DataType::DtInt32);
    if let Some(indices) = outputs.last_mut() {
        *indices = c.builder.cast(*indices, wanted)?;
    }
    Ok(outputs)
}
