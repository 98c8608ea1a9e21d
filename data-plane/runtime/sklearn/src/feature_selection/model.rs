//! Columns chosen with the help of a model.

use hari_error::Result;
use hari_pickle::Cursor;

use super::Selection;
use super::importance::{importances, threshold};
use crate::attributes::number;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::values::Values;

/// What a selector takes whose model takes this: NaN and infinities, or neither.
fn accepted(model: Accepts) -> Accepts {
    match model {
        Accepts::Finite => Accepts::Finite,
        Accepts::Missing | Accepts::Anything => Accepts::Anything,
    }
}

/// `SelectFromModel`.
pub(super) fn from_model(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
    let fitted = cursor.find_attribute("estimator_")?;
    let estimator = match fitted {
        Some(fitted) => fitted,
        None => cursor.attribute("estimator")?,
    };
    let order = number(cursor, "norm_order")?.unwrap_or(1.0);
    let scores = importances(&estimator, &cursor.attribute("importance_getter")?, order)?;
    let threshold = threshold(cursor, &estimator, &scores)?;
    let mut mask = match most(cursor)? {
        Some(most) => highest(&scores, most),
        None => vec![true; scores.len()],
    };
    for (chosen, score) in mask.iter_mut().zip(&scores) {
        if *score < threshold {
            *chosen = false;
        }
    }
    let model = reader.read(&estimator);
    let accepts = model.map_or(Accepts::Finite, |model| accepted(model.accepts()));
    Ok(Box::new(Selection::of(&mask, accepts)))
}

fn most(cursor: &Cursor<'_>) -> Result<Option<usize>> {
    let found = match cursor.find_attribute("max_features_")? {
        Some(found) => found,
        None => cursor.attribute("max_features")?,
    };
    let Some(found) = found.optional() else {
        return Ok(None);
    };
    let most = usize::try_from(found.integer()?);
    most.map(Some)
        .map_err(|_| found.refuse("expected no negative number"))
}

/// The highest scores; of equal ones, those that come first.
fn highest(scores: &[f64], most: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let score = |at: &usize| scores.get(*at).copied().unwrap_or(f64::MIN);
    order.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let mut mask = vec![false; scores.len()];
    for at in order.into_iter().take(most) {
        if let Some(chosen) = mask.get_mut(at) {
            *chosen = true;
        }
    }
    mask
}

/// `SequentialFeatureSelector`.
pub(super) fn sequential(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    // The model was fitted on parts alone: nothing says what it takes.
    Ok(Box::new(Selection::supported(cursor, Accepts::Anything)?))
}

/// `RFE` and `RFECV`: columns that a model kept, and the model.
#[derive(Debug)]
pub(super) struct Elimination {
    selection: Selection,
    model: Node,
}

impl Elimination {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let model = reader.read(&cursor.attribute("estimator_")?)?;
        let selection = Selection::supported(cursor, accepted(model.accepts()))?;
        let kept = selection.columns.len();
        if model.width().is_some_and(|width| width != kept) {
            return Err(cursor.refuse(format_args!("`estimator_` does not take {kept} features")));
        }
        Ok(Box::new(Self { selection, model }))
    }
}

impl Estimator for Elimination {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Transform => self.selection.form(method),
            Method::ScoreSamples => None,
            _ => self.model.form(method),
        }
    }

    fn accepts(&self) -> Accepts {
        self.selection.accepts
    }

    fn width(&self) -> Option<usize> {
        Some(self.selection.width)
    }

    fn classes(&self) -> &[Values] {
        self.model.classes()
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        self.model.predict(&self.transform(rows)?)
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        self.model.predict_proba(&self.transform(rows)?)
    }

    fn predict_probas(&self, rows: &Table) -> Result<Vec<Matrix>> {
        self.model.predict_probas(&self.transform(rows)?)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.model.decision_function(&self.transform(rows)?)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        self.selection.transform(rows)
    }

    fn memory_bytes(&self) -> usize {
        self.model.memory_bytes() + self.selection.memory_bytes()
    }
}
