//! `LocalOutlierFactor` that was fitted for new rows: how dense it is around a row, against how
//! dense it is around its neighbours.

use hari_error::Result;
use hari_pickle::Cursor;

use super::index::Index;
use crate::attributes::{flag, matrix_of, number, numbers_of};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
pub(super) struct LocalOutlierFactor {
    index: Index,
    size: usize,
    /// The distance of each training row's farthest neighbour.
    reaches: Vec<f64>,
    /// The density around each training row.
    densities: Vec<f64>,
    offset: f64,
}

impl LocalOutlierFactor {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        if !flag(cursor, "novelty")? {
            return Err(cursor.refuse(
                "`LocalOutlierFactor` was fitted for its own rows: fit it with `novelty=True`",
            ));
        }
        let index = Index::read(cursor)?;
        let size = index.neighbours(cursor, "n_neighbors_")?;
        let distances = matrix_of(cursor, "_distances_fit_X_", (index.count, size))?;
        let last = |row: &[f64]| row.last().copied().unwrap_or(f64::NAN);
        let offset = number(cursor, "offset_")?;
        Ok(Box::new(Self {
            reaches: distances.iter_rows().map(last).collect(),
            densities: numbers_of(cursor, "_lrd", index.count)?,
            offset: offset.ok_or_else(|| cursor.refuse("there is no `offset_`"))?,
            index,
            size,
        }))
    }

    fn score(&self, row: &[f64]) -> f64 {
        let neighbours = self.index.nearest(row, self.size);
        let count = neighbours.len() as f64;
        let at = |values: &[f64], place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let reach = neighbours
            .iter()
            .map(|&(distance, place)| distance.max(at(&self.reaches, place)));
        let density = 1.0 / (reach.sum::<f64>() / count + 1e-10);
        let ratios = neighbours
            .iter()
            .map(|&(_, place)| at(&self.densities, place) / density);
        -(ratios.sum::<f64>() / count)
    }
}

impl Estimator for LocalOutlierFactor {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => Some(Form::INTEGER),
            Method::DecisionFunction | Method::ScoreSamples => Some(Form::NUMBER),
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        self.index.accepts()
    }

    fn width(&self) -> Option<usize> {
        Some(self.index.width())
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let decisions = self.decision_function(rows)?.values;
        let sign = |value: f64| if value < 0.0 { -1 } else { 1 };
        Ok(Values::Integers(decisions.into_iter().map(sign).collect()))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let scores = self.score_samples(rows)?.into_iter();
        let shifted = scores.map(|score| score - self.offset).collect();
        Ok(Matrix::column_of(shifted))
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        Ok(rows
            .dense()?
            .iter_rows()
            .map(|row| self.score(row))
            .collect())
    }

    fn memory_bytes(&self) -> usize {
        self.index.memory_bytes() + 2 * self.reaches.len() * size_of::<f64>()
    }
}
