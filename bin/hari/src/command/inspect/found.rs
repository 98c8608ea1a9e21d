//! What the files of a model say, in the same words for every format.

use std::collections::BTreeMap;

use hari_artifacts::{Format, Picked};
use hari_core::{Model as _, Signature};
use hari_error::{Error, Result};
use hari_onnx::Options;
use hari_trees::{Family, TreeModel};

mod tables;

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
    pub(super) fn look(format: Format, picked: &Picked, options: &Options) -> Result<Self> {
        match format {
            Format::SavedModel => hari_tensorflow::inspect(&picked.path).map(Self::of_saved_model),
            Format::Onnx => hari_onnx::inspect_with(&picked.file, options).map(Self::of_onnx),
            Format::Transformers => {
                hari_transformers::inspect(&picked.path).map(Self::of_transformers)
            }
            Format::Xgboost => trees(picked, Family::Xgboost),
            Format::Lightgbm => trees(picked, Family::Lightgbm),
            Format::Catboost => trees(picked, Family::Catboost),
            Format::Sklearn => tables::sklearn(picked),
            Format::Mlflow => tables::mlflow(picked, options),
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
        let mut facts = vec![("tags", tags.collect::<Vec<_>>().join("; "))];
        let left_out = found.left_out.iter();
        facts.extend(left_out.map(|left| {
            let fact = format!("signature `{}`: {}", left.signature, left.reason);
            ("left out", fact)
        }));
        Self {
            written_by: format!("TensorFlow {}", found.tensorflow_version)
                .trim()
                .to_owned(),
            facts,
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
        let placed = found.placed.iter();
        let placed = placed.map(|(name, count)| format!("{name} {}", nodes(*count)));
        let mut facts = vec![
            ("operator sets", sets.collect::<Vec<_>>().join(", ")),
            ("file format", format!("IR version {}", found.ir_version)),
        ];
        if found.placed.len() > 1 {
            facts.push(("computed by", placed.collect::<Vec<_>>().join(", ")));
        }
        if !found.why.is_empty() {
            facts.push(("because", found.why));
        }
        Self {
            written_by: found.producer,
            facts,
            bytes: found.weights,
            unsupported: unsupported.collect(),
            signatures: found.signatures,
            operators: found.operators,
        }
    }

    fn of_trees(model: &TreeModel, bytes: u64) -> Self {
        let summary = model.summary();
        let mut facts = vec![("booster", summary.booster)];
        let mut fact = |name, text: String| {
            if !text.is_empty() {
                facts.push((name, text));
            }
        };
        fact("objective", summary.objective);
        fact(
            "trees",
            format!("{} of {} nodes", summary.trees, summary.nodes),
        );
        fact("features", summary.feature_names.join(", "));
        Self {
            written_by: format!("{} {}", summary.family, summary.version),
            facts,
            bytes,
            signatures: model.signatures().to_vec(),
            ..Self::default()
        }
    }

    fn of_transformers(found: hari_transformers::Inspection) -> Self {
        let mut facts = vec![("task", found.task.to_string())];
        let mut fact = |name, text: String| {
            if !text.is_empty() {
                facts.push((name, text));
            }
        };
        fact("architecture", found.architecture);
        fact("labels", found.labels.join(", "));
        fact("network", found.file);
        let unsupported = found.problems.iter().map(|problem| Unsupported {
            what: problem.subject.clone(),
            why: format!("{}; {}", problem.why, problem.hint),
        });
        Self {
            written_by: match &*found.version {
                "" => String::new(),
                version => format!("transformers {version}"),
            },
            facts,
            bytes: found.bytes,
            unsupported: unsupported.collect(),
            signatures: found.signatures,
            operators: found.operators,
        }
    }
}

fn trees(picked: &Picked, family: Family) -> Result<Found> {
    let model = hari_trees::load(&picked.file, family, &hari_trees::Options::default())?;
    let bytes = std::fs::metadata(&picked.file).map_or(0, |metadata| metadata.len());
    Ok(Found::of_trees(&model, bytes))
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
            left_out: vec![hari_tensorflow::LeftOut {
                signature: "classify".into(),
                reason: "`ParseExample` (1 operation)".into(),
            }],
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
        let left_out = "signature `classify`: `ParseExample` (1 operation)".to_owned();
        assert_eq!(
            found.facts,
            [("tags", "serve".to_owned()), ("left out", left_out)]
        );
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
    fn a_hugging_face_folder_names_its_task() {
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../data-plane/runtime/transformers/tests/models");
        let found = hari_transformers::inspect(&models.join("bert-token-classification"));
        let found = Found::of_transformers(found.unwrap());
        assert_eq!(found.written_by, "transformers 4.57.6");
        assert_eq!(found.facts[0], ("task", "token-classification".to_owned()));
        assert_eq!(found.facts[2].1, "O, B-PER, I-PER, B-LOC, I-LOC");
    }

    #[test]
    fn a_booster_names_its_objective() {
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../data-plane/runtime/trees/tests/fixtures");
        let path = fixtures.join("xgboost/logistic-3.2.json");
        let model = hari_trees::load(&path, Family::Xgboost, &hari_trees::Options::default());
        let found = Found::of_trees(&model.unwrap(), 7);
        assert_eq!((&*found.written_by, found.bytes), ("XGBoost 3.2.0", 7));
        assert_eq!(found.facts[1], ("objective", "binary:logistic".to_owned()));
        let features = "age, income, hours, gain, loss".to_owned();
        assert_eq!(found.facts[3], ("features", features));
    }

    #[test]
    fn one_node_is_one_node() {
        assert_eq!(
            (nodes(1), nodes(3)),
            ("1 node".to_owned(), "3 nodes".to_owned())
        );
    }
}
