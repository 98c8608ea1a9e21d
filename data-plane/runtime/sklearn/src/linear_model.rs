//! `sklearn.linear_model`: sums of features times weights.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::delegate::delegate;
use crate::estimator::{Estimator, Form, Method};
use crate::reader::{Node, Reader};
use crate::registry::Entry;
use crate::table::Table;
use crate::values::Values;

mod classifier;
mod one_class;
mod planes;
mod regressor;

pub(crate) use classifier::{normalize, plain as plain_classifier, with_complement};
pub(crate) use one_class::sides;
pub(crate) use planes::csr;
pub(crate) use regressor::plain as plain_regressor;

use classifier::{logistic, ridge, stochastic};
use one_class::OneClass;
use regressor::{exponential, plain, tweedie};

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.linear_model._base.LinearRegression", plain),
    ("sklearn.linear_model._bayes.ARDRegression", plain),
    ("sklearn.linear_model._bayes.BayesianRidge", plain),
    ("sklearn.linear_model._coordinate_descent.ElasticNet", plain),
    (
        "sklearn.linear_model._coordinate_descent.ElasticNetCV",
        plain,
    ),
    ("sklearn.linear_model._coordinate_descent.Lasso", plain),
    ("sklearn.linear_model._coordinate_descent.LassoCV", plain),
    (
        "sklearn.linear_model._coordinate_descent.MultiTaskElasticNet",
        plain,
    ),
    (
        "sklearn.linear_model._coordinate_descent.MultiTaskElasticNetCV",
        plain,
    ),
    (
        "sklearn.linear_model._coordinate_descent.MultiTaskLasso",
        plain,
    ),
    (
        "sklearn.linear_model._coordinate_descent.MultiTaskLassoCV",
        plain,
    ),
    ("sklearn.linear_model._glm.glm.GammaRegressor", exponential),
    (
        "sklearn.linear_model._glm.glm.PoissonRegressor",
        exponential,
    ),
    ("sklearn.linear_model._glm.glm.TweedieRegressor", tweedie),
    ("sklearn.linear_model._huber.HuberRegressor", plain),
    ("sklearn.linear_model._least_angle.Lars", plain),
    ("sklearn.linear_model._least_angle.LarsCV", plain),
    ("sklearn.linear_model._least_angle.LassoLars", plain),
    ("sklearn.linear_model._least_angle.LassoLarsCV", plain),
    ("sklearn.linear_model._least_angle.LassoLarsIC", plain),
    (
        "sklearn.linear_model._logistic.LogisticRegression",
        logistic,
    ),
    (
        "sklearn.linear_model._logistic.LogisticRegressionCV",
        logistic,
    ),
    ("sklearn.linear_model._omp.OrthogonalMatchingPursuit", plain),
    (
        "sklearn.linear_model._omp.OrthogonalMatchingPursuitCV",
        plain,
    ),
    (
        "sklearn.linear_model._passive_aggressive.PassiveAggressiveClassifier",
        plain_classifier,
    ),
    (
        "sklearn.linear_model._passive_aggressive.PassiveAggressiveRegressor",
        plain,
    ),
    (
        "sklearn.linear_model._perceptron.Perceptron",
        plain_classifier,
    ),
    ("sklearn.linear_model._quantile.QuantileRegressor", plain),
    ("sklearn.linear_model._ransac.RANSACRegressor", Ransac::read),
    ("sklearn.linear_model._ridge.Ridge", plain),
    ("sklearn.linear_model._ridge.RidgeCV", plain),
    ("sklearn.linear_model._ridge.RidgeClassifier", ridge),
    ("sklearn.linear_model._ridge.RidgeClassifierCV", ridge),
    (
        "sklearn.linear_model._stochastic_gradient.SGDClassifier",
        stochastic,
    ),
    (
        "sklearn.linear_model._stochastic_gradient.SGDOneClassSVM",
        OneClass::read,
    ),
    (
        "sklearn.linear_model._stochastic_gradient.SGDRegressor",
        plain,
    ),
    ("sklearn.linear_model._theil_sen.TheilSenRegressor", plain),
];

/// `RANSACRegressor`: the regressor of those rows that agree.
#[derive(Debug)]
struct Ransac(Node);

impl Ransac {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let inner = reader.read(&cursor.attribute("estimator_")?)?;
        if !inner.has(Method::Predict) {
            return Err(cursor.refuse("`estimator_` has no `predict`"));
        }
        Ok(Box::new(Self(inner)))
    }
}

impl Estimator for Ransac {
    delegate!(self => &self.0; takes width names predict memory_bytes);

    fn form(&self, method: Method) -> Option<Form> {
        let predicts = method == Method::Predict;
        predicts.then(|| self.0.form(method)).flatten()
    }
}
