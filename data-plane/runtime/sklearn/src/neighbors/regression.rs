//! `KNeighborsRegressor`, `RadiusNeighborsRegressor`: the mean of neighbours.

use hari_error::Result;
use hari_pickle::Cursor;

use super::weights::Neighbourhood;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
struct Regressor {
    neighbourhood: Neighbourhood,
    /// `[training rows, outputs]`.
    targets: Matrix,
    /// Whether the outputs have a dimension of their own.
    several: bool,
}

pub(super) fn nearest(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    read(cursor, Neighbourhood::nearest(cursor)?)
}

pub(super) fn within(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    read(cursor, Neighbourhood::within(cursor)?)
}

fn read(cursor: &Cursor<'_>, neighbourhood: Neighbourhood) -> Result<Box<dyn Estimator>> {
    let at = cursor.attribute("_y")?;
    let found = at.numbers()?;
    let (rows, columns) = match *found.shape {
        [rows] => (rows, 1),
        [rows, columns] if columns > 0 => (rows, columns),
        _ => return Err(at.refuse("expected one or more numbers for each row")),
    };
    if rows != neighbourhood.index.count {
        return Err(at.refuse(format_args!(
            "expected {} rows, found {rows}",
            neighbourhood.index.count
        )));
    }
    Ok(Box::new(Regressor {
        neighbourhood,
        several: found.shape.len() == 2,
        targets: Matrix::new(rows, columns, found.values),
    }))
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        let form = match self.several {
            true => Form::numbers(self.targets.columns),
            false => Form::NUMBER,
        };
        (method == Method::Predict).then_some(form)
    }

    fn accepts(&self) -> Accepts {
        self.neighbourhood.index.accepts()
    }

    fn width(&self) -> Option<usize> {
        Some(self.neighbourhood.index.width())
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let rows = rows.dense()?;
        let found = rows.map_rows(self.targets.columns, |row, found| {
            let mut total = 0.0;
            for (place, weight) in self.neighbourhood.of(row) {
                total += weight;
                for (to, target) in found.iter_mut().zip(self.targets.row(place)) {
                    *to += weight * target;
                }
            }
            // Nobody near: not a number, as in scikit-learn.
            found.iter_mut().for_each(|value| *value /= total);
        });
        Ok(Values::Floats(found.values))
    }

    fn memory_bytes(&self) -> usize {
        self.neighbourhood.index.memory_bytes() + self.targets.values.len() * size_of::<f64>()
    }
}
