//! The domain `ai.onnx.ml`, with the answers of ONNX Runtime.

mod category;
mod labels;
mod linear;
mod map;
mod scale;
mod select;
mod svm;
mod transform;
mod tree;

use hari_core::DataType;

use crate::compile::{Builder, Entry};

/// Element types of features.
const INPUTS: &[DataType] = &[
    DataType::Fp32,
    DataType::Fp64,
    DataType::Int64,
    DataType::Int32,
];

const fn entry(name: &'static str, since: i64, build: Builder) -> Entry {
    Entry {
        domain: "ai.onnx.ml",
        name,
        since,
        build,
    }
}

pub(crate) const TABLE: &[Entry] = &[
    entry("ArrayFeatureExtractor", 1, select::array_feature_extractor),
    entry("Binarizer", 1, scale::binarizer),
    entry("CastMap", 1, map::cast_map),
    entry("CategoryMapper", 1, category::category_mapper),
    entry("DictVectorizer", 1, map::dict_vectorizer),
    entry("FeatureVectorizer", 1, select::feature_vectorizer),
    entry("Imputer", 1, scale::imputer),
    entry("LabelEncoder", 1, category::label_encoder_1),
    entry("LabelEncoder", 2, category::label_encoder),
    entry("LinearClassifier", 1, linear::classifier),
    entry("LinearRegressor", 1, linear::regressor),
    entry("Normalizer", 1, scale::normalizer),
    entry("OneHotEncoder", 1, category::one_hot_encoder),
    entry("SVMClassifier", 1, svm::classifier),
    entry("SVMRegressor", 1, svm::regressor),
    entry("Scaler", 1, scale::scaler),
    entry("TreeEnsemble", 5, tree::ensemble),
    entry("TreeEnsembleClassifier", 1, tree::classifier),
    entry("TreeEnsembleRegressor", 1, tree::regressor),
    entry("ZipMap", 1, map::zip_map),
];
