//! A booster as a model that is served: rows in, predictions out.
//!
//! A model whose columns are all numbers takes one matrix, `[rows, columns]`. One with categories
//! takes a tensor `[rows]` for each column, under the column's name: FP64, or BYTES for categories.

use hari_core::{Call, DataType, Dim, Model, Signature, SignatureMethod, Tensor, TensorSpec};
use hari_error::{Error, Result};

use crate::{Column, Summary, catboost, lightgbm, table, xgboost};

/// The input's name, as MLServer's examples have it.
const INPUT: &str = "input-0";
/// The output's name, as MLServer has it.
const OUTPUT: &str = "predict";

/// A booster that is served.
#[derive(Clone, Debug)]
pub struct TreeModel {
    booster: Booster,
    signatures: Vec<Signature>,
    columns: Vec<Column>,
    labels: Vec<String>,
}

#[derive(Clone, Debug)]
enum Booster {
    Xgboost(Box<xgboost::Booster>),
    Lightgbm(Box<lightgbm::Booster>),
    Catboost(Box<catboost::Booster>),
}

impl TreeModel {
    pub(crate) fn xgboost(booster: xgboost::Booster) -> Self {
        let columns = booster.columns();
        let output = spec(OUTPUT, DataType::Fp32, booster.width());
        let input = match booster.encodes() {
            true => DataType::Fp64,
            false => DataType::Fp32,
        };
        Self {
            signatures: vec![signature(input, &columns, (booster.features(), output))],
            booster: Booster::Xgboost(Box::new(booster)),
            columns,
            labels: Vec::new(),
        }
    }

    pub(crate) fn lightgbm(booster: lightgbm::Booster) -> Self {
        let columns = booster.columns();
        let output = spec(OUTPUT, DataType::Fp64, booster.width());
        Self {
            signatures: vec![signature(
                DataType::Fp64,
                &columns,
                (booster.features(), output),
            )],
            booster: Booster::Lightgbm(Box::new(booster)),
            columns,
            labels: Vec::new(),
        }
    }

    pub(crate) fn catboost(booster: catboost::Booster) -> Self {
        let columns = booster.columns().to_vec();
        let output = spec(OUTPUT, booster.dtype(), booster.width());
        Self {
            signatures: vec![signature(
                DataType::Fp32,
                &columns,
                (booster.features(), output),
            )],
            labels: booster.labels(),
            booster: Booster::Catboost(Box::new(booster)),
            columns,
        }
    }

    /// Values in a row.
    #[must_use]
    pub fn features(&self) -> usize {
        match &self.booster {
            Booster::Xgboost(booster) => booster.features(),
            Booster::Lightgbm(booster) => booster.features(),
            Booster::Catboost(booster) => booster.features(),
        }
    }

    /// The columns of a row, in order; those without a name have their number. Empty if the file
    /// has neither names nor categories, and more than 65,536 features: all are numbers then.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Whether the model takes one tensor for each column rather than a matrix: it does if a
    /// column is categorical.
    #[must_use]
    pub fn takes_columns(&self) -> bool {
        table::is_mixed(&self.columns)
    }

    /// Names of the columns of the input, in order; empty if the file has none.
    #[must_use]
    pub fn feature_names(&self) -> &[String] {
        match &self.booster {
            Booster::Xgboost(booster) => &booster.feature_names,
            Booster::Lightgbm(booster) => &booster.feature_names,
            Booster::Catboost(booster) => booster.feature_names(),
        }
    }

