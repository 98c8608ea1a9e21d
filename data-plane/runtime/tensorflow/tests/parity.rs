//! Predictions of TensorFlow itself, replayed: every fixture with a `cases.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hari_core::{Call, DataType, Model, Tensor};
use hari_tensorflow::{Options, TensorflowModel, inspect, load};
use serde_json::Value;

/// Absolute, as the outputs of the fixtures are of the order of 1.
const TOLERANCE: f64 = 1e-5;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|path| path.join("1/saved_model.pb").exists());
    found.sort();
    found
}

fn dtype(name: &str) -> DataType {
    match name {
        "float32" => DataType::Fp32,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::Uint8,
        "bool" => DataType::Bool,
        other => panic!("no such type in the fixtures: {other}"),
    }
}

fn tensor(value: &Value) -> Tensor {
    let shape: Vec<usize> =
        value["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let number = |value: &Value| match value {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => text.parse().unwrap(),
        other => other.as_f64().unwrap(),
    };
    let numbers: Vec<f64> = value["values"].as_array().unwrap().iter().map(number).collect();
    match dtype(value["dtype"].as_str().unwrap()) {
        DataType::Bool => {
            let truths: Vec<_> = numbers.iter().map(|&number| number != 0.0).collect();
            Tensor::from_bools(shape, &truths).unwrap()
        }
        wanted => Tensor::from_vec(shape, numbers).unwrap().cast(wanted).unwrap(),
    }
}

fn call(model: &TensorflowModel, case: &Value) -> BTreeMap<String, Tensor> {
    let name = case["signature"].as_str().unwrap();
    let at = model.signatures().iter().position(|signature| signature.name == name).unwrap();
    let signature = &model.signatures()[at];
    let inputs = signature.inputs.iter().map(|spec| tensor(&case["inputs"][&spec.name])).collect();
    let outputs = model.run(Call { signature: at, inputs, outputs: Vec::new() }).unwrap();
    signature.outputs.iter().map(|spec| spec.name.clone()).zip(outputs).collect()
}

/// The greatest absolute difference; integers and booleans must be equal.
fn deviation(expected: &Tensor, found: &Tensor, what: &str) -> f64 {
    assert_eq!(expected.dtype(), found.dtype(), "{what}");
    assert_eq!(expected.shape(), found.shape(), "{what}");
    if !expected.dtype().is_float() {
        assert_eq!(expected, found, "{what}");
        return 0.0;
    }
    let (expected, found) = (expected.to_f64().unwrap(), found.to_f64().unwrap());
    expected.iter().zip(&found).map(|(a, b)| if a == b { 0.0 } else { (a - b).abs() }).fold(0.0, f64::max)
}

#[test]
fn predictions_are_tensorflows() {
    let mut replayed = 0;
    for fixture in fixtures() {
        let name = fixture.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(cases) = std::fs::read(fixture.join("cases.json")) else { continue };
        let cases: Value = serde_json::from_slice(&cases).unwrap();
        let model = load(&fixture.join("1"), &Options::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut worst = 0.0_f64;
        for (index, case) in cases.as_array().unwrap().iter().enumerate() {
            let found = call(&model, case);
            let expected = case["outputs"].as_object().unwrap();
            assert_eq!(found.len(), expected.len(), "{name}");
            for (output, value) in expected {
                let what = format!("{name}, case {index}, output {output}");
                worst = worst.max(deviation(&tensor(value), &found[output], &what));
            }
            assert!(worst <= TOLERANCE, "{name}, case {index}: off by {worst:e}");
            replayed += 1;
        }
        println!("{name}: {worst:.1e}");
    }
    assert!(replayed > 0, "no fixtures");
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let expected = [
        ("unsupported_lstm", vec!["`While`"]),
        ("unsupported_string", vec!["`HashTableV2`", "`LookupTableFindV2`"]),
    ];
    for (name, operators) in expected {
        let fixture = fixtures().into_iter().find(|path| path.ends_with(name)).unwrap().join("1");
        let error = load(&fixture, &Options::default()).err().unwrap();
        for operator in operators {
            assert!(error.message().contains(operator), "{name}: {error}");
        }
        assert_eq!(error.reason(), "UNSUPPORTED_OPERATOR");
        assert!(!inspect(&fixture).unwrap().unsupported.is_empty());
    }
}
