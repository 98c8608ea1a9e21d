//! `sklearn.gaussian_process`: functions drawn from a normal distribution over functions.

mod classification;
mod kernels;
mod regression;

use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.gaussian_process._gpc.GaussianProcessClassifier",
        classification::Classifier::read,
    ),
    (
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        classification::Binary::read,
    ),
    (
        "sklearn.gaussian_process._gpr.GaussianProcessRegressor",
        regression::Regressor::read,
    ),
];
