//! Nodes and models with known answers: those of the ONNX test suite, of ONNX Runtime and of
//! scikit-learn, as `fixtures/*.py` made them.

mod file;
mod graph;
mod same;

use std::path::PathBuf;

/// Runs every case of a file and says all that is wrong.
fn all_of(name: &str, at_least: usize) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name].iter().collect();
    let cases = file::read(&path).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let checked = graph::run(case).and_then(|found| same::all(&found, &case.answers));
        if let Err(error) = checked {
            wrong.push(format!("{}: {error:#}", case.name));
        }
    }
    assert!(cases.len() >= at_least, "{name} holds {} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn nodes_of_the_onnx_suite() {
    all_of("onnx.cases", 35);
}

#[test]
fn classical_operators_answer_as_onnx_runtime() {
    all_of("ml.cases", 440);
}

#[test]
fn text_operators_answer_as_onnx_runtime() {
    all_of("text.cases", 90);
}

#[test]
fn own_operators_answer_as_tensorflow() {
    all_of("tensorflow.cases", 300);
}
