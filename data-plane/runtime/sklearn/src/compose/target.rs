//! `TransformedTargetRegressor`: a regressor of something that is transformed back.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::delegate::delegate;
use crate::estimator::{Estimator, Form, Method};
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
pub(super) struct TransformedTarget {
    regressor: Node,
    transformer: Node,
    form: Form,
}

impl TransformedTarget {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let regressor = reader.read(&cursor.attribute("regressor_")?)?;
        let transformer = reader.read(&cursor.attribute("transformer_")?)?;
        let form = regressor.form(Method::Predict);
        let form = form.ok_or_else(|| cursor.refuse("`regressor_` has no `predict`"))?;
        Ok(Box::new(Self {
            regressor,
            transformer,
            form,
        }))
    }
}

impl Estimator for TransformedTarget {
    delegate!(self => &self.regressor; takes width names memory_bytes);

    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Predict).then(|| self.form.clone())
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let values = self.regressor.predict(rows)?.floats()?;
        let columns = values.len().checked_div(rows.rows()).unwrap_or(1);
        let found = Table::Dense(Matrix::new(rows.rows(), columns, values));
        let back = self.transformer.inverse_transform(&found)?;
        Ok(Values::Floats(back.dense()?.into_owned().values))
    }
}
