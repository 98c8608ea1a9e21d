//! What a `.onnx` file holds, without loading it.

use std::collections::BTreeMap;
use std::path::Path;

use hari_core::Signature;
use hari_error::Result;

use crate::external::External;
use crate::{Problem, check, load, signature, tensors};

/// What a `.onnx` file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Version of the file format.
    pub ir_version: i64,
    /// Version of each set of operators, by domain; ONNX's own is `ai.onnx`.
    pub operator_sets: BTreeMap<String, i64>,
    /// Name and version of the program that wrote the file.
    pub producer: String,
    /// Its one signature; none if an input or output is among the problems.
    pub signatures: Vec<Signature>,
    /// Operators by name, those of subgraphs included, and how many nodes use each.
    pub operators: BTreeMap<String, usize>,
    /// All that the built-in engine cannot serve; empty if it can serve the model.
    pub problems: Vec<Problem>,
    /// Bytes of all weights, once loaded.
    pub weights: u64,
}

/// Looks into a `.onnx` file.
///
/// # Errors
/// `Model` if the file cannot be read or is not a well-formed model. What the engine cannot serve
/// is no error here: see [`Inspection::problems`].
pub fn inspect(path: &Path) -> Result<Inspection> {
    let (_, model) = load::read(path)?;
    let graph = check::graph(&model)?;
    let external = External::read(path.parent().unwrap_or_else(|| Path::new("")), &model)?;
    let (signatures, mut problems) = match signature::of(graph) {
        Ok(bound) => (vec![bound.signature], Vec::new()),
        Err(problems) => (Vec::new(), problems),
    };
    problems.extend(check::problems(&model, &external)?);
    let mut operators = BTreeMap::new();
    tensors::each_node(graph, &mut |node| {
        *operators.entry(node.op_type().to_owned()).or_insert(0) += 1;
    });
    let sets = model
        .opset_import
        .iter()
        .map(|set| (domain(set.domain()), set.version()));
    Ok(Inspection {
        ir_version: model.ir_version(),
        operator_sets: sets.collect(),
        producer: format!("{} {}", model.producer_name(), model.producer_version())
            .trim()
            .into(),
        signatures,
        operators,
        problems,
        weights: tensors::memory(graph),
    })
}

fn domain(domain: &str) -> String {
    if domain.is_empty() {
        "ai.onnx".to_owned()
    } else {
        domain.to_owned()
    }
}
