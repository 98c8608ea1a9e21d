//! `sklearn.discriminant_analysis`: classes as normal distributions.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{self, count, matrix_at, numbers_at, numbers_of, rows_of, text};
use crate::estimator::{Estimator, Form, Method};
use crate::math::{affine, argmax_rows, decided, expit, softmax};
use crate::naive_bayes::normalize_logs;
use crate::projection::Projection;
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        Linear::read,
    ),
    (
        "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis",
        Quadratic::read,
    ),
];

/// `LinearDiscriminantAnalysis`: one covariance for all classes, so that borders are planes.
#[derive(Debug)]
struct Linear {
    classes: [Values; 1],
    /// One row for two classes, else one for each.
    weights: Matrix,
    offsets: Vec<f64>,
    /// None for the solver that has none.
    projection: Option<Projection>,
}

impl Linear {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = attributes::classes(cursor)?;
        let rows = if classes.len() == 2 { 1 } else { classes.len() };
        let weights = rows_of(cursor, "coef_", rows)?;
        let projection = match text(cursor, "solver")?.as_str() {
            "lsqr" => None,
            solver => Some(projection(cursor, weights.columns, solver == "svd")?),
        };
        Ok(Box::new(Self {
            classes: [classes],
            offsets: numbers_of(cursor, "intercept_", rows)?,
            weights,
            projection,
        }))
    }
}

/// The directions in which classes differ most.
fn projection(cursor: &Cursor<'_>, width: usize, centred: bool) -> Result<Projection> {
    let directions = rows_of(cursor, "scalings_", width)?;
    let kept = count(cursor, "_max_components")?.min(directions.columns);
    let kept: Vec<_> = (0..kept).collect();
    let weights = directions.select(&kept).transposed();
    let mean = match centred {
        true => numbers_of(cursor, "xbar_", width)?,
        false => Vec::new(),
    };
    Ok(Projection {
        mean,
        weights,
        width,
    })
}

impl Estimator for Linear {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::Predict => Some(Form::label(classes)),
            Method::PredictProba => Some(Form::numbers(classes.len())),
            Method::DecisionFunction => Some(Form::decision(classes.len())),
            Method::Transform => Some(Form::numbers(self.projection.as_ref()?.weights.rows)),
            Method::ScoreSamples => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.weights.columns)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        Ok(classes.at(&decided(&self.decision_function(rows)?)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let mut found = self.decision_function(rows)?;
        if self.weights.rows == 1 && self.classes[0].len() == 2 {
            return Ok(found.map_rows(2, |row, to| {
                let chance = expit(row.first().copied().unwrap_or(f64::NAN));
                to.copy_from_slice(&[1.0 - chance, chance]);
            }));
        }
        (0..found.rows).for_each(|row| softmax(found.row_mut(row)));
        Ok(found)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        affine(rows, &self.weights, &self.offsets)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        match &self.projection {
            Some(projection) => projection.transform(rows),
            None => Ok(rows.clone()),
        }
    }

    fn memory_bytes(&self) -> usize {
        2 * self.weights.values.len() * size_of::<f64>()
    }
}

/// `QuadraticDiscriminantAnalysis`: a covariance for each class.
#[derive(Debug)]
struct Quadratic {
    classes: [Values; 1],
    means: Matrix,
    spreads: Vec<Spread>,
}

/// How the rows of a class spread.
#[derive(Debug)]
struct Spread {
    /// Directions, divided by the root of the variance in each: `[directions, features]`.
    directions: Matrix,
    /// The sum of the logs of variances.
    log_size: f64,
    log_prior: f64,
}

impl Quadratic {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = attributes::classes(cursor)?;
        let means = rows_of(cursor, "means_", classes.len())?;
        let priors = numbers_of(cursor, "priors_", classes.len())?;
        let rotations = cursor.attribute("rotations_")?.items()?;
        let variances = cursor.attribute("scalings_")?.items()?;
        if (rotations.len(), variances.len()) != (classes.len(), classes.len()) {
            return Err(cursor.refuse("`rotations_` and `scalings_` are not one for each class"));
        }
        let each = rotations.iter().zip(&variances).zip(priors);
        let spreads = each.map(|((rotation, variances), prior)| {
            let found = matrix_at(rotation)?;
            if found.rows != means.columns {
                return Err(rotation.refuse(format_args!("expected {} rows", means.columns)));
            }
            let variances = numbers_at(variances, found.columns)?;
            let mut directions = found.transposed();
            for (at, variance) in variances.iter().enumerate() {
                let scale = variance.powf(-0.5);
                directions.row_mut(at).iter_mut().for_each(|x| *x *= scale);
            }
            Ok(Spread {
                directions,
                log_size: variances.iter().map(|v| v.ln()).sum(),
                log_prior: prior.ln(),
            })
        });
        Ok(Box::new(Self {
            spreads: spreads.collect::<Result<_>>()?,
            classes: [classes],
            means,
        }))
    }

    /// The log of how likely each class is, up to a constant of the row.
    fn logs(&self, rows: &Table) -> Result<Matrix> {
        let rows = rows.dense()?;
        Ok(rows.map_rows(self.means.rows, |row, found| {
            let each = self.means.iter_rows().zip(&self.spreads);
            for (to, (mean, spread)) in found.iter_mut().zip(each) {
                let away: Vec<_> = row.iter().zip(mean).map(|(x, mean)| x - mean).collect();
                let along = spread.directions.iter_rows();
                let norm: f64 = along
                    .map(|direction| crate::math::dot(&away, direction).powi(2))
                    .sum();
                *to = -0.5 * (norm + spread.log_size) + spread.log_prior;
            }
        }))
    }
}

/// What a decision function gives: for two classes the second less the first, else as it is.
pub(crate) fn differences(found: Matrix) -> Matrix {
    if found.columns != 2 {
        return found;
    }
    found.map_rows(1, |row, to| {
        if let (&[first, second], [to]) = (row, to) {
            *to = second - first;
        }
    })
}

impl Estimator for Quadratic {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::Predict => Some(Form::label(classes)),
            Method::PredictProba => Some(Form::numbers(classes.len())),
            Method::DecisionFunction => Some(Form::decision(classes.len())),
            _ => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.means.columns)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        Ok(classes.at(&argmax_rows(&self.logs(rows)?)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let mut found = self.logs(rows)?;
        (0..found.rows).for_each(|row| normalize_logs(found.row_mut(row)));
        Ok(found)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        Ok(differences(self.logs(rows)?))
    }

    fn memory_bytes(&self) -> usize {
        let spreads = self.spreads.iter().map(|one| one.directions.values.len());
        (self.means.values.len() + spreads.sum::<usize>()) * size_of::<f64>()
    }
}
