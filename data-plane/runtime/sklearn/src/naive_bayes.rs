//! `sklearn.naive_bayes`: classes by how likely they are, every feature on its own.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::attributes::{classes, matrix_at, matrix_of, number, numbers_of, rows_of};
use crate::estimator::{Estimator, Form, Method};
use crate::math::{affine, argmax_rows, dot, logsumexp};
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.naive_bayes.BernoulliNB", bernoulli),
    ("sklearn.naive_bayes.CategoricalNB", categorical),
    ("sklearn.naive_bayes.ComplementNB", complement),
    ("sklearn.naive_bayes.GaussianNB", gaussian),
    ("sklearn.naive_bayes.MultinomialNB", multinomial),
];

#[derive(Debug)]
struct NaiveBayes {
    classes: [Values; 1],
    event: Event,
}

/// What a feature is, given the class.
#[derive(Debug)]
enum Event {
    /// Normal, with these means and variances `[classes, features]`.
    Gaussian {
        log_priors: Vec<f64>,
        means: Matrix,
        variances: Matrix,
        /// `-0.5 * sum(log(2 pi variance))` for each class.
        norms: Vec<f64>,
    },
    /// `rows @ weights.T + offsets`; of 0 or 1 if there is a threshold.
    Linear {
        weights: Matrix,
        offsets: Vec<f64>,
        threshold: Option<f64>,
    },
    /// For each feature, the log of each category's probability: `[categories, classes]`.
    Categorical {
        log_priors: Vec<f64>,
        features: Vec<Matrix>,
    },
}

fn boxed(classes: Values, event: Event) -> Result<Box<dyn Estimator>> {
    let classes = [classes];
    Ok(Box::new(NaiveBayes { classes, event }))
}

fn gaussian(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let classes = classes(cursor)?;
    let means = rows_of(cursor, "theta_", classes.len())?;
    // Until 1.0 the variances were named otherwise.
    let name = match cursor.find_attribute("sigma_")? {
        Some(_) => "sigma_",
        None => "var_",
    };
    let variances = matrix_of(cursor, name, (means.rows, means.columns))?;
    let priors = numbers_of(cursor, "class_prior_", classes.len())?;
    let norm = |row: &[f64]| {
        let logs = row.iter().map(|v| (2.0 * std::f64::consts::PI * v).ln());
        -0.5 * logs.sum::<f64>()
    };
    let event = Event::Gaussian {
        log_priors: priors.into_iter().map(f64::ln).collect(),
        norms: variances.iter_rows().map(norm).collect(),
        means,
        variances,
    };
    boxed(classes, event)
}

fn log_probabilities(cursor: &Cursor<'_>, classes: &Values) -> Result<Matrix> {
    rows_of(cursor, "feature_log_prob_", classes.len())
}

fn multinomial(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let classes = classes(cursor)?;
    let event = Event::Linear {
        weights: log_probabilities(cursor, &classes)?,
        offsets: numbers_of(cursor, "class_log_prior_", classes.len())?,
        threshold: None,
    };
    boxed(classes, event)
}

/// Priors count only where there is nothing to choose.
fn complement(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let classes = classes(cursor)?;
    let weights = log_probabilities(cursor, &classes)?;
    let mut offsets = numbers_of(cursor, "class_log_prior_", classes.len())?;
    if classes.len() > 1 {
        offsets.fill(0.0);
    }
    let event = Event::Linear {
        weights,
        offsets,
        threshold: None,
    };
    boxed(classes, event)
}

/// A feature counts whether it is there or not.
fn bernoulli(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let classes = classes(cursor)?;
    let mut weights = log_probabilities(cursor, &classes)?;
    let mut offsets = numbers_of(cursor, "class_log_prior_", classes.len())?;
    for (at, offset) in offsets.iter_mut().enumerate() {
        let mut absent = 0.0;
        for weight in weights.row_mut(at) {
            let negative = (1.0 - weight.exp()).ln();
            absent += negative;
            *weight -= negative;
        }
        *offset += absent;
    }
    let threshold = number(cursor, "binarize")?;
    let event = Event::Linear {
        weights,
        offsets,
        threshold,
    };
    boxed(classes, event)
}

