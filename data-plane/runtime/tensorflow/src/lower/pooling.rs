//! Pools over two dimensions.

use super::{Channels, Context, Lowered, Operator, convolution, lowered};
use crate::emit::Window;
use crate::graph::Node;
use crate::refusal::Refusal;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("MaxPool", |c| pool(c, "MaxPool")),
    lowered("AvgPool", |c| pool(c, "AveragePool")),
    lowered("MaxPoolV2", |c| {
        let (size, strides) = (c.numbers(1, "window size")?, c.numbers(2, "strides")?);
        pool_with(c, "MaxPool", &size, &strides)
    }),
];

/// The window of a pool; it must cover one row and one channel.
pub(super) fn window(
    node: &Node<'_>,
    channels: Channels,
    (size, strides): (&[i64], &[i64]),
) -> Result<Window, Refusal> {
    let spatial = channels.spatial(size);
    let product = |numbers: &[i64]| numbers.iter().try_fold(1_i64, |all, &n| all.checked_mul(n));
    let others_are_one = |all: &[i64]| product(all) == product(&channels.spatial(all));
    if spatial.is_empty() || !others_are_one(size) || !others_are_one(strides) {
        return Err(Refusal::new(format!(
            "a window of {size:?} in steps of {strides:?}"
        )));
    }
    Ok(Window {
        dilations: vec![1; spatial.len()],
        strides: channels.spatial(strides),
        padding: convolution::padding(node, channels)?,
        size: spatial,
    })
}

fn pool(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let (size, strides) = (c.node.attrs.ints("ksize"), c.node.attrs.ints("strides"));
    pool_with(c, op, &size, &strides)
}

fn pool_with(c: &mut Context<'_>, op: &'static str, size: &[i64], strides: &[i64]) -> Lowered {
    let channels = Channels::of(c.node)?;
    let window = window(c.node, channels, (size, strides))?;
    let x = c.first()?;
    let x = channels.second(c.builder, x)?;
    let y = c.builder.pool(op, x, &window)?;
    Ok(vec![channels.restored(c.builder, y)?])
}
