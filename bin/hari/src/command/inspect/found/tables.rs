//! What scikit-learn's estimators and MLflow's folders say of themselves.

use hari_artifacts::Picked;
use hari_core::Model as _;
use hari_error::Result;
use hari_onnx::Options;
use hari_sklearn::{Inputs, Kind, Method, SklearnModel};

use super::Found;

/// Reads an estimator.
pub(super) fn sklearn(picked: &Picked) -> Result<Found> {
    let model = hari_engine::open_sklearn(&picked.file)?;
    Ok(of_sklearn(&model, size(picked)))
}

fn size(picked: &Picked) -> u64 {
    std::fs::metadata(&picked.file).map_or(0, |metadata| metadata.len())
}

fn of_sklearn(model: &SklearnModel, bytes: u64) -> Found {
    let summary = model.summary();
    let methods = summary.methods.iter().copied().map(Method::name);
    let mut facts = vec![
        ("class", summary.class),
        ("methods", methods.collect::<Vec<_>>().join(", ")),
        ("answers", summary.method.name().to_owned()),
    ];
    let mut fact = |name, text: String| {
        if !text.is_empty() {
            facts.push((name, text));
        }
    };
    let classes = summary.classes.iter().map(|labels| labels.join(", "));
    fact("classes", classes.collect::<Vec<_>>().join("; "));
    fact("columns", columns(model.inputs()));
    Found {
        written_by: match &*summary.version {
            "" => "scikit-learn".to_owned(),
            version => format!("scikit-learn {version}"),
        },
        facts,
        bytes,
        signatures: model.signatures().to_vec(),
        ..Found::default()
    }
}

/// The columns by name; those that are not looked at are said to be.
fn columns(inputs: &Inputs) -> String {
    match inputs {
        Inputs::Matrix { columns, .. } => columns.join(", "),
        Inputs::Documents { .. } => "one text in a row".to_owned(),
        Inputs::Columns(columns) => {
            let words = columns.iter().map(|one| match one.kind {
                Kind::Number => one.name.clone(),
                Kind::Text => format!("{} (text)", one.name),
                Kind::Unused => format!("{} (not used)", one.name),
            });
            words.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Reads an MLflow folder.
pub(super) fn mlflow(picked: &Picked, options: &Options) -> Result<Found> {
    let folder = hari_engine::inspect_mlflow(&picked.path, options)?;
    let mut facts = vec![
        ("flavour", folder.flavour.to_owned()),
        ("model", folder.platform),
    ];
    if !folder.columns.is_empty() {
        facts.push(("columns", folder.columns.join(", ")));
    }
    let written_by = format!("MLflow {}", folder.version);
    Ok(Found {
        written_by: written_by.trim().to_owned(),
        facts,
        bytes: folder.bytes,
        signatures: folder.signatures,
        ..Found::default()
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn example(path: &str) -> Picked {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples")
            .join(path);
        Picked {
            path: file.parent().unwrap_or(&file).to_owned(),
            file,
            version: None,
            all: Vec::new(),
        }
    }

    #[test]
    fn a_pipeline_names_its_methods_and_classes() {
        let found = sklearn(&example("iris-sklearn/model/model.joblib")).unwrap();
        assert!(
            found.written_by.starts_with("scikit-learn 1."),
            "{}",
            found.written_by
        );
        assert_eq!(found.facts[0], ("class", "Pipeline".to_owned()));
        assert!(found.facts[1].1.contains("predict_proba"));
        assert_eq!(found.facts[2].1, "predict_proba");
        assert!(found.bytes > 0);
    }

    #[test]
    fn an_mlflow_folder_names_its_flavour_and_columns() {
        let found = mlflow(&example("wine-mlflow/model/MLmodel"), &Options::default()).unwrap();
        assert!(found.written_by.starts_with("MLflow 3."));
        assert_eq!(found.facts[0], ("flavour", "sklearn".to_owned()));
        let columns = &found.facts[2].1;
        assert!(columns.starts_with("alcohol, malic_acid"), "{columns}");
    }
}
