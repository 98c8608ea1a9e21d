//! Choices between two tensors.

use super::{Context, Lowered, Operator, lowered};
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("SelectV2", |c| {
        let (condition, a, b) = (c.first()?, c.input(1)?, c.input(2)?);
        Ok(vec![c.builder.choose(condition, a, b)?])
    }),
    lowered("Select", by_rows),
];

/// The first `Select` does not broadcast, but a vector chooses whole rows.
fn by_rows(c: &mut Context<'_>) -> Lowered {
    let (mut condition, a, b) = (c.first()?, c.input(1)?, c.input(2)?);
    let (rank, dims) = (c.builder.rank(a)?, c.builder.dims(condition)?);
    if dims.len() == 1 && rank > 1 {
        let rows: Vec<_> = dims
            .into_iter()
            .chain(vec![Dim::Known(1); rank - 1])
            .collect();
        condition = c.builder.reshape_to(condition, &rows)?;
    }
    Ok(vec![c.builder.choose(condition, a, b)?])
}
