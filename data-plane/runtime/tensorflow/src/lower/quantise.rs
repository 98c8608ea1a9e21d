//! Numbers rounded to so many steps, as training for integers simulates it.

use super::{Context, Lowered, Operator, lowered};
use crate::emit::Id;
use crate::refusal::Refusal;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("FakeQuantWithMinMaxArgs", |c| {
        let (low, high) = (c.node.attrs.float("min")?, c.node.attrs.float("max")?);
        let low = c.builder.floats(&[], vec![low])?;
        let high = c.builder.floats(&[], vec![high])?;
        steps(c, low, high)
    }),
    lowered("FakeQuantWithMinMaxVars", |c| {
        let (low, high) = (c.input(1)?, c.input(2)?);
        steps(c, low, high)
    }),
    lowered("FakeQuantWithMinMaxVarsPerChannel", |c| {
        let (low, high) = (c.input(1)?, c.input(2)?);
        steps(c, low, high)
    }),
];

/// The range moved so that zero is one of the steps, then each number at the nearest step:
/// Jacob et al., "Quantization and Training of Neural Networks for Efficient
/// Integer-Arithmetic-Only Inference", 2018, equation 12.
fn steps(c: &mut Context<'_>, low: Id, high: Id) -> Lowered {
    let bits = c.node.attrs.int("num_bits")?;
    if !(2..=16).contains(&bits) {
        return Err(Refusal::new(format!("{bits} bits")));
    }
    let first = if c.node.attrs.bool("narrow_range")? {
        1.0
    } else {
        0.0
    };
    let last = ((1_i64 << bits) - 1) as f64;
    let (first_step, last_step) = (c.like(first)?, c.like(last)?);
    let count = c.like(last - first)?;
    let half = c.like(0.5)?;
    let range = c.builder.binary("Sub", high, low)?;
    let scale = c.builder.binary("Div", range, count)?;
    let inverse = c.builder.unary("Reciprocal", scale);
    let below = c.builder.binary("Div", low, scale)?;
    let zero = c.builder.binary("Sub", first_step, below)?;
    let zero = c.builder.binary("Add", zero, half)?;
    let zero = c.builder.unary("Floor", zero);
    let zero = c.builder.binary("Max", zero, first_step)?;
    let zero = c.builder.binary("Min", zero, last_step)?;
    let low = c.builder.binary("Sub", first_step, zero)?;
    let low = c.builder.binary("Mul", low, scale)?;
    let high = c.builder.binary("Sub", last_step, zero)?;
    let high = c.builder.binary("Mul", high, scale)?;
    let x = c.first()?;
    let x = c.builder.binary("Min", x, high)?;
    let x = c.builder.binary("Max", x, low)?;
    Ok(vec![nearest(c, x, (low, scale, inverse))?])
}

/// `x` at the nearest step: whole steps above zero, which is a step itself.
fn nearest(c: &mut Context<'_>, x: Id, (low, scale, inverse): (Id, Id, Id)) -> Result<Id, Refusal> {
    let half = c.like(0.5)?;
    let nothing = c.like(0.0)?;
    let zero = c.builder.binary("Sub", nothing, low)?;
    let zero = c.builder.binary("Mul", zero, inverse)?;
    let zero = c.builder.binary("Add", zero, half)?;
    let zero = c.builder.unary("Floor", zero);
    let above = c.builder.binary("Sub", x, low)?;
    let step = c.builder.binary("Mul", above, inverse)?;
    let step = c.builder.binary("Sub", step, zero)?;
    let step = c.builder.binary("Add", step, half)?;
    let step = c.builder.unary("Floor", step);
    c.builder.binary("Mul", step, scale)
}
