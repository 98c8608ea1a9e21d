//! The model's own time: one request after the other, in the threads and with the options that
//! the server uses, but without a server.
//!
//! `hari-bench-inprocess FOLDER BODY SECONDS` loads a SavedModel, takes the numbers of a request
//! of the open inference protocol, and prints microseconds per run as a line of JSON.

#![expect(clippy::print_stdout, reason = "the result is read by a program")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hari_core::{Call, Model, Tensor};
use hari_tensorflow::{Options, TensorflowModel};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Runs that are not counted.
const WARMUP: usize = 1000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, body, seconds] = arguments.as_slice() else {
        bail!("usage: hari-bench-inprocess FOLDER BODY SECONDS");
    };
    let model = hari_tensorflow::load(Path::new(folder), &Options::default())?;
    let body = std::fs::read(body).with_context(|| format!("reading {body}"))?;
    let input = input(&serde_json::from_slice(&body)?)?;
    let length = Duration::from_secs_f64(seconds.parse().context("reading SECONDS")?);
    let mut measured = None;
    hari_onnx::host(|| measured = Some(measure(&model, &input, length)));
    let runs = measured.context("the host ran nothing")??;
    let at = |quantile: f64| runs.value_at_quantile(quantile) as f64 / 1e3;
    println!(
        "{}",
        json!({"runs": runs.len(), "p50": at(0.5), "p99": at(0.99)})
    );
    Ok(())
}

/// The first input of a request of the open inference protocol, as 32-bit floats.
fn input(request: &Value) -> Result<Tensor> {
    let list = |pointer: &str| {
        let list = request.pointer(pointer).and_then(Value::as_array);
        list.with_context(|| format!("the request has no list at {pointer}"))
    };
    let shape = list("/inputs/0/shape")?.iter();
    let shape: Option<Vec<usize>> = shape.map(|dim| Some(dim.as_u64()? as usize)).collect();
    let values = list("/inputs/0/data")?.iter();
    let values: Option<Vec<f32>> = values.map(|value| Some(value.as_f64()? as f32)).collect();
    let (shape, values) = shape.zip(values).context("expected flat numbers")?;
    Ok(Tensor::from_vec(shape, values)?)
}

/// Nanoseconds of each run.
fn measure(model: &TensorflowModel, input: &Tensor, length: Duration) -> Result<Histogram<u64>> {
    let mut runs = Histogram::new(3)?;
    for _ in 0..WARMUP {
        model.run(call(input))?;
    }
    let start = Instant::now();
    while start.elapsed() < length {
        let begin = Instant::now();
        model.run(call(input))?;
        runs.record(begin.elapsed().as_nanos() as u64)?;
    }
    Ok(runs)
}

fn call(input: &Tensor) -> Call {
    Call {
        signature: 0,
        inputs: vec![input.clone()],
        outputs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_from_the_request() {
        let request = json!({"inputs": [{"shape": [1, 2], "data": [0.5, 1]}]});
        let tensor = input(&request).unwrap();
        assert_eq!(tensor.shape(), [1, 2]);
        assert_eq!(tensor.to_vec::<f32>().unwrap(), [0.5, 1.0]);
        assert!(input(&json!({"inputs": []})).is_err());
        assert!(input(&json!({"inputs": [{"shape": [1], "data": ["a"]}]})).is_err());
    }
}
