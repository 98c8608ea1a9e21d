//! Fitted scikit-learn estimators, read as data and computed without Python.
//!
//! A file is read by `hari-pickle` into inert values. The [`registry`] knows, for each class of
//! scikit-learn, what builds an [`Estimator`] from the attributes of a fitted object; pipelines and
//! other meta-estimators ask it again for what they hold. The folders have the names of
//! scikit-learn's modules, so that a class is found where it is found there.
//!
//! | file | what |
//! |---|---|
//! | [`table`] | rows on their way from step to step: a dense or sparse matrix, or columns |
//! | [`values`] | predictions and class labels of any type |
//! | [`estimator`] | what an estimator can be asked |
//! | [`reader`] | from a fitted object to an estimator, with what every class checks alike |
//! | [`model`] | the estimator of a file as a model that is served |
//!
//! Everything is computed in float64, whatever the input's type. scikit-learn itself computes in
//! float32 where it is given float32.

mod attributes;
mod boosters;
mod calibration;
mod cluster;
mod compose;
mod covariance;
mod cross_decomposition;
mod decomposition;
mod delegate;
mod discriminant_analysis;
mod dummy;
mod ensemble;
mod estimator;
mod feature_extraction;
mod feature_selection;
mod frozen;
mod gaussian_process;
mod impute;
mod input;
mod isotonic;
mod kernel_approximation;
mod kernel_ridge;
mod linear_model;
mod load;
mod math;
mod metrics;
mod mixture;
mod model;
mod model_selection;
mod multiclass;
mod multioutput;
mod naive_bayes;
mod neighbors;
mod neural_network;
mod pipeline;
mod preprocessing;
mod projection;
mod reader;
mod registry;
mod semi_supervised;
mod special;
mod svm;
mod table;
mod tree;
mod values;
mod version;

pub use estimator::Method;
pub use input::{Column as InputColumn, Inputs, Kind};
pub use load::{Options, load, load_bytes};
pub use model::{SklearnModel, Summary};
pub use registry::classes;
