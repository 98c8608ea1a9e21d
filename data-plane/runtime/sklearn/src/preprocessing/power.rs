//! `PowerTransformer`: powers that make columns look normal.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use super::scale::Scaler;
use crate::attributes::{flag, numbers, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::version;

#[derive(Debug)]
pub(super) struct PowerTransformer {
    method: Power,
    lambdas: Vec<f64>,
    scaler: Option<Scaler>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Power {
    /// Box and Cox, for what is above 0.
    BoxCox,
    /// Yeo and Johnson, as scikit-learn computed it before 1.6.
    Plain,
    /// Yeo and Johnson, as scipy does.
    Stable,
}

impl PowerTransformer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let method = match text(cursor, "method")?.as_str() {
            "box-cox" => Power::BoxCox,
            _ if version::of(cursor) < (1, 6) => Power::Plain,
            _ => Power::Stable,
        };
        let lambdas = numbers(cursor, "lambdas_")?;
        let scaler = match flag(cursor, "standardize")? {
            true => Some(Scaler::standard(&cursor.attribute("_scaler")?)?),
            false => None,
        };
        if scaler
            .as_ref()
            .is_some_and(|one| one.count() != lambdas.len())
        {
            return Err(cursor.refuse("`_scaler` and `lambdas_` differ in length"));
        }
        Ok(Box::new(Self {
            method,
            lambdas,
            scaler,
        }))
    }

    fn each(&self, matrix: &mut Matrix, function: impl Fn(f64, f64) -> f64) {
        for row in 0..matrix.rows {
            for (value, &lambda) in matrix.row_mut(row).iter_mut().zip(&self.lambdas) {
                *value = function(*value, lambda);
            }
        }
    }
}

impl Power {
    fn forward(self, x: f64, lambda: f64) -> f64 {
        match self {
            Self::BoxCox => box_cox(x, lambda),
            _ if x >= 0.0 => self.upper(x, lambda),
            _ => -self.upper(-x, 2.0 - lambda),
        }
    }

    /// Of what is not below 0.
    fn upper(self, x: f64, lambda: f64) -> f64 {
        if lambda.abs() < f64::EPSILON {
            x.ln_1p()
        } else if self == Self::Plain {
            ((x + 1.0).powf(lambda) - 1.0) / lambda
        } else {
            (lambda * x.ln_1p()).exp_m1() / lambda
        }
    }

    fn backward(self, x: f64, lambda: f64) -> f64 {
        match self {
            Self::BoxCox if lambda == 0.0 => x.exp(),
            Self::BoxCox => ((x * lambda).ln_1p() / lambda).exp(),
            _ if x >= 0.0 => upper_back(x, lambda),
            _ => -upper_back(-x, 2.0 - lambda),
        }
    }
}

fn upper_back(x: f64, lambda: f64) -> f64 {
    match lambda.abs() < f64::EPSILON {
        true => x.exp() - 1.0,
        false => (x * lambda + 1.0).powf(1.0 / lambda) - 1.0,
    }
}

/// As scipy computes it.
fn box_cox(x: f64, lambda: f64) -> f64 {
    if lambda.abs() < 1e-19 {
        x.ln()
    } else if lambda * x.ln() < 709.78 {
        (lambda * x.ln()).exp_m1() / lambda
    } else {
        lambda.signum() * (lambda * x.ln() - lambda.abs().ln()).exp() - 1.0 / lambda
    }
}

impl Estimator for PowerTransformer {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.lambdas.len())
    }

    fn accepts(&self) -> Accepts {
        Accepts::Missing
    }

    fn width(&self) -> Option<usize> {
        Some(self.lambdas.len())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let mut found = rows.dense()?.into_owned();
        if self.method == Power::BoxCox && found.values.iter().any(|&value| value <= 0.0) {
            return Err(Error::invalid(
                "the Box-Cox transformation takes numbers above 0",
            ));
        }
        self.each(&mut found, |x, lambda| self.method.forward(x, lambda));
        if let Some(scaler) = &self.scaler {
            scaler.scale(&mut found);
        }
        Ok(found.into())
    }

    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        let mut found = rows.dense()?.into_owned();
        if let Some(scaler) = &self.scaler {
            scaler.unscale(&mut found);
        }
        self.each(&mut found, |x, lambda| self.method.backward(x, lambda));
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        self.lambdas.len() * 3 * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_come_back() {
        for method in [Power::Plain, Power::Stable, Power::BoxCox] {
            for lambda in [-1.5, 0.0, 0.5, 2.0, 3.0] {
                for x in [0.3, 1.0, 2.5, -0.7] {
                    if method == Power::BoxCox && x < 0.0 {
                        continue;
                    }
                    let back = method.backward(method.forward(x, lambda), lambda);
                    assert!((back - x).abs() < 1e-12, "{method:?} {lambda} {x}: {back}");
                }
            }
            assert!(method.forward(f64::NAN, 0.5).is_nan());
        }
    }
}
