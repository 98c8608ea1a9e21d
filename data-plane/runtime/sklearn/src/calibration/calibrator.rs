//! From a score to a probability.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::isotonic::Curve;
use crate::math::{expit, softmax};
use crate::table::Matrix;

/// Of one class's scores.
#[derive(Debug)]
pub(super) enum Calibrator {
    /// Platt, "Probabilistic Outputs for Support Vector Machines" (1999).
    Sigmoid {
        slope: f64,
        offset: f64,
    },
    Isotonic(Curve),
}

impl Calibrator {
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        match cursor.class()?.as_str() {
            "sklearn.calibration._SigmoidCalibration" => Ok(Self::Sigmoid {
                slope: cursor.attribute("a_")?.float()?,
                offset: cursor.attribute("b_")?.float()?,
            }),
            "sklearn.isotonic.IsotonicRegression" => Ok(Self::Isotonic(Curve::read(cursor)?)),
            other => Err(cursor.refuse(format_args!("`{other}` is no calibrator"))),
        }
    }

    /// # Errors
    /// `InvalidInput` for a score outside of a curve that refuses it.
    pub(super) fn chances(&self, scores: &[f64]) -> Result<Vec<f64>> {
        match self {
            Self::Sigmoid { slope, offset } => {
                let chance = |score: &f64| expit(-(slope * score + offset));
                Ok(scores.iter().map(chance).collect())
            }
            Self::Isotonic(curve) => curve.at(scores),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Sigmoid { .. } => size_of::<Self>(),
            Self::Isotonic(curve) => curve.memory_bytes(),
        }
    }
}

/// `_TemperatureScaling`: all scores of a row are divided by one number.
#[derive(Debug)]
pub(super) struct Temperature {
    /// One divided by that number.
    inverse: f64,
}

/// Keeps the logarithm of a probability finite.
const LEAST: f64 = 1e-12;
/// How far from 1 the sum of probabilities may be, as numpy's `isclose` has it.
const CLOSE: f64 = 1e-8 + 1e-5;

impl Temperature {
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let inverse = cursor.attribute("beta_")?.float()?;
        Ok(Self { inverse })
    }

    pub(super) fn chances(&self, scores: Matrix) -> Matrix {
        let mut found = logits(scores);
        for value in &mut found.values {
            *value *= self.inverse;
        }
        for row in 0..found.rows {
            softmax(found.row_mut(row));
        }
        found
    }
}

/// A single decision becomes two; what are probabilities in every row becomes their logarithms.
fn logits(mut scores: Matrix) -> Matrix {
    if scores.columns == 1 {
        let both = scores.values.iter().flat_map(|&score| [-score, score]);
        return Matrix::new(scores.rows, 2, both.collect());
    }
    let within = scores
        .values
        .iter()
        .all(|value| (0.0..=1.0).contains(value));
    let even = |row: &[f64]| (row.iter().sum::<f64>() - 1.0).abs() <= CLOSE;
    if within && scores.iter_rows().all(even) {
        for value in &mut scores.values {
            *value = (*value + LEAST).ln();
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_told_from_decisions() {
        let chances = logits(Matrix::new(1, 3, vec![0.2, 0.3, 0.5]));
        assert!((chances.row(0)[0] - 0.2_f64.ln()).abs() < 1e-9);
        let decisions = vec![0.2, 0.3, 0.6];
        assert_eq!(
            logits(Matrix::new(1, 3, decisions.clone())).values,
            decisions
        );
        assert_eq!(logits(Matrix::column_of(vec![2.0])).values, [-2.0, 2.0]);
    }

    #[test]
    fn a_temperature_of_one_gives_probabilities_back() {
        let temperature = Temperature { inverse: 1.0 };
        let found = temperature.chances(Matrix::new(1, 2, vec![0.25, 0.75]));
        assert!((found.row(0)[1] - 0.75).abs() < 1e-11);
    }
}
