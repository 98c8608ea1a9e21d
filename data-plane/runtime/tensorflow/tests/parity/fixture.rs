//! The folders of `tests/fixtures`, and calls made of their `cases.json`.

use std::path::{Path, PathBuf};

use hari_core::{Call, DataType, Model, Tensor};
use hari_tensorflow::TensorflowModel;
use serde_json::Value;

/// A SavedModel with TensorFlow's answers.
pub(crate) struct Fixture(PathBuf);

impl Fixture {
    pub(crate) fn name(&self) -> String {
        self.0.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// The folder that holds `saved_model.pb`.
    pub(crate) fn model(&self) -> PathBuf {
        self.0.join("1")
    }

    /// The cases; none for a model that is to be refused.
    pub(crate) fn cases(&self) -> Option<Vec<Value>> {
        let text = std::fs::read(self.0.join("cases.json")).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }
}

/// Every fixture, by name.
pub(crate) fn all() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    found.retain(|path| path.join("1/saved_model.pb").exists());
    found.sort();
    found.into_iter().map(Fixture).collect()
}

pub(crate) fn named(name: &str) -> Fixture {
    all()
        .into_iter()
        .find(|fixture| fixture.name() == name)
        .unwrap()
}

fn dtype(name: &str) -> DataType {
    match name {
        "bfloat16" => DataType::Bf16,
        "float16" => DataType::Fp16,
        "float32" => DataType::Fp32,
        "float64" => DataType::Fp64,
        "int8" => DataType::Int8,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::Uint8,
        "bool" => DataType::Bool,
        other => panic!("no such type in the fixtures: {other}"),
    }
}

fn tensor(value: &Value) -> Tensor {
    let sizes = value["shape"].as_array().unwrap().iter();
    let shape: Vec<_> = sizes.map(|size| size.as_u64().unwrap() as usize).collect();
    if value["dtype"] == "string" {
        let words = value["values"].as_array().unwrap().iter();
        let words = words.map(|word| word.as_str().unwrap().to_owned().into());
        return Tensor::from_strings(shape, words.collect()).unwrap();
    }
    let number = |value: &Value| match value {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        other => other.as_f64().unwrap(),
    };
    let numbers: Vec<f64> = value["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(number)
        .collect();
    match dtype(value["dtype"].as_str().unwrap()) {
        DataType::Bool => {
            let truths: Vec<_> = numbers.iter().map(|&number| number != 0.0).collect();
            Tensor::from_bools(shape, &truths).unwrap()
        }
        wanted => Tensor::from_vec(shape, numbers)
            .unwrap()
            .cast(wanted)
            .unwrap(),
    }
}

/// The call that a case describes, for all outputs.
pub(crate) fn call(model: &TensorflowModel, case: &Value) -> Call {
    let name = case["signature"].as_str().unwrap();
    let signatures = model.signatures();
    let at = signatures
        .iter()
        .position(|signature| signature.name == name)
        .unwrap();
    let specs = &signatures[at].inputs;
    let inputs = specs
        .iter()
        .map(|spec| tensor(&case["inputs"][&spec.name]))
        .collect();
    Call {
        signature: at,
        inputs,
        outputs: Vec::new(),
    }
}

/// Runs a case: each output by name, as expected and as found.
pub(crate) fn run(model: &TensorflowModel, case: &Value) -> Vec<(String, Tensor, Tensor)> {
    try_run(model, case).unwrap_or_else(|error| panic!("{error}"))
}

/// The same; fails if the model does.
pub(crate) fn try_run(
    model: &TensorflowModel,
    case: &Value,
) -> hari_error::Result<Vec<(String, Tensor, Tensor)>> {
    let call = call(model, case);
    let specs = &model.signatures()[call.signature].outputs;
    assert_eq!(specs.len(), case["outputs"].as_object().unwrap().len());
    let found = model.run(call.clone())?;
    let expected = specs
        .iter()
        .map(|spec| (spec.name.clone(), tensor(&case["outputs"][&spec.name])));
    Ok(expected
        .zip(found)
        .map(|((name, expected), found)| (name, expected, found))
        .collect())
}

/// The greatest absolute difference of floats; integers and booleans must be equal.
pub(crate) fn deviation(expected: &Tensor, found: &Tensor) -> Result<f64, String> {
    let kind = |tensor: &Tensor| format!("{} {:?}", tensor.dtype(), tensor.shape());
    if kind(expected) != kind(found) {
        return Err(format!(
            "expected {}, found {}",
            kind(expected),
            kind(found)
        ));
    }
    if expected.dtype() == DataType::Bytes {
        let same = expected == found;
        let wrong = || {
            format!(
                "expected {:?}, found {:?}",
                expected.strings(),
                found.strings()
            )
        };
        return if same { Ok(0.0) } else { Err(wrong()) };
    }
    let (expected_numbers, numbers) = (expected.to_f64().unwrap(), found.to_f64().unwrap());
    if !expected.dtype().is_float() && expected != found {
        return Err(format!("expected {expected_numbers:?}, found {numbers:?}"));
    }
    let apart = |(a, b): (&f64, &f64)| if a == b { 0.0 } else { (a - b).abs() };
    let worst = |a: f64, b: f64| if b.is_nan() { f64::INFINITY } else { a.max(b) };
    Ok(expected_numbers
        .iter()
        .zip(&numbers)
        .map(apart)
        .fold(0.0, worst))
}

/// The number of rows of the first input.
pub(crate) fn rows(case: &Value) -> usize {
    let inputs = case["inputs"].as_object().unwrap();
    inputs.values().next().unwrap()["shape"][0]
        .as_u64()
        .unwrap() as usize
}

/// One row of a batch.
pub(crate) fn row(tensor: &Tensor, index: usize) -> Tensor {
    let mut shape = tensor.shape().to_vec();
    let bytes = tensor.bytes().unwrap();
    let size = bytes.len() / shape[0];
    shape[0] = 1;
    let row = bytes.slice(index * size..(index + 1) * size);
    Tensor::from_bytes(tensor.dtype(), shape, row).unwrap()
}
