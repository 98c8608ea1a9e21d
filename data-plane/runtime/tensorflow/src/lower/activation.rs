//! Activations.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype;
use crate::emit::{Attr, Id};
use crate::refusal::Refusal;

/// Selu's constants, from Klambauer et al., "Self-Normalizing Neural Networks", 2017.
const SELU_ALPHA: f32 = 1.673_263_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Relu", relu),
    lowered("Relu6", |c| clip(c, 0.0, 6.0)),
    lowered("LeakyRelu", |c| {
        let alpha = c.node.attrs.float("alpha")?;
        with_float(c, "LeakyRelu", "alpha", alpha)
    }),
    lowered("Elu", |c| with_float(c, "Elu", "alpha", 1.0)),
    lowered("Selu", selu),
    lowered("Softplus", softplus),
    lowered("Softsign", |c| c.unary("Softsign")),
    lowered("Tanh", |c| c.unary("Tanh")),
    lowered("Sigmoid", |c| c.unary("Sigmoid")),
    lowered("Softmax", |c| over_last(c, "Softmax")),
    lowered("LogSoftmax", |c| over_last(c, "LogSoftmax")),
];

fn relu(c: &mut Context<'_>) -> Lowered {
    if dtype::is_float(c.dtype(0)?) {
        return c.unary("Relu");
    }
    let (x, zero) = (c.first()?, c.like(0.0)?);
    Ok(vec![c.builder.binary("Max", x, zero)?])
}

fn clip(c: &mut Context<'_>, low: f64, high: f64) -> Lowered {
    let (x, low, high) = (c.first()?, c.like(low)?, c.like(high)?);
    Ok(vec![clipped(c, x, low, high)])
}

/// `x` between two scalars.
pub(super) fn clipped(c: &mut Context<'_>, x: Id, low: Id, high: Id) -> Id {
    let kind = (c.builder.dtype(x), c.builder.value(x).shape.clone());
    c.builder.node("Clip", &[x, low, high], Vec::new(), kind)
}

fn with_float(c: &mut Context<'_>, op: &'static str, name: &'static str, number: f32) -> Lowered {
    let x = c.first()?;
    Ok(vec![c.builder.unary_with(
        op,
        x,
        vec![(name, Attr::Float(number))],
    )])
}

fn selu(c: &mut Context<'_>) -> Lowered {
    let x = c.first()?;
    let curved = c
        .builder
        .unary_with("Elu", x, vec![("alpha", Attr::Float(SELU_ALPHA))]);
    let scale = c.like(SELU_SCALE)?;
    Ok(vec![c.builder.binary("Mul", curved, scale)?])
}

/// `max(x, 0) + log(1 + exp(-|x|))`, which does not overflow.
fn softplus(c: &mut Context<'_>) -> Lowered {
    let x = c.first()?;
    let straight = c.builder.unary("Relu", x);
    let size = c.builder.unary("Abs", x);
    let negative = c.builder.unary("Neg", size);
    let rest = c.builder.unary("Softplus", negative);
    Ok(vec![c.builder.binary("Add", straight, rest)?])
}

fn over_last(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let x = c.first()?;
    if c.builder.rank(x)? == 0 {
        return Err(Refusal::new("its input is a scalar"));
    }
    Ok(vec![c.builder.unary_with(
        op,
        x,
        vec![("axis", Attr::Int(-1))],
    )])
}
