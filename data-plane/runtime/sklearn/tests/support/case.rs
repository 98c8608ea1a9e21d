//! A case: rows, and what scikit-learn answers for them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use hari_core::{Call, DataType, Model as _, Tensor};
use hari_sklearn::{Inputs, Kind, Method, Options, SklearnModel};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Case {
    class: String,
    tolerance: Tolerance,
    rows: Rows,
    expected: BTreeMap<String, Values>,
}

/// For all methods, or by method.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tolerance {
    All(f64),
    Each(BTreeMap<String, f64>),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rows {
    Matrix(Values),
    Documents(Vec<String>),
    Columns(Vec<Column>),
}

#[derive(Deserialize)]
struct Column {
    name: String,
    numbers: Option<Vec<String>>,
    texts: Option<Vec<Option<String>>>,
}

#[derive(Deserialize)]
struct Values {
    r#type: String,
    shape: Vec<usize>,
    values: Vec<serde_json::Value>,
}

/// What came of one method.
pub(crate) struct Compared {
    pub(crate) method: String,
    pub(crate) deviation: f64,
    pub(crate) within: bool,
}

impl Case {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read(file)?;
        serde_json::from_slice(&text).with_context(|| file.display().to_string())
    }

    /// The class with its module as it is named today.
    pub(crate) fn class(&self) -> Result<String> {
        Ok(hari_pickle::current_name(&self.class))
    }

    /// The largest deviation of each method.
    pub(crate) fn compare(&self, file: &Path) -> Result<Vec<Compared>> {
        let options = Options {
            methods: Method::ALL.to_vec(),
            ..Options::default()
        };
        let model = hari_sklearn::load(file, &options)?;
        let inputs = self.inputs(&model)?;
        let each = self.expected.iter().map(|(method, expected)| {
            let found = ask(&model, method, inputs.clone()).with_context(|| method.clone())?;
            let deviation = expected.deviation(&found).with_context(|| method.clone())?;
            let tolerance = match &self.tolerance {
                Tolerance::All(all) => *all,
                Tolerance::Each(each) => each.get(method).copied().unwrap_or(1e-12),
            };
            Ok(Compared {
                method: method.clone(),
                deviation,
                within: deviation <= tolerance,
            })
        });
        each.collect()
    }

    fn inputs(&self, model: &SklearnModel) -> Result<Vec<Tensor>> {
        match (&self.rows, model.inputs()) {
            (Rows::Matrix(values), Inputs::Matrix { .. }) => Ok(vec![values.tensor()?]),
            (Rows::Documents(texts), Inputs::Documents { .. }) => {
                let texts = texts.iter().map(|text| Some(text.as_str()));
                Ok(vec![strings(texts.collect())?])
            }
            (Rows::Columns(columns), Inputs::Columns(wanted)) => {
                let used = wanted.iter().filter(|column| column.kind != Kind::Unused);
                used.map(|wanted| {
                    let named = columns.iter().find(|column| column.name == wanted.name);
                    // Before 1.0 no names were kept: columns are called by their numbers.
                    let numbered = || columns.get(wanted.name.parse::<usize>().ok()?);
                    let column = named.or_else(numbered);
                    column
                        .with_context(|| format!("no column `{}`", wanted.name))?
                        .tensor(wanted.kind)
                })
                .collect()
            }
            (Rows::Columns(columns), Inputs::Matrix { .. }) => matrix(columns),
            (Rows::Matrix(values), Inputs::Columns(wanted)) => {
                let used = wanted
                    .iter()
                    .enumerate()
                    .filter(|(_, one)| one.kind != Kind::Unused);
                used.map(|(at, _)| values.column(at)).collect()
            }
            (_, inputs) => bail!("the model takes {inputs:?}"),
        }
    }
}

/// Columns of numbers as one tensor.
fn matrix(columns: &[Column]) -> Result<Vec<Tensor>> {
    let columns: Vec<_> = columns
        .iter()
        .map(|column| column.tensor(Kind::Number)?.to_f64().map_err(Into::into))
        .collect::<Result<Vec<_>>>()?;
    let rows = columns.first().map_or(0, Vec::len);
    let values =
        (0..rows).flat_map(|row| columns.iter().filter_map(move |one| one.get(row).copied()));
    Ok(vec![Tensor::from_vec(
        [rows, columns.len()],
        values.collect::<Vec<f64>>(),
    )?])
}