    /// What there is to say of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let (family, version, kind, objective, trees, nodes) = match &self.booster {
            Booster::Xgboost(booster) => (
                "XGBoost",
                &booster.version,
                &*booster.kind,
                &booster.objective.name,
                booster.trees(),
                booster.nodes(),
            ),
            Booster::Lightgbm(booster) => (
                "LightGBM",
                &booster.version,
                "gbdt",
                &booster.objective.name,
                booster.trees(),
                booster.nodes(),
            ),
            Booster::Catboost(booster) => (
                "CatBoost",
                &booster.version,
                booster.kind(),
                &booster.loss,
                booster.trees(),
                booster.nodes(),
            ),
        };
        Summary {
            family,
            version: version.clone(),
            booster: kind.to_owned(),
            objective: objective.clone(),
            features: self.features(),
            feature_names: self.feature_names().to_vec(),
            trees,
            nodes,
        }
    }

    /// The rows of a matrix.
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

    /// The answer for one matrix.
    fn matrix(&self, input: &Tensor) -> Result<Tensor> {
        let rows = self.rows(input)?;
        match &self.booster {
            Booster::Xgboost(booster) if booster.encodes() => {
                encoded(booster, input.to_vec::<f64>()?, rows)
            }
            Booster::Xgboost(booster) => {
                let predicted = booster.predict(&input.values::<f32>()?, rows);
                Tensor::from_vec(shape(rows, booster.width()), predicted)
            }
            Booster::Lightgbm(booster) => {
                let predicted = booster.predict(&booster.encoded(input.values()?)?, rows);
                Tensor::from_vec(shape(rows, booster.width()), predicted)
            }
            Booster::Catboost(booster) => booster.predict(&input.values::<f32>()?, &[], rows),
        }
    }

    /// The answer for a tensor of each column.
    fn mixed(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let rows = table::rows(&self.columns, inputs)?;
        match &self.booster {
            Booster::Xgboost(booster) => {
                let code = |column: usize, text: &[u8]| booster.code(column, text);
                encoded(booster, table::coded(&self.columns, inputs, code)?, rows)
            }
            Booster::Lightgbm(booster) => {
                let code = |column: usize, text: &[u8]| Ok(booster.code(column, text));
                let matrix = table::coded(&self.columns, inputs, code)?;
                let predicted = booster.predict(&booster.encoded(matrix.into())?, rows);
                Tensor::from_vec(shape(rows, booster.width()), predicted)
            }
            Booster::Catboost(booster) => {
                // Numbers stand where they are; categories are hashed on their own.
                let numbers = table::coded(&self.columns, inputs, |_, _| Ok(0.0))?;
                let numbers: Vec<_> = numbers.into_iter().map(|value| value as f32).collect();
                let hashes = table::hashes(booster.categories(), inputs, rows)?;
                booster.predict(&numbers, &hashes, rows)
            }
        }
    }
}

/// XGBoost's answer for a matrix in float64, of which categories are numbered first.
fn encoded(booster: &xgboost::Booster, mut matrix: Vec<f64>, rows: usize) -> Result<Tensor> {
    booster.encode(&mut matrix)?;
    let narrow: Vec<_> = matrix.into_iter().map(|value| value as f32).collect();
    Tensor::from_vec(shape(rows, booster.width()), booster.predict(&narrow, rows))
}

fn shape(rows: usize, width: Option<usize>) -> Vec<usize> {
    std::iter::once(rows).chain(width).collect()
}

fn spec(name: &str, dtype: DataType, columns: Option<usize>) -> TensorSpec {
    TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: Some(
            std::iter::once(Dim::Dynamic(None))
                .chain(columns.map(Dim::Fixed))
                .collect(),
        ),
    }
}

/// One matrix of `dtype` and so many features, or a tensor for each column.
fn signature(
    dtype: DataType,
    columns: &[Column],
    (features, output): (usize, TensorSpec),
) -> Signature {
    let inputs = match table::is_mixed(columns) {
        false => vec![spec(INPUT, dtype, Some(features))],
        true => {
            let columns = columns.iter().map(|column| match column.categorical {
                true => spec(&column.name, DataType::Bytes, None),
                false => spec(&column.name, DataType::Fp64, None),
            });
            columns.collect()
        }
    };
    Signature {
        name: Signature::DEFAULT.to_owned(),
        method: SignatureMethod::Predict,
        inputs,
        outputs: vec![output],
    }
}

impl Model for TreeModel {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        let expected = self.signatures.first().map_or(0, |one| one.inputs.len());
        let output = match call.inputs.as_slice() {
            inputs if inputs.len() != expected => {
                let found = inputs.len();
                return Err(Error::invalid(format!(
                    "expected {expected} inputs, found {found}"
                )));
            }
            inputs if self.takes_columns() => self.mixed(inputs)?,
            [input, ..] => self.matrix(input)?,
            [] => return Err(Error::invalid("expected one input, found none")),
        };
        Ok(vec![output])
    }

    fn platform(&self) -> &str {
        match &self.booster {
            Booster::Xgboost(_) => "xgboost",
            Booster::Lightgbm(_) => "lightgbm",
            Booster::Catboost(_) => "catboost",
        }
    }

    fn labels(&self, _: usize, output: usize) -> &[String] {
        match output {
            0 => &self.labels,
            _ => &[],
        }
    }

    fn memory_bytes(&self) -> u64 {
        let bytes = match &self.booster {
            Booster::Xgboost(booster) => booster.memory_bytes(),
            Booster::Lightgbm(booster) => booster.memory_bytes(),
            Booster::Catboost(booster) => booster.memory_bytes(),
        };
        bytes as u64
    }
}
