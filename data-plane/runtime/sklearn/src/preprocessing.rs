//! `sklearn.preprocessing`: scaling, encoding and other transformations of columns.

mod categories;
mod discretize;
mod function;
mod infrequent;
mod normalize;
mod one_hot;
mod ordinal;
mod polynomial;
mod power;
mod quantile;
mod scale;
mod spline;
mod target;

pub(crate) use normalize::{KernelCenterer, Norm};

use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.preprocessing._data.Binarizer",
        normalize::Binarizer::read,
    ),
    (
        "sklearn.preprocessing._data.KernelCenterer",
        KernelCenterer::read,
    ),
    (
        "sklearn.preprocessing._data.Normalizer",
        normalize::Normalizer::read,
    ),
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
    (
        "sklearn.preprocessing._data.PowerTransformer",
        power::PowerTransformer::read,
    ),
    (
        "sklearn.preprocessing._data.QuantileTransformer",
        quantile::QuantileTransformer::read,
    ),
    (
        "sklearn.preprocessing._discretization.KBinsDiscretizer",
        discretize::KBins::read,
    ),
    (
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
        function::FunctionTransformer::read,
    ),
    (
        "sklearn.preprocessing._polynomial.PolynomialFeatures",
        polynomial::PolynomialFeatures::read,
    ),
    (
        "sklearn.preprocessing._target_encoder.TargetEncoder",
        target::TargetEncoder::read,
    ),
    (
        "sklearn.preprocessing._polynomial.SplineTransformer",
        spline::SplineTransformer::read,
    ),
];