fn strings(texts: Vec<Option<&str>>) -> Result<Tensor> {
    let bytes = texts.into_iter().map(|text| match text {
        Some(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        None => Ok(hari_core::missing_text()),
    });
    let bytes: Vec<_> = bytes.collect::<Result<_>>()?;
    Ok(Tensor::from_strings([bytes.len()], bytes)?)
}

fn ask(model: &SklearnModel, method: &str, inputs: Vec<Tensor>) -> Result<Tensor> {
    let signature = model.signatures().len() - 1;
    let outputs = &model.signatures()[signature].outputs;
    let output = outputs.iter().position(|output| output.name == method);
    let output = output.with_context(|| format!("no output `{method}`: {outputs:?}"))?;
    let mut found = model.run(Call {
        signature,
        inputs,
        outputs: vec![output],
    })?;
    let found = found.pop().context("no tensor")?;
    let spec = &outputs[output];
    let fits = spec.shape.iter().all(|shape| {
        shape.len() == found.shape().len()
            && shape
                .iter()
                .zip(found.shape())
                .all(|(dim, &size)| dim.admits(size))
    });
    ensure!(
        fits && spec.dtype == found.dtype(),
        "declared as {spec}, found {} of shape {:?}",
        found.dtype(),
        found.shape()
    );
    Ok(found)
}

impl Column {
    fn tensor(&self, kind: Kind) -> Result<Tensor> {
        match (&self.numbers, &self.texts) {
            (Some(numbers), _) if kind == Kind::Number => {
                let numbers = numbers
                    .iter()
                    .map(|hex| float(hex))
                    .collect::<Result<Vec<_>>>()?;
                Ok(Tensor::from_vec([numbers.len()], numbers)?)
            }
            (_, Some(texts)) if kind == Kind::Text => {
                strings(texts.iter().map(Option::as_deref).collect())
            }
            _ => bail!("column `{}` is taken as {kind:?}", self.name),
        }
    }
}

fn float(hex: &str) -> Result<f64> {
    Ok(f64::from_bits(u64::from_str_radix(hex, 16)?))
}

impl Values {
    fn floats(&self) -> Result<Vec<f64>> {
        self.values
            .iter()
            .map(|value| float(value.as_str().context("no bits")?))
            .collect()
    }

    fn tensor(&self) -> Result<Tensor> {
        Ok(Tensor::from_vec(self.shape.clone(), self.floats()?)?)
    }

    fn column(&self, column: usize) -> Result<Tensor> {
        let width = self.shape.get(1).copied().context("no matrix")?;
        let values: Vec<_> = self
            .floats()?
            .into_iter()
            .skip(column)
            .step_by(width.max(1))
            .collect();
        Ok(Tensor::from_vec([values.len()], values)?)
    }

    /// The largest deviation; an error for a label that differs.
    fn deviation(&self, found: &Tensor) -> Result<f64> {
        ensure!(
            self.shape == found.shape(),
            "shape {:?}, expected {:?}",
            found.shape(),
            self.shape
        );
        let name = match found.dtype() {
            DataType::Fp64 => "float",
            DataType::Int64 => "int",
            DataType::Bool => "bool",
            DataType::Bytes => "text",
            other => bail!("unexpected {other}"),
        };
        ensure!(name == self.r#type, "{name}, expected {}", self.r#type);
        if name == "float" {
            return distance(&found.values::<f64>()?, &self.floats()?);
        }
        let found: Vec<serde_json::Value> = match name {
            "int" => found
                .values::<i64>()?
                .iter()
                .map(|&value| value.into())
                .collect(),
            "bool" => found
                .values::<u8>()?
                .iter()
                .map(|&value| (value == 1).into())
                .collect(),
            _ => {
                let texts = found
                    .strings()?
                    .iter()
                    .map(|text| String::from_utf8_lossy(text).into());
                texts.collect()
            }
        };
        let differs = found
            .iter()
            .zip(&self.values)
            .position(|(found, expected)| found != expected);
        match differs {
            None => Ok(0.0),
            Some(at) => bail!(
                "element {at} is {}, expected {}",
                found[at],
                self.values[at]
            ),
        }
    }
}

fn distance(found: &[f64], expected: &[f64]) -> Result<f64> {
    let finite = expected.iter().copied().filter(|value| value.is_finite());
    let floor = finite.map(f64::abs).fold(0.0, f64::max) * 1e-3;
    let mut largest = 0.0_f64;
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        if found == expected || found.is_nan() && expected.is_nan() {
            continue;
        }
        let deviation = (found - expected).abs() / expected.abs().max(floor);
        ensure!(
            deviation.is_finite(),
            "element {at} is {found}, expected {expected}"
        );
        largest = largest.max(deviation);
    }
    Ok(largest)
}
