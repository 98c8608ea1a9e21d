//! Attributes of fitted objects, with their shapes checked.

use hari_error::Result;
use hari_pickle::Cursor;

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
