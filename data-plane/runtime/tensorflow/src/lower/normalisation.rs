//! Normalisation by stored statistics and by neighbouring channels.

use super::{Channels, Context, Lowered, Operator, lowered};
use crate::emit::Id;
use crate::refusal::Refusal;
use crate::shape::Dim;

/// Channels up to which neighbours are summed by a product with a square matrix.
const MAX_CHANNELS: i64 = 4096;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("FusedBatchNorm", batch),
    lowered("FusedBatchNormV2", batch),
    lowered("FusedBatchNormV3", batch),
    lowered("LRN", neighbours),
];

/// `x * k + c` with `k = scale / sqrt(variance + epsilon)` and `c = offset - mean * k`, which are
/// constants if the statistics are.
fn batch(c: &mut Context<'_>) -> Lowered {
    if c.node.attrs.bool("is_training")? {
        return Err(Refusal::new(
            "is_training is true; export the model for inference",
        ));
    }
    let epsilon = f64::from(c.node.attrs.float("epsilon")?);
    let [x, scale, offset, mean, variance] = [
        c.input(0)?,
        c.input(1)?,
        c.input(2)?,
        c.input(3)?,
        c.input(4)?,
    ];
    let dtype = c.builder.dtype(variance);
    let epsilon = c.builder.scalar(dtype, epsilon)?;
    let sum = c.builder.binary("Add", variance, epsilon)?;
    let root = c.builder.unary("Sqrt", sum);
    let factor = c.builder.binary("Div", scale, root)?;
    let centre = c.builder.binary("Mul", mean, factor)?;
    let constant = c.builder.binary("Sub", offset, centre)?;
    let factor = per_channel(c, x, factor)?;
    let constant = per_channel(c, x, constant)?;
    let scaled = c.builder.binary("Mul", x, factor)?;
    let y = c.builder.binary("Add", scaled, constant)?;
    Ok(vec![y, mean, variance, mean, variance, mean])
}

/// A vector of channels in the shape that broadcasts over `x`.
fn per_channel(c: &mut Context<'_>, x: Id, vector: Id) -> Result<Id, Refusal> {
    if Channels::of(c.node)? == Channels::Last {
        return Ok(vector);
    }
    let behind = c.builder.rank(x)?.saturating_sub(2);
    let dims: Vec<_> = c
        .builder
        .dims(vector)?
        .into_iter()
        .chain(vec![Dim::Known(1); behind])
        .collect();
    c.builder.reshape_to(vector, &dims)
}

/// `x / (bias + alpha * sum of squares over neighbouring channels) ^ beta`.
fn neighbours(c: &mut Context<'_>) -> Lowered {
    let x = c.first()?;
    let radius = c.node.attrs.int("depth_radius")?;
    let channels = c.builder.dims(x)?.last().copied().and_then(Dim::known);
    let channels = channels.filter(|channels| (1..=MAX_CHANNELS).contains(channels));
    let channels = channels.ok_or_else(|| Refusal::new("the number of channels is not known"))?;
    let near = |(a, b): (i64, i64)| if (a - b).abs() <= radius { 1.0 } else { 0.0 };
    let pairs = (0..channels).flat_map(|a| (0..channels).map(move |b| (a, b)));
    let side = usize::try_from(channels).unwrap_or_default();
    let band = c.builder.floats(&[side, side], pairs.map(near).collect())?;
    let squares = c.builder.binary("Mul", x, x)?;
    let sums = c.builder.matmul(squares, band)?;
    let alpha = c.like(c.node.attrs.float("alpha")?.into())?;
    let bias = c.like(c.node.attrs.float("bias")?.into())?;
    let beta = c.like(c.node.attrs.float("beta")?.into())?;
    let scaled = c.builder.binary("Mul", sums, alpha)?;
    let base = c.builder.binary("Add", scaled, bias)?;
    let divisor = c.builder.binary("Pow", base, beta)?;
    Ok(vec![c.builder.binary("Div", x, divisor)?])
}
