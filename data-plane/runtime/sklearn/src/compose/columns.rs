//! Which columns a transformer gets: numbers, names, a slice or a mask.

use hari_error::Result;
use hari_pickle::{Cursor, Value};

/// The places that `cursor` chooses among `width` columns, which have these names, if any.
///
/// # Errors
/// `Model` for a column that does not exist, or a choice that is none of these.
pub(super) fn places(cursor: &Cursor<'_>, width: usize, names: &[String]) -> Result<Vec<usize>> {
    if let Ok(name) = cursor.text() {
        return Ok(vec![named(cursor, &name, names)?]);
    }
    if let Ok(index) = cursor.integer() {
        return Ok(vec![numbered(cursor, index, width)?]);
    }
    if matches!(cursor.value(), Value::Object(_)) && cursor.class()? == "builtins.slice" {
        return sliced(cursor, width, names);
    }
    if let Some(mask) = mask(cursor) {
        if mask.len() != width {
            return Err(cursor.refuse(format_args!(
                "expected a mask of {width} columns, found {}",
                mask.len()
            )));
        }
        let chosen = mask.iter().enumerate().filter(|(_, chosen)| **chosen);
        return Ok(chosen.map(|(place, _)| place).collect());
    }
    if let Ok(numbers) = integers(cursor) {
        return numbers
            .into_iter()
            .map(|index| numbered(cursor, index, width))
            .collect();
    }
    let chosen = cursor.strings()?;
    chosen
        .iter()
        .map(|name| named(cursor, name, names))
        .collect()
}

fn mask(cursor: &Cursor<'_>) -> Option<Vec<bool>> {
    if let Ok(array) = cursor.array::<bool>() {
        return Some(array.values);
    }
    let items = cursor.items().ok().filter(|items| !items.is_empty())?;
    items.iter().map(|item| item.boolean().ok()).collect()
}

fn integers(cursor: &Cursor<'_>) -> Result<Vec<i64>> {
    if let Ok(array) = cursor.integers() {
        return Ok(array.values);
    }
    // A list of its own class keeps what it lists in `data`.
    let listed = match cursor.value() {
        Value::Object(_) => cursor.attribute("data")?,
        _ => cursor.clone(),
    };
    listed.items()?.iter().map(Cursor::integer).collect()
}

fn numbered(cursor: &Cursor<'_>, index: i64, width: usize) -> Result<usize> {
    let place = if index < 0 {
        width as i64 + index
    } else {
        index
    };
    let place = usize::try_from(place).ok().filter(|&place| place < width);
    place.ok_or_else(|| {
        cursor.refuse(format_args!(
            "there is no column {index}: there are {width}"
        ))
    })
}

fn named(cursor: &Cursor<'_>, name: &str, names: &[String]) -> Result<usize> {
    let place = names.iter().position(|known| known == name);
    place.ok_or_else(|| cursor.refuse(format_args!("there is no column `{name}`")))
}

/// A slice of numbers, or of names, whose end is included as pandas does.
fn sliced(cursor: &Cursor<'_>, width: usize, names: &[String]) -> Result<Vec<usize>> {
    let bound = |index: usize| cursor.argument(index).map(Cursor::optional);
    let (start, stop, step) = (bound(0)?, bound(1)?, bound(2)?);
    let by_name = [&start, &stop]
        .into_iter()
        .flatten()
        .any(|one| one.text().is_ok());
    if by_name {
        let start = start.map_or(Ok(0), |one| named(&one, &one.text()?, names))?;
        let stop = stop.map_or(Ok(width), |one| Ok(named(&one, &one.text()?, names)? + 1))?;
        return Ok((start..stop.min(width)).collect());
    }
    let step = step.map_or(Ok(1), |one| one.integer())?;
    let Some(step) = usize::try_from(step).ok().filter(|&step| step > 0) else {
        return Err(cursor.refuse(format_args!("expected a step of at least 1, found {step}")));
    };
    let clamp = |index: i64| {
        let place = if index < 0 {
            (width as i64).saturating_add(index).max(0)
        } else {
            index
        };
        usize::try_from(place).unwrap_or(width).min(width)
    };
    let start = start.map_or(Ok(0), |one| one.integer().map(clamp))?;
    let stop = stop.map_or(Ok(width), |one| one.integer().map(clamp))?;
    Ok((start..stop).step_by(step).collect())
}
