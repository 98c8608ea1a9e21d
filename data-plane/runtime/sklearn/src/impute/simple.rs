//! `SimpleImputer`: one value for each column.

use std::borrow::Cow;
use std::sync::Arc;

use hari_error::{Error, Result};
use hari_pickle::{Cursor, Value};

use super::missing::{Indicator, Missing};
use crate::attributes::flag;
use crate::estimator::{Accepts, Estimator, Form, Method, Width};
use crate::input::Kind;
use crate::reader::Reader;
use crate::table::{Column, Matrix, Table};

#[derive(Debug)]
pub(super) struct SimpleImputer {
    missing: Missing,
    fills: Vec<Fill>,
    indicator: Option<Indicator>,
}

/// What a missing value of a column becomes.
#[derive(Clone, Debug, PartialEq)]
enum Fill {
    Number(f64),
    Text(Arc<str>),
    /// The column had no values at all: it is left out.
    Dropped,
}

impl SimpleImputer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self::of(cursor)?))
    }

    /// Also where another imputer starts with one.
    pub(super) fn of(cursor: &Cursor<'_>) -> Result<Self> {
        let missing = Missing::read(cursor)?;
        // From 1.8 on columns without values are left out with a constant, too.
        let newer = cursor.find_attribute("_fill_dtype")?.is_some();
        let strategy = cursor.attribute("strategy")?;
        let constant = strategy.text().is_ok_and(|name| name == "constant");
        let keep = flag(cursor, "keep_empty_features")? || constant && !newer;
        let fills = fills(&cursor.attribute("statistics_")?, keep)?;
        let indicator = Indicator::of_imputer(cursor, fills.len())?;
        Ok(Self {
            missing,
            fills,
            indicator,
        })
    }

    /// The columns that are not left out.
    pub(super) fn kept_columns(&self) -> Vec<usize> {
        let kept = self.fills.iter().enumerate();
        let kept = kept.filter(|(_, fill)| **fill != Fill::Dropped);
        kept.map(|(column, _)| column).collect()
    }

    fn kept(&self) -> usize {
        self.fills
            .iter()
            .filter(|fill| **fill != Fill::Dropped)
            .count()
    }

    fn has_text(&self) -> bool {
        self.fills.iter().any(|fill| matches!(fill, Fill::Text(_)))
    }

    /// The columns with everything filled.
    fn filled(&self, rows: &Table, masks: &[Vec<bool>]) -> Result<Vec<Column>> {
        let each = self.fills.iter().zip(masks).enumerate();
        let columns = each.filter(|(_, (fill, _))| **fill != Fill::Dropped);
        columns
            .map(|(at, (fill, mask))| {
                let column = rows
                    .column(at)
                    .map_or(Column::Numbers(Vec::new()), Cow::into_owned);
                filled(column, fill, mask)
                    .map_err(|error| Error::invalid(format!("column {at}: {error}")))
            })
            .collect()
    }
}

/// `statistics_`: numbers, or objects among which text may be.
fn fills(cursor: &Cursor<'_>, keep: bool) -> Result<Vec<Fill>> {
    let of_number = |value: f64| match value.is_nan() && !keep {
        true => Fill::Dropped,
        false => Fill::Number(value),
    };
    if let Ok(numbers) = cursor.numbers() {
        return Ok(numbers.values.into_iter().map(of_number).collect());
    }
    if let Some(texts) = cursor.any_array().ok().and_then(hari_pickle::Array::texts) {
        let texts = texts.values.into_iter();
        return Ok(texts.map(|text| Fill::Text(Arc::from(text))).collect());
    }
    let fill = |item: &Cursor<'_>| match item.value() {
        Value::Bool(value) => Ok(of_number(f64::from(u8::from(*value)))),
        Value::None => Ok(of_number(f64::NAN)),
        _ => match item.text() {
            Ok(text) => Ok(Fill::Text(Arc::from(text))),
            Err(_) => item.float().map(of_number),
        },
    };
    cursor.items()?.iter().map(fill).collect()
}

fn filled(column: Column, fill: &Fill, mask: &[bool]) -> Result<Column> {
    match (column, fill) {
        (Column::Numbers(mut values), Fill::Number(fill)) => {
            replace(&mut values, mask, fill);
            Ok(Column::Numbers(values))
        }
        (Column::Texts(mut values), Fill::Text(fill)) => {
            replace(&mut values, mask, &Some(fill.clone()));
            Ok(Column::Texts(values))
        }
        // Nothing but missing values: the column has no type of its own.
        (Column::Numbers(values), Fill::Text(fill)) if mask.iter().all(|&missing| missing) => {
            Ok(Column::Texts(vec![Some(fill.clone()); values.len()]))
        }
        (Column::Numbers(_), _) => Err(Error::invalid("expected text, found numbers")),
        (Column::Texts(_), _) => Err(Error::invalid("expected numbers, found text")),
    }
}

fn replace<T: Clone>(values: &mut [T], mask: &[bool], fill: &T) {
    for (value, _) in values.iter_mut().zip(mask).filter(|(_, missing)| **missing) {
        *value = fill.clone();
    }
}

impl Estimator for SimpleImputer {
    fn form(&self, method: Method) -> Option<Form> {
        let indicated = self.indicator.as_ref().map_or(0, Indicator::count);
        let form = Form::transformed(method, self.kept() + indicated)?;
        match self.has_text() {
            true => Some(Form {
                width: Width::Unknown,
                ..form
            }),
            false => Some(form),
        }
    }

    fn accepts(&self) -> Accepts {
        self.missing.accepts()
    }

    fn takes(&self, column: usize) -> Kind {
        match (self.fills.get(column), &self.missing) {
            (Some(Fill::Text(_)), _) => Kind::Text,
            _ => Kind::Number,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.fills.len())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let masks = self.missing.masks(rows);
        let filled = Table::Columns(self.filled(rows, &masks)?);
        let filled = match self.has_text() {
            true => filled,
            false if self.kept() == 0 => Matrix::zeros(rows.rows(), 0).into(),
            false => Table::Dense(filled.dense()?.into_owned()),
        };
        match &self.indicator {
            Some(indicator) => Table::beside(vec![filled, indicator.flags(&masks)?.into()], false),
            None => Ok(filled),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.fills.len() * size_of::<Fill>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_filled_with_its_own_value() {
        let imputer = SimpleImputer {
            missing: Missing::Absent,
            fills: vec![Fill::Number(7.0), Fill::Dropped, Fill::Text("x".into())],
            indicator: None,
        };
        let rows = Table::Columns(vec![
            Column::Numbers(vec![1.0, f64::NAN]),
            Column::Numbers(vec![1.0, 2.0]),
            Column::Texts(vec![None, Some("a".into())]),
        ]);
        let expected = Table::Columns(vec![
            Column::Numbers(vec![1.0, 7.0]),
            Column::Texts(vec![Some("x".into()), Some("a".into())]),
        ]);
        assert_eq!(imputer.transform(&rows).unwrap(), expected);
        let wrong = Table::Columns(vec![
            Column::Texts(vec![None]),
            Column::Numbers(vec![1.0]),
            Column::Texts(vec![None]),
        ]);
        let error = imputer.transform(&wrong).unwrap_err().to_string();
        assert!(error.contains("column 0: expected numbers"), "{error}");
    }
}
