//! `sklearn.model_selection`: searches, which answer with the estimator that they found, and
//! thresholds.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::delegate::delegate;
use crate::estimator::{Estimator, Form, Method};
use crate::reader::{Node, Reader};
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.model_selection._search.GridSearchCV", Search::read),
    (
        "sklearn.model_selection._search.RandomizedSearchCV",
        Search::read,
    ),
    (
        "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",
        Search::read,
    ),
    (
        "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
        Search::read,
    ),
    (
        "sklearn.model_selection._classification_threshold.FixedThresholdClassifier",
        Threshold::read,
    ),
    (
        "sklearn.model_selection._classification_threshold.TunedThresholdClassifierCV",
        Threshold::read,
    ),
];

/// A search: its best estimator.
#[derive(Debug)]
struct Search(Node);

impl Search {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let best = cursor.find_attribute("best_estimator_")?.ok_or_else(|| {
            cursor.refuse("the search has no `best_estimator_`: fit it with `refit=True`")
        })?;
        Ok(Box::new(Self(reader.read(&best)?)))
    }
}

impl Estimator for Search {
    delegate!(self => &self.0; form takes width names classes predict predict_proba
        predict_probas decision_function transform inverse_transform score_samples memory_bytes);
}

/// A classifier of two classes with a threshold of its own.
#[derive(Debug)]
struct Threshold {
    inner: Node,
    threshold: f64,
    /// Whether scores are decisions rather than probabilities.
    decisions: bool,
    /// The place of the class that scores speak of.
    positive: usize,
}

impl Threshold {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let inner = reader.read(&cursor.attribute("estimator_")?)?;
        let response = cursor.attribute("response_method")?;
        let decisions = match response.text()?.as_str() {
            "predict_proba" => false,
            "decision_function" => true,
            "auto" => !inner.has(Method::PredictProba),
            other => return Err(response.refuse(format_args!("`{other}` is no method of scores"))),
        };
        let threshold = match cursor.find_attribute("best_threshold_")? {
            Some(found) => found.float()?,
            None => fixed(&cursor.attribute("threshold")?, decisions)?,
        };
        let positive = positive(cursor, &inner)?;
        Ok(Box::new(Self {
            inner,
            threshold,
            decisions,
            positive,
        }))
    }

    fn scores(&self, rows: &Table) -> Result<Vec<f64>> {
        if self.decisions {
            let sign = if self.positive == 1 { 1.0 } else { -1.0 };
            let decisions = self.inner.decision_function(rows)?;
            return Ok(decisions.values.iter().map(|value| value * sign).collect());
        }
        Ok(self.inner.predict_proba(rows)?.column(self.positive))
    }
}

fn fixed(cursor: &Cursor<'_>, decisions: bool) -> Result<f64> {
    match cursor.text() {
        Ok(text) if text == "auto" => Ok(if decisions { 0.0 } else { 0.5 }),
        _ => cursor.float(),
    }
}

/// The place of `pos_label` among the classes: the second if it is not given.
fn positive(cursor: &Cursor<'_>, inner: &Node) -> Result<usize> {
    let [classes] = inner.classes() else {
        return Err(cursor.refuse("expected a classifier of two classes"));
    };
    if classes.len() != 2 {
        return Err(cursor.refuse(format_args!(
            "expected two classes, found {}",
            classes.len()
        )));
    }
    let given = cursor
        .find_attribute("pos_label")?
        .and_then(Cursor::optional);
    let Some(given) = given else {
        return Ok(1);
    };
    let matches = |place: &usize| match classes.at(&[*place]) {
        Values::Texts(label) => given
            .text()
            .is_ok_and(|text| label.iter().any(|one| **one == *text)),
        Values::Integers(label) => given.integer().is_ok_and(|value| label.contains(&value)),
        Values::Booleans(label) => given.boolean().is_ok_and(|value| label.contains(&value)),
        Values::Floats(label) => given.float().is_ok_and(|value| label.contains(&value)),
    };
    let found = [0, 1].into_iter().find(matches);
    found.ok_or_else(|| given.refuse("expected one of the classes"))
}

impl Estimator for Threshold {
    delegate!(self => &self.inner; form takes width names classes predict_proba decision_function
        memory_bytes);

    fn predict(&self, rows: &Table) -> Result<Values> {
        let above = |score: f64| match score >= self.threshold {
            true => self.positive,
            false => 1 - self.positive,
        };
        let places: Vec<_> = self.scores(rows)?.into_iter().map(above).collect();
        Ok(self
            .inner
            .classes()
            .first()
            .map_or(Values::Integers(Vec::new()), |one| one.at(&places)))
    }
}
