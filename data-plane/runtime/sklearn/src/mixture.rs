//! `sklearn.mixture`: rows drawn from several normal distributions.

use std::f64::consts::{LN_2, PI};

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{matrix, matrix_of, numbers, numbers_at, numbers_of, text};
use crate::estimator::{Estimator, Form, Method};
use crate::math::{argmax_rows, dot, logsumexp};
use crate::naive_bayes::normalize_logs;
use crate::reader::Reader;
use crate::registry::Entry;
use crate::special::digamma;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.mixture._bayesian_mixture.BayesianGaussianMixture",
        bayesian,
    ),
    (
        "sklearn.mixture._gaussian_mixture.GaussianMixture",
        gaussian,
    ),
];

#[derive(Debug)]
struct Mixture {
    width: usize,
    spread: Spread,
    /// For each component, what does not depend on the row.
    constants: Vec<f64>,
}

/// How each component spreads, so that squared distances in units of it can be taken as
/// scikit-learn takes them.
#[derive(Debug)]
enum Spread {
    /// Roots of the inverse covariances, by column, and the means times them. One root for all
    /// if it is tied.
    Full { roots: Vec<Matrix>, means: Matrix },
    /// Inverse variances, the means times them, and the squared means times them, summed.
    Diagonal {
        precisions: Matrix,
        scaled: Matrix,
        sums: Vec<f64>,
    },
    /// One inverse variance for all columns of a component.
    Spherical {
        precisions: Vec<f64>,
        means: Matrix,
        sums: Vec<f64>,
    },
}

fn gaussian(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let means = matrix(cursor, "means_")?;
    let weights = numbers_of(cursor, "weights_", means.rows)?;
    let logs = weights.into_iter().map(f64::ln).collect();
    Ok(Box::new(Mixture::read(cursor, &means, logs)?))
}

/// With the expected logs of weights and of determinants: Bishop, "Pattern Recognition and Machine
/// Learning", section 10.2.
fn bayesian(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let means = matrix(cursor, "means_")?;
    let d = means.columns as f64;
    let mut logs = expected_log_weights(cursor, means.rows)?;
    // One for all if the covariance is tied.
    let mut freedoms = numbers(cursor, "degrees_of_freedom_")?;
    if let [only] = *freedoms.as_slice() {
        freedoms = vec![only; means.rows];
    }
    if freedoms.len() != means.rows {
        return Err(cursor.refuse("`degrees_of_freedom_` are not one for each component"));
    }
    let precisions = numbers_of(cursor, "mean_precision_", means.rows)?;
    for (log, (freedom, precision)) in logs.iter_mut().zip(freedoms.iter().zip(precisions)) {
        let terms = (0..means.columns).map(|at| digamma(0.5 * (freedom - at as f64)));
        let expected = d * LN_2 + terms.sum::<f64>();
        *log += 0.5 * (expected - d / precision) - 0.5 * d * freedom.ln();
    }
    Ok(Box::new(Mixture::read(cursor, &means, logs)?))
}

fn expected_log_weights(cursor: &Cursor<'_>, count: usize) -> Result<Vec<f64>> {
    let at = cursor.attribute("weight_concentration_")?;
    if text(cursor, "weight_concentration_prior_type")? != "dirichlet_process" {
        let found = numbers_at(&at, count)?;
        let total = digamma(found.iter().sum());
        return Ok(found.into_iter().map(|one| digamma(one) - total).collect());
    }
    let (taken, left) = (
        numbers_at(&at.item(0)?, count)?,
        numbers_at(&at.item(1)?, count)?,
    );
    let mut before = 0.0;
    let logs = taken.iter().zip(left).map(|(&taken, left)| {
        let total = digamma(taken + left);
        let log = digamma(taken) - total + before;
        before += digamma(left) - total;
        log
    });
    Ok(logs.collect())
}

impl Mixture {
    fn read(cursor: &Cursor<'_>, means: &Matrix, log_weights: Vec<f64>) -> Result<Self> {
        let (spread, log_roots) = spread(cursor, means)?;
        let normal = means.columns as f64 * (2.0 * PI).ln();
        let each = log_weights.into_iter().zip(log_roots);
        Ok(Self {
            width: means.columns,
            spread,
            constants: each.map(|(log, root)| log + root - 0.5 * normal).collect(),
        })
    }

    /// The log of how likely row and component are together: `[rows, components]`.
    fn logs(&self, rows: &Table) -> Result<Matrix> {
        let rows = rows.dense()?;
        Ok(rows.map_rows(self.constants.len(), |row, found| {
            self.spread.distances(row, found);
            for (to, constant) in found.iter_mut().zip(&self.constants) {
                *to = constant - 0.5 * *to;
            }
        }))
    }
}

/// How components spread, and the logs of the determinants of their roots.
fn spread(cursor: &Cursor<'_>, means: &Matrix) -> Result<(Spread, Vec<f64>)> {
    let shape = (means.rows, means.columns);
    match text(cursor, "covariance_type")?.as_str() {
        "full" => full(&roots(cursor, means)?, means),
        "tied" => {
            let width = means.columns;
            let root = matrix_of(cursor, "precisions_cholesky_", (width, width))?;
            full(&[root], means)
        }
        "diag" => {
            let roots = matrix_of(cursor, "precisions_cholesky_", shape)?;
            let logs = roots
                .iter_rows()
                .map(|row| row.iter().map(|x| x.ln()).sum());
            let logs = logs.collect();
            Ok((diagonal(&roots, means), logs))
        }
        "spherical" => {
            let roots = numbers_of(cursor, "precisions_cholesky_", means.rows)?;
            let logs = roots
                .iter()
                .map(|x| means.columns as f64 * x.ln())
                .collect();
            let precisions: Vec<_> = roots.iter().map(|x| x * x).collect();
            let sums = means.iter_rows().zip(&precisions);
            let spread = Spread::Spherical {
                sums: sums
                    .map(|(row, precision)| dot(row, row) * precision)
                    .collect(),
                precisions,
                means: means.clone(),
            };
            Ok((spread, logs))
        }
        other => {
            let at = cursor.attribute("covariance_type")?;
            Err(at.refuse(format_args!("there is no covariance type `{other}`")))
        }
    }
}

