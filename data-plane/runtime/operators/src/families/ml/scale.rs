//! `Binarizer`, `Imputer`, `Normalizer` and `Scaler`: features one by one, or row by row.

use hari_core::{DataType, Element, Tensor};
use hari_error::{Error, Result};

use super::INPUTS;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, matrix, operator, singles};
use crate::{Inputs, Operator};

struct Binarizer {
    threshold: f32,
}

pub(super) fn binarizer(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let threshold = node.attributes.float_or("threshold", 0.0)?;
    operator(Binarizer { threshold })
}

impl Kernel for Binarizer {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.one_of(0, INPUTS)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let threshold = f64::from(self.threshold);
        let above = |&value: &f64| f64::from(u8::from(value > threshold));
        let made: Vec<f64> = x.to_f64()?.iter().map(above).collect();
        let made = Tensor::from_vec(x.shape().to_vec(), made)?.cast(x.dtype())?;
        Ok(vec![made])
    }
}

struct Imputer {
    floats: Vec<f32>,
    integers: Vec<i64>,
    missing_float: f32,
    missing_integer: i64,
}

pub(super) fn imputer(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let floats = attributes.floats("imputed_value_floats")?.unwrap_or(&[]);
    let integers = attributes.ints("imputed_value_int64s")?.unwrap_or(&[]);
    if floats.is_empty() == integers.is_empty() {
        return Err(Error::model(
            "exactly one of `imputed_value_floats` and `imputed_value_int64s` is needed",
        ));
    }
    operator(Imputer {
        floats: floats.to_vec(),
        integers: integers.to_vec(),
        missing_float: attributes.float_or("replaced_value_float", 0.0)?,
        missing_integer: attributes.int_or("replaced_value_int64", 0)?,
    })
}

impl Kernel for Imputer {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![inputs.one_of(0, INPUTS)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let single = |value: f32, missing: f32| same(value, missing);
        let made = match x.dtype() {
            DataType::Fp32 => imputed(x, &self.floats, self.missing_float, single),
            DataType::Fp64 => {
                let values: Vec<f64> = self.floats.iter().copied().map(f64::from).collect();
                imputed(x, &values, f64::from(self.missing_float), same)
            }
            DataType::Int64 => imputed(x, &self.integers, self.missing_integer, same),
            DataType::Int32 => {
                let narrow = |&value: &i64| i32::try_from(value).map_err(|_| beyond(value));
                let values = self
                    .integers
                    .iter()
                    .map(narrow)
                    .collect::<Result<Vec<_>>>()?;
                let missing = i32::try_from(self.missing_integer);
                imputed(x, &values, missing.unwrap_or(0), |value, _| {
                    missing == Ok(value)
                })
            }
            other => Err(Error::invalid(format!("cannot impute {other}"))),
        };
        Ok(vec![made?])
    }
}

fn beyond(value: i64) -> Error {
    Error::model(format!("imputed value {value} does not fit INT32"))
}

/// Equal, or both not a number.
#[expect(clippy::eq_op, reason = "not-a-number differs from itself")]
fn same<T: Copy + PartialEq>(value: T, missing: T) -> bool {
    value == missing || (value != value && missing != missing)
}

fn imputed<T: Element>(
    x: &Tensor,
    values: &[T],
    missing: T,
    is: impl Fn(T, T) -> bool,
) -> Result<Tensor> {
    let width = features(x);
    if values.len() != 1 && values.len() != width {
        return Err(Error::invalid(format!(
            "expected one imputed value or one for each of {width} features, found {}",
            values.len()
        )));
    }
    let mut made = x.to_vec::<T>()?;
    for (at, value) in made.iter_mut().enumerate() {
        let of = if values.len() == 1 { 0 } else { at % width };
        if let Some(&replacement) = values.get(of).filter(|_| is(*value, missing)) {
            *value = replacement;
        }
    }
    Tensor::from_vec(x.shape().to_vec(), made)
}

/// The second dimension of a matrix, the only one of a vector.
fn features(x: &Tensor) -> usize {
    x.shape().get(1).or(x.shape().first()).copied().unwrap_or(1)
}

struct Scaler {
    offset: Vec<f32>,
    scale: Vec<f32>,
}

pub(super) fn scaler(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let offset = attributes.floats("offset")?.unwrap_or(&[0.0]).to_vec();
    let scale = attributes.floats("scale")?.unwrap_or(&[1.0]).to_vec();
    if offset.is_empty() || scale.is_empty() {
        return Err(Error::model("attributes `offset` and `scale` are needed"));
    }
    operator(Scaler { offset, scale })
}

impl Kernel for Scaler {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, INPUTS)?;
        Ok(vec![Some(DataType::Fp32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let width = features(x);
        let fits = |given: &[f32]| given.len() == 1 || given.len() == width;
        if !fits(&self.offset) || !fits(&self.scale) {
            return Err(Error::invalid(format!(
                "expected {} features, found {width}",
                self.offset.len().max(self.scale.len())
            )));
        }
        let made: Vec<f32> = if x.dtype() == DataType::Fp64 {
            let x = x.values::<f64>()?;
            let scaled = x.iter().enumerate().map(|(at, &value)| {
                let (offset, scale) = self.at(at, width);
                ((value - f64::from(offset)) * f64::from(scale)) as f32
            });
            scaled.collect()
        } else {
            let x = singles(x)?;
            let scaled = x.iter().enumerate().map(|(at, &value)| {
                let (offset, scale) = self.at(at, width);
                (value - offset) * scale
            });
            scaled.collect()
        };
        Ok(vec![Tensor::from_vec(x.shape().to_vec(), made)?])
    }
}

impl Scaler {
    fn at(&self, at: usize, width: usize) -> (f32, f32) {
        let of = |values: &[f32]| {
            let place = if values.len() == 1 { 0 } else { at % width };
            values.get(place).copied().unwrap_or_default()
        };
        (of(&self.offset), of(&self.scale))
    }
}

#[derive(Clone, Copy)]
enum Norm {
    Max,
    L1,
    L2,
}

struct Normalizer {
    norm: Norm,
}

pub(super) fn normalizer(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let norm = match node.attributes.text("norm")?.unwrap_or("MAX") {
        "MAX" => Norm::Max,
        "L1" => Norm::L1,
        "L2" => Norm::L2,
        other => {
            return Err(Error::model(format!(
                "attribute `norm`: expected MAX, L1 or L2, found {other}"
            )));
        }
    };
    operator(Normalizer { norm })
}

impl Kernel for Normalizer {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, INPUTS)?;
        Ok(vec![Some(DataType::Fp32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let (_, width) = matrix(x)?;
        let values = x.to_f64()?;
        let rows = values.chunks(width.max(1));
        let made = rows.flat_map(|row| self.normalized(row)).collect();
        Ok(vec![Tensor::from_vec(x.shape().to_vec(), made)?])
    }
}

impl Normalizer {
    /// The row divided by its norm, or as it is where that is zero.
    fn normalized(&self, row: &[f64]) -> Vec<f32> {
        let norm = match self.norm {
            // The largest value, not the largest size, as ONNX Runtime has it.
            Norm::Max => row.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Norm::L1 => row.iter().map(|value| value.abs()).sum(),
            Norm::L2 => row.iter().map(|value| value * value).sum::<f64>().sqrt(),
        };
        let divisor = if norm == 0.0 { 1.0 } else { norm };
        row.iter().map(|value| (value / divisor) as f32).collect()
    }
}
