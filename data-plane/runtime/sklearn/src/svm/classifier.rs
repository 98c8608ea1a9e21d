//! `SVC` and `NuSVC`: a decision for each pair of classes.

use std::ops::Range;

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{classes, flag, numbers, numbers_of, places_of, text};
use crate::estimator::{Estimator, Form, Method};
use crate::math::{argmax, argmax_rows};
use crate::multiclass::one_versus_rest;
use crate::reader::Reader;
use crate::svm::coupling::{couple, of_pair};
use crate::svm::vectors::{Machine, weighted};
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
pub(super) struct Classifier {
    classes: [Values; 1],
    machine: Machine,
    /// Which vectors are of each class.
    spans: Vec<Range<usize>>,
    /// Slope and offset of each pair's sigmoid.
    sigmoids: Option<Vec<(f64, f64)>>,
    /// Decisions are given for pairs rather than classes: `decision_function_shape`.
    pairwise: bool,
    /// Of classes with as many votes the one with the clearest decisions: `break_ties`.
    break_ties: bool,
}

impl Classifier {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = classes(cursor)?;
        let machine = Machine::read(cursor, classes.len())?;
        let spans = spans(cursor, classes.len(), machine.count())?;
        Ok(Box::new(Self {
            sigmoids: sigmoids(cursor, classes.len())?,
            pairwise: text(cursor, "decision_function_shape")? == "ovo",
            break_ties: flag(cursor, "break_ties")?,
            classes: [classes],
            machine,
            spans,
        }))
    }

    fn count(&self) -> usize {
        let [classes] = &self.classes;
        classes.len()
    }

    /// libsvm's decisions: `[rows, pairs]`, above 0 for the first class of a pair.
    fn pairs(&self, rows: &Table) -> Result<Matrix> {
        let count = self.count();
        let mut found = Matrix::zeros(rows.rows(), count * count.saturating_sub(1) / 2);
        self.machine.each_row(rows, |row, kernels| {
            for (at, ((first, second), to)) in pairs_of(count).zip(found.row_mut(row)).enumerate() {
                // The set of coefficients against a class leaves out the vector's own class.
                let sum = self.part(second - 1, first, kernels) + self.part(first, second, kernels);
                *to = sum + self.machine.intercept(at);
            }
        })?;
        Ok(found)
    }

    fn part(&self, set: usize, class: usize, kernels: &[f64]) -> f64 {
        let span = self.spans.get(class).cloned().unwrap_or_default();
        let weights = self.machine.set(set).get(span.clone());
        weighted(
            weights.unwrap_or_default(),
            kernels.get(span).unwrap_or_default(),
        )
    }

    /// The class that wins most pairs, the first of several.
    fn voted(&self, pairs: &Matrix) -> Vec<usize> {
        let mut votes = vec![0.0; self.count()];
        let mut winner = |decisions: &[f64]| {
            votes.fill(0.0);
            for ((first, second), &decision) in pairs_of(self.count()).zip(decisions) {
                let winner = if decision > 0.0 { first } else { second };
                if let Some(votes) = votes.get_mut(winner) {
                    *votes += 1.0;
                }
            }
            argmax(&votes)
        };
        pairs.iter_rows().map(&mut winner).collect()
    }
}

/// Every pair of classes, in libsvm's order.
pub(crate) fn pairs_of(classes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..classes).flat_map(move |first| (first + 1..classes).map(move |second| (first, second)))
}

/// Vectors lie class by class: `_n_support` says how many each has.
fn spans(cursor: &Cursor<'_>, classes: usize, vectors: usize) -> Result<Vec<Range<usize>>> {
    let at = match cursor.find_attribute("_n_support")? {
        Some(found) => found,
        None => cursor.attribute("n_support_")?,
    };
    let counts = places_of(&at, Some(classes), vectors.saturating_add(1))?;
    let mut start = 0_usize;
    let mut spans = Vec::with_capacity(classes);
    for count in counts {
        let end = start.saturating_add(count);
        spans.push(start..end);
        start = end;
    }
    if start == vectors {
        return Ok(spans);
    }
    Err(at.refuse(format_args!(
        "expected {vectors} support vectors in all, found {start}"
    )))
}

/// `_probA` and `_probB`, if it was fitted with probabilities.
fn sigmoids(cursor: &Cursor<'_>, classes: usize) -> Result<Option<Vec<(f64, f64)>>> {
    let wanted = cursor.find_attribute("probability")?;
    if !wanted.is_some_and(|at| at.boolean().unwrap_or(false)) {
        return Ok(None);
    }
    let slopes = match cursor.find_attribute("_probA")? {
        Some(_) => "_probA",
        None => "probA_",
    };
    if numbers(cursor, slopes)?.is_empty() {
        return Ok(None);
    }
    let pairs = classes * classes.saturating_sub(1) / 2;
    let offsets = if slopes == "_probA" {
        "_probB"
    } else {
        "probB_"
    };
    let slopes = numbers_of(cursor, slopes, pairs)?;
    let offsets = numbers_of(cursor, offsets, pairs)?;
    Ok(Some(slopes.into_iter().zip(offsets).collect()))
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        let count = classes.len();
        match method {
            Method::Predict => Some(Form::label(classes)),
            Method::PredictProba => self.sigmoids.as_ref().map(|_| Form::numbers(count)),
            Method::DecisionFunction if self.pairwise && count > 2 => {
                Some(Form::numbers(count * (count - 1) / 2))
            }
            Method::DecisionFunction => Some(Form::decision(count)),
            Method::Transform | Method::ScoreSamples => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.machine.features())
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        if self.break_ties && !self.pairwise && classes.len() > 2 {
            return Ok(classes.at(&argmax_rows(&self.decision_function(rows)?)));
        }
        Ok(classes.at(&self.voted(&self.pairs(rows)?)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let pairs = self.pairs(rows)?;
        let count = self.count();
        let sigmoids = self.sigmoids.as_deref().unwrap_or_default();
        let mut chances = Matrix::zeros(count, count);
        Ok(pairs.map_rows(count, |decisions, found| {
            let each = pairs_of(count).zip(decisions.iter().zip(sigmoids));
            for ((first, second), (&decision, &(slope, offset))) in each {
                let chance = of_pair(decision, slope, offset);
                if let Some(to) = chances.row_mut(first).get_mut(second) {
                    *to = chance;
                }
                if let Some(to) = chances.row_mut(second).get_mut(first) {
                    *to = 1.0 - chance;
                }
            }
            couple(&chances, found);
        }))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let mut pairs = self.pairs(rows)?;
        let several = self.count() > 2;
        if self.pairwise && several {
            return Ok(pairs);
        }
        // scikit-learn's sign is the other one: above 0 for the second class.
        for value in &mut pairs.values {
            *value = -*value;
        }
        if !several {
            return Ok(pairs);
        }
        let second = pairs.map_rows(pairs.columns, |row, found| {
            for (to, decision) in found.iter_mut().zip(row) {
                *to = f64::from(u8::from(*decision > 0.0));
            }
        });
        Ok(one_versus_rest(&second, &pairs, self.count()))
    }

    fn memory_bytes(&self) -> usize {
        self.machine.memory_bytes()
    }
}
