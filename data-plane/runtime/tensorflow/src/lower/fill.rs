//! Tensors made of one value or of a run of numbers.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::refusal::Refusal;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Fill", |c| {
        let (target, value) = c.pair()?;
        Ok(vec![c.builder.expand(value, target)?])
    }),
    lowered("Empty", |c| {
        let target = c.first()?;
        let dtype = c.node.attrs.dtype("dtype")?;
        let zero = c.builder.scalar(dtype, 0.0)?;
        Ok(vec![c.builder.expand(zero, target)?])
    }),
    lowered("ZerosLike", |c| filled(c, 0.0)),
    lowered("OnesLike", |c| filled(c, 1.0)),
    lowered("Range", |c| {
        let (start, limit, delta) = (c.first()?, c.input(1)?, c.input(2)?);
        Ok(vec![c.builder.range(start, limit, delta)?])
    }),
    lowered("LinSpace", line),
];

fn filled(c: &mut Context<'_>, number: f64) -> Lowered {
    let (x, value) = (c.first()?, c.like(number)?);
    let target = c.builder.shape_of(x, DataType::DtInt64)?;
    Ok(vec![c.builder.expand(value, target)?])
}

/// So many numbers from the first to the last, all known while loading.
fn line(c: &mut Context<'_>) -> Lowered {
    let count = c.builder.number(c.input(2)?, "count")?;
    let unknown = || Refusal::new("its bounds are not constant floats");
    let bound = |index: usize| {
        let tensor = c
            .builder
            .constant_floats(c.input(index)?)
            .ok_or_else(unknown)?;
        tensor.values::<f32>()?.first().copied().ok_or_else(unknown)
    };
    let (start, stop) = (bound(0)?, bound(1)?);
    if !(1..=1 << 20).contains(&count) {
        return Err(Refusal::new(format!("{count} numbers")));
    }
    let step = if count > 1 {
        (stop - start) / (count - 1) as f32
    } else {
        0.0
    };
    let mut values: Vec<f32> = (0..count)
        .map(|index| start + step * index as f32)
        .collect();
    if let Some(last) = values.last_mut().filter(|_| count > 1) {
        *last = stop;
    }
    Ok(vec![c.builder.floats(&[values.len()], values)?])
}
