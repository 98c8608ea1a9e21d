//! Tests of MLflow folders, with boosters of the tests of `hari-trees` in them.

use std::path::PathBuf;

use hari_core::{DataType, Limits};
use serde_json::json;

use super::*;

/// A folder with this `MLmodel` and a booster.
fn folder(mlmodel: &str, file: &str, fixture: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixtures =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../runtime/trees/tests/fixtures");
    std::fs::copy(fixtures.join(fixture), folder.path().join(file)).unwrap();
    std::fs::write(folder.path().join("MLmodel"), mlmodel).unwrap();
    folder
}

const SIGNATURE: &str = r#"signature:
  inputs: '[{"type": "double", "name": "age"}, {"type": "double", "name": "income"},
    {"type": "double", "name": "hours"}, {"type": "double", "name": "gain"},
    {"type": "double", "name": "loss"}]'
"#;

fn opened(class: &str) -> Folder {
    let text = format!(
        "flavors:\n  xgboost: {{data: model.json, model_class: {class}}}\nmlflow_version: 3.1.0\n\
         {SIGNATURE}"
    );
    let folder = folder(&text, "model.json", "xgboost/logistic-3.2.json");
    open(folder.path(), &Options::default()).unwrap()
}

#[test]
fn a_booster_in_a_folder_has_the_columns_of_the_signature() {
    let folder = opened("xgboost.core.Booster");
    let columns = ["age", "income", "hours", "gain", "loss"];
    assert_eq!(folder.described.columns(), columns);
    assert_eq!(folder.mlflow_version, "3.1.0");
    let output = &folder.model.signatures()[0].outputs[0];
    assert_eq!(output.dtype, DataType::Fp32);
}

#[test]
fn a_classifier_answers_classes() {
    let folder = opened("xgboost.sklearn.XGBClassifier");
    let output = &folder.model.signatures()[0].outputs[0];
    assert_eq!(output.dtype, DataType::Int64);
}

#[test]
fn names_count_for_callers_of_mlflow_and_may_be_left_out_for_others() {
    let described = opened("xgboost.core.Booster").described;
    let table = json!({"columns": ["a", "b", "c", "d", "e"], "data": [[1, 2, 3, 4, 5]]});
    let tensors = hari_protocol::mlflow::read_table(&table, &Limits::default()).unwrap();
    let context = |spoken| {
        let target = Target {
            spoken,
            ..Target::default()
        };
        Context::new("id", std::time::Duration::from_secs(1)).aimed(target)
    };
    let error = described
        .enforced(tensors.clone(), &context(Spoken::Mlflow))
        .unwrap_err();
    assert!(
        error.message().starts_with("Model is missing inputs `age`"),
        "{error}"
    );
    assert!(
        described
            .enforced(tensors.clone(), &context(Spoken::Seldon))
            .is_ok()
    );
    let framed = Described {
        frame: true,
        ..described
    };
    assert!(framed.enforced(tensors, &context(Spoken::Seldon)).is_err());
}
