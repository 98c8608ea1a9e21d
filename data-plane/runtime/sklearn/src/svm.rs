//! `sklearn.svm`: rows by how close they are to the support vectors, as libsvm computes it.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::{Estimator, Form, Method};
use crate::linear_model::{plain_classifier, plain_regressor, sides};
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

mod classifier;
mod coupling;
mod kernel;
mod vectors;

use classifier::Classifier;
pub(crate) use classifier::pairs_of;
use vectors::Machine;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.svm._classes.LinearSVC", plain_classifier),
    ("sklearn.svm._classes.LinearSVR", plain_regressor),
    ("sklearn.svm._classes.NuSVC", Classifier::read),
    ("sklearn.svm._classes.NuSVR", Regressor::read),
    ("sklearn.svm._classes.OneClassSVM", OneClass::read),
    ("sklearn.svm._classes.SVC", Classifier::read),
    ("sklearn.svm._classes.SVR", Regressor::read),
];

/// `SVR` and `NuSVR`.
#[derive(Debug)]
struct Regressor(Machine);

impl Regressor {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self(Machine::read(cursor, 1)?)))
    }
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Predict).then_some(Form::NUMBER)
    }

    fn width(&self) -> Option<usize> {
        Some(self.0.features())
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        self.0.sums(rows).map(Values::Floats)
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

/// `OneClassSVM`: which rows are like those that were fitted.
#[derive(Debug)]
struct OneClass(Machine);

impl OneClass {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self(Machine::read(cursor, 1)?)))
    }
}

impl Estimator for OneClass {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => Some(Form::INTEGER),
            Method::DecisionFunction | Method::ScoreSamples => Some(Form::NUMBER),
            Method::PredictProba | Method::Transform => None,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.0.features())
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        Ok(sides(&self.0.sums(rows)?, |decision| decision > 0.0))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.0.sums(rows).map(Matrix::column_of)
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        let offset = -self.0.intercept(0);
        let sums = self.0.sums(rows)?;
        Ok(sums.into_iter().map(|sum| sum + offset).collect())
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}
