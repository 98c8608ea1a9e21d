//! Attributes of fitted objects, with their shapes checked.

use hari_error::Result;
use hari_pickle::{Cursor, SparseFormat};

use crate::table::Matrix;
use crate::values::Values;

/// An array of numbers of rank 2 that has columns.
///
/// # Errors
/// `Model` for anything else; so below.
pub(crate) fn matrix_at(cursor: &Cursor<'_>) -> Result<Matrix> {
    let found = cursor.numbers()?;
    match *found.shape {
        [rows, columns] if columns > 0 => Ok(Matrix::new(rows, columns, found.values)),
        _ => Err(cursor.refuse(format_args!(
            "expected rows of numbers, found shape {:?}",
            found.shape
        ))),
    }
}

/// The same, of an attribute.
pub(crate) fn matrix(cursor: &Cursor<'_>, name: &str) -> Result<Matrix> {
    matrix_at(&cursor.attribute(name)?)
}

/// A matrix of so many rows.
pub(crate) fn rows_of(cursor: &Cursor<'_>, name: &str, rows: usize) -> Result<Matrix> {
    let at = cursor.attribute(name)?;
    let found = matrix_at(&at)?;
    if found.rows != rows {
        let what = format_args!("expected {rows} rows, found {}", found.rows);
        return Err(at.refuse(what));
    }
    Ok(found)
}

/// A matrix of exactly this shape.
pub(crate) fn matrix_of(
    cursor: &Cursor<'_>,
    name: &str,
    (rows, columns): (usize, usize),
) -> Result<Matrix> {
    let at = cursor.attribute(name)?;
    let found = matrix_at(&at)?;
    if (found.rows, found.columns) != (rows, columns) {
        return Err(at.refuse(format_args!(
            "expected shape [{rows}, {columns}], found [{}, {}]",
            found.rows, found.columns
        )));
    }
    Ok(found)
}

/// The numbers of an attribute, of an array of any rank.
pub(crate) fn numbers(cursor: &Cursor<'_>, name: &str) -> Result<Vec<f64>> {
    Ok(cursor.attribute(name)?.numbers()?.values)
}

/// Exactly so many numbers.
pub(crate) fn numbers_at(cursor: &Cursor<'_>, count: usize) -> Result<Vec<f64>> {
    let found = cursor.numbers()?.values;
    if found.len() == count {
        return Ok(found);
    }
    let what = format_args!("expected {count} numbers, found {}", found.len());
    Err(cursor.refuse(what))
}

/// The same, of an attribute.
pub(crate) fn numbers_of(cursor: &Cursor<'_>, name: &str, count: usize) -> Result<Vec<f64>> {
    numbers_at(&cursor.attribute(name)?, count)
}

/// Places below `below`: exactly `count` of them, or as many as there are.
pub(crate) fn places_of(
    cursor: &Cursor<'_>,
    count: Option<usize>,
    below: usize,
) -> Result<Vec<usize>> {
    let found = cursor.integers()?.values;
    if let Some(count) = count.filter(|&count| count != found.len()) {
        let what = format_args!("expected {count} integers, found {}", found.len());
        return Err(cursor.refuse(what));
    }
    let place = |value: i64| usize::try_from(value).ok().filter(|&place| place < below);
    let places: Option<Vec<_>> = found.into_iter().map(place).collect();
    places.ok_or_else(|| {
        cursor.refuse(format_args!(
            "expected integers from 0 to {}",
            below.saturating_sub(1)
        ))
    })
}

/// A count or a size.
pub(crate) fn count(cursor: &Cursor<'_>, name: &str) -> Result<usize> {
    let at = cursor.attribute(name)?;
    let found = usize::try_from(at.integer()?);
    found.map_err(|_| at.refuse("expected no negative number"))
}

/// A boolean; false where there is none.
pub(crate) fn flag(cursor: &Cursor<'_>, name: &str) -> Result<bool> {
    let found = cursor.find_attribute(name)?.and_then(Cursor::optional);
    found.map_or(Ok(false), |at| at.boolean())
}

/// A number, or nothing where there is none, or `None`.
pub(crate) fn number(cursor: &Cursor<'_>, name: &str) -> Result<Option<f64>> {
    let found = cursor.find_attribute(name)?.and_then(Cursor::optional);
    found.map(|at| at.float()).transpose()
}

/// A text.
pub(crate) fn text(cursor: &Cursor<'_>, name: &str) -> Result<String> {
    cursor.attribute(name)?.text()
}

/// `classes_`: at least one label.
pub(crate) fn classes(cursor: &Cursor<'_>) -> Result<Values> {
    let at = cursor.attribute("classes_")?;
    let found = Values::read(&at)?;
    if found.len() == 0 {
        return Err(at.refuse("there are no classes"));
    }
    Ok(found)
}

/// Cells that a sparse matrix may be written out to, beyond so many for each that it holds.
const SPARSE_CELLS: usize = 4 << 20;
const CELLS_PER_VALUE: usize = 200;

/// A matrix of numbers, dense or sparse.
///
/// # Errors
/// Also a sparse matrix that is far larger than what it holds.
pub(crate) fn rows_dense_or_sparse(cursor: &Cursor<'_>) -> Result<Matrix> {
    if cursor.any_array().is_ok() {
        return matrix_at(cursor);
    }
    let found = cursor.sparse()?;
    let (rows, columns) = found.shape;
    let cells = rows.checked_mul(columns);
    let most = SPARSE_CELLS.saturating_add(found.values.len().saturating_mul(CELLS_PER_VALUE));
    if cells.is_none_or(|cells| cells > most) || columns == 0 {
        return Err(cursor.refuse(format_args!(
            "{rows} rows of {columns} columns are too many"
        )));
    }
    let mut dense = Matrix::zeros(rows, columns);
    for outer in 0..found.starts.len().saturating_sub(1) {
        let (start, end) = (found.starts.get(outer), found.starts.get(outer + 1));
        let (start, end) = (start.copied().unwrap_or(0), end.copied().unwrap_or(0));
        let indices = found.indices.get(start..end).unwrap_or_default();
        let values = found.values.get(start..end).unwrap_or_default();
        for (&inner, &value) in indices.iter().zip(values) {
            let (row, column) = match found.format {
                SparseFormat::Csr => (outer, inner),
                SparseFormat::Csc => (inner, outer),
            };
            if let Some(cell) = dense.row_mut(row).get_mut(column) {
                *cell += value;
            }
        }
    }
    Ok(dense)
}
