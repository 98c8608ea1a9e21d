//! Linear regressors, and those with a link.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::number;
use crate::estimator::{Estimator, Form, Method};
use crate::linear_model::planes::Planes;
use crate::reader::Reader;
use crate::table::Table;
use crate::values::Values;

#[derive(Debug)]
struct Regressor {
    planes: Planes,
    /// Whether the sum is the logarithm of what is predicted.
    log: bool,
}

fn boxed(planes: Planes, log: bool) -> Box<dyn Estimator> {
    Box::new(Regressor { planes, log })
}

/// A regressor whose prediction is the sum.
pub(crate) fn plain(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(boxed(Planes::read(cursor)?, false))
}

/// `PoissonRegressor` and `GammaRegressor`.
pub(super) fn exponential(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    Ok(boxed(Planes::read(cursor)?, true))
}

/// `TweedieRegressor`: `auto` is the identity for powers up to 0.
pub(super) fn tweedie(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let link = cursor.attribute("link")?;
    let log = match link.text()?.as_str() {
        "identity" => false,
        "log" => true,
        "auto" => power(cursor)? > 0.0,
        other => {
            return Err(link.refuse(format_args!(
                "expected `auto`, `identity` or `log`, found `{other}`"
            )));
        }
    };
    Ok(boxed(Planes::read(cursor)?, log))
}

/// Until 1.0 the power was kept with the distribution.
fn power(cursor: &Cursor<'_>) -> Result<f64> {
    match number(cursor, "power")? {
        Some(power) => Ok(power),
        None => cursor.attribute("family")?.attribute("_power")?.float(),
    }
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        let form = match self.planes.flat {
            true => Form::NUMBER,
            false => Form::numbers(self.planes.outputs()),
        };
        (method == Method::Predict).then_some(form)
    }

    fn width(&self) -> Option<usize> {
        Some(self.planes.features())
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let mut found = self.planes.at(rows)?.values;
        if self.log {
            for value in &mut found {
                *value = value.exp();
            }
        }
        Ok(Values::Floats(found))
    }

    fn memory_bytes(&self) -> usize {
        self.planes.memory_bytes()
    }
}
