//! Products of matrices, and the bias after them.

use super::{Channels, Context, Lowered, Operator, lowered};
use crate::emit::Id;
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("MatMul", |c| product(c, "transpose_a", "transpose_b")),
    lowered("BatchMatMul", |c| product(c, "adj_x", "adj_y")),
    lowered("BatchMatMulV2", |c| product(c, "adj_x", "adj_y")),
    lowered("BatchMatMulV3", |c| product(c, "adj_x", "adj_y")),
    lowered("BiasAdd", bias),
    lowered("BiasAddV1", bias),
    lowered("Einsum", |c| {
        let equation = c.node.attrs.text("equation")?;
        let inputs = c.inputs.clone();
        Ok(vec![c.builder.einsum(&inputs, equation)?])
    }),
];

fn product(c: &mut Context<'_>, left: &str, right: &str) -> Lowered {
    let (a, b) = c.pair()?;
    let a = turned(c, a, left)?;
    let b = turned(c, b, right)?;
    Ok(vec![c.builder.matmul(a, b)?])
}

fn turned(c: &mut Context<'_>, x: Id, flag: &str) -> Result<Id, Refusal> {
    if c.node.attrs.bool(flag)? {
        c.builder.exchange(x)
    } else {
        Ok(x)
    }
}

fn bias(c: &mut Context<'_>) -> Lowered {
    let (x, bias) = c.pair()?;
    let bias = match Channels::of(c.node)? {
        Channels::Last => bias,
        Channels::First => {
            let channels = c.builder.dims(bias)?;
            let behind = c.builder.rank(x)?.saturating_sub(2);
            let dims: Vec<_> = channels
                .into_iter()
                .chain(vec![Dim::Known(1); behind])
                .collect();
            c.builder.reshape_to(bias, &dims)?
        }
    };
    Ok(vec![c.builder.binary("Add", x, bias)?])
}
