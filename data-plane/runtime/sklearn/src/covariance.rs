//! `sklearn.covariance`: outliers by the distance of Mahalanobis.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{matrix_of, number, numbers};
use crate::estimator::{Estimator, Form, Method};
use crate::metrics::distance::Metric;
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[(
    "sklearn.covariance._elliptic_envelope.EllipticEnvelope",
    EllipticEnvelope::read,
)];

/// `EllipticEnvelope`: what lies far out, in units of a robust covariance.
#[derive(Debug)]
struct EllipticEnvelope {
    location: Vec<f64>,
    metric: Metric,
    offset: f64,
}

impl EllipticEnvelope {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let location = numbers(cursor, "location_")?;
        let precision = cursor.attribute("precision_")?;
        if precision.is_none() {
            return Err(precision.refuse("fit it with `store_precision=True`"));
        }
        let shape = (location.len(), location.len());
        let metric = Metric::Mahalanobis(matrix_of(cursor, "precision_", shape)?);
        let offset = number(cursor, "offset_")?;
        let offset = offset.ok_or_else(|| cursor.refuse("there is no `offset_`"))?;
        Ok(Box::new(Self {
            location,
            metric,
            offset,
        }))
    }
}

impl Estimator for EllipticEnvelope {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => Some(Form::INTEGER),
            Method::DecisionFunction | Method::ScoreSamples => Some(Form::NUMBER),
            _ => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.location.len())
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let decisions = self.decision_function(rows)?.values;
        let sign = |value: f64| if value >= 0.0 { 1 } else { -1 };
        Ok(Values::Integers(decisions.into_iter().map(sign).collect()))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let scores = self.score_samples(rows)?.into_iter();
        Ok(Matrix::column_of(
            scores.map(|score| score - self.offset).collect(),
        ))
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        let rows = rows.dense()?;
        let score = |row: &[f64]| -self.metric.reduced(row, &self.location);
        Ok(rows.iter_rows().map(score).collect())
    }

    fn memory_bytes(&self) -> usize {
        self.location.len() * (self.location.len() + 1) * size_of::<f64>()
    }
}
