//! A classifier with what turns its scores into probabilities.

use std::collections::HashMap;

use hari_error::Result;
use hari_pickle::Cursor;

use super::calibrator::{Calibrator, Temperature};
use crate::attributes::text;
use crate::estimator::{Estimator as _, Method, Width};
use crate::linear_model::with_complement;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::values::Values;

/// `_CalibratedClassifier`.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) classifier: Node,
    calibration: Calibration,
}

#[derive(Debug)]
enum Calibration {
    /// One for each column of scores, with the class that it is for.
    Each(Vec<(usize, Calibrator)>),
    /// All columns together.
    Together(Temperature),
}

impl Pair {
    /// One of `calibrated_classifiers_`, with classes among all those of the ensemble.
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader, all: &Values) -> Result<Self> {
        let inner = match cursor.find_attribute("estimator")? {
            Some(inner) => inner,
            // Until 1.1.
            None => cursor.attribute("base_estimator")?,
        };
        let classifier = reader.read(&inner)?;
        if !classifier.has(Method::DecisionFunction) && !classifier.has(Method::PredictProba) {
            return Err(inner.refuse("expected `decision_function` or `predict_proba`"));
        }
        let at = match cursor.find_attribute("calibrators")? {
            Some(at) => at,
            // Until 0.23.
            None => cursor.attribute("calibrators_")?,
        };
        let items = at.items()?;
        let calibration = if text(cursor, "method")? == "temperature" {
            Calibration::Together(Temperature::read(&at.item(0)?)?)
        } else {
            let places = places(cursor, &classifier, all)?;
            if items.len() > places.len() || items.is_empty() {
                return Err(at.refuse(format_args!(
                    "expected 1 to {} calibrators, found {}",
                    places.len(),
                    items.len()
                )));
            }
            let each = places.into_iter().zip(&items);
            let each = each.map(|(place, item)| Ok((place, Calibrator::read(item)?)));
            Calibration::Each(each.collect::<Result<_>>()?)
        };
        Ok(Self {
            classifier,
            calibration,
        })
    }

    /// Decisions, or probabilities where there are none: the second class's of two.
    fn scores(&self, rows: &Table) -> Result<Matrix> {
        if self.classifier.has(Method::DecisionFunction) {
            return self.classifier.decision_function(rows);
        }
        let chances = self.classifier.predict_proba(rows)?;
        match chances.columns {
            2 => Ok(Matrix::column_of(chances.column(1))),
            _ => Ok(chances),
        }
    }

    /// `[rows, classes]`.
    pub(super) fn chances(&self, rows: &Table, classes: usize) -> Result<Matrix> {
        let scores = self.scores(rows)?;
        let mut found = match &self.calibration {
            Calibration::Each(each) => separately(each, &scores, classes)?,
            Calibration::Together(temperature) => {
                let decides = self.classifier.has(Method::DecisionFunction);
                temperature.chances(match scores.columns {
                    1 if !decides => with_complement(&scores.values),
                    _ => scores,
                })
            }
        };
        // Rounding may lift a probability a little above 1.
        for value in &mut found.values {
            if *value > 1.0 && *value <= 1.0 + 1e-5 {
                *value = 1.0;
            }
        }
        Ok(found)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let calibrators = match &self.calibration {
            Calibration::Each(each) => each.iter().map(|(_, one)| one.memory_bytes()).sum(),
            Calibration::Together(_) => 0,
        };
        self.classifier.memory_bytes() + calibrators
    }
}

/// The place of each class of a classifier among all classes; of two, that of the second.
fn places(cursor: &Cursor<'_>, classifier: &Node, all: &Values) -> Result<Vec<usize>> {
    let [own] = classifier.classes() else {
        return Err(cursor.refuse("expected a classifier of one output"));
    };
    if all.len() == 2 {
        return Ok(vec![1]);
    }
    let known = all.names();
    let known: HashMap<_, _> = known.iter().zip(0..).collect();
    let places = own.names();
    let places = places.iter().map(|name| known.get(name).copied());
    let places: Option<Vec<usize>> = places.collect();
    let places = places.filter(|_| own.dtype() == all.dtype());
    let places = places.ok_or_else(|| cursor.refuse("a class is not among `classes_`"))?;
    let width = |method| classifier.form(method).map(|form| form.width);
    let columns = width(Method::DecisionFunction).or_else(|| width(Method::PredictProba));
    match columns {
        Some(Width::Columns(columns)) if columns != places.len() => {
            Err(cursor.refuse("expected a score for each class"))
        }
        _ => Ok(places),
    }
}

fn separately(each: &[(usize, Calibrator)], scores: &Matrix, classes: usize) -> Result<Matrix> {
    let mut found = Matrix::zeros(scores.rows, classes);
    for (column, (place, calibrator)) in each.iter().enumerate() {
        let chances = calibrator.chances(&scores.column(column))?;
        for (row, chance) in chances.into_iter().enumerate() {
            if let Some(to) = found.row_mut(row).get_mut(*place) {
                *to = chance;
            }
        }
    }
    if classes == 2 {
        return Ok(with_complement(&found.column(1)));
    }
    crate::linear_model::normalize(&mut found);
    Ok(found)
}
