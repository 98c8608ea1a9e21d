//! Arithmetic, comparisons and logic, element by element.

use super::{Context, Lowered, Operator, activation, lowered};
use crate::dtype::{self, DataType};
use crate::emit::{Attr, Id};
use crate::refusal::Refusal;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Abs", |c| c.unary("Abs")),
    lowered("Acos", |c| c.unary("Acos")),
    lowered("Acosh", |c| c.unary("Acosh")),
    lowered("Add", |c| c.binary("Add")),
    lowered("AddN", add_all),
    lowered("AddV2", |c| c.binary("Add")),
    lowered("Asin", |c| c.unary("Asin")),
    lowered("Asinh", |c| c.unary("Asinh")),
    lowered("Atan", |c| c.unary("Atan")),
    lowered("Atanh", |c| c.unary("Atanh")),
    lowered("Ceil", |c| c.unary("Ceil")),
    lowered("ClipByValue", clip),
    lowered("Cos", |c| c.unary("Cos")),
    lowered("Cosh", |c| c.unary("Cosh")),
    lowered("Cumsum", running_sum),
    lowered("Div", |c| c.binary("Div")),
    lowered("DivNoNan", divide_or_zero),
    lowered("Equal", |c| compare(c, "Equal")),
    lowered("Erf", |c| c.unary("Erf")),
    lowered("Erfc", |c| {
        let (x, one) = (c.first()?, c.like(1.0)?);
        let erf = c.builder.unary("Erf", x);
        Ok(vec![c.builder.binary("Sub", one, erf)?])
    }),
    lowered("Exp", |c| c.unary("Exp")),
    lowered("Expm1", |c| {
        let (x, one) = (c.first()?, c.like(1.0)?);
        let power = c.builder.unary("Exp", x);
        Ok(vec![c.builder.binary("Sub", power, one)?])
    }),
    lowered("Floor", |c| c.unary("Floor")),
    lowered("FloorDiv", floor_division),
    lowered("FloorMod", |c| c.binary("Mod")),
    lowered("Greater", |c| compare(c, "Greater")),
    lowered("GreaterEqual", |c| compare(c, "GreaterOrEqual")),
    lowered("Inv", |c| c.unary("Reciprocal")),
    lowered("IsFinite", is_finite),
    lowered("IsInf", |c| question(c, "IsInf")),
    lowered("IsNan", |c| question(c, "IsNaN")),
    lowered("Less", |c| compare(c, "Less")),
    lowered("LessEqual", |c| compare(c, "LessOrEqual")),
    lowered("Log", |c| c.unary("Log")),
    lowered("Log1p", |c| {
        let (x, one) = (c.first()?, c.like(1.0)?);
        let more = c.builder.binary("Add", x, one)?;
        Ok(vec![c.builder.unary("Log", more)])
    }),
    lowered("LogicalAnd", |c| c.binary("And")),
    lowered("LogicalNot", |c| c.unary("Not")),
    lowered("LogicalOr", |c| c.binary("Or")),
    lowered("Maximum", |c| c.binary("Max")),
    lowered("Minimum", |c| c.binary("Min")),
    lowered("Mod", remainder),
    lowered("Mul", |c| c.binary("Mul")),
    lowered("MulNoNan", |c| {
        let (a, b) = c.pair()?;
        let product = c.builder.binary("Mul", a, b)?;
        where_zero(c, b, product)
    }),
    lowered("Neg", negative),
    lowered("NotEqual", |c| {
        let (a, b) = c.pair()?;
        let equal = c.builder.compare("Equal", a, b)?;
        Ok(vec![c.builder.unary("Not", equal)])
    }),
    lowered("Pow", |c| c.binary("Pow")),
    lowered("RealDiv", |c| c.binary("Div")),
    lowered("Reciprocal", |c| c.unary("Reciprocal")),
    lowered("Rint", |c| c.unary("Round")),
    lowered("Round", |c| {
        if dtype::is_integer(c.dtype(0)?) {
            c.pass(0)
        } else {
            c.unary("Round")
        }
    }),
    lowered("Rsqrt", |c| {
        let x = c.first()?;
        let root = c.builder.unary("Sqrt", x);
        Ok(vec![c.builder.unary("Reciprocal", root)])
    }),
    lowered("Sign", sign),
    lowered("Sin", |c| c.unary("Sin")),
    lowered("Sinh", |c| c.unary("Sinh")),
    lowered("Sqrt", |c| c.unary("Sqrt")),
    lowered("Square", |c| {
        let x = c.first()?;
        Ok(vec![c.builder.binary("Mul", x, x)?])
    }),
    lowered("SquaredDifference", |c| {
        let (a, b) = c.pair()?;
        let difference = c.builder.binary("Sub", a, b)?;
        Ok(vec![c.builder.binary("Mul", difference, difference)?])
    }),
    lowered("Sub", |c| c.binary("Sub")),
    lowered("Tan", |c| c.unary("Tan")),
    lowered("TruncateDiv", |c| c.binary("Div")),
    lowered("TruncateMod", remainder),
    lowered("Xdivy", |c| {
        let (x, y) = c.pair()?;
        let quotient = c.builder.binary("Div", x, y)?;
        where_zero(c, x, quotient)
    }),
];

