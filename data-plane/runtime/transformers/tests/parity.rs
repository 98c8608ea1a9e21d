//! Every folder in `models/`, against the answers that `transformers` and `sentence-transformers` gave
//! (`make_models.py`, versions in `requirements.txt`): labels, words and offsets exactly, scores and
//! vectors to 1e-5, which is what the order of additions may change in 32-bit floats.

#![expect(clippy::unwrap_used, reason = "values that the tests make")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hari_core::{Call, Model as _, Payload, Representation};
use hari_error::Result;
use hari_transformers::{Options, Pipeline, Request, Task};
use serde_json::{Map, Value};

const TOLERANCE: f64 = 1e-5;

fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|item| item.unwrap().path())
        .collect();
    folders.sort();
    folders
}

fn cases(folder: &Path) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(folder.join("cases.json")).unwrap()).unwrap()
}

fn load(folder: &Path, task: Task, file: Option<&str>) -> Result<Pipeline> {
    let file = file.map(str::to_owned);
    Pipeline::load(
        folder,
        &Options {
            task: Some(task),
            file,
            ..Options::default()
        },
    )
}

/// The texts and parameters of a case, as a message would carry them.
fn asked(task: Task, case: &Value) -> Request {
    let mut members = Map::new();
    match &case["inputs"] {
        Value::Object(texts) => members.extend(texts.clone()),
        text => drop(members.insert("args".into(), text.clone())),
    }
    members.extend(case["parameters"].as_object().unwrap().clone());
    let payload = Payload::Json(Value::Object(members));
    Request::read(task, payload, Representation::Unspecified, &Map::new()).unwrap()
}

/// Answers to all requests as rows of one run.
fn run(pipeline: &Pipeline, requests: &[Request]) -> Vec<Value> {
    let columns = requests[0].tensors.len();
    let column = |at: usize| {
        let parts: Vec<_> = requests
            .iter()
            .map(|request| request.tensors[at].tensor.clone())
            .collect();
        hari_core::Tensor::concat_rows(&parts).unwrap()
    };
    let inputs = (0..columns).map(column).collect();
    let output = pipeline.signatures()[0].outputs.len() - 1;
    let call = Call {
        signature: 0,
        inputs,
        outputs: vec![output],
    };
    let answer = pipeline.run(call).unwrap();
    let texts = answer[0].strings().unwrap();
    texts
        .iter()
        .map(|text| serde_json::from_slice(text).unwrap())
        .collect()
}

fn differ(found: &Value, expected: &Value) -> Option<String> {
    match (found, expected) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let far = (a.as_f64()? - b.as_f64()?).abs() > TOLERANCE;
            far.then(|| format!("{a} for {b}"))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(at, (a, b))| Some(format!("[{at}]{}", differ(a, b)?))),
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => a
            .iter()
            .find_map(|(key, value)| Some(format!(".{key} {}", differ(value, &b[key])?))),
        (a, b) => (a != b).then(|| format!("{a} for {b}")),
    }
}

/// Compares every case, in one run and each alone.
fn compare(folder: &Path, file: Option<&str>, failures: &mut Vec<String>) -> usize {
    let cases = cases(folder);
    let task = Task::named(cases[0]["task"].as_str().unwrap()).unwrap();
    let name = folder.file_name().unwrap().to_string_lossy();
    let pipeline = match load(folder, task, file) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            failures.push(format!("{name} {file:?}: {error}"));
            return 0;
        }
    };
    let requests: Vec<Request> = cases.iter().map(|case| asked(task, case)).collect();
    let together = run(&pipeline, &requests);
    for ((case, request), found) in cases.iter().zip(&requests).zip(&together) {
        let alone = run(&pipeline, std::slice::from_ref(request)).remove(0);
        for (found, how) in [(found, "together"), (&alone, "alone")] {
            if let Some(difference) = differ(found, &case["expected"]) {
                let (inputs, parameters) = (&case["inputs"], &case["parameters"]);
                failures.push(format!(
                    "{name} {file:?} {how}: {inputs} {parameters}: {difference}"
                ));
            }
        }
    }
    cases.len()
}

#[test]
fn every_folder_answers_as_transformers_does() {
    let (mut failures, mut counts) = (Vec::new(), BTreeMap::new());
    for folder in models() {
        let index = folder.join("model.safetensors.index.json").is_file();
        let weights = if index {
            "model.safetensors.index.json"
        } else {
            "model.safetensors"
        };
        *counts.entry("weights").or_insert(0) += compare(&folder, Some(weights), &mut failures);
        if folder.join("onnx/model.onnx").is_file() {
            *counts.entry("onnx").or_insert(0) += compare(&folder, None, &mut failures);
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {counts:?}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        counts["weights"] >= 550 && counts["onnx"] >= 80,
        "{counts:?}"
    );
}
