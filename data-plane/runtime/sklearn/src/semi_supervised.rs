//! `sklearn.semi_supervised`: classifiers that were fitted with rows of unknown class too.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::delegate::delegate;
use crate::estimator::{Estimator, Form, Method};
use crate::reader::{Node, Reader};
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

mod propagation;

use propagation::Propagation;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.semi_supervised._label_propagation.LabelPropagation",
        Propagation::read,
    ),
    (
        "sklearn.semi_supervised._label_propagation.LabelSpreading",
        Propagation::read,
    ),
    (
        "sklearn.semi_supervised._self_training.SelfTrainingClassifier",
        SelfTraining::read,
    ),
];

/// `SelfTrainingClassifier`: the classifier that it ended with.
#[derive(Debug)]
struct SelfTraining(Node);

impl SelfTraining {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let inner = match cursor.find_attribute("estimator_")? {
            Some(inner) => inner,
            // Until 1.5.
            None => cursor.attribute("base_estimator_")?,
        };
        Ok(Box::new(Self(reader.read(&inner)?)))
    }
}

impl Estimator for SelfTraining {
    delegate!(self => &self.0; takes width names classes predict predict_proba
        decision_function memory_bytes);

    fn form(&self, method: Method) -> Option<Form> {
        let asked = matches!(
            method,
            Method::Predict | Method::PredictProba | Method::DecisionFunction
        );
        asked.then(|| self.0.form(method)).flatten()
    }
}
