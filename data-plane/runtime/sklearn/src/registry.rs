//! Every class of scikit-learn that is read, and what reads it.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::Estimator;
use crate::reader::Reader;
use crate::{
    boosters, calibration, cluster, compose, covariance, cross_decomposition, decomposition,
    discriminant_analysis, dummy, ensemble, feature_extraction, feature_selection, frozen,
    gaussian_process, impute, isotonic, kernel_approximation, kernel_ridge, linear_model, mixture,
    model_selection, multiclass, multioutput, naive_bayes, neighbors, neural_network, pipeline,
    preprocessing, projection, semi_supervised, svm, tree,
};

/// Builds an estimator from the attributes of a fitted object.
pub(crate) type Read = fn(&Cursor<'_>, &Reader) -> Result<Box<dyn Estimator>>;

/// A class with its module as it is named today, and what reads it.
pub(crate) type Entry = (&'static str, Read);

/// The classes, by the module of this crate that reads them.
const MODULES: &[&[Entry]] = &[
    boosters::CLASSES,
    calibration::CLASSES,
    cluster::CLASSES,
    compose::CLASSES,
    covariance::CLASSES,
    cross_decomposition::CLASSES,
    decomposition::CLASSES,
    discriminant_analysis::CLASSES,
    dummy::CLASSES,
    ensemble::CLASSES,
    feature_extraction::CLASSES,
    feature_selection::CLASSES,
    frozen::CLASSES,
    gaussian_process::CLASSES,
    impute::CLASSES,
    isotonic::CLASSES,
    kernel_approximation::CLASSES,
    kernel_ridge::CLASSES,
    linear_model::CLASSES,
    mixture::CLASSES,
    model_selection::CLASSES,
    multiclass::CLASSES,
    multioutput::CLASSES,
    naive_bayes::CLASSES,
    neighbors::CLASSES,
    neural_network::CLASSES,
    pipeline::CLASSES,
    preprocessing::CLASSES,
    projection::CLASSES,
    semi_supervised::CLASSES,
    svm::CLASSES,
    tree::CLASSES,
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
