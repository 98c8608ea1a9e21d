//! `sklearn.preprocessing`: scaling, encoding and other transformations of columns.

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
];
