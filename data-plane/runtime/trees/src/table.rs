//! Tensors of single columns, brought to what boosters take: a matrix of numbers, or hashes.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::{Column, catboost};

/// Whether a model has columns of categories beside those of numbers.
pub(crate) fn is_mixed(columns: &[Column]) -> bool {
    columns.iter().any(|column| column.categorical)
}

/// The number of rows that all columns have.
///
/// # Errors
/// `InvalidInput` with the name of the column that has another.
pub(crate) fn rows(columns: &[Column], inputs: &[Tensor]) -> Result<usize> {
    let rows = inputs.first().map_or(0, Tensor::len);
    let other = columns.iter().zip(inputs);
    match other.clone().find(|(_, input)| input.len() != rows) {
        None => Ok(rows),
        Some((column, input)) => Err(Error::invalid(format!(
            "column `{}` has {} rows, the first has {rows}",
            column.name,
            input.len()
        ))),
    }
}

/// The matrix of all columns, row by row; `code` gives the number of a category of a column.
///
/// # Errors
/// `InvalidInput` with the name of a column whose values are of another type, or as `code` says.
pub(crate) fn coded(
    columns: &[Column],
    inputs: &[Tensor],
    code: impl Fn(usize, &[u8]) -> Result<f64>,
) -> Result<Vec<f64>> {
    let width = columns.len();
    let mut matrix = vec![0.0; rows(columns, inputs)?.saturating_mul(width)];
    for (at, (column, input)) in columns.iter().zip(inputs).enumerate() {
        let slots = matrix.iter_mut().skip(at).step_by(width.max(1));
        let named = |error: Error| error.context(format!("column `{}`", column.name));
        if column.categorical {
            for (slot, text) in slots.zip(input.strings().map_err(named)?) {
                *slot = code(at, text).map_err(named)?;
            }
        } else {
            for (slot, value) in slots.zip(input.values::<f64>().map_err(named)?.iter()) {
                *slot = *value;
            }
        }
    }
    Ok(matrix)
}

/// Hashes of the categories in these columns, row by row.
///
/// # Errors
/// `InvalidInput` if a column holds no texts.
pub(crate) fn hashes(columns: &[usize], inputs: &[Tensor], rows: usize) -> Result<Vec<i32>> {
    let width = columns.len();
    let mut hashes = vec![0; rows.saturating_mul(width)];
    for (at, &column) in columns.iter().enumerate() {
        let Some(input) = inputs.get(column) else {
            continue;
        };
        let slots = hashes.iter_mut().skip(at).step_by(width.max(1));
        for (slot, text) in slots.zip(input.strings()?) {
            *slot = catboost::Booster::category(text);
        }
    }
    Ok(hashes)
}
