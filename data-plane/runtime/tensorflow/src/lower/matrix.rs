//! Parts of matrices by their place, and running products.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::emit::Id;
use crate::refusal::Refusal;
use crate::shape::Dim;

/// The greatest size whose places are compared in pairs.
const MAX_PAIRS: i64 = 1 << 11;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Cumprod", running_product),
    lowered("Diag", |c| diagonal(c, None)),
    lowered("LowerBound", |c| search(c, "Less")),
    lowered("MatrixBandPart", band),
    lowered("MatrixDiag", |c| diagonal(c, None)),
    lowered("MatrixDiagPart", diagonal_part),
    lowered("MatrixDiagPartV2", diagonal_part),
    lowered("MatrixDiagPartV3", diagonal_part),
    lowered("MatrixDiagV2", |c| diagonal(c, Some(4))),
    lowered("MatrixDiagV3", |c| diagonal(c, Some(4))),
    lowered("MatrixSetDiag", set_diagonal),
    lowered("MatrixSetDiagV2", set_diagonal),
    lowered("MatrixSetDiagV3", set_diagonal),
    lowered("UpperBound", |c| search(c, "LessOrEqual")),
];

/// The row and the column of each place of the last two dimensions, as columns and rows that
/// broadcast.
fn places(c: &mut Context<'_>, x: Id) -> Result<(Id, Id), Refusal> {
    let rank = c.builder.rank(x)?;
    if rank < 2 {
        return Err(Refusal::new("its input is not a matrix"));
    }
    let rows = counted(c, x, rank - 2)?;
    let columns = counted(c, x, rank - 1)?;
    let rows = c.builder.unsqueeze(rows, &[1])?;
    Ok((rows, columns))
}

/// 0, 1, 2, ... along an axis.
fn counted(c: &mut Context<'_>, x: Id, axis: usize) -> Result<Id, Refusal> {
    let size = c.builder.size_of_axis(x, axis, DataType::DtInt64)?;
    let zero = c.builder.integers(DataType::DtInt64, &[], &[0])?;
    let one = c.builder.integers(DataType::DtInt64, &[], &[1])?;
    c.builder.range(zero, size, one)
}

/// The elements no further below the diagonal than `lower` and no further above than `upper`;
/// below zero is any distance.
fn band(c: &mut Context<'_>) -> Lowered {
    let (x, lower, upper) = (c.first()?, c.input(1)?, c.input(2)?);
    let (rows, columns) = places(c, x)?;
    let mut inside = None;
    for (limit, a, b) in [(lower, rows, columns), (upper, columns, rows)] {
        let limit = c.builder.cast(limit, DataType::DtInt64)?;
        if c.builder
            .number(limit, "limit")
            .is_ok_and(|limit| limit < 0)
        {
            continue;
        }
        let distance = c.builder.binary("Sub", a, b)?;
        let near = c.builder.compare("LessOrEqual", distance, limit)?;
        let zero = c.builder.integers(DataType::DtInt64, &[], &[0])?;
        let open = c.builder.compare("Less", limit, zero)?;
        let near = c.builder.binary("Or", near, open)?;
        inside = Some(match inside {
            Some(other) => c.builder.binary("And", other, near)?,
            None => near,
        });
    }
    let Some(inside) = inside else {
        return c.pass(0);
    };
    let zero = c.like(0.0)?;
    Ok(vec![c.builder.choose(inside, x, zero)?])
}

/// Refuses diagonals other than the main one; versions 2 and 3 name them in input 1.
fn main_only(c: &Context<'_>) -> Result<(), Refusal> {
    if c.inputs.len() < 3 || c.node.op == "MatrixSetDiag" {
        return Ok(());
    }
    let which = if c.node.op.starts_with("MatrixSetDiag") {
        2
    } else {
        1
    };
    let diagonals = c.numbers(which, "diagonal")?;
    if diagonals.iter().all(|&diagonal| diagonal == 0) {
        return Ok(());
    }
    Err(Refusal::new(format!("diagonal {diagonals:?}")))
}

