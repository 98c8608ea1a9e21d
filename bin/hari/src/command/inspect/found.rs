//! What the files of a model say, in the same words for every format.

use std::collections::BTreeMap;

use hari_artifacts::{Format, Picked};
use hari_core::Signature;
use hari_error::{Error, Result};

/// What was found in a model's files, without loading it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Program that wrote it, and its version.
    pub(super) written_by: String,
    /// Facts of this format alone, by name.
    pub(super) facts: Vec<(&'static str, String)>,
    /// Bytes of graph and weights.
    pub(super) bytes: u64,
    pub(super) signatures: Vec<Signature>,
    /// Operators, and how many nodes use each.
    pub(super) operators: BTreeMap<String, usize>,
    /// What keeps the model from being served, each by name.
    pub(super) unsupported: Vec<Unsupported>,
}

/// One thing that is not served.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unsupported {
    /// "operator `Foo`"
    pub(super) what: String,
    pub(super) why: String,
}

impl Found {
    /// Reads the files that were picked.
    ///
    /// # Errors
    /// If they are damaged.
    pub(super) fn look(format: Format, picked: &Picked) -> Result<Self> {
        match format {
            Format::SavedModel => hari_tensorflow::inspect(&picked.path).map(Self::of_saved_model),
            Format::Onnx => hari_onnx::inspect(&picked.file).map(Self::of_onnx),
            other => Err(Error::unimplemented(format!(
                "{} is not in this build",
                other.name()
            ))),
        }
    }

    fn of_saved_model(found: hari_tensorflow::Inspection) -> Self {
        let tags = found.tags.iter().map(|tags| tags.join(","));
        let unsupported = found.unsupported.iter().map(|one| Unsupported {
            what: format!("operator `{}` ({})", one.operator, nodes(one.nodes)),
            why: one
                .reason
                .clone()
                .unwrap_or_else(|| "it has no lowering".to_owned()),
        });
        Self {
            written_by: format!("TensorFlow {}", found.tensorflow_version)
                .trim()
                .to_owned(),
            facts: vec![("tags", tags.collect::<Vec<_>>().join("; "))],
            bytes: found.bytes,
            unsupported: unsupported.collect(),
            signatures: found.signatures,
            operators: found.operators,
        }
    }

    fn of_onnx(found: hari_onnx::Inspection) -> Self {
        let sets = found
            .operator_sets
            .iter()
            .map(|(domain, version)| format!("{domain} {version}"));
        let unsupported = found.problems.iter().map(|problem| Unsupported {
            what: problem.subject.clone(),
            why: format!("{}; {}", problem.why, problem.hint),
        });
        Self {
            written_by: found.producer,
            facts: vec![
                ("operator sets", sets.collect::<Vec<_>>().join(", ")),
                ("file format", format!("IR version {}", found.ir_version)),
            ],
            bytes: found.weights,
            unsupported: unsupported.collect(),
            signatures: found.signatures,
            operators: found.operators,
        }
    }
}

fn nodes(count: usize) -> String {
    if count == 1 {
        "1 node".to_owned()
    } else {
        format!("{count} nodes")
    }
}

#[cfg(test)]
mod tests {
    use hari_onnx::Inspection;

    use super::*;

    #[test]
    fn a_saved_model_names_its_tensorflow_and_what_is_missing() {
        let found = Found::of_saved_model(hari_tensorflow::Inspection {
            tags: vec![vec!["serve".into()]],
            signatures: vec![],
            operators: BTreeMap::from([("TensorListReserve".to_owned(), 2)]),
            unsupported: vec![hari_tensorflow::Unsupported {
                operator: "TensorListReserve".into(),
                nodes: 2,
                reason: None,
            }],
            tensorflow_version: "2.21.0".into(),
            bytes: 7,
        });
        assert_eq!(found.written_by, "TensorFlow 2.21.0");
        assert_eq!(found.facts, [("tags", "serve".to_owned())]);
        assert_eq!(
            found.unsupported[0].what,
            "operator `TensorListReserve` (2 nodes)"
        );
    }

    #[test]
    fn an_onnx_file_names_its_operator_sets() {
        let found = Found::of_onnx(Inspection {
            ir_version: 8,
            operator_sets: BTreeMap::from([("ai.onnx".to_owned(), 17)]),
            producer: "pytorch 2.8".into(),
            signatures: vec![],
            operators: BTreeMap::new(),
            problems: vec![],
            weights: 36,
            ..Inspection::default()
        });
        assert_eq!(
            (found.written_by.as_str(), found.bytes),
            ("pytorch 2.8", 36)
        );
        assert_eq!(found.facts[0].1, "ai.onnx 17");
    }

    #[test]
    fn one_node_is_one_node() {
        assert_eq!(
            (nodes(1), nodes(3)),
            ("1 node".to_owned(), "3 nodes".to_owned())
        );
    }
}
