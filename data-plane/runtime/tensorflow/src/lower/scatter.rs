//! Elements put where indices say, and sequences whose order indices say.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::emit::{Attr, END, Id, Range};
use crate::refusal::Refusal;
use crate::shape::{self, Dim};

pub(super) static OPERATORS: &[Operator] = &[
    lowered("DynamicPartition", partition),
    lowered("DynamicStitch", stitch),
    lowered("InvertPermutation", |c| {
        let x = c.first()?;
        let size = c.builder.size_of_axis(x, 0, c.dtype(0)?)?;
        let (zero, one) = (c.like(0.0)?, c.like(1.0)?);
        let positions = c.builder.range(zero, size, one)?;
        let indices = c.builder.unsqueeze(x, &[-1])?;
        put(c, x, (indices, positions), "none")
    }),
    lowered("ParallelDynamicStitch", stitch),
    lowered("ReverseSequence", reverse),
    lowered("Roll", roll),
    lowered("ScatterNd", |c| {
        let (indices, updates, shape) = (c.first()?, c.input(1)?, c.input(2)?);
        let zero = c.builder.scalar(c.builder.dtype(updates), 0.0)?;
        let empty = c.builder.expand(zero, shape)?;
        put(c, empty, (indices, updates), "add")
    }),
    lowered("TensorScatterAdd", |c| update(c, "add")),
    lowered("TensorScatterMax", |c| update(c, "max")),
    lowered("TensorScatterMin", |c| update(c, "min")),
    lowered("TensorScatterSub", |c| {
        let (x, indices, updates) = (c.first()?, c.input(1)?, c.input(2)?);
        let zero = c.like(0.0)?;
        let negative = c.builder.binary("Sub", zero, updates)?;
        put(c, x, (indices, negative), "add")
    }),
    lowered("TensorScatterUpdate", |c| update(c, "none")),
];

fn update(c: &mut Context<'_>, reduction: &str) -> Lowered {
    let (x, indices, updates) = (c.first()?, c.input(1)?, c.input(2)?);
    put(c, x, (indices, updates), reduction)
}

/// `x` with the updates put in at the indices of slices.
fn put(c: &mut Context<'_>, x: Id, (indices, updates): (Id, Id), reduction: &str) -> Lowered {
    let indices = c.builder.cast(indices, DataType::DtInt64)?;
    let attrs = vec![("reduction", Attr::Text(reduction.to_owned()))];
    let kind = (c.builder.dtype(x), c.builder.value(x).shape.clone());
    let inputs = [x, indices, updates];
    Ok(vec![c.builder.node("ScatterND", &inputs, attrs, kind)])
}

/// The rows of each partition: where the partition's number is the row's.
fn partition(c: &mut Context<'_>) -> Lowered {
    let (x, numbers) = c.pair()?;
    let count = c.node.attrs.int("num_partitions")?;
    if !(1..=1 << 12).contains(&count) || c.builder.rank(numbers)? != 1 {
        return Err(Refusal::new(
            "by more than a vector, or into too many parts",
        ));
    }
    let mut dims = c.builder.dims(x)?;
    (0..count)
        .map(|number| {
            let number = c.builder.scalar(c.builder.dtype(numbers), number as f64)?;
            let chosen = c.builder.compare("Equal", numbers, number)?;
            if let Some(rows) = dims.first_mut() {
                *rows = c.builder.symbols.fresh();
            }
            let attrs = vec![("axis", Attr::Int(0))];
            let kind = (c.builder.dtype(x), Some(dims.clone()));
            Ok(c.builder.node("Compress", &[x, chosen], attrs, kind))
        })
        .collect()
}