/// A vector on the diagonal of a square matrix, `padding` elsewhere.
fn diagonal(c: &mut Context<'_>, padding: Option<usize>) -> Lowered {
    main_only(c)?;
    let x = c.first()?;
    let rank = c.builder.rank(x)?;
    if rank == 0 || (c.node.op == "Diag" && rank != 1) {
        return Err(Refusal::new(format!("of a tensor of rank {rank}")));
    }
    if padding.is_some() {
        let sizes = [c.numbers(2, "rows")?, c.numbers(3, "columns")?].concat();
        let own = c.builder.dims(x)?.last().copied().and_then(Dim::known);
        if sizes.iter().any(|&size| size != -1 && Some(size) != own) {
            return Err(Refusal::new("its result is not square"));
        }
    }
    let columns = counted(c, x, rank - 1)?;
    let rows = c.builder.unsqueeze(columns, &[1])?;
    let on = c.builder.compare("Equal", rows, columns)?;
    let filler = match padding {
        Some(index) => c.input(index)?,
        None => c.like(0.0)?,
    };
    let wide = c.builder.unsqueeze(x, &[-2])?;
    Ok(vec![c.builder.choose(on, wide, filler)?])
}

/// The diagonal: the sum along rows of what is on it, cut to the shorter side.
fn diagonal_part(c: &mut Context<'_>) -> Lowered {
    main_only(c)?;
    let x = c.first()?;
    let dims = c.builder.dims(x)?;
    let [.., Dim::Known(rows), Dim::Known(columns)] = *dims.as_slice() else {
        return Err(Refusal::new("the size of its input is not known"));
    };
    let (row, column) = places(c, x)?;
    let on = c.builder.compare("Equal", row, column)?;
    let zero = c.like(0.0)?;
    let kept = c.builder.choose(on, x, zero)?;
    let along = if rows <= columns { -1 } else { -2 };
    Ok(vec![c.builder.reduce(
        "ReduceSum",
        kept,
        &[along],
        false,
    )?])
}

fn set_diagonal(c: &mut Context<'_>) -> Lowered {
    main_only(c)?;
    let (x, diagonal) = c.pair()?;
    let dims = c.builder.dims(x)?;
    let [.., Dim::Known(rows), Dim::Known(columns)] = *dims.as_slice() else {
        return Err(Refusal::new("the size of its input is not known"));
    };
    let (row, column) = places(c, x)?;
    let on = c.builder.compare("Equal", row, column)?;
    let along = if rows <= columns { -1 } else { -2 };
    let wide = c.builder.unsqueeze(diagonal, &[along])?;
    Ok(vec![c.builder.choose(on, wide, x)?])
}

/// The product of all elements up to each: of every pair of places, those before.
fn running_product(c: &mut Context<'_>) -> Lowered {
    let (x, axis) = (c.first()?, c.numbers(1, "axis")?);
    let rank = c.builder.rank(x)?;
    let axis = crate::shape::axis(axis.first().copied().unwrap_or(0), rank)?;
    if let Some(&Dim::Known(size)) = c.builder.dims(x)?.get(axis)
        && size > MAX_PAIRS
    {
        return Err(Refusal::new(format!("along {size} elements")));
    }
    let (exclusive, reverse) = (
        c.node.attrs.bool("exclusive")?,
        c.node.attrs.bool("reverse")?,
    );
    let mut order: Vec<_> = (0..rank).collect();
    order.swap(axis, rank - 1);
    let moved = c.builder.transpose(x, &order)?;
    let read = counted(c, moved, rank - 1)?;
    let made = c.builder.unsqueeze(read, &[1])?;
    let (low, high) = if reverse { (made, read) } else { (read, made) };
    let op = if exclusive { "Less" } else { "LessOrEqual" };
    let counts = c.builder.compare(op, low, high)?;
    let wide = c.builder.unsqueeze(moved, &[-2])?;
    let one = c.like(1.0)?;
    let factors = c.builder.choose(counts, wide, one)?;
    let products = c.builder.reduce("ReduceProd", factors, &[-1], false)?;
    Ok(vec![c.builder.transpose(products, &order)?])
}

/// How many of the sorted numbers come before each value.
fn search(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let (sorted, values) = c.pair()?;
    let to = c.node.attrs.dtype("out_type").unwrap_or(DataType::DtInt32);
    let sorted = c.builder.unsqueeze(sorted, &[1])?;
    let values = c.builder.unsqueeze(values, &[2])?;
    let before = c.builder.compare(op, sorted, values)?;
    let before = c.builder.cast(before, to)?;
    Ok(vec![c.builder.reduce("ReduceSum", before, &[-1], false)?])
}
