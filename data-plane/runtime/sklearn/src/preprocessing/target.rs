//! `TargetEncoder`: the mean of the target stands for each category.

use hari_error::Result;
use hari_pickle::Cursor;

use super::categories::{Categories, encode_all};
use crate::attributes::{numbers_at, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::reader::Reader;
use crate::table::{Matrix, Table};

#[derive(Debug)]
pub(super) struct TargetEncoder {
    categories: Vec<Categories>,
    /// For each column and each class, the number of each category.
    encodings: Vec<Vec<f64>>,
    /// What stands for an unknown value, for each class.
    means: Vec<f64>,
}

impl TargetEncoder {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let categories = Categories::read_all(cursor)?;
        let mean = cursor.attribute("target_mean_")?;
        let means = match text(cursor, "target_type_")?.as_str() {
            "multiclass" => mean.numbers()?.values,
            _ => vec![mean.float()?],
        };
        let at = cursor.attribute("encodings_")?;
        let lists = at.items()?;
        if means.is_empty() || lists.len() != categories.len() * means.len() {
            return Err(at.refuse("it is not as long as columns times classes"));
        }
        let each = lists.iter().enumerate().map(|(place, list)| {
            let categories = categories.get(place / means.len());
            numbers_at(list, categories.map_or(0, Categories::count))
        });
        Ok(Box::new(Self {
            encodings: each.collect::<Result<_>>()?,
            categories,
            means,
        }))
    }
}

impl Estimator for TargetEncoder {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.encodings.len())
    }

    fn accepts(&self) -> Accepts {
        Accepts::Missing
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
        let places = encode_all(&self.categories, rows, false)?;
        let classes = self.means.len();
        let mut found = Matrix::zeros(rows.rows(), self.encodings.len());
        for row in 0..rows.rows() {
            let cells = found.row_mut(row).iter_mut().zip(&self.encodings);
            for (at, (cell, encoding)) in cells.enumerate() {
                let place = places.get(at / classes).and_then(|column| column.get(row));
                let known = place
                    .copied()
                    .flatten()
                    .and_then(|place| encoding.get(place));
                let mean = self.means.get(at % classes);
                *cell = known.or(mean).copied().unwrap_or(f64::NAN);
            }
        }
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        let encodings = self
            .encodings
            .iter()
            .map(|one| one.len() * size_of::<f64>());
        encodings.sum::<usize>()
            + self
                .categories
                .iter()
                .map(Categories::memory_bytes)
                .sum::<usize>()
    }
}
