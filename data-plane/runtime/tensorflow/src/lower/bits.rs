//! Logic on the bits of integers.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::{self, DataType};
use crate::emit::Attr;
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Bitcast", bitcast),
    lowered("BitwiseAnd", |c| whole(c, "BitwiseAnd")),
    lowered("BitwiseOr", |c| whole(c, "BitwiseOr")),
    lowered("BitwiseXor", |c| whole(c, "BitwiseXor")),
    lowered("Invert", |c| {
        // Two's complement: the inverse of x is -1 - x; of an unsigned one, the greatest less x.
        let (x, greatest) = (c.first()?, all_ones(c.dtype(0)?)?);
        let ones = c.builder.integers(c.dtype(0)?, &[], &[greatest])?;
        Ok(vec![c.builder.binary("Sub", ones, x)?])
    }),
    lowered("LeftShift", |c| shift(c, "LEFT")),
    lowered("RightShift", |c| shift(c, "RIGHT")),
];

/// Between types of one size that the graph holds as they are: others change the shape, or lie in
/// more bits than their own.
fn bitcast(c: &mut Context<'_>) -> Lowered {
    let (x, from, to) = (c.first()?, c.dtype(0)?, c.node.attrs.dtype("type")?);
    let size = |dtype| match dtype {
        DataType::DtFloat | DataType::DtInt32 | DataType::DtUint32 => Some(4),
        DataType::DtDouble | DataType::DtInt64 | DataType::DtUint64 => Some(8),
        _ => None,
    };
    let held = dtype::held_as(to).filter(|_| size(from).is_some() && size(from) == size(to));
    let held = held.ok_or_else(|| {
        Refusal::new(format!("from {} to {}", dtype::name(from), dtype::name(to)))
    })?;
    let attrs = vec![("to", Attr::Int(i64::from(i32::from(held))))];
    let kind = (to, c.builder.shape(x).map(<[Dim]>::to_vec));
    Ok(vec![c.builder.node("hari.BitCast", &[x], attrs, kind)])
}

fn all_ones(dtype: DataType) -> Result<i64, Refusal> {
    Ok(match dtype {
        DataType::DtUint8 => i64::from(u8::MAX),
        DataType::DtUint16 => i64::from(u16::MAX),
        DataType::DtUint32 => i64::from(u32::MAX),
        DataType::DtUint64 => return Err(Refusal::new("of uint64")),
        _ => -1,
    })
}

/// Narrow integers are held in more bits, and the result is one of the same few bits.
fn whole(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let (a, b) = c.pair()?;
    let shapes = (c.builder.dims(a)?, c.builder.dims(b)?);
    let shape = c.builder.symbols.broadcast(&shapes.0, &shapes.1)?;
    let kind = (c.builder.dtype(a), Some(shape));
    Ok(vec![c.builder.node(op, &[a, b], Vec::new(), kind)])
}

/// ONNX shifts unsigned integers alone.
fn shift(c: &mut Context<'_>, direction: &str) -> Lowered {
    let (a, b) = c.pair()?;
    let dtype = c.dtype(0)?;
    if !matches!(dtype, DataType::DtUint32 | DataType::DtUint64) {
        return Err(Refusal::new(format!("of {}", dtype::name(dtype))));
    }
    let shapes = (c.builder.dims(a)?, c.builder.dims(b)?);
    let shape = c.builder.symbols.broadcast(&shapes.0, &shapes.1)?;
    let attrs = vec![("direction", Attr::Text(direction.to_owned()))];
    Ok(vec![c.builder.node(
        "BitShift",
        &[a, b],
        attrs,
        (dtype, Some(shape)),
    )])
}
