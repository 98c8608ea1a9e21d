//! `sklearn.impute`: something for what is missing.

mod iterative;
mod missing;
mod neighbours;
mod simple;

use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.impute._base.MissingIndicator",
        missing::Indicator::read,
    ),
    (
        "sklearn.impute._base.SimpleImputer",
        simple::SimpleImputer::read,
    ),
    (
        "sklearn.impute._iterative.IterativeImputer",
        iterative::IterativeImputer::read,
    ),
    (
        "sklearn.impute._knn.KNNImputer",
        neighbours::KnnImputer::read,
    ),
];
