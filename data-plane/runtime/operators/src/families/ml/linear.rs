//! `LinearClassifier` and `LinearRegressor`.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::INPUTS;
use super::labels::{Labels, largest};
use super::transform::{Second, Transform};
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, matrix, operator, singles};
use crate::{Inputs, Operator};

/// Scores that are weighted sums of the features: coefficients are `[targets, features]`.
struct Scores {
    coefficients: Vec<f32>,
    intercepts: Vec<f32>,
    targets: usize,
}

impl Scores {
    /// The scores of every row, `[rows, targets]`, summed in double precision.
    fn of(&self, x: &Tensor) -> Result<(usize, Vec<f32>)> {
        let (rows, features) = matrix(x)?;
        if self.targets.checked_mul(features) != Some(self.coefficients.len()) {
            return Err(Error::invalid(format!(
                "expected {} features, found {features}",
                self.coefficients.len() / self.targets.max(1)
            )));
        }
        let x = singles(x)?;
        let mut scores = Vec::with_capacity(rows * self.targets);
        for row in 0..rows {
            let row = x.get(row * features..(row + 1) * features).unwrap_or(&[]);
            scores.extend((0..self.targets).map(|target| self.score(row, target)));
        }
        Ok((rows, scores))
    }

    fn score(&self, row: &[f32], target: usize) -> f32 {
        let from = target * row.len();
        let weights = self.coefficients.get(from..from + row.len());
        let products = row.iter().zip(weights.unwrap_or(&[]));
        let sum: f64 = products.map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
        let intercept = self.intercepts.get(target).copied().unwrap_or(0.0);
        (sum + f64::from(intercept)) as f32
    }
}

/// Rows of scores, finished one by one.
fn finished(scores: &[f32], targets: usize, transform: Transform, second: Second) -> Vec<f32> {
    let mut made = Vec::with_capacity(scores.len());
    for row in scores.chunks(targets.max(1)) {
        let mut row: Vec<f64> = row.iter().map(|&score| f64::from(score)).collect();
        transform.finish(&mut row, second);
        made.extend(row.iter().map(|&score| score as f32));
    }
    made
}

struct Classifier {
    scores: Scores,
    labels: Labels,
    transform: Transform,
    second: Second,
}

pub(super) fn classifier(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let coefficients = attributes.floats("coefficients")?.unwrap_or(&[]).to_vec();
    let labels = Labels::of(attributes, "classlabels_ints")?;
    // A classifier without intercepts has one score for every class, or one for two.
    let intercepts = match attributes.floats("intercepts")? {
        Some(given) if !given.is_empty() => given.to_vec(),
        _ => vec![0.0; if labels.len() == 2 { 1 } else { labels.len() }],
    };
    let targets = intercepts.len();
    if coefficients.is_empty() || !coefficients.len().is_multiple_of(targets) {
        return Err(Error::model(format!(
            "attribute `coefficients`: {} are not rows for {targets} intercepts",
            coefficients.len()
        )));
    }
    if targets > 1 && labels.len() < targets {
        return Err(Error::model(format!(
            "{targets} scores need as many labels, found {}",
            labels.len()
        )));
    }
    let two = targets == 1 && labels.len() == 2;
    operator(Classifier {
        labels: if targets == 1 { labels.sides() } else { labels },
        transform: Transform::of(attributes)?,
        second: if two { Second::Complement } else { Second::No },
        scores: Scores {
            coefficients,
            intercepts,
            targets,
        },
    })
}

impl Kernel for Classifier {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, INPUTS)?;
        Ok(vec![Some(self.labels.dtype()), Some(DataType::Fp32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let (rows, scores) = self.scores.of(inputs.tensor(0)?)?;
        let pick = |row: &[f32]| match row {
            [score] => usize::from(*score > 0.0),
            several => largest(several),
        };
        let picks: Vec<usize> = scores.chunks(self.scores.targets).map(pick).collect();
        // The other side of one score is its complement, whatever the transform, save for PROBIT.
        let made = finished(&scores, self.scores.targets, self.transform, self.second);
        let two = self.second == Second::Complement && self.transform != Transform::Probit;
        let columns = if two { 2 } else { self.scores.targets };
        Ok(vec![
            self.labels.pick(&picks)?,
            Tensor::from_vec([rows, columns], made)?,
        ])
    }
}

struct Regressor {
    scores: Scores,
    transform: Transform,
}

pub(super) fn regressor(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let targets = attributes.int_or("targets", 1)?;
    let coefficients = attributes.floats("coefficients")?.unwrap_or(&[]).to_vec();
    let intercepts = attributes.floats("intercepts")?.unwrap_or(&[]).to_vec();
    let fits = |targets: &usize| {
        *targets > 0
            && coefficients.len().is_multiple_of(*targets)
            && (intercepts.is_empty() || intercepts.len() == *targets)
    };
    let targets = usize::try_from(targets).ok().filter(fits).ok_or_else(|| {
        Error::model(format!(
            "{targets} targets do not fit {} coefficients and {} intercepts",
            coefficients.len(),
            intercepts.len()
        ))
    })?;
    operator(Regressor {
        transform: Transform::of(attributes)?,
        scores: Scores {
            coefficients,
            intercepts,
            targets,
        },
    })
}

impl Kernel for Regressor {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, INPUTS)?;
        Ok(vec![Some(DataType::Fp32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let targets = self.scores.targets;
        let (rows, scores) = self.scores.of(inputs.tensor(0)?)?;
        let made = finished(&scores, targets, self.transform, Second::No);
        Ok(vec![Tensor::from_vec([rows, targets], made)?])
    }
}
