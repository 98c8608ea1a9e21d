//! What a `.onnx` file holds, without loading it.

use std::collections::BTreeMap;
use std::path::Path;

use hari_core::Signature;
use hari_error::Result;

use crate::external::External;
use crate::{Problem, check, load, rewrite, signature, tensors};

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
    problems.extend(check::problems(&rewrite::rewrite(&model), &external)?);
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

#[cfg(test)]
mod tests {
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture::{dense, file, unary};

    #[test]
    fn a_model_is_described() {
        let (_folder, path) = file(&dense());
        let found = inspect(&path).unwrap();
        assert_eq!((found.ir_version, &*found.producer), (8, "hari-test"));
        assert_eq!(
            found.operator_sets,
            BTreeMap::from([("ai.onnx".to_owned(), 17)])
        );
        let counted: Vec<_> = found
            .operators
            .iter()
            .map(|(name, count)| (&**name, *count))
            .collect();
        assert_eq!(
            counted,
            [("Add", 1), ("MatMul", 1), ("Relu", 1), ("Softmax", 1)]
        );
        assert_eq!((found.weights, found.problems.len()), (36, 0));
        assert_eq!(found.signatures[0].inputs[0].name, "x");
    }

    #[test]
    fn what_cannot_be_served_is_listed_and_no_error() {
        let (_folder, path) = file(&unary("Frobnicate", Elem::Double));
        let found = inspect(&path).unwrap();
        let subjects: Vec<_> = found
            .problems
            .iter()
            .map(|problem| &*problem.subject)
            .collect();
        assert_eq!(subjects[..2], ["input `x`", "output `y`"]);
        assert!(
            subjects[2].starts_with("operator `Frobnicate`"),
            "{subjects:?}"
        );
        assert!(found.signatures.is_empty());
    }
}