/// The root of each component: `[components, width, width]`.
fn roots(cursor: &Cursor<'_>, means: &Matrix) -> Result<Vec<Matrix>> {
    let at = cursor.attribute("precisions_cholesky_")?;
    let found = at.numbers()?;
    let (count, width) = (means.rows, means.columns);
    if found.shape != [count, width, width] {
        return Err(at.refuse(format_args!(
            "expected shape [{count}, {width}, {width}], found {:?}",
            found.shape
        )));
    }
    let parts = found.values.chunks(width * width);
    Ok(parts
        .map(|part| Matrix::new(width, width, part.to_vec()))
        .collect())
}

fn full(roots: &[Matrix], means: &Matrix) -> Result<(Spread, Vec<f64>)> {
    let log = |root: &Matrix| -> f64 {
        let diagonal = root.iter_rows().enumerate();
        diagonal
            .filter_map(|(at, row)| row.get(at))
            .map(|x| x.ln())
            .sum()
    };
    let one = roots.len() == 1;
    let logs: Vec<_> = roots.iter().map(log).collect();
    let logs = match logs.as_slice() {
        [only] => vec![*only; means.rows],
        _ => logs,
    };
    let roots: Vec<_> = roots.iter().map(Matrix::transposed).collect();
    let mut scaled = Matrix::zeros(means.rows, means.columns);
    for (at, mean) in means.iter_rows().enumerate() {
        let root = roots.get(if one { 0 } else { at });
        let products = root.map(|root| root.iter_rows().map(|column| dot(mean, column)));
        for (to, product) in scaled
            .row_mut(at)
            .iter_mut()
            .zip(products.into_iter().flatten())
        {
            *to = product;
        }
    }
    let means = scaled;
    Ok((Spread::Full { roots, means }, logs))
}

fn diagonal(roots: &Matrix, means: &Matrix) -> Spread {
    let mut scaled = means.clone();
    let mut precisions = roots.clone();
    precisions.values.iter_mut().for_each(|x| *x *= *x);
    for (x, precision) in scaled.values.iter_mut().zip(&precisions.values) {
        *x *= precision;
    }
    let sums = means.iter_rows().zip(precisions.iter_rows());
    let sums = sums.map(|(mean, precision)| {
        let terms = mean.iter().zip(precision).map(|(x, p)| x * x * p);
        terms.sum()
    });
    Spread::Diagonal {
        sums: sums.collect(),
        precisions,
        scaled,
    }
}

impl Spread {
    /// The squared distance of a row from each component.
    fn distances(&self, row: &[f64], found: &mut [f64]) {
        match self {
            Self::Full { roots, means } => {
                let one = roots.len() == 1;
                for (at, to) in found.iter_mut().enumerate() {
                    let Some(root) = roots.get(if one { 0 } else { at }) else {
                        continue;
                    };
                    let along = root.iter_rows().zip(means.row(at));
                    *to = along
                        .map(|(column, mean)| (dot(row, column) - mean).powi(2))
                        .sum();
                }
            }
            Self::Diagonal {
                precisions,
                scaled,
                sums,
            } => {
                let squares: Vec<_> = row.iter().map(|x| x * x).collect();
                for (at, (to, sum)) in found.iter_mut().zip(sums).enumerate() {
                    let crossed = dot(row, scaled.row(at));
                    *to = sum - 2.0 * crossed + dot(&squares, precisions.row(at));
                }
            }
            Self::Spherical {
                precisions,
                means,
                sums,
            } => {
                let square = dot(row, row);
                let each = found.iter_mut().zip(sums.iter().zip(precisions));
                for (at, (to, (sum, precision))) in each.enumerate() {
                    *to = sum - 2.0 * dot(row, means.row(at)) * precision + square * precision;
                }
            }
        }
    }
}

impl Estimator for Mixture {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => Some(Form::INTEGER),
            Method::PredictProba => Some(Form::numbers(self.constants.len())),
            Method::ScoreSamples => Some(Form::NUMBER),
            _ => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let places = argmax_rows(&self.logs(rows)?);
        Ok(Values::Integers(
            places.into_iter().map(|at| at as i64).collect(),
        ))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let mut found = self.logs(rows)?;
        (0..found.rows).for_each(|row| normalize_logs(found.row_mut(row)));
        Ok(found)
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        Ok(self.logs(rows)?.iter_rows().map(logsumexp).collect())
    }

    fn memory_bytes(&self) -> usize {
        let values = match &self.spread {
            Spread::Full { roots, means } => {
                means.values.len() + roots.iter().map(|root| root.values.len()).sum::<usize>()
            }
            Spread::Diagonal { scaled, .. } => 2 * scaled.values.len(),
            Spread::Spherical { means, .. } => means.values.len(),
        };
        values * size_of::<f64>()
    }
}
