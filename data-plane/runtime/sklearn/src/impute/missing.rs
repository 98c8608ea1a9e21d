//! What counts as missing, and `MissingIndicator`, which says where something is.

use hari_core::DataType;
use hari_error::{Error, Result};
use hari_pickle::{Cursor, Value};

use crate::attributes::{count, flag, places_of, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Column, Matrix, Table};

/// What counts as missing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Missing {
    /// NaN, `None` or pandas' `NA`: what is not there.
    Absent,
    Number(f64),
    Text(String),
}

impl Missing {
    /// `missing_values`.
    ///
    /// # Errors
    /// `Model` for something that is none of these.
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let found = cursor.attribute("missing_values")?;
        if found.is_none() || matches!(found.value(), Value::Object(_) | Value::Name(_)) {
            return Ok(Self::Absent);
        }
        if let Ok(text) = found.text() {
            // How 0.20 and older wrote it.
            return Ok(if text == "NaN" {
                Self::Absent
            } else {
                Self::Text(text)
            });
        }
        let value = found.float()?;
        Ok(if value.is_nan() {
            Self::Absent
        } else {
            Self::Number(value)
        })
    }

    /// Which values of a column are missing.
    pub(super) fn mask(&self, column: &Column) -> Vec<bool> {
        match column {
            Column::Numbers(values) => values.iter().map(|&value| self.is(value)).collect(),
            Column::Texts(values) => {
                let is = |text: &Option<std::sync::Arc<str>>| match (self, text) {
                    (Self::Absent, text) => text.is_none(),
                    (Self::Text(missing), Some(text)) => **text == **missing,
                    _ => false,
                };
                values.iter().map(is).collect()
            }
        }
    }

    /// Whether a number is missing.
    pub(super) fn is(&self, value: f64) -> bool {
        match self {
            Self::Absent => value.is_nan(),
            Self::Number(missing) => value == *missing,
            Self::Text(_) => false,
        }
    }

    pub(super) fn accepts(&self) -> Accepts {
        match self {
            Self::Absent => Accepts::Missing,
            Self::Number(_) | Self::Text(_) => Accepts::Finite,
        }
    }

    /// [`Self::mask`] of every column.
    pub(super) fn masks(&self, rows: &Table) -> Vec<Vec<bool>> {
        let columns = (0..rows.width()).filter_map(|at| rows.column(at));
        columns.map(|column| self.mask(&column)).collect()
    }
}

/// `MissingIndicator`: 1 where something is missing, for the columns where something was.
#[derive(Debug)]
pub(super) struct Indicator {
    missing: Missing,
    width: usize,
    columns: Vec<usize>,
    /// Whether a missing value elsewhere is an error.
    error_on_new: bool,
}

impl Indicator {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self::of(cursor)?))
    }

    fn of(cursor: &Cursor<'_>) -> Result<Self> {
        let width = count(cursor, "_n_features")?;
        let features = cursor.attribute("features_")?;
        Ok(Self {
            missing: Missing::read(cursor)?,
            width,
            columns: places_of(&features, None, width)?,
            error_on_new: text(cursor, "features")? == "missing-only"
                && flag(cursor, "error_on_new")?,
        })
    }

    /// `indicator_` of an imputer that adds one.
    ///
    /// # Errors
    /// `Model` for one of another width.
    pub(super) fn of_imputer(cursor: &Cursor<'_>, width: usize) -> Result<Option<Self>> {
        let found = cursor
            .find_attribute("indicator_")?
            .and_then(Cursor::optional);
        let Some(found) = found.filter(|_| flag(cursor, "add_indicator").unwrap_or(false)) else {
            return Ok(None);
        };
        let indicator = Self::of(&found)?;
        match indicator.width == width {
            true => Ok(Some(indicator)),
            false => Err(found.refuse(format_args!(
                "expected {width} features, found {}",
                indicator.width
            ))),
        }
    }

    /// Columns of the output.
    pub(super) fn count(&self) -> usize {
        self.columns.len()
    }

    /// From a mask for each column: 1 where something is missing.
    ///
    /// # Errors
    /// `InvalidInput` where something is missing that never was.
    pub(super) fn flags(&self, masks: &[Vec<bool>]) -> Result<Matrix> {
        if self.error_on_new {
            let new = masks
                .iter()
                .enumerate()
                .find(|(column, mask)| mask.contains(&true) && !self.columns.contains(column));
            if let Some((column, _)) = new {
                return Err(Error::invalid(format!(
                    "column {column} has a missing value, and had none when the indicator was fitted"
                )));
            }
        }
        let rows = masks.first().map_or(0, Vec::len);
        let mut found = Matrix::zeros(rows, self.columns.len());
        for row in 0..rows {
            for (cell, &column) in found.row_mut(row).iter_mut().zip(&self.columns) {
                let missing = masks.get(column).and_then(|mask| mask.get(row));
                *cell = f64::from(u8::from(missing.copied().unwrap_or(false)));
            }
        }
        Ok(found)
    }
}

impl Estimator for Indicator {
    fn form(&self, method: Method) -> Option<Form> {
        let form = Form::transformed(method, self.columns.len())?;
        Some(Form {
            dtype: DataType::Bool,
            ..form
        })
    }

    fn accepts(&self) -> Accepts {
        self.missing.accepts()
    }

    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        Ok(self.flags(&self.missing.masks(rows))?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indicator() -> Indicator {
        Indicator {
            missing: Missing::Absent,
            width: 2,
            columns: vec![1],
            error_on_new: true,
        }
    }

    #[test]
    fn missing_values_are_flagged_where_they_were_seen() {
        let rows = Matrix::new(2, 2, vec![1.0, f64::NAN, 2.0, 3.0]);
        let found = indicator().transform(&rows.into()).unwrap();
        assert_eq!(found.dense().unwrap().values, [1.0, 0.0]);
        let rows = Matrix::new(1, 2, vec![f64::NAN, 0.0]);
        assert!(indicator().transform(&rows.into()).is_err());
    }

    #[test]
    fn anything_can_stand_for_missing() {
        let texts = Column::Texts(vec![Some("?".into()), None, Some("a".into())]);
        assert_eq!(
            Missing::Text("?".to_owned()).mask(&texts),
            [true, false, false]
        );
        assert_eq!(Missing::Absent.mask(&texts), [false, true, false]);
        let numbers = Column::Numbers(vec![-1.0, f64::NAN]);
        assert_eq!(Missing::Number(-1.0).mask(&numbers), [true, false]);
    }
}
