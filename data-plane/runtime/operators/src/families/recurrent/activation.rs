//! The functions of gates, by their names.

use hari_error::{Error, Result};

use super::super::activation as act;
use super::Kind;
use crate::attributes::Attributes;
use crate::number::Real;

/// A function by its name, with up to two numbers.
#[derive(Clone, Debug)]
pub(super) struct Activation {
    name: String,
    alpha: f64,
    beta: f64,
}

impl Activation {
    /// The numbers are taken from the lists by those functions that have them.
    pub(super) fn list(
        attributes: Attributes<'_>,
        kind: Kind,
        directions: usize,
    ) -> Result<Vec<Self>> {
        let names: Vec<String> = match attributes.strings("activations")? {
            Some(names) => names
                .iter()
                .map(|name| String::from_utf8_lossy(name).into())
                .collect(),
            None => {
                let names = kind.defaults().repeat(directions);
                names.into_iter().map(str::to_owned).collect()
            }
        };
        let mut alphas = attributes
            .floats("activation_alpha")?
            .unwrap_or_default()
            .iter();
        let mut betas = attributes
            .floats("activation_beta")?
            .unwrap_or_default()
            .iter();
        let made = names.into_iter().map(|name| {
            let (alpha, beta) = match name.to_ascii_lowercase().as_str() {
                "affine" | "scaledtanh" => (Some(1.0), Some(0.0)),
                "hardsigmoid" => (Some(0.2), Some(0.5)),
                "leakyrelu" => (Some(0.01), None),
                "elu" | "thresholdedrelu" => (Some(1.0), None),
                "relu" | "sigmoid" | "softplus" | "softsign" | "tanh" => (None, None),
                _ => {
                    return Err(Error::model(format!(
                        "attribute `activations`: no activation is called `{name}`"
                    )));
                }
            };
            let take = |list: &mut std::slice::Iter<'_, f32>, default: Option<f64>| {
                default.map_or(0.0, |default| {
                    list.next().map_or(default, |&given| given.into())
                })
            };
            Ok(Self {
                alpha: take(&mut alphas, alpha),
                beta: take(&mut betas, beta),
                name: name.to_ascii_lowercase(),
            })
        });
        let made: Vec<Self> = made.collect::<Result<_>>()?;
        let wanted = kind.defaults().len() * directions;
        if made.len() != wanted {
            return Err(Error::model(format!(
                "attribute `activations`: expected {wanted}, found {}",
                made.len()
            )));
        }
        Ok(made)
    }

    pub(super) fn apply<T: Real>(&self, values: &mut [T]) {
        let (alpha, beta) = (T::of(self.alpha), T::of(self.beta));
        let one = |x: T| match self.name.as_str() {
            "affine" => act::affine(x, alpha, beta),
            "elu" => act::elu(x, alpha),
            "hardsigmoid" => act::hard_sigmoid(x, alpha, beta),
            "leakyrelu" => act::leaky_relu(x, alpha),
            "relu" => act::relu(x),
            "scaledtanh" => act::scaled_tanh(x, alpha, beta),
            "sigmoid" => act::sigmoid(x),
            "softplus" => act::softplus(x),
            "softsign" => act::softsign(x),
            "thresholdedrelu" => act::thresholded_relu(x, alpha),
            _ => x.tanh(),
        };
        values.iter_mut().for_each(|x| *x = one(*x));
    }
}
