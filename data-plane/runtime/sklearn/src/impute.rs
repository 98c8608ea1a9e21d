//! `sklearn.impute`: something for what is missing.

mod missing;
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
];
