//! `OrdinalEncoder`: a number for each category.

use hari_error::Result;
use hari_pickle::Cursor;

use super::categories::{Categories, encode_all};
use super::infrequent::Grouping;
use crate::attributes::{number, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::reader::Reader;
use crate::table::{Matrix, Table};

#[derive(Debug)]
pub(super) struct Ordinal {
    categories: Vec<Categories>,
    groupings: Vec<Option<Grouping>>,
    /// What stands for an unknown value; none: it is refused.
    unknown: Option<f64>,
    /// What stands for NaN where it is a category.
    missing: f64,
    accepts: Accepts,
}

impl Ordinal {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let categories = Categories::read_all(cursor)?;
        let unknown = match text(cursor, "handle_unknown")?.as_str() {
            "use_encoded_value" => Some(cursor.attribute("unknown_value")?.float()?),
            _ => None,
        };
        // Before 1.0 there were no missing values.
        let accepts = match cursor.find_attribute("_missing_indices")? {
            Some(_) => Accepts::Missing,
            None => Accepts::Finite,
        };
        Ok(Box::new(Self {
            groupings: Grouping::read_all(cursor, &categories)?,
            categories,
            unknown,
            missing: number(cursor, "encoded_missing_value")?.unwrap_or(f64::NAN),
            accepts,
        }))
    }

    fn code(&self, column: usize, place: Option<usize>) -> f64 {
        let Some(place) = place else {
            return self.unknown.unwrap_or(f64::NAN);
        };
        let nan = self.categories.get(column).and_then(Categories::nan);
        if nan == Some(place) {
            return self.missing;
        }
        match self.groupings.get(column) {
            Some(Some(grouping)) => grouping.place(place) as f64,
            _ => place as f64,
        }
    }
}

impl Estimator for Ordinal {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.categories.len())
    }

    fn accepts(&self) -> Accepts {
        self.accepts
    }

    fn takes(&self, column: usize) -> Kind {
        self.categories
            .get(column)
            .map_or(Kind::Number, Categories::kind)
    }

    fn width(&self) -> Option<usize> {
        Some(self.categories.len())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let places = encode_all(&self.categories, rows, self.unknown.is_none())?;
        let mut found = Matrix::zeros(rows.rows(), self.categories.len());
        for row in 0..rows.rows() {
            let cells = found.row_mut(row).iter_mut().zip(&places);
            for (column, (cell, places)) in cells.enumerate() {
                *cell = self.code(column, places.get(row).copied().flatten());
            }
        }
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        self.categories.iter().map(Categories::memory_bytes).sum()
    }
}
