//! Categories of a column: which number each value has.

use std::collections::HashMap;
use std::sync::Arc;

use hari_error::{Error, Result};
use hari_pickle::{Cursor, Value};

use crate::input::Kind;
use crate::table::{Column, Table};

/// The categories of one column, each with its place in the list that was fitted.
#[derive(Debug)]
pub(super) struct Categories {
    places: Places,
    /// The place of a missing value: `None`, or else NaN.
    missing: Option<usize>,
    /// The place of NaN.
    nan: Option<usize>,
    count: usize,
}

#[derive(Debug)]
enum Places {
    /// By the bits of the number, zero having no sign.
    Numbers(HashMap<u64, usize>),
    Texts(HashMap<Arc<str>, usize>),
}

impl Categories {
    /// An array of numbers or text, or of objects among which `None` and NaN may be.
    ///
    /// # Errors
    /// `Model` for values of several types.
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        if let Ok(array) = cursor.any_array() {
            if let Some(found) = array.numbers() {
                return Ok(Self::numbers(&found.values));
            }
            if let Some(found) = array.texts() {
                return Ok(Self::texts(found.values));
            }
        }
        Self::objects(cursor)
    }

    /// `categories_`: a list for each column.
    ///
    /// # Errors
    /// As above.
    pub(super) fn read_all(cursor: &Cursor<'_>) -> Result<Vec<Self>> {
        let lists = cursor.attribute("categories_")?.items()?;
        lists.iter().map(Self::read).collect()
    }

    fn numbers(values: &[f64]) -> Self {
        let place = |(place, value): (usize, &f64)| (bits(*value), place);
        let nan = values.iter().position(|value| value.is_nan());
        Self {
            places: Places::Numbers(values.iter().enumerate().map(place).collect()),
            missing: nan,
            nan,
            count: values.len(),
        }
    }

    fn texts(values: Vec<String>) -> Self {
        let count = values.len();
        let place = |(place, value): (usize, String)| (Arc::from(value), place);
        Self {
            places: Places::Texts(values.into_iter().enumerate().map(place).collect()),
            missing: None,
            nan: None,
            count,
        }
    }

    fn objects(cursor: &Cursor<'_>) -> Result<Self> {
        let items = cursor.items()?;
        let (mut numbers, mut texts) = (HashMap::new(), HashMap::new());
        let (mut none, mut nan) = (None, None);
        for (place, item) in items.iter().enumerate() {
            if item.is_none() {
                none = Some(place);
            } else if let Ok(text) = item.text() {
                texts.insert(Arc::from(text), place);
            } else {
                let value = number(item)?;
                if value.is_nan() {
                    nan = Some(place);
                }
                numbers.insert(bits(value), place);
            }
        }
        let places = match numbers.len() - usize::from(nan.is_some()) {
            0 if nan.is_none() || !texts.is_empty() => Places::Texts(texts),
            _ if texts.is_empty() => Places::Numbers(numbers),
            _ => return Err(cursor.refuse("expected categories that are all text or all numbers")),
        };
        Ok(Self {
            places,
            missing: none.or(nan),
            nan,
            count: items.len(),
        })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The place of NaN, if it is a category.
    pub(super) fn nan(&self) -> Option<usize> {
        self.nan
    }

    pub(super) fn kind(&self) -> Kind {
        match self.places {
            Places::Numbers(_) => Kind::Number,
            Places::Texts(_) => Kind::Text,
        }
    }

    /// The place of each value; none for one that is not known.
    ///
    /// # Errors
    /// `InvalidInput` for text where numbers were fitted, or the other way round.
    fn encode(&self, column: &Column) -> Result<Vec<Option<usize>>> {
        match (&self.places, column) {
            (Places::Numbers(places), Column::Numbers(values)) => {
                let place = |value: &f64| match value.is_nan() {
                    true => self.missing,
                    false => places.get(&bits(*value)).copied(),
                };
                Ok(values.iter().map(place).collect())
            }
            (Places::Texts(places), Column::Texts(values)) => {
                let place = |value: &Option<Arc<str>>| match value {
                    Some(text) => places.get(text).copied(),
                    None => self.missing,
                };
                Ok(values.iter().map(place).collect())
            }
            // A column in which everything is missing has no type.
            (Places::Texts(_), Column::Numbers(values)) if values.iter().all(|v| v.is_nan()) => {
                Ok(vec![self.missing; values.len()])
            }
            (Places::Texts(_), Column::Numbers(_)) => {
                Err(Error::invalid("expected text, found numbers"))
            }
            (Places::Numbers(_), Column::Texts(_)) => {
                Err(Error::invalid("expected numbers, found text"))
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match &self.places {
            Places::Numbers(places) => places.len() * 24,
            Places::Texts(places) => places.keys().map(|text| text.len() + 48).sum(),
        }
    }
}

/// The places of every value, column by column; none for one that is not known.
///
/// # Errors
/// `InvalidInput` for a column of another type, and for an unknown value where `refuse` is set.
pub(super) fn encode_all(
    all: &[Categories],
    rows: &Table,
    refuse: bool,
) -> Result<Vec<Vec<Option<usize>>>> {
    let each = all.iter().enumerate().map(|(at, categories)| {
        let column = rows.column(at);
        let column = column.ok_or_else(|| {
            let (expected, found) = (all.len(), rows.width());
            Error::invalid(format!("expected {expected} columns, found {found}"))
        })?;
        let named = |error: Error| Error::invalid(format!("column {at}: {error}"));
        let places = categories.encode(&column).map_err(named)?;
        match places.iter().position(Option::is_none) {
            Some(row) if refuse => Err(unknown(&column, at, row)),
            _ => Ok(places),
        }
    });
    each.collect()
}

fn unknown(column: &Column, at: usize, row: usize) -> Error {
    let value = match column {
        Column::Numbers(values) => values.get(row).map(|value| format!("{value:?}")),
        Column::Texts(values) => {
            let text = values.get(row).cloned().flatten();
            text.map(|text| format!("`{}`", text.chars().take(40).collect::<String>()))
        }
    };
    let value = value.unwrap_or_else(|| "a missing value".to_owned());
    Error::invalid(format!(
        "row {row}, column {at}: {value} is no category that the encoder was fitted with, and it \
         has `handle_unknown` = `error`"
    ))
}

/// A number or a boolean.
fn number(cursor: &Cursor<'_>) -> Result<f64> {
    match cursor.value() {
        Value::Bool(value) => Ok(f64::from(u8::from(*value))),
        _ => cursor.float(),
    }
}

/// Equal for equal numbers: zero has no sign here, and all NaN are one.
fn bits(value: f64) -> u64 {
    match value.is_nan() {
        true => f64::NAN.to_bits(),
        false => (value + 0.0).to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[Option<&str>]) -> Column {
        Column::Texts(values.iter().map(|text| text.map(Arc::from)).collect())
    }

    #[test]
    fn each_value_has_its_place() {
        let numbers = Categories::numbers(&[-1.0, 0.0, f64::NAN]);
        let column = Column::Numbers(vec![-0.0, f64::NAN, 7.0]);
        assert_eq!(numbers.encode(&column).unwrap(), [Some(1), Some(2), None]);
        let words = Categories::texts(vec!["a".to_owned(), "b".to_owned()]);
        let column = texts(&[Some("b"), None, Some("")]);
        assert_eq!(words.encode(&column).unwrap(), [Some(1), None, None]);
        assert!(words.encode(&Column::Numbers(vec![1.0])).is_err());
        assert_eq!(
            words.encode(&Column::Numbers(vec![f64::NAN])).unwrap(),
            [None]
        );
        assert!(numbers.encode(&texts(&[Some("1")])).is_err());
    }

    #[test]
    fn what_is_not_known_is_named() {
        let all = [Categories::numbers(&[1.0, 2.0])];
        let rows = Table::Columns(vec![Column::Numbers(vec![1.0, 5.0])]);
        let error = encode_all(&all, &rows, true).unwrap_err().to_string();
        assert!(error.contains("row 1, column 0: 5.0"), "{error}");
        assert!(encode_all(&all, &rows, false).is_ok());
        assert!(encode_all(&all, &Table::Columns(vec![]), false).is_err());
    }
}
