//! scikit-learn behind the protocols: what it takes, and which method answers whom.

use std::path::Path;
use std::sync::Arc;

use hari_artifacts::Picked;
use hari_core::DataType;
use hari_error::Result;
use hari_plan::bound::ModelSource;
use hari_sklearn::{Inputs, Method, Options, SklearnModel};

use crate::load::{Loaded, string};
use crate::table::{Column, Kind, Matrix, Table};
use crate::table_server::{Opened, Tabular, away, loaded};

/// What callers of Seldon's protocol get, the first that the model has.
const SELDON: [Method; 5] = [
    Method::PredictProba,
    Method::Predict,
    Method::Transform,
    Method::DecisionFunction,
    Method::ScoreSamples,
];

/// What all other callers get.
const PLAIN: [Method; 4] = [
    Method::Predict,
    Method::Transform,
    Method::DecisionFunction,
    Method::ScoreSamples,
];

/// Loads the estimator that was picked.
pub(crate) async fn load(name: &str, source: &ModelSource, picked: &Picked) -> Result<Loaded> {
    let method = method(source);
    let file = picked.file.clone();
    let opened = away(move || open(&file, method)).await?;
    Ok(loaded(name, picked, opened))
}

/// The method that the parameter `method` names; of a name that is no method's, `predict`, as in
/// Seldon's server.
fn method(source: &ModelSource) -> Option<Method> {
    let name = string(source, "method")?;
    let known = Method::named(&name);
    if known.is_none() {
        let names = Method::ALL.map(Method::name).join(", ");
        tracing::warn!(
            method = name,
            "parameter `method` names no method: `predict` answers; there are {names}"
        );
    }
    known.or(Some(Method::Predict))
}

/// Reads an estimator as it is served where no parameter says more.
///
/// # Errors
/// What the reader says of the file.
pub fn open_sklearn(file: &Path) -> Result<SklearnModel> {
    read(file, SELDON.to_vec())
}

fn read(file: &Path, methods: Vec<Method>) -> Result<SklearnModel> {
    let options = Options {
        methods,
        ..Options::default()
    };
    hari_sklearn::load(file, &options)
}

/// Reads an estimator; with a method, that is what it answers to all callers.
///
/// # Errors
/// What the reader says of the file, or if it has not got the method.
pub(crate) fn open(file: &Path, method: Option<Method>) -> Result<Opened> {
    let (model, plain) = match method {
        Some(method) => (read(file, vec![method])?, None),
        None => {
            let model = open_sklearn(file)?;
            let plain = plain(&model);
            (model, plain)
        }
    };
    let tabular = Tabular {
        table: taken(model.inputs()),
        plain,
    };
    Ok(Opened {
        model: Arc::new(model),
        tabular,
    })
}

/// The method for callers of other protocols, unless it is the default anyway.
fn plain(model: &SklearnModel) -> Option<String> {
    let summary = model.summary();
    let method = PLAIN.iter().find(|one| summary.methods.contains(one))?;
    (*method != summary.method).then(|| method.name().to_owned())
}

