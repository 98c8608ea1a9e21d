//! The model's own time: one request after the other, in the threads and with the options that
//! the server uses, but without a server.
//!
//! `hari-bench-inprocess MODEL REQUEST SECONDS [ANSWER]` loads a model (a SavedModel, ONNX, a
//! booster, a fitted estimator: told by the name), takes the tensors of a request of the open
//! inference protocol, and prints a line of JSON: microseconds to load the model, and for each run;
//! bytes of memory that loading took, that it took at most, and that the model says it keeps.
//!
//! ANSWER is a file of 64-bit floats that the answer is held against before anything is timed.

#![expect(clippy::print_stdout, reason = "the result is read by a program")]

mod answer;
mod case;
mod memory;
mod model;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hari_core::{Call, Model, Tensor};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use memory::{Before, Took};

/// Runs, and seconds, that are not counted: whichever is over first.
const WARMUP: (usize, Duration) = (1000, Duration::from_secs(1));

/// What is asked.
struct Plan {
    model: PathBuf,
    given: Vec<(String, Tensor)>,
    length: Duration,
    answer: Option<PathBuf>,
}

/// What was measured.
struct Measured {
    load: Duration,
    took: Took,
    /// Bytes that the model says it keeps.
    kept: u64,
    /// Nanoseconds of each run.
    runs: Histogram<u64>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let plan = Plan::read(&arguments)?;
    let mut measured = None;
    hari_onnx::host(|| measured = Some(plan.whole()));
    println!("{}", measured.context("the host ran nothing")??.line());
    Ok(())
}

impl Plan {
    fn read(arguments: &[String]) -> Result<Self> {
        let (model, request, seconds, answer) = match arguments {
            [model, request, seconds] => (model, request, seconds, None),
            [model, request, seconds, answer] => (model, request, seconds, Some(answer)),
            _ => bail!("usage: hari-bench-inprocess MODEL REQUEST SECONDS [ANSWER]"),
        };
        Ok(Self {
            model: model.into(),
            given: case::inputs(Path::new(request))?,
            length: Duration::from_secs_f64(seconds.parse().context("reading SECONDS")?),
            answer: answer.map(PathBuf::from),
        })
    }

    /// Loads, checks and runs the model.
    fn whole(&self) -> Result<Measured> {
        let before = Before::now()?;
        let begin = Instant::now();
        let model = model::load(&self.model)?;
        let load = begin.elapsed();
        let took = before.took()?;
        let inputs = ordered(&*model, &self.given)?;
        if let Some(answer) = &self.answer {
            let found = model.run(call(&inputs))?;
            answer::check(found.first().context("no answer")?, answer)?;
        }
        Ok(Measured {
            load,
            took,
            kept: model.memory_bytes(),
            runs: measure(&*model, &inputs, self.length)?,
        })
    }
}

impl Measured {
    fn line(&self) -> Value {
        let at = |quantile: f64| self.runs.value_at_quantile(quantile) as f64 / 1e3;
        json!({
            "runs": self.runs.len(),
            "p50": at(0.5),
            "p99": at(0.99),
            "load": self.load.as_secs_f64() * 1e6,
            "memory": self.took.memory,
            "peak": self.took.peak,
            "kept": self.kept,
        })
    }
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

    fn plan(model: &str, request: &str) -> Result<Plan> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = |path: &str| root.join(path).display().to_string();
        Plan::read(&[text(model), text(request), "0".into()])
    }

    #[test]
    fn a_network_runs() {
        let request = "examples/mnist/requests/v2-infer.json";
        let mut plan = plan("examples/mnist/model/1", request).unwrap();
        let line = plan.whole().unwrap().line();
        assert_eq!(line["runs"], 1);
        assert!(line["load"].as_f64() > Some(0.0));
        plan.given.clear();
        assert!(plan.whole().is_err());
        assert!(Plan::read(&["one".into()]).is_err());
    }

    #[test]
    fn an_answer_is_checked_before_it_is_timed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let identity = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/identity.onnx");
        let request = json!({"inputs": [
            {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [0.5, 2.0]},
        ]});
        let right = write("right", &[0.5_f64, 2.0].map(f64::to_le_bytes).concat());
        let wrong = write("wrong", &[0.5_f64, 3.0].map(f64::to_le_bytes).concat());
        let request = write("request.json", request.to_string().as_bytes());
        let run = |answer: &Path| {
            let given = [&*identity, &request, Path::new("0"), answer];
            Plan::read(&given.map(|path| path.display().to_string()))
                .unwrap()
                .whole()
        };
        assert_eq!(run(&right).unwrap().runs.len(), 1);
        assert!(run(&wrong).is_err());
    }
}
