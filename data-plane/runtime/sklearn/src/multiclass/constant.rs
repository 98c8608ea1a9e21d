//! An estimator that saw one class alone.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::numbers_of;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::linear_model::with_complement;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

/// What stands for an estimator where all rows had one class.
#[derive(Debug)]
pub(super) struct Constant(f64);

impl Constant {
    pub(super) const NAME: &'static str = "_ConstantPredictor";

    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let found = numbers_of(cursor, "y_", 1)?;
        Ok(Box::new(Self(found.first().copied().unwrap_or_default())))
    }
}

impl Estimator for Constant {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict | Method::DecisionFunction => Some(Form::NUMBER),
            Method::PredictProba => Some(Form::numbers(2)),
            Method::Transform | Method::ScoreSamples => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        Ok(Values::Floats(vec![self.0; rows.rows()]))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        Ok(with_complement(&vec![self.0; rows.rows()]))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        Ok(Matrix::column_of(vec![self.0; rows.rows()]))
    }
}
