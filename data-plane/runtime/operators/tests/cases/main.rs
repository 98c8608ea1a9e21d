//! Nodes and models with known answers: those of the ONNX test suite, of ONNX Runtime and of
//! scikit-learn, as `fixtures/*.py` made them.

mod abuse;
mod file;
mod graph;
mod same;

use std::path::PathBuf;

use anyhow::Result;

/// Single precision, summed in another order.
const SINGLE: f64 = 2e-6;

/// Where one step after another is taken in single precision, or where the last one loses digits:
/// distances of neighbouring points, polynomials, quantiles.
const STEPS: f64 = 2e-5;

/// A file of cases.
fn path(name: &str) -> PathBuf {
    let parts = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name];
    parts.iter().collect()
}

/// Runs every case of a file and says all that is wrong.
fn all_of(name: &str, at_least: usize, close: f64) -> Result<()> {
    let cases = file::read(&path(name))?;
    let mut wrong = Vec::new();
    for case in &cases {
        let close = if case.name.contains("PROBIT") {
            STEPS
        } else {
            close
        };
        let checked = graph::run(case).and_then(|found| same::all(&found, &case.answers, close));
        if let Err(error) = checked {
            wrong.push(format!("{}: {error:#}", case.name));
        }
    }
    assert!(
        cases.len() >= at_least,
        "{name} holds {} cases",
        cases.len()
    );
    let all = cases.len();
    assert!(
        wrong.is_empty(),
        "{} of {all}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}

#[test]
fn nodes_of_the_onnx_suite() -> Result<()> {
    all_of("onnx.cases", 35, SINGLE)
}

#[test]
fn classical_operators_answer_as_onnx_runtime() -> Result<()> {
    all_of("ml.cases", 440, SINGLE)
}

#[test]
fn text_operators_answer_as_onnx_runtime() -> Result<()> {
    all_of("text.cases", 90, SINGLE)
}

#[test]
fn own_operators_answer_as_tensorflow() -> Result<()> {
    all_of("tensorflow.cases", 390, SINGLE)
}

#[test]
fn exported_models_answer_as_onnx_runtime() -> Result<()> {
    all_of("models.cases", 110, STEPS)
}

#[test]
fn fused_operators_of_transformers_answer_as_onnx_runtime() -> Result<()> {
    all_of("transformers.cases", 20, SINGLE)
}
