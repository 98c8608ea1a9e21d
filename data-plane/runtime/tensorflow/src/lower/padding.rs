//! Elements added around a tensor.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::emit::{Attr, Id};
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Pad", |c| constant(c, None)),
    lowered("PadV2", |c| {
        let value = c.input(2)?;
        constant(c, Some(value))
    }),
    lowered("MirrorPad", mirror),
];

/// The largest size that is mirrored: as many indices are kept.
const MAX_MIRRORED: i64 = 1 << 20;

/// All befores, then all afters, from TensorFlow's pairs.
fn paddings(c: &Context<'_>) -> Result<Vec<i64>, Refusal> {
    let pairs = c.numbers(1, "paddings")?;
    let (pairs, _) = pairs.as_chunks::<2>();
    if pairs
        .iter()
        .flatten()
        .any(|pad| !(0..=1 << 24).contains(pad))
    {
        return Err(Refusal::new("its paddings are out of range"));
    }
    let before = pairs.iter().map(|pair| pair[0]);
    Ok(before.chain(pairs.iter().map(|pair| pair[1])).collect())
}

fn constant(c: &mut Context<'_>, value: Option<Id>) -> Lowered {
    let (x, pairs) = c.pair()?;
    if c.builder.numbers(pairs, "paddings").is_ok() {
        let pads = paddings(c)?;
        return Ok(vec![c.builder.pad(x, &pads, "constant", value)?]);
    }
    let dims = c
        .builder
        .dims(x)?
        .iter()
        .map(|_| c.builder.symbols.fresh())
        .collect();
    let pads = c.builder.cast(pairs, DataType::DtInt64)?;
    let pads = c.builder.transpose(pads, &[1, 0])?;
    let flat = c.builder.int64s(&[-1])?;
    let pads = c.builder.reshape(pads, flat)?;
    let inputs: Vec<_> = [x, pads].into_iter().chain(value).collect();
    let attrs = vec![("mode", Attr::Text("constant".to_owned()))];
    let kind = (c.builder.dtype(x), Some(dims));
    Ok(vec![c.builder.node("Pad", &inputs, attrs, kind)])
}

/// The elements next to each edge, mirrored; gathered by their indices, so that the edge itself
/// can be repeated (`SYMMETRIC`) or not (`REFLECT`).
fn mirror(c: &mut Context<'_>) -> Lowered {
    let pads = paddings(c)?;
    let repeat_edge = c.node.attrs.text("mode")? == "SYMMETRIC";
    let mut x = c.first()?;
    let dims = c.builder.dims(x)?;
    let (before, after) = pads.split_at(pads.len() / 2);
    for (axis, (&before, &after)) in before.iter().zip(after).enumerate() {
        if before == 0 && after == 0 {
            continue;
        }
        let size = dims.get(axis).copied().and_then(Dim::known);
        let indices = size.and_then(|size| mirrored(size, before, after, repeat_edge));
        let indices =
            indices.ok_or_else(|| Refusal::new("the size that it mirrors is not known"))?;
        let indices = c.builder.int64s(&indices)?;
        x = c.builder.gather(x, indices, axis as i64)?;
    }
    Ok(vec![x])
}

fn mirrored(size: i64, before: i64, after: i64, repeat_edge: bool) -> Option<Vec<i64>> {
    let edge = i64::from(!repeat_edge);
    if before.max(after) > size - edge || size > MAX_MIRRORED {
        return None;
    }
    let front = (0..before).rev().map(|index| index + edge);
    let back = (0..after).map(|index| size - 1 - edge - index);
    Some(front.chain(0..size).chain(back).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_repeated_or_not() {
        assert_eq!(mirrored(3, 2, 1, false).unwrap(), [2, 1, 0, 1, 2, 1]);
        assert_eq!(mirrored(3, 2, 1, true).unwrap(), [1, 0, 0, 1, 2, 2]);
        assert!(mirrored(3, 3, 0, false).is_none());
    }
}
