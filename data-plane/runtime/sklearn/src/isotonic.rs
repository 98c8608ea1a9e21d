//! `sklearn.isotonic`: a function that never falls, or never rises.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::attributes::{numbers, numbers_of, text};
use crate::estimator::{Estimator, Form, Method};
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[("sklearn.isotonic.IsotonicRegression", Isotonic::read)];

/// Straight lines between points.
#[derive(Debug)]
pub(crate) struct Curve {
    /// Never falling.
    xs: Vec<f64>,
    ys: Vec<f64>,
    /// What is done with what lies before the first point or behind the last.
    outside: Outside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outside {
    Nan,
    Clip,
    Refuse,
}

impl Curve {
    /// The points of an `IsotonicRegression`.
    ///
    /// # Errors
    /// `Model` for points that are none, or not sorted.
    pub(crate) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        // Until 0.23 the points had other names.
        let (x, y) = match cursor.find_attribute("X_thresholds_")? {
            Some(_) => ("X_thresholds_", "y_thresholds_"),
            None => ("_necessary_X_", "_necessary_y_"),
        };
        let xs = numbers(cursor, x)?;
        let ys = numbers_of(cursor, y, xs.len())?;
        if xs.is_empty() || !xs.is_sorted() {
            return Err(cursor.refuse(format_args!("expected points in `{x}` that rise")));
        }
        let at = text(cursor, "out_of_bounds")?;
        let outside = match at.as_str() {
            "nan" => Outside::Nan,
            "clip" => Outside::Clip,
            "raise" => Outside::Refuse,
            other => {
                return Err(cursor.refuse(format_args!(
                    "`out_of_bounds` is `{other}`: expected `nan`, `clip` or `raise`"
                )));
            }
        };
        Ok(Self { xs, ys, outside })
    }

    /// The curve at each of these.
    ///
    /// # Errors
    /// `InvalidInput` for one outside, if that is refused.
    pub(crate) fn at(&self, values: &[f64]) -> Result<Vec<f64>> {
        let (Some(&first), Some(&last)) = (self.xs.first(), self.xs.last()) else {
            return Ok(vec![f64::NAN; values.len()]);
        };
        if let ([_], [only]) = (self.xs.as_slice(), self.ys.as_slice()) {
            return Ok(vec![*only; values.len()]);
        }
        let one = |&value: &f64| {
            if (first..=last).contains(&value) {
                return Ok(self.between(value));
            }
            match self.outside {
                Outside::Nan => Ok(f64::NAN),
                Outside::Clip => Ok(self.between(value.clamp(first, last))),
                Outside::Refuse => Err(Error::invalid(format!(
                    "{value} lies outside of what was fitted: expected {first} to {last}"
                ))),
            }
        };
        values.iter().map(one).collect()
    }

    /// The line between the points beside a value, in numpy's order of operations.
    fn between(&self, value: f64) -> f64 {
        let behind = self.xs.partition_point(|&x| x <= value);
        let point = |at: usize| Some((*self.xs.get(at)?, *self.ys.get(at)?));
        let Some((x, y)) = behind.checked_sub(1).and_then(point) else {
            return f64::NAN;
        };
        match point(behind) {
            Some((next, above)) if value != x => {
                let slope = (above - y) / (next - x);
                slope * (value - x) + y
            }
            _ => y,
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        2 * size_of_val(self.xs.as_slice())
    }
}

/// `IsotonicRegression`.
#[derive(Debug)]
struct Isotonic {
    curve: Curve,
}

impl Isotonic {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let curve = Curve::read(cursor)?;
        Ok(Box::new(Self { curve }))
    }

    fn answer(&self, rows: &Table) -> Result<Vec<f64>> {
        self.curve.at(&rows.dense()?.values)
    }
}

impl Estimator for Isotonic {
    fn form(&self, method: Method) -> Option<Form> {
        matches!(method, Method::Predict | Method::Transform).then_some(Form::NUMBER)
    }

    fn width(&self) -> Option<usize> {
        Some(1)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        self.answer(rows).map(Values::Floats)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        Ok(Matrix::column_of(self.answer(rows)?).into())
    }

    fn memory_bytes(&self) -> usize {
        self.curve.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(outside: Outside) -> Curve {
        Curve {
            xs: vec![0.0, 1.0, 1.0, 3.0],
            ys: vec![1.0, 2.0, 4.0, 8.0],
            outside,
        }
    }

    #[test]
    fn lines_go_through_their_points() -> Result<()> {
        let found = curve(Outside::Nan).at(&[0.0, 0.5, 1.0, 2.0, 3.0])?;
        assert_eq!(found, [1.0, 1.5, 4.0, 6.0, 8.0]);
        Ok(())
    }

    #[test]
    fn what_lies_outside_is_what_was_asked_for() -> Result<()> {
        let asked = [-1.0, 4.0];
        assert!(
            curve(Outside::Nan)
                .at(&asked)?
                .iter()
                .all(|one| one.is_nan())
        );
        assert_eq!(curve(Outside::Clip).at(&asked)?, [1.0, 8.0]);
        let error = curve(Outside::Refuse)
            .at(&asked)
            .map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("expected 0 to 3")));
        Ok(())
    }

    #[test]
    fn one_point_is_a_constant() -> Result<()> {
        let curve = Curve {
            xs: vec![2.0],
            ys: vec![7.0],
            outside: Outside::Refuse,
        };
        assert_eq!(curve.at(&[0.0, 9.0])?, [7.0, 7.0]);
        Ok(())
    }
}
