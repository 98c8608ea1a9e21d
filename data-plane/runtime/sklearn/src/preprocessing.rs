//! `sklearn.preprocessing`: scaling, encoding and other transformations of columns.

mod categories;
mod infrequent;
mod one_hot;
mod ordinal;
mod scale;

use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.preprocessing._data.MaxAbsScaler", scale::max_abs),
    ("sklearn.preprocessing._data.MinMaxScaler", scale::min_max),
    ("sklearn.preprocessing._data.RobustScaler", scale::robust),
    (
        "sklearn.preprocessing._data.StandardScaler",
        scale::standard,
    ),
    (
        "sklearn.preprocessing._encoders.OneHotEncoder",
        one_hot::OneHot::read,
    ),
    (
        "sklearn.preprocessing._encoders.OrdinalEncoder",
        ordinal::Ordinal::read,
    ),
];