/// What the estimator takes.
fn taken(inputs: &Inputs) -> Table {
    match inputs {
        Inputs::Matrix {
            name,
            width,
            columns,
        } => Table::Matrix(Matrix {
            input: name.clone(),
            dtype: DataType::Fp64,
            width: *width,
            columns: columns.clone(),
        }),
        Inputs::Documents { name } => Table::Documents(name.clone()),
        Inputs::Columns(columns) => {
            let columns = columns.iter().map(|one| Column {
                name: one.name.clone(),
                kind: match one.kind {
                    hari_sklearn::Kind::Number => Kind::Number,
                    hari_sklearn::Kind::Text => Kind::Text,
                    hari_sklearn::Kind::Unused => Kind::Unused,
                },
            });
            Table::Columns(columns.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::time::Duration;

    use hari_batch::{BatchOptions, ModelUnit};
    use hari_core::{
        Context, Input, Message, Method as Asked, ModelMetadata, NamedTensor, Spoken, Target,
        Tensor, Unit as _,
    };
    use hari_plan::bound::{ParameterValue, Runtime};

    use super::*;
    use crate::table_server::TableServer;

    fn iris() -> PathBuf {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        root.join("examples/iris-sklearn/model/model.joblib")
    }

    fn server(method: Option<Method>) -> TableServer {
        let Opened { model, tabular } = open(&iris(), method).unwrap();
        let metadata = ModelMetadata {
            signatures: model.signatures().to_vec(),
            ..ModelMetadata::default()
        };
        let pool = crate::load::model_pool(1).unwrap();
        let unit = ModelUnit::new("iris", model, metadata, BatchOptions::default(), pool);
        TableServer::new(Arc::new(unit), tabular)
    }

    /// Names of the outputs for a flower, by who asks and for what.
    async fn outputs(server: &TableServer, spoken: Spoken, wanted: &[&str]) -> Result<Vec<String>> {
        let row = Tensor::from_vec([1, 4], vec![5.1, 3.5, 1.4, 0.2])?;
        let target = Target {
            spoken,
            outputs: wanted.iter().map(|&name| name.to_owned()).collect(),
            ..Target::default()
        };
        let context = Context::new("id", Duration::from_secs(30)).aimed(target);
        let input = Input::One(Message::tensors(vec![NamedTensor::inferred("", row)]));
        let answer = server.call(Asked::Predict, input, &context).await?;
        let tensors = answer.as_tensors().unwrap_or_default().iter();
        Ok(tensors.map(|one| one.name.clone()).collect())
    }

    #[tokio::test]
    async fn the_protocol_chooses_where_no_parameter_does() {
        let free = server(None);
        let of = async |spoken| outputs(&free, spoken, &[]).await.unwrap();
        assert_eq!(of(Spoken::Seldon).await, ["predict_proba"]);
        for spoken in [Spoken::OpenInference, Spoken::Tensorflow, Spoken::Mlflow] {
            assert_eq!(of(spoken).await, ["predict"], "{spoken:?}");
        }
        let fixed = server(Some(Method::DecisionFunction));
        for spoken in [Spoken::Seldon, Spoken::OpenInference] {
            let names = outputs(&fixed, spoken, &[]).await.unwrap();
            assert_eq!(names, ["decision_function"], "{spoken:?}");
        }
    }

    #[tokio::test]
    async fn outputs_of_a_request_choose_methods() {
        let free = server(None);
        let both = ["predict", "predict_proba"];
        for spoken in [Spoken::Seldon, Spoken::OpenInference] {
            assert_eq!(outputs(&free, spoken, &both).await.unwrap(), both);
        }
        let error = outputs(&free, Spoken::OpenInference, &["leaves"]).await;
        assert!(error.unwrap_err().message().contains("no output `leaves`"));
    }

    #[test]
    fn metadata_show_what_the_caller_gets() {
        let free = server(None);
        let first = |spoken| {
            let target = Target {
                spoken,
                ..Target::default()
            };
            let metadata = free.metadata_of(&target);
            let output = metadata.signatures[0].outputs.first().cloned();
            output.map(|output| output.name).unwrap_or_default()
        };
        assert_eq!(first(Spoken::Seldon), "predict_proba");
        assert_eq!(first(Spoken::OpenInference), "predict");
    }

    #[test]
    fn a_method_that_there_is_not_is_refused() {
        let source = |value: &str| ModelSource {
            runtime: Runtime::Sklearn,
            model_uri: String::new(),
            parameters: BTreeMap::from([(
                "method".to_owned(),
                ParameterValue::String(value.to_owned()),
            )]),
            batching: None,
        };
        assert_eq!(method(&source("")), None);
        let decision = Some(Method::DecisionFunction);
        assert_eq!(method(&source("decision_function")), decision);
        assert_eq!(method(&source("anything else")), Some(Method::Predict));
        let error = open(&iris(), Some(Method::Transform)).err().unwrap();
        assert!(
            error.message().contains("has no method `transform`"),
            "{error}"
        );
    }
}