fn categorical(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let classes = classes(cursor)?;
    let tables = cursor.attribute("feature_log_prob_")?.items()?;
    let features = tables.iter().map(|table| {
        let found = matrix_at(table)?;
        if found.rows != classes.len() {
            return Err(table.refuse("expected a row for each class"));
        }
        Ok(found.transposed())
    });
    let event = Event::Categorical {
        features: features.collect::<Result<_>>()?,
        log_priors: numbers_of(cursor, "class_log_prior_", classes.len())?,
    };
    boxed(classes, event)
}

impl NaiveBayes {
    /// The log of the probability of row and class together: `[rows, classes]`.
    fn joint(&self, rows: &Table) -> Result<Matrix> {
        match &self.event {
            Event::Gaussian { .. } => {
                let rows = rows.dense()?;
                Ok(rows.map_rows(self.count(), |row, found| self.normal(row, found)))
            }
            Event::Linear {
                weights,
                offsets,
                threshold: None,
            } => affine(rows, weights, offsets),
            Event::Linear {
                weights,
                offsets,
                threshold: Some(threshold),
            } => {
                let rows = rows.dense()?;
                let present = |value: &f64| f64::from(u8::from(value > threshold));
                let mut flags = vec![0.0; rows.columns];
                Ok(rows.map_rows(self.count(), |row, found| {
                    flags.clear();
                    flags.extend(row.iter().map(present));
                    for (class, to) in found.iter_mut().enumerate() {
                        let offset = offsets.get(class).copied().unwrap_or_default();
                        *to = dot(&flags, weights.row(class)) + offset;
                    }
                }))
            }
            Event::Categorical {
                log_priors,
                features,
            } => categories(&*rows.dense()?, log_priors, features),
        }
    }

    fn count(&self) -> usize {
        let [classes] = &self.classes;
        classes.len()
    }

    fn normal(&self, row: &[f64], found: &mut [f64]) {
        let Event::Gaussian {
            log_priors,
            means,
            variances,
            norms,
        } = &self.event
        else {
            return;
        };
        let each = found.iter_mut().zip(log_priors.iter().zip(norms));
        for (class, (to, (prior, norm))) in each.enumerate() {
            let spread = means.row(class).iter().zip(variances.row(class));
            let squares = row.iter().zip(spread).map(|(x, (mean, variance))| {
                let away = x - mean;
                away * away / variance
            });
            *to = prior + (norm - 0.5 * squares.sum::<f64>());
        }
    }
}

fn categories(rows: &Matrix, log_priors: &[f64], features: &[Matrix]) -> Result<Matrix> {
    let mut found = Matrix::zeros(rows.rows, log_priors.len());
    for (at, row) in rows.iter_rows().enumerate() {
        let sums = found.row_mut(at);
        for (column, (&value, feature)) in row.iter().zip(features).enumerate() {
            // Numbers are cut off, as scikit-learn does.
            if value < 0.0 || value >= feature.rows as f64 {
                return Err(Error::invalid(format!(
                    "row {at}, column {column}: expected a category from 0 to {}, found {value}",
                    feature.rows.saturating_sub(1)
                )));
            }
            for (sum, log) in sums.iter_mut().zip(feature.row(value as usize)) {
                *sum += log;
            }
        }
        for (sum, prior) in sums.iter_mut().zip(log_priors) {
            *sum += prior;
        }
    }
    Ok(found)
}

impl Estimator for NaiveBayes {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        Form::labelled(classes, method)
    }

    fn width(&self) -> Option<usize> {
        Some(match &self.event {
            Event::Gaussian { means, .. } => means.columns,
            Event::Linear { weights, .. } => weights.columns,
            Event::Categorical { features, .. } => features.len(),
        })
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        Ok(classes.at(&argmax_rows(&self.joint(rows)?)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let mut found = self.joint(rows)?;
        for row in 0..found.rows {
            normalize_logs(found.row_mut(row));
        }
        Ok(found)
    }

    fn memory_bytes(&self) -> usize {
        let values = match &self.event {
            Event::Gaussian { means, .. } => means.values.len() * 2,
            Event::Linear { weights, .. } => weights.values.len(),
            Event::Categorical { features, .. } => {
                features.iter().map(|one| one.values.len()).sum()
            }
        };
        values * size_of::<f64>()
    }
}

/// Makes probabilities of logs of what is proportional to them.
pub(crate) fn normalize_logs(row: &mut [f64]) {
    let total = logsumexp(row);
    for value in row {
        *value = (*value - total).exp();
    }
}
