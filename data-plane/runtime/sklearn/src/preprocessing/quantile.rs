//! `QuantileTransformer`: numbers become their place among those that were fitted.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::attributes::{matrix, numbers_of, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::special::{normal, normal_quantile};
use crate::table::{Matrix, Table};

/// Nearer to an end than that is the end.
const BOUNDS: f64 = 1e-7;

#[derive(Debug)]
pub(super) struct QuantileTransformer {
    /// Of each column, rising.
    quantiles: Vec<Vec<f64>>,
    /// Which share of the numbers is below each quantile.
    references: Vec<f64>,
    /// Whether places become those of a normal distribution.
    normal: bool,
}

impl QuantileTransformer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let quantiles = matrix(cursor, "quantiles_")?;
        let references = numbers_of(cursor, "references_", quantiles.rows)?;
        if references.is_empty() {
            return Err(cursor.refuse("there are no quantiles"));
        }
        Ok(Box::new(Self {
            quantiles: (0..quantiles.columns)
                .map(|at| quantiles.column(at))
                .collect(),
            references,
            normal: text(cursor, "output_distribution")? == "normal",
        }))
    }

    fn forward(&self, x: f64, quantiles: &[f64]) -> f64 {
        let (Some(&low), Some(&high)) = (quantiles.first(), quantiles.last()) else {
            return f64::NAN;
        };
        let (below, above) = self.beyond(x, low, high);
        let place = if below {
            0.0
        } else if above {
            1.0
        } else {
            // From both sides, as numbers that were seen often have several places.
            0.5 * (interpolated(x, quantiles, &self.references)
                - mirrored(x, quantiles, &self.references))
        };
        if !self.normal || x.is_nan() {
            return if x.is_nan() { x } else { place };
        }
        let end = BOUNDS - f64::EPSILON;
        let (least, most) = (normal_quantile(end), normal_quantile(1.0 - end));
        normal_quantile(place).max(least).min(most)
    }

    fn backward(&self, x: f64, quantiles: &[f64]) -> f64 {
        let (Some(&low), Some(&high)) = (quantiles.first(), quantiles.last()) else {
            return f64::NAN;
        };
        let place = if self.normal { normal(x) } else { x };
        if place.is_nan() {
            return place;
        }
        match self.beyond(place, 0.0, 1.0) {
            (true, _) => low,
            (_, true) => high,
            _ => interpolated(place, &self.references, quantiles),
        }
    }

    /// Whether a number is at the lower or the upper end.
    fn beyond(&self, x: f64, low: f64, high: f64) -> (bool, bool) {
        match self.normal {
            true => (x - BOUNDS < low, x + BOUNDS > high),
            false => (x == low, x == high),
        }
    }

    fn each(&self, rows: &Table, function: impl Fn(f64, &[f64]) -> f64) -> Result<Table> {
        if let Table::Sparse(matrix) = rows {
            let mut found = matrix.clone();
            for (value, &column) in found.values.iter_mut().zip(&matrix.indices) {
                let quantiles = self.quantiles.get(column as usize);
                *value = function(*value, quantiles.map_or(&[], Vec::as_slice));
            }
            return Ok(found.into());
        }
        let mut found: Matrix = rows.dense()?.into_owned();
        if found.columns != self.quantiles.len() {
            return Err(Error::invalid(format!(
                "expected {} columns, found {}",
                self.quantiles.len(),
                found.columns
            )));
        }
        for row in 0..found.rows {
            for (value, quantiles) in found.row_mut(row).iter_mut().zip(&self.quantiles) {
                *value = function(*value, quantiles);
            }
        }
        Ok(found.into())
    }
}

/// `numpy.interp`: between the neighbours of `x` among `at`, which rises.
fn interpolated(x: f64, at: &[f64], values: &[f64]) -> f64 {
    let next = at.partition_point(|&one| one <= x);
    let after = |list: &[f64]| list.get(next).copied();
    let Some(place) = next.checked_sub(1) else {
        return values.first().copied().unwrap_or(f64::NAN);
    };
    let (Some(left), Some(low)) = (at.get(place).copied(), values.get(place).copied()) else {
        return f64::NAN;
    };
    match (after(at), after(values)) {
        (Some(right), Some(high)) if left != x => between(x, (left, right), (low, high)),
        _ => low,
    }
}

fn between(x: f64, (left, right): (f64, f64), (low, high): (f64, f64)) -> f64 {
    let slope = (high - low) / (right - left);
    let found = slope * (x - left) + low;
    if !found.is_nan() {
        return found;
    }
    let found = slope * (x - right) + high;
    if found.is_nan() && low == high {
        low
    } else {
        found
    }
}

/// `numpy.interp` of everything with its sign turned: the same from above.
fn mirrored(x: f64, at: &[f64], values: &[f64]) -> f64 {
    let first = at.partition_point(|&one| one < x);
    let Some((&right, &high)) = at.get(first).zip(values.get(first)) else {
        return -values.last().copied().unwrap_or(f64::NAN);
    };
    let Some(before) = first.checked_sub(1).filter(|_| right != x) else {
        return -high;
    };
    match at.get(before).zip(values.get(before)) {
        Some((&left, &low)) => between(-x, (-right, -left), (-high, -low)),
        None => -high,
    }
}

impl Estimator for QuantileTransformer {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.quantiles.len())
    }

    fn accepts(&self) -> Accepts {
        Accepts::Missing
    }

    fn width(&self) -> Option<usize> {
        Some(self.quantiles.len())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        self.each(rows, |x, quantiles| self.forward(x, quantiles))
    }

    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        self.each(rows, |x, quantiles| self.backward(x, quantiles))
    }

    fn memory_bytes(&self) -> usize {
        (self.quantiles.len() + 1) * self.references.len() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_neighbours() {
        let (at, values) = ([0.0, 1.0, 1.0, 3.0], [0.0, 0.25, 0.75, 1.0]);
        let found = |x| (interpolated(x, &at, &values), -mirrored(x, &at, &values));
        assert_eq!(found(-1.0), (0.0, 0.0));
        assert_eq!(found(0.5), (0.125, 0.125));
        assert_eq!(found(1.0), (0.75, 0.25), "both ends of what is seen twice");
        assert_eq!(found(9.0), (1.0, 1.0));
        assert_eq!(interpolated(1.0, &[], &[]).to_bits(), f64::NAN.to_bits());
    }
}
