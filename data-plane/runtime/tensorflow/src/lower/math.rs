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
    lowered("ApproximateEqual", |c| {
        let (a, b) = c.pair()?;
        let tolerance = c.like(c.node.attrs.float("tolerance")?.into())?;
        let difference = c.builder.binary("Sub", a, b)?;
        let size = c.builder.unary("Abs", difference);
        Ok(vec![c.builder.compare("Less", size, tolerance)?])
    }),
    lowered("Atan2", direction),
    lowered("Atanh", |c| c.unary("Atanh")),
    lowered("Bucketize", bucket),
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
    lowered("FloorMod", |c| {
        let (a, b) = c.pair()?;
        Ok(vec![floor_mod(c, a, b)?])
    }),
    lowered("Greater", |c| compare(c, "Greater")),
    lowered("GreaterEqual", |c| compare(c, "GreaterOrEqual")),
    lowered("Inv", |c| c.unary("Reciprocal")),
    lowered("IsFinite", is_finite),
    lowered("IsInf", |c| question(c, "IsInf")),
    lowered("IsNan", |c| question(c, "IsNaN")),
    lowered("L2Loss", |c| {
        let x = c.first()?;
        let axes: Vec<_> = (0..c.builder.rank(x)? as i64).collect();
        let squares = c.builder.binary("Mul", x, x)?;
        let sum = c.builder.reduce("ReduceSum", squares, &axes, false)?;
        let half = c.like(0.5)?;
        Ok(vec![c.builder.binary("Mul", sum, half)?])
    }),
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
    lowered("Xlog1py", |c| {
        let (x, y, one) = (c.first()?, c.input(1)?, c.like(1.0)?);
        let more = c.builder.binary("Add", y, one)?;
        let log = c.builder.unary("Log", more);
        let product = c.builder.binary("Mul", x, log)?;
        where_zero(c, x, product)
    }),
    lowered("Xlogy", |c| {
        let (x, y) = c.pair()?;
        let log = c.builder.unary("Log", y);
        let product = c.builder.binary("Mul", x, log)?;
        where_zero(c, x, product)
    }),
];

/// The angle of the point `(x, y)`: that of its slope, half a turn further on the left. Zeros have
/// a sign.
fn direction(c: &mut Context<'_>) -> Lowered {
    let (y, x) = c.pair()?;
    let (zero, turn) = (c.like(0.0)?, c.like(std::f64::consts::PI)?);
    let slope = c.builder.binary("Div", y, x)?;
    let right = c.builder.unary("Atan", slope);
    let below = is_negative(c, y)?;
    let back = c.builder.unary("Neg", turn);
    let half = c.builder.choose(below, back, turn)?;
    let left = c.builder.binary("Add", right, half)?;
    let is_left = is_negative(c, x)?;
    let angle = c.builder.choose(is_left, left, right)?;
    let quarter = c.like(0.5)?;
    let upright = c.builder.binary("Mul", half, quarter)?;
    let on_axis = c.builder.compare("Equal", x, zero)?;
    let angle = c.builder.choose(on_axis, upright, angle)?;
    let flat = c.builder.choose(is_left, half, zero)?;
    let level = c.builder.compare("Equal", y, zero)?;
    Ok(vec![c.builder.choose(level, flat, angle)?])
}

/// Whether the sign is negative, that of zero too.
fn is_negative(c: &mut Context<'_>, x: Id) -> Result<Id, Refusal> {
    let zero = c.like(0.0)?;
    let below = c.builder.compare("Less", x, zero)?;
    let inverse = c.builder.unary("Reciprocal", x);
    let inverse = c.builder.compare("Less", inverse, zero)?;
    c.builder.binary("Or", below, inverse)
}

/// How many boundaries are not above each number.
fn bucket(c: &mut Context<'_>) -> Lowered {
    let boundaries = c.node.attrs.floats("boundaries");
    let x = c.first()?;
    let attrs = vec![("boundaries", Attr::Floats(boundaries))];
    let kind = (DataType::DtInt32, c.builder.value(x).shape.clone());
    Ok(vec![c.builder.node("hari.Bucketize", &[x], attrs, kind)])
}

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
    let rest = floor_mod(c, a, b)?;
    let whole = c.builder.binary("Sub", a, rest)?;
    let quotient = c.builder.binary("Div", whole, b)?;
    if dtype::is_integer(c.dtype(0)?) {
        return Ok(vec![quotient]);
    }
    Ok(vec![c.builder.unary("Round", quotient)])
}

/// The remainder with the sign of the divisor. ONNX has that of integers alone.
fn floor_mod(c: &mut Context<'_>, a: Id, b: Id) -> Result<Id, Refusal> {
    if dtype::is_integer(c.dtype(0)?) {
        return c.builder.binary("Mod", a, b);
    }
    let rest = truncated(c, a, b)?;
    let zero = c.like(0.0)?;
    let below = c.builder.compare("Less", rest, zero)?;
    let wanted = c.builder.compare("Less", b, zero)?;
    let other = c.builder.binary("Xor", below, wanted)?;
    let is_zero = c.builder.compare("Equal", rest, zero)?;
    let moved = c.builder.binary("Add", rest, b)?;
    let moved = c.builder.choose(other, moved, rest)?;
    c.builder.choose(is_zero, rest, moved)
}

fn remainder(c: &mut Context<'_>) -> Lowered {
    let (a, b) = c.pair()?;
    Ok(vec![truncated(c, a, b)?])
}

/// The remainder of a division that rounds towards zero.
fn truncated(c: &mut Context<'_>, a: Id, b: Id) -> Result<Id, Refusal> {
    let shapes = (c.builder.dims(a)?, c.builder.dims(b)?);
    let shape = c.builder.symbols.broadcast(&shapes.0, &shapes.1)?;
    let kind = (c.builder.dtype(a), Some(shape));
    let attrs = vec![("fmod", Attr::Int(1))];
    Ok(c.builder.node("Mod", &[a, b], attrs, kind))
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
    let dtype = c.dtype(0)?;
    let flag = |name| c.node.attrs.bool(name).map(|flag| Attr::Int(flag.into()));
    let attrs = vec![
        ("exclusive", flag("exclusive")?),
        ("reverse", flag("reverse")?),
    ];
    let kind = (c.builder.dtype(x), c.builder.value(x).shape.clone());
    let axis = c.builder.cast(axis, DataType::DtInt64)?;
    let sums = c.builder.node("CumSum", &[x, axis], attrs, kind);
    Ok(vec![c.builder.wrap(sums, dtype)?])
}
