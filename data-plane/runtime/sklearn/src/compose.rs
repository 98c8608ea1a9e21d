//! `sklearn.compose`: transformers of some columns, and of what is predicted.

mod column_transformer;
mod columns;
mod target;

use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.compose._column_transformer.ColumnTransformer",
        column_transformer::ColumnTransformer::read,
    ),
    (
        "sklearn.compose._target.TransformedTargetRegressor",
        target::TransformedTarget::read,
    ),
];
