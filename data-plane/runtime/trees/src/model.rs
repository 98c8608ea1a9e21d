//! A booster as a model that is served: rows in, predictions out.

use hari_core::{Call, DataType, Dim, Model, Signature, SignatureMethod, Tensor, TensorSpec};
use hari_error::{Error, Result};

use crate::{Summary, lightgbm, xgboost};

/// The input's name, as MLServer's examples have it.
const INPUT: &str = "input-0";
/// The output's name, as MLServer has it.
const OUTPUT: &str = "predict";

/// A booster that is served.
#[derive(Clone, Debug)]
pub struct TreeModel {
    booster: Booster,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug)]
enum Booster {
    Xgboost(Box<xgboost::Booster>),
    Lightgbm(Box<lightgbm::Booster>),
}

impl TreeModel {
    pub(crate) fn xgboost(booster: xgboost::Booster) -> Self {
        let signature = signature(DataType::Fp32, booster.features(), booster.width());
        Self {
            booster: Booster::Xgboost(Box::new(booster)),
            signatures: vec![signature],
        }
    }

    pub(crate) fn lightgbm(booster: lightgbm::Booster) -> Self {
        let signature = signature(DataType::Fp64, booster.features(), booster.width());
        Self {
            booster: Booster::Lightgbm(Box::new(booster)),
            signatures: vec![signature],
        }
    }

    /// Values in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        match &self.booster {
            Booster::Xgboost(booster) => booster.features(),
            Booster::Lightgbm(booster) => booster.features(),
        }
    }

    /// Names of the columns of the input, in order; empty if the file has none.
    #[must_use]
    pub fn feature_names(&self) -> &[String] {
        match &self.booster {
            Booster::Xgboost(booster) => &booster.feature_names,
            Booster::Lightgbm(booster) => &booster.feature_names,
        }
    }

    /// What there is to say of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        match &self.booster {
            Booster::Xgboost(booster) => Summary {
                family: "XGBoost",
                version: booster.version.clone(),
                booster: booster.kind.clone(),
                objective: booster.objective.name.clone(),
                features: booster.features(),
                feature_names: booster.feature_names.clone(),
                trees: booster.trees(),
                nodes: booster.nodes(),
            },
            Booster::Lightgbm(booster) => Summary {
                family: "LightGBM",
                version: booster.version.clone(),
                booster: "gbdt".to_owned(),
                objective: booster.objective.name.clone(),
                features: booster.features(),
                feature_names: booster.feature_names.clone(),
                trees: booster.trees(),
                nodes: booster.nodes(),
            },
        }
    }

    /// The rows of an input.
    ///
    /// # Errors
    /// `InvalidInput` with the number of features that a row has and should have.
    fn rows(&self, input: &Tensor) -> Result<usize> {
        let expected = self.features();
        match *input.shape() {
            [rows, found] if found == expected => Ok(rows),
            [_, found] => Err(Error::invalid(format!(
                "Expected {expected} features, got {found}"
            ))),
            ref other => Err(Error::invalid(format!(
                "input `{INPUT}`: expected shape [-1, {expected}], found {other:?}"
            ))),
        }
    }
}

fn signature(dtype: DataType, features: usize, width: Option<usize>) -> Signature {
    let spec = |name: &str, columns: Option<usize>| TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: Some(
            std::iter::once(Dim::Dynamic(None))
                .chain(columns.map(Dim::Fixed))
                .collect(),
        ),
    };
    Signature {
        name: Signature::DEFAULT.to_owned(),
        method: SignatureMethod::Predict,
        inputs: vec![spec(INPUT, Some(features))],
        outputs: vec![spec(OUTPUT, width)],
    }
}

impl Model for TreeModel {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        let [input] = call.inputs.as_slice() else {
            let found = call.inputs.len();
            return Err(Error::invalid(format!("expected one input, found {found}")));
        };
        let rows = self.rows(input)?;
        let shape =
            |width: Option<usize>| -> Vec<usize> { std::iter::once(rows).chain(width).collect() };
        let output = match &self.booster {
            Booster::Xgboost(booster) => {
                let predicted = booster.predict(&input.values::<f32>()?, rows);
                Tensor::from_vec(shape(booster.width()), predicted)?
            }
            Booster::Lightgbm(booster) => {
                let predicted = booster.predict(&input.values::<f64>()?, rows);
                Tensor::from_vec(shape(booster.width()), predicted)?
            }
        };
        Ok(vec![output])
    }

    fn platform(&self) -> &str {
        match &self.booster {
            Booster::Xgboost(_) => "xgboost",
            Booster::Lightgbm(_) => "lightgbm",
        }
    }

    fn memory_bytes(&self) -> u64 {
        let bytes = match &self.booster {
            Booster::Xgboost(booster) => booster.memory_bytes(),
            Booster::Lightgbm(booster) => booster.memory_bytes(),
        };
        bytes as u64
    }
}
