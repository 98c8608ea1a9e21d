//! `sklearn.frozen`: estimators that are not fitted again.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::delegate::delegate;
use crate::estimator::{Estimator, Form, Method};
use crate::reader::{Node, Reader};
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[("sklearn.frozen._frozen.FrozenEstimator", Frozen::read)];

/// `FrozenEstimator`: what it holds.
#[derive(Debug)]
struct Frozen(Node);

impl Frozen {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self(
            reader.read(&cursor.attribute("estimator")?)?,
        )))
    }
}

impl Estimator for Frozen {
    delegate!(self => &self.0; form takes width names classes predict predict_proba
        predict_probas decision_function transform inverse_transform score_samples memory_bytes);
}