fn compare(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let (a, b) = c.pair()?;
    Ok(vec![c.builder.compare(op, a, b)?])
}

fn question(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let x = c.first()?;
    let kind = (DataType::DtBool, c.builder.value(x).shape.clone());
    Ok(vec![c.builder.node(op, &[x], Vec::new(), kind)])
}

fn is_finite(c: &mut Context<'_>) -> Lowered {
    let x = c.first()?;
    let difference = c.builder.binary("Sub", x, x)?;
    let zero = c.like(0.0)?;
    Ok(vec![c.builder.compare("Equal", difference, zero)?])
}

fn add_all(c: &mut Context<'_>) -> Lowered {
    let mut sum = c.first()?;
    for index in 1..c.inputs.len() {
        let next = c.input(index)?;
        sum = c.builder.binary("Add", sum, next)?;
    }
    Ok(vec![sum])
}

fn clip(c: &mut Context<'_>) -> Lowered {
    let (x, low, high) = (c.first()?, c.input(1)?, c.input(2)?);
    let scalars = [low, high].iter().all(|&id| c.builder.rank(id) == Ok(0));
    if scalars {
        return Ok(vec![activation::clipped(c, x, low, high)]);
    }
    let capped = c.builder.binary("Min", x, high)?;
    Ok(vec![c.builder.binary("Max", capped, low)?])
}

/// `value`, or 0 where `guard` is 0.
fn where_zero(c: &mut Context<'_>, guard: Id, value: Id) -> Lowered {
    let zero = c.like(0.0)?;
    let is_zero = c.builder.compare("Equal", guard, zero)?;
    Ok(vec![c.builder.choose(is_zero, zero, value)?])
}

fn divide_or_zero(c: &mut Context<'_>) -> Lowered {
    let (a, b) = c.pair()?;
    let quotient = c.builder.binary("Div", a, b)?;
    where_zero(c, b, quotient)
}

/// `(x - x mod y) / y`, exact for integers; rounded to the whole number it is for floats, since an
/// engine may divide by multiplying with the reciprocal.
fn floor_division(c: &mut Context<'_>) -> Lowered {
    let (a, b) = c.pair()?;
    let rest = c.builder.binary("Mod", a, b)?;
    let whole = c.builder.binary("Sub", a, rest)?;
    let quotient = c.builder.binary("Div", whole, b)?;
    if dtype::is_integer(c.dtype(0)?) {
        return Ok(vec![quotient]);
    }
    Ok(vec![c.builder.unary("Round", quotient)])
}

/// The remainder of a division that rounds towards zero.
fn remainder(c: &mut Context<'_>) -> Lowered {
    let (a, b) = c.pair()?;
    let shapes = (c.builder.dims(a)?, c.builder.dims(b)?);
    let shape = c.builder.symbols.broadcast(&shapes.0, &shapes.1)?;
    let kind = (c.builder.dtype(a), Some(shape));
    Ok(vec![c.builder.node(
        "Mod",
        &[a, b],
        vec![("fmod", Attr::Int(1))],
        kind,
    )])
}

fn negative(c: &mut Context<'_>) -> Lowered {
    if !dtype::is_integer(c.dtype(0)?) {
        return c.unary("Neg");
    }
    let (zero, x) = (c.like(0.0)?, c.first()?);
    Ok(vec![c.builder.binary("Sub", zero, x)?])
}

/// `[x > 0] - [x < 0]`: engines differ in the sign of zero.
fn sign(c: &mut Context<'_>) -> Lowered {
    let (x, zero, dtype) = (c.first()?, c.like(0.0)?, c.dtype(0)?);
    let above = c.builder.compare("Greater", x, zero)?;
    let below = c.builder.compare("Less", x, zero)?;
    let (above, below) = (c.builder.cast(above, dtype)?, c.builder.cast(below, dtype)?);
    Ok(vec![c.builder.binary("Sub", above, below)?])
}

fn running_sum(c: &mut Context<'_>) -> Lowered {
    let (x, axis) = c.pair()?;
    if dtype::is_narrow(c.dtype(0)?) {
        return Err(Refusal::new(format!("of {}", dtype::name(c.dtype(0)?))));
    }
    let flag = |name| c.node.attrs.bool(name).map(|flag| Attr::Int(flag.into()));
    let attrs = vec![
        ("exclusive", flag("exclusive")?),
        ("reverse", flag("reverse")?),
    ];
    let kind = (c.builder.dtype(x), c.builder.value(x).shape.clone());
    let axis = c.builder.cast(axis, DataType::DtInt64)?;
    Ok(vec![c.builder.node("CumSum", &[x, axis], attrs, kind)])
}
