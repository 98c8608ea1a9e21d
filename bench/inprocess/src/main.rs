//! The model's own time: one request after the other, in the threads and with the options that
//! the server uses, but without a server.
//!
//! `hari-bench-inprocess MODEL REQUEST SECONDS` loads a SavedModel or an ONNX file, takes the
//! tensors of a request of the open inference protocol, and prints a line of JSON: microseconds
//! to load the model, and for each run.

#![expect(clippy::print_stdout, reason = "the result is read by a program")]

mod case;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hari_core::{Call, Model, Tensor};
use hari_onnx::OnnxModel;
use hdrhistogram::Histogram;
use serde_json::json;

/// Runs, and seconds, that are not counted: whichever is over first.
const WARMUP: (usize, Duration) = (1000, Duration::from_secs(1));

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, request, seconds] = arguments.as_slice() else {
        bail!("usage: hari-bench-inprocess MODEL REQUEST SECONDS");
    };
    let given = case::inputs(Path::new(request))?;
    let length = Duration::from_secs_f64(seconds.parse().context("reading SECONDS")?);
    let mut measured = None;
    hari_onnx::host(|| measured = Some(whole(Path::new(model), &given, length)));
    let (loaded, runs) = measured.context("the host ran nothing")??;
    let at = |quantile: f64| runs.value_at_quantile(quantile) as f64 / 1e3;
    let load = loaded.as_secs_f64() * 1e6;
    println!(
        "{}",
        json!({"runs": runs.len(), "p50": at(0.5), "p99": at(0.99), "load": load})
    );
    Ok(())
}

/// Loads and runs the model.
fn whole(
    path: &Path,
    given: &[(String, Tensor)],
    length: Duration,
) -> Result<(Duration, Histogram<u64>)> {
    let begin = Instant::now();
    let model = load(path)?;
    let loaded = begin.elapsed();
    let inputs = ordered(&*model, given)?;
    let runs = measure(&*model, &inputs, length)?;
    Ok((loaded, runs))
}

/// A file is ONNX, a folder a SavedModel.
fn load(path: &Path) -> Result<Box<dyn Model>> {
    Ok(if path.is_file() {
        Box::new(OnnxModel::load_file(path, &hari_onnx::Options::default())?)
    } else {
        let options = hari_tensorflow::Options::default();
        Box::new(hari_tensorflow::load(path, &options)?)
    })
}

/// The tensors in the order of the model's inputs.
fn ordered(model: &dyn Model, given: &[(String, Tensor)]) -> Result<Vec<Tensor>> {
    let signature = model.signatures().first().context("no signature")?;
    let found = signature.inputs.iter().map(|spec| {
        let tensor = given.iter().find(|(name, _)| *name == spec.name);
        let tensor = tensor.with_context(|| format!("the request has no `{}`", spec.name))?;
        Ok(tensor.1.clone())
    });
    found.collect()
}

/// Nanoseconds of each run.
fn measure(model: &dyn Model, inputs: &[Tensor], length: Duration) -> Result<Histogram<u64>> {
    let mut runs = Histogram::new(3)?;
    let (most, warmup) = WARMUP;
    let start = Instant::now();
    for _ in 0..most {
        model.run(call(inputs))?;
        if start.elapsed() > warmup {
            break;
        }
    }
    let start = Instant::now();
    while runs.is_empty() || start.elapsed() < length {
        let begin = Instant::now();
        model.run(call(inputs))?;
        runs.record(begin.elapsed().as_nanos() as u64)?;
    }
    Ok(runs)
}

fn call(inputs: &[Tensor]) -> Call {
    Call {
        signature: 0,
        inputs: inputs.to_vec(),
        outputs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_of_each_kind_runs() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let model = root.join("examples/mnist/model/1");
        let given = case::inputs(&root.join("examples/mnist/requests/v2-infer.json")).unwrap();
        let (_, runs) = whole(&model, &given, Duration::ZERO).unwrap();
        assert_eq!(runs.len(), 1);
        assert!(whole(&model, &[], Duration::ZERO).is_err());
        let identity = load(&root.join("bench/models/identity.onnx")).unwrap();
        assert_eq!(identity.signatures().len(), 1);
    }
}
