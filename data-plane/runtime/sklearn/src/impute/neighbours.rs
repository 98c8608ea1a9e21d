//! `KNNImputer`: what the nearest rows have where something is missing.

use hari_error::Result;
use hari_pickle::Cursor;

use super::missing::{Indicator, Missing};
use crate::attributes::{count, flag, matrix, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::version;

#[derive(Debug)]
pub(super) struct KnnImputer {
    missing: Missing,
    /// The rows that were fitted, NaN where something was missing.
    fitted: Matrix,
    neighbours: usize,
    /// Whether near rows count more.
    by_distance: bool,
    /// What a row counts that has nothing in common, where all others count 1.
    strangers: f64,
    /// What becomes of columns that had no values: zeros, or nothing.
    keep_empty: bool,
    /// Whether each column has values.
    valid: Vec<bool>,
    indicator: Option<Indicator>,
}

impl KnnImputer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let missing = Missing::read(cursor)?;
        let mut fitted = matrix(cursor, "_fit_X")?;
        for value in fitted.values.iter_mut().filter(|value| missing.is(**value)) {
            *value = f64::NAN;
        }
        let by_distance = word(cursor, "weights", &["uniform", "distance"])? == "distance";
        word(cursor, "metric", &["nan_euclidean"])?;
        let known = |column| fitted.column(column).iter().any(|value| !value.is_nan());
        Ok(Box::new(Self {
            valid: (0..fitted.columns).map(known).collect(),
            neighbours: count(cursor, "n_neighbors")?.max(1),
            by_distance,
            // They counted like all others before 1.6.
            strangers: f64::from(u8::from(version::of(cursor) < (1, 6))),
            keep_empty: flag(cursor, "keep_empty_features")?,
            indicator: Indicator::of_imputer(cursor, fitted.columns)?,
            missing,
            fitted,
        }))
    }

    /// A row, with NaN for what is missing, and what it becomes.
    fn fill(&self, row: &[f64], found: &mut [f64]) {
        let distances: Vec<f64> = match row.iter().any(|value| value.is_nan()) {
            true => self
                .fitted
                .iter_rows()
                .map(|fitted| distance(row, fitted))
                .collect(),
            false => Vec::new(),
        };
        let columns = self.valid.iter().enumerate();
        let kept = columns.filter(|(_, valid)| **valid || self.keep_empty);
        for (to, (column, valid)) in found.iter_mut().zip(kept) {
            let value = row.get(column).copied().unwrap_or(f64::NAN);
            *to = match (*valid, value.is_nan()) {
                (false, _) => 0.0,
                (true, true) => self.imputed(column, &distances),
                (true, false) => value,
            };
        }
    }

    /// From the rows that have a value in the column.
    fn imputed(&self, column: usize, distances: &[f64]) -> f64 {
        let values = self.fitted.iter_rows().zip(distances);
        let mut donors: Vec<(f64, f64)> = values
            .filter_map(|(row, distance)| Some((*distance, *row.get(column)?)))
            .filter(|(_, value)| !value.is_nan())
            .collect();
        if donors.iter().all(|(distance, _)| distance.is_nan()) {
            let sum: f64 = donors.iter().map(|(_, value)| value).sum();
            return sum / donors.len() as f64;
        }
        // NaN is the greatest in this order.
        donors.sort_by(|a, b| a.0.total_cmp(&b.0));
        donors.truncate(self.neighbours);
        let same = donors.iter().any(|(distance, _)| *distance == 0.0);
        let weight = |distance: f64| match self.by_distance {
            true if distance.is_nan() => 0.0,
            false if distance.is_nan() => self.strangers,
            true if same => f64::from(u8::from(distance == 0.0)),
            true => 1.0 / distance,
            false => 1.0,
        };
        let weights = donors.iter().map(|(distance, _)| weight(*distance));
        let sum: f64 = weights.clone().sum();
        let values = donors
            .iter()
            .zip(weights)
            .map(|((_, value), weight)| value * weight);
        values.sum::<f64>() / sum
    }
}

fn word(cursor: &Cursor<'_>, name: &str, known: &[&str]) -> Result<String> {
    let found = text(cursor, name).ok();
    let found = found.filter(|found| known.contains(&found.as_str()));
    found.ok_or_else(|| {
        cursor.refuse(format_args!(
            "`{name}`: expected `{}`",
            known.join("` or `")
        ))
    })
}

/// The distance over what both rows have, as if they had everything.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let pairs = a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let (mut sum, mut present) = (0.0, 0_usize);
    for (a, b) in pairs {
        sum += (a - b) * (a - b);
        present += 1;
    }
    match present {
        0 => f64::NAN,
        _ => (sum / present as f64 * a.len() as f64).sqrt(),
    }
}

impl Estimator for KnnImputer {
    fn form(&self, method: Method) -> Option<Form> {
        let kept = self.valid.iter().filter(|valid| **valid || self.keep_empty);
        let indicated = self.indicator.as_ref().map_or(0, Indicator::count);
        Form::transformed(method, kept.count() + indicated)
    }

    fn accepts(&self) -> Accepts {
        self.missing.accepts()
    }

    fn width(&self) -> Option<usize> {
        Some(self.fitted.columns)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let masks = self.missing.masks(rows);
        let mut rows = rows.dense()?.into_owned();
        for value in rows
            .values
            .iter_mut()
            .filter(|value| self.missing.is(**value))
        {
            *value = f64::NAN;
        }
        let kept = self.valid.iter().filter(|valid| **valid || self.keep_empty);
        let filled = rows.map_rows(kept.count(), |row, found| self.fill(row, found));
        match &self.indicator {
            Some(indicator) => {
                Table::beside(vec![filled.into(), indicator.flags(&masks)?.into()], false)
            }
            None => Ok(filled.into()),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.fitted.values.len() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_on_either_side_does_not_count() {
        assert_eq!(
            distance(&[3.0, f64::NAN, 1.0], &[0.0, 2.0, f64::NAN]),
            27f64.sqrt()
        );
        assert!(distance(&[f64::NAN], &[1.0]).is_nan());
    }
}
