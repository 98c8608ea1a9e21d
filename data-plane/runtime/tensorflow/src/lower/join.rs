//! Tensors put together and taken apart along an axis.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::emit::Id;
use crate::refusal::Refusal;
use crate::shape;

/// The most parts that a tensor is taken into.
const MAX_PARTS: i64 = 1 << 16;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("ConcatV2", |c| {
        let mut parts = c.inputs.clone();
        let axis = parts
            .pop()
            .ok_or_else(|| Refusal::new("it has no inputs"))?;
        concat(c, &parts, axis)
    }),
    lowered("Concat", |c| {
        let axis = c.first()?;
        let parts: Vec<_> = c.inputs.iter().skip(1).copied().collect();
        concat(c, &parts, axis)
    }),
    lowered("Pack", pack),
    lowered("Unpack", unpack),
    lowered("Split", |c| {
        let (axis, x) = (c.numbers(0, "axis")?, c.input(1)?);
        let axis = *axis
            .first()
            .ok_or_else(|| Refusal::new("its axis is not one number"))?;
        let count = c.node.attrs.int("num_split")?;
        let at = shape::axis(axis, c.builder.rank(x)?)?;
        let size = c.builder.dims(x)?.get(at).and_then(|dim| dim.known());
        let unknown = || Refusal::new("the size that it splits is not known");
        let part = size
            .and_then(|size| size.checked_div(count))
            .ok_or_else(unknown)?;
        let count = usize::try_from(count.min(MAX_PARTS)).map_err(|_| unknown())?;
        c.builder.split(x, axis, &vec![part; count])
    }),
    lowered("SplitV", |c| {
        let (x, mut sizes) = (c.first()?, c.numbers(1, "sizes")?);
        let axis = c.builder.number(c.input(2)?, "axis")?;
        let at = shape::axis(axis, c.builder.rank(x)?)?;
        let whole = c.builder.dims(x)?.get(at).and_then(|dim| dim.known());
        let given: i64 = sizes
            .iter()
            .filter(|&&size| size >= 0)
            .fold(0, |a, &b| a.saturating_add(b));
        if let Some(rest) = sizes.iter_mut().find(|size| **size < 0) {
            let whole =
                whole.ok_or_else(|| Refusal::new("the size that it splits is not known"))?;
            *rest = whole.saturating_sub(given);
        }
        c.builder.split(x, axis, &sizes)
    }),
];

fn concat(c: &mut Context<'_>, parts: &[Id], axis: Id) -> Lowered {
    let axis = c.builder.number(axis, "axis")?;
    Ok(vec![c.builder.concat(parts, axis)?])
}

fn pack(c: &mut Context<'_>) -> Lowered {
    let axis = c.node.attrs.int("axis")?;
    let parts: Result<Vec<_>, _> = c
        .inputs
        .clone()
        .into_iter()
        .map(|part| c.builder.unsqueeze(part, &[axis]))
        .collect();
    Ok(vec![c.builder.concat(&parts?, axis)?])
}

fn unpack(c: &mut Context<'_>) -> Lowered {
    let (x, axis, count) = (
        c.first()?,
        c.node.attrs.int("axis")?,
        c.node.attrs.int("num")?,
    );
    if !(0..=MAX_PARTS).contains(&count) {
        return Err(Refusal::new(format!("into {count} parts")));
    }
    (0..count)
        .map(|index| {
            let index = c.builder.integers(DataType::DtInt64, &[], &[index])?;
            c.builder.gather(x, index, axis)
        })
        .collect()
}
