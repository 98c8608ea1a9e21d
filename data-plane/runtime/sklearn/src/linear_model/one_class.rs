//! `SGDOneClassSVM`: which rows are like those that were fitted.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::numbers_of;
use crate::estimator::{Estimator, Form, Method};
use crate::linear_model::planes::Planes;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
pub(super) struct OneClass {
    /// Without an offset: sums are scores.
    planes: Planes,
    /// The score at the border.
    offset: f64,
}

impl OneClass {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let weights = crate::attributes::rows_of(cursor, "coef_", 1);
        let weights = weights.or_else(|error| match cursor.attribute("coef_")?.numbers() {
            Ok(flat) if matches!(*flat.shape, [columns] if columns > 0) => {
                Ok(Matrix::new(1, flat.values.len(), flat.values))
            }
            _ => Err(error),
        })?;
        let offset = numbers_of(cursor, "offset_", 1)?;
        Ok(Box::new(Self {
            planes: Planes::new(weights, vec![0.0]),
            offset: offset.first().copied().unwrap_or_default(),
        }))
    }
}

/// 1 for what lies inside, -1 for what does not.
pub(crate) fn sides(decisions: &[f64], inside: impl Fn(f64) -> bool) -> Values {
    let side = |&decision: &f64| if inside(decision) { 1 } else { -1 };
    Values::Integers(decisions.iter().map(side).collect())
}

impl Estimator for OneClass {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => Some(Form::INTEGER),
            Method::DecisionFunction | Method::ScoreSamples => Some(Form::NUMBER),
            Method::PredictProba | Method::Transform => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.planes.features())
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let decisions = self.decision_function(rows)?;
        Ok(sides(&decisions.values, |decision| decision >= 0.0))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let mut found = self.planes.at(rows)?;
        for value in &mut found.values {
            *value -= self.offset;
        }
        Ok(found)
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        // As scikit-learn adds it again, with what that rounds.
        let decisions = self.decision_function(rows)?.values;
        Ok(decisions.into_iter().map(|one| one + self.offset).collect())
    }

    fn memory_bytes(&self) -> usize {
        self.planes.memory_bytes()
    }
}
