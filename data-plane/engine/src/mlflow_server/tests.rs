//! Tests of MLflow folders, with boosters of the tests of `hari-trees` in them.

use std::path::PathBuf;

use std::time::Duration;

use hari_batch::{BatchOptions, ModelUnit};
use hari_core::{DataType, Limits};
use serde_json::{Value, json};

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
        Context::new("id", Duration::from_secs(1)).aimed(target)
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

/// The folder that MLflow wrote, as it is served.
fn served(folder: &Path) -> Result<Arc<dyn Unit>> {
    let Folder {
        model, described, ..
    } = open(folder, &Options::default())?;
    let metadata = describe("m", &*model, None);
    let pool = crate::load::model_pool(1)?;
    let unit = ModelUnit::new("m", model, metadata, BatchOptions::default(), pool);
    Ok(MlflowServer::before(Arc::new(unit), described))
}

async fn invoke(unit: &dyn Unit, body: &Value) -> Result<Value> {
    let request =
        hari_protocol::mlflow::decode_json(body.to_string().as_bytes(), &Limits::default())?;
    let target = Target {
        spoken: Spoken::Mlflow,
        parameters: request.params,
        ..Target::default()
    };
    let context = Context::new("id", Duration::from_secs(30)).aimed(target);
    let input = Input::One(Message::tensors(request.input));
    let answer = unit.call(Method::Predict, input, &context).await?;
    let reply = hari_protocol::mlflow::encode_predictions(&answer)?;
    Ok(serde_json::from_slice(&reply).unwrap())
}

/// Whether labels are equal, and numbers to the last bits of a double; networks compute in singles.
fn alike(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Array(found), Value::Array(wanted)) => {
            let mut pairs = found.iter().zip(wanted);
            found.len() == wanted.len() && pairs.all(|(found, wanted)| alike(found, wanted))
        }
        (Value::Number(found), Value::Number(wanted)) => {
            let (found, wanted) = (found.as_f64().unwrap(), wanted.as_f64().unwrap());
            // The singles of MLflow's answers are written as doubles.
            (found - wanted).abs() <= 1e-7 * wanted.abs()
        }
        (found, wanted) => found == wanted,
    }
}

/// What `tests/mlflow/make_folders.py` wrote: every flavour, and MLflow's own predictions.
#[tokio::test]
async fn folders_answer_what_mlflow_answers() {
    let folders = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mlflow");
    let mut count = 0;
    for item in std::fs::read_dir(folders).unwrap().flatten() {
        let folder = item.path();
        let Ok(text) = std::fs::read_to_string(folder.join("case.json")) else {
            continue;
        };
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let case: Value = serde_json::from_str(&text).unwrap();
        let unit = served(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
        let reply = invoke(&*unit, &case["body"]).await;
        let reply = reply.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (found, wanted) = (&reply["predictions"], &case["predictions"]);
        assert!(alike(found, wanted), "{name}: {found}, expected {wanted}");
        count += 1;
    }
    assert_eq!(count, 11);
}