/// Rows at their indices; of several for one index the last.
fn stitch(c: &mut Context<'_>) -> Lowered {
    let (indices, data) = c.inputs.split_at(c.inputs.len() / 2);
    let (indices, data) = (indices.to_vec(), data.to_vec());
    let first = *data
        .first()
        .ok_or_else(|| Refusal::new("it has no inputs"))?;
    let own = indices
        .first()
        .map(|&index| c.builder.rank(index))
        .transpose()?
        .unwrap_or(0);
    let inner: Vec<_> = c.builder.dims(first)?.into_iter().skip(own).collect();
    let (mut places, mut rows) = (Vec::new(), Vec::new());
    for (&place, &row) in indices.iter().zip(&data) {
        let flat = c.builder.int64s(&[-1])?;
        places.push(c.builder.reshape(place, flat)?);
        let target: Vec<_> = [c.builder.symbols.fresh()]
            .into_iter()
            .chain(inner.clone())
            .collect();
        rows.push(c.builder.reshape_to(row, &target)?);
    }
    let places = c.builder.concat(&places, 0)?;
    let rows = c.builder.concat(&rows, 0)?;
    let greatest = c.builder.reduce("ReduceMax", places, &[0], true)?;
    let one = c.builder.scalar(c.builder.dtype(places), 1.0)?;
    let count = c.builder.binary("Add", greatest, one)?;
    let count = c.builder.cast(count, DataType::DtInt64)?;
    let sizes = c.builder.shape_of(rows, DataType::DtInt64)?;
    let inner = c.builder.slice(
        sizes,
        &[Range {
            axis: 0,
            start: 1,
            end: END,
            step: 1,
        }],
    )?;
    let shape = c.builder.concat(&[count, inner], 0)?;
    let zero = c.builder.scalar(c.builder.dtype(rows), 0.0)?;
    let empty = c.builder.expand(zero, shape)?;
    let places = c.builder.unsqueeze(places, &[-1])?;
    put(c, empty, (places, rows), "none")
}

/// Each axis turned round by its shift.
fn roll(c: &mut Context<'_>) -> Lowered {
    let (shifts, axes) = (c.numbers(1, "shift")?, c.numbers(2, "axis")?);
    let mut x = c.first()?;
    for (&shift, &axis) in shifts.iter().zip(&axes) {
        x = rolled(c, x, (shift, axis))?;
    }
    Ok(vec![x])
}

fn rolled(c: &mut Context<'_>, x: Id, (shift, axis): (i64, i64)) -> Result<Id, Refusal> {
    let dims = c.builder.dims(x)?;
    let axis = shape::axis(axis, dims.len())?;
    let part = |start, end| Range {
        axis,
        start,
        end,
        step: 1,
    };
    if let Some(&Dim::Known(size)) = dims.get(axis) {
        let shift = shift.checked_rem_euclid(size).unwrap_or(0);
        if shift == 0 {
            return Ok(x);
        }
        let back = c.builder.slice(x, &[part(size - shift, END)])?;
        let front = c.builder.slice(x, &[part(0, size - shift)])?;
        return c.builder.concat(&[back, front], axis as i64);
    }
    let size = c.builder.size_of_axis(x, axis, DataType::DtInt64)?;
    let [zero, one, shift] =
        [0, 1, shift].map(|number| c.builder.integers(DataType::DtInt64, &[], &[number]));
    let positions = c.builder.range(zero?, size, one?)?;
    let moved = c.builder.binary("Sub", positions, shift?)?;
    let indices = c.builder.binary("Mod", moved, size)?;
    c.builder.gather(x, indices, axis as i64)
}

/// The first elements of each row backwards, as many as its length says.
fn reverse(c: &mut Context<'_>) -> Lowered {
    let (x, lengths) = c.pair()?;
    let rank = c.builder.rank(x)?;
    let time = shape::axis(c.node.attrs.int("seq_dim")?, rank)?;
    let batch = shape::axis(c.node.attrs.int("batch_dim").unwrap_or(0), rank)?;
    let rest = (0..rank).filter(|&axis| axis != time && axis != batch);
    let order: Vec<_> = [batch, time].into_iter().chain(rest).collect();
    let mut back = vec![0; rank];
    for (to, &from) in order.iter().enumerate() {
        if let Some(slot) = back.get_mut(from) {
            *slot = to;
        }
    }
    let moved = c.builder.transpose(x, &order)?;
    let lengths = c.builder.cast(lengths, DataType::DtInt64)?;
    let kind = (c.builder.dtype(x), c.builder.value(moved).shape.clone());
    let attrs = vec![("batch_axis", Attr::Int(0)), ("time_axis", Attr::Int(1))];
    let reversed = c
        .builder
        .node("ReverseSequence", &[moved, lengths], attrs, kind);
    Ok(vec![c.builder.transpose(reversed, &back)?])
}
