//! Rows put together by segment.

use super::{Context, Lowered, Operator, lowered};
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("SegmentMax", |c| sorted(c, "hari.SegmentMax")),
    lowered("SegmentMean", |c| sorted(c, "hari.SegmentMean")),
    lowered("SegmentMin", |c| sorted(c, "hari.SegmentMin")),
    lowered("SegmentProd", |c| sorted(c, "hari.SegmentProd")),
    lowered("SegmentSum", |c| sorted(c, "hari.SegmentSum")),
    lowered("SparseSegmentMean", |c| sparse(c, "hari.SparseSegmentMean")),
    lowered("SparseSegmentMeanWithNumSegments", |c| {
        sparse(c, "hari.SparseSegmentMean")
    }),
    lowered("SparseSegmentSqrtN", |c| {
        sparse(c, "hari.SparseSegmentSqrtN")
    }),
    lowered("SparseSegmentSqrtNWithNumSegments", |c| {
        sparse(c, "hari.SparseSegmentSqrtN")
    }),
    lowered("SparseSegmentSum", |c| sparse(c, "hari.SparseSegmentSum")),
    lowered("SparseSegmentSumWithNumSegments", |c| {
        sparse(c, "hari.SparseSegmentSum")
    }),
    lowered("UnsortedSegmentMax", |c| {
        unsorted(c, "hari.UnsortedSegmentMax")
    }),
    lowered("UnsortedSegmentMin", |c| {
        unsorted(c, "hari.UnsortedSegmentMin")
    }),
    lowered("UnsortedSegmentProd", |c| {
        unsorted(c, "hari.UnsortedSegmentProd")
    }),
    lowered("UnsortedSegmentSum", |c| {
        unsorted(c, "hari.UnsortedSegmentSum")
    }),
];

/// The data's rows, as many as there turn out to be segments.
fn rows(c: &mut Context<'_>) -> Result<Vec<Dim>, Refusal> {
    let mut dims = c.builder.dims(c.first()?)?;
    match dims.first_mut() {
        Some(rows) => *rows = c.builder.symbols.fresh(),
        None => return Err(Refusal::new("its input is a scalar")),
    }
    Ok(dims)
}

fn emit(c: &mut Context<'_>, op: &'static str, dims: Vec<Dim>) -> Lowered {
    let kind = (c.dtype(0)?, Some(dims));
    let inputs = c.inputs.clone();
    Ok(vec![c.builder.node(op, &inputs, Vec::new(), kind)])
}

fn sorted(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let dims = rows(c)?;
    emit(c, op, dims)
}

fn sparse(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let mut dims = rows(c)?;
    let given = c.inputs.get(3).and_then(|&count| c.builder.content(count));
    if let (Some(rows), Some(&count)) = (dims.first_mut(), given.iter().flatten().next()) {
        *rows = count;
    }
    emit(c, op, dims)
}

/// The shape of the result: the number of segments, and what the ids do not count.
pub(super) fn unsorted_dims(c: &mut Context<'_>) -> Result<Option<Vec<Dim>>, Refusal> {
    let (data, ids) = (c.builder.dims(c.first()?)?, c.builder.rank(c.input(1)?)?);
    let count = c.builder.content(c.input(2)?);
    let count = count.and_then(|count| count.first().copied());
    let count = count.unwrap_or_else(|| c.builder.symbols.fresh());
    Ok(Some(
        [count]
            .into_iter()
            .chain(data.into_iter().skip(ids))
            .collect(),
    ))
}

fn unsorted(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let dims = unsorted_dims(c)?.unwrap_or_default();
    emit(c, op, dims)
}
