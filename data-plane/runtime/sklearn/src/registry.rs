//! Every class of scikit-learn that is read, and what reads it.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::Estimator;
use crate::reader::Reader;
use crate::{
    compose, discriminant_analysis, dummy, impute, linear_model, model_selection, naive_bayes,
    neighbors, pipeline, preprocessing, projection,
};

/// Builds an estimator from the attributes of a fitted object.
pub(crate) type Read = fn(&Cursor<'_>, &Reader) -> Result<Box<dyn Estimator>>;

/// A class with its module as it is named today, and what reads it.
pub(crate) type Entry = (&'static str, Read);

/// The classes, by the module of this crate that reads them.
const MODULES: &[&[Entry]] = &[
    compose::CLASSES,
    dummy::CLASSES,
    impute::CLASSES,
    linear_model::CLASSES,
    model_selection::CLASSES,
    discriminant_analysis::CLASSES,
    naive_bayes::CLASSES,
    neighbors::CLASSES,
    projection::CLASSES,
    pipeline::CLASSES,
    preprocessing::CLASSES,
];

/// What reads a class.
pub(crate) fn find(class: &str) -> Option<Read> {
    let mut all = MODULES.iter().copied().flatten();
    all.find(|(name, _)| *name == class).map(|(_, read)| *read)
}

/// Every class that is read, with its module, sorted.
#[must_use]
pub fn classes() -> Vec<&'static str> {
    let mut names: Vec<_> = MODULES
        .iter()
        .copied()
        .flatten()
        .map(|(name, _)| *name)
        .collect();
    names.sort_unstable();
    names
}
