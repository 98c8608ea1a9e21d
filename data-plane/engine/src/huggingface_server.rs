//! A Hugging Face folder behind the forms in which callers ask about texts.
//!
//! The pipeline's model reads one form: a column for each text, and parameters as JSON. This unit stands
//! in front of its queue, so that requests of every protocol meet there and can be batched.

use std::sync::Arc;

use hari_artifacts::Picked;
use hari_core::{
    BoxFuture, Context, Input, Message, Method, Model as _, ModelMetadata, NamedTensor, Payload,
    Target, Unit,
};
use hari_error::{Error, Result};
use hari_plan::bound::{ModelSource, ParameterValue, Runtime};
use hari_transformers::{Options, Pipeline, Request, Task};
use serde_json::Value;

use crate::computing::computing;
use crate::load::{Front, Loaded, describe, string};

/// Refuses a pipeline without a folder: the name of a model on the Hub does not tell where its files
/// are.
pub(crate) fn check_uri(source: &ModelSource) -> Result<()> {
    if source.runtime != Runtime::Transformers || !source.model_uri.is_empty() {
        return Ok(());
    }
    let model = string(source, "pretrained_model");
    let model = model.as_deref().unwrap_or("MODEL");
    Err(Error::invalid(format!(
        "modelUri is missing: models are not taken from the Hub; get the files with `hf download {model} --local-dir \
         FOLDER`, put them where the server can read them, and name that place"
    )))
}

/// Loads the folder that was picked, away from the async threads.
pub(crate) async fn load(name: &str, source: &ModelSource, picked: &Picked) -> Result<Loaded> {
    let options = options(source)?;
    let path = picked.path.clone();
    let loading = tokio::task::spawn_blocking(move || Pipeline::load(&path, &options));
    let pipeline = loading.await.map_err(|error| {
        Error::model("the model could not be loaded: the loader crashed").with_source(error)
    })??;
    let mut metadata = describe(name, &pipeline, picked.version);
    metadata.signatures = vec![pipeline.described()];
    metadata
        .custom
        .insert("task".to_owned(), pipeline.task().to_string());
    tracing::debug!(task = %pipeline.task(), platform = pipeline.platform(), "a pipeline is loaded");
    Ok(Loaded {
        front: Front::Pipeline(pipeline.task()),
        model: Arc::new(pipeline),
        metadata,
        folder: picked.path.clone(),
    })
}

fn options(source: &ModelSource) -> Result<Options> {
    let given = source
        .parameters
        .iter()
        .map(|(name, value)| (name.clone(), json(value)));
    Ok(Options {
        engine: computing(&source.parameters)?,
        ..Options::of(given)?
    })
}

fn json(value: &ParameterValue) -> Value {
    match value {
        ParameterValue::Int(number) => Value::from(*number),
        ParameterValue::Float(number) => Value::from(*number),
        ParameterValue::String(text) => Value::from(text.clone()),
        ParameterValue::Bool(flag) => Value::from(*flag),
    }
}

/// A unit in front of a pipeline.
pub(crate) struct HuggingfaceServer {
    inner: Arc<dyn Unit>,
    task: Task,
}

impl HuggingfaceServer {
    pub(crate) fn new(inner: Arc<dyn Unit>, task: Task) -> Self {
        Self { inner, task }
    }

    async fn ask(&self, method: Method, message: Message, context: &Context) -> Result<Message> {
        let Message {
            payload,
            meta,
            representation,
        } = message;
        if let Payload::Tensors(tensors) = &payload {
            tensors.iter().try_for_each(NamedTensor::complete)?;
        }
        let given = &context.target.parameters;
        let request = Request::read(self.task, payload, representation, given)?;
        let outputs = request.form.outputs(self.task);
        let context = if outputs.is_empty() {
            context.clone()
        } else {
            let outputs = outputs.iter().map(|&name| name.to_owned()).collect();
            context.clone().aimed(Target {
                outputs,
                ..Target::clone(&context.target)
            })
        };
        let payload = Payload::Tensors(request.tensors);
        let inner = Input::One(Message {
            payload,
            meta,
            representation,
        });
        request
            .form
            .write(self.inner.call(method, inner, &context).await?)
    }
}

impl Unit for HuggingfaceServer {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        match (method, input) {
            (
                Method::Predict | Method::TransformInput | Method::TransformOutput,
                Input::One(message),
            ) => Box::pin(self.ask(method, message, context)),
            (_, input) => self.inner.call(method, input, context),
        }
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.ready()
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.inner.metadata()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        let inner = self.inner.find(name)?;
        Some(Arc::new(Self {
            inner,
            task: self.task,
        }))
    }

    fn names(&self) -> Vec<String> {
        self.inner.names()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use hari_batch::{BatchOptions, ModelUnit};
    use hari_core::{NamedTensor, Representation, Tensor};
    use hari_error::Kind;
    use serde_json::json;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../runtime/transformers/tests/models")
            .join(name)
    }

    fn source(uri: &str, parameters: &[(&str, ParameterValue)]) -> ModelSource {
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        ModelSource {
            runtime: Runtime::Transformers,
            model_uri: uri.to_owned(),
            parameters: parameters.collect(),
            batching: None,
        }
    }

    async fn server(name: &str, parameters: &[(&str, ParameterValue)]) -> Arc<HuggingfaceServer> {
        let path = folder(name);
        let file = path.join("config.json");
        let picked = Picked {
            path,
            file,
            version: None,
            all: vec![],
        };
        let loaded = load("m", &source("m", parameters), &picked).await.unwrap();
        let pool = crate::load::model_pool(1).unwrap();
        let unit = ModelUnit::new(
            "m",
            loaded.model,
            loaded.metadata,
            BatchOptions::default(),
            pool,
        );
        let Front::Pipeline(task) = loaded.front else {
            panic!("a pipeline is expected");
        };
        Arc::new(HuggingfaceServer::new(Arc::new(unit), task))
    }

    async fn ask(server: &HuggingfaceServer, message: Message) -> Result<Message> {
        let context = Context::new("id", Duration::from_secs(30));
        server
            .call(Method::Predict, Input::One(message), &context)
            .await
    }

    fn texts(name: &str, texts: &[&str]) -> Message {
        let bytes = texts
            .iter()
            .map(|text| text.as_bytes().to_vec().into())
            .collect();
        Message::tensors(vec![NamedTensor::new(
            name,
            Tensor::from_strings([texts.len()], bytes).unwrap(),
        )])
    }

    fn label(payload: &Payload) -> &str {
        let Payload::Json(value) = payload else {
            panic!("{payload:?}")
        };
        value["label"].as_str().unwrap()
    }

    #[tokio::test]
    async fn one_text_is_answered_in_every_form() {
        let server = server("bert-text-classification", &[]).await;
        let text = Message {
            payload: Payload::Text("I love this movie!".into()),
            ..Message::default()
        };
        assert_eq!(
            label(&ask(&server, text).await.unwrap().payload),
            "POSITIVE"
        );
        let rows = Message {
            representation: Representation::Ndarray,
            ..texts("", &["I love this movie!"])
        };
        let Payload::Json(rows) = ask(&server, rows).await.unwrap().payload else {
            panic!()
        };
        assert_eq!(rows[0]["label"], "POSITIVE");
        let named = ask(
            &server,
            texts("args", &["I love this movie!", "Seldon serves models"]),
        )
        .await
        .unwrap();
        let [output] = named.as_tensors().unwrap() else {
            panic!()
        };
        assert_eq!(
            (output.tensor.shape(), &output.parameters["content_type"]),
            (&[2, 1][..], &json!("hg_jsonlist"))
        );
    }

    #[tokio::test]
    async fn vectors_come_as_numbers() {
        let server = server("sentences-mean", &[]).await;
        let asked = Message {
            representation: Representation::Ndarray,
            ..texts("", &["a", "b"])
        };
        let answer = ask(&server, asked).await.unwrap();
        assert_eq!(answer.as_tensors().unwrap()[0].tensor.shape(), [2, 32]);
        let both = ask(&server, texts("args", &["a"])).await.unwrap();
        let names: Vec<_> = both
            .as_tensors()
            .unwrap()
            .iter()
            .map(|named| &*named.name)
            .collect();
        assert_eq!(names, ["embedding", "output"]);
    }

    #[tokio::test]
    async fn parameters_of_the_deployment_and_of_the_request_count() {
        let top = [("top_k", ParameterValue::Int(2))];
        let server = server("bert-text-classification", &top).await;
        let asked = |parameters: Value| {
            let payload = Payload::Json(json!({"inputs": "hi", "parameters": parameters}));
            Message {
                payload,
                ..Message::default()
            }
        };
        let count = |answer: Message| match answer.payload {
            Payload::Json(Value::Array(rows)) => rows.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(count(ask(&server, asked(json!({}))).await.unwrap()), 2);
        assert_eq!(
            count(ask(&server, asked(json!({"top_k": 3}))).await.unwrap()),
            3
        );
        let error = ask(&server, asked(json!({"top_k": -1}))).await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
    }

    #[tokio::test]
    async fn it_keeps_the_rules_of_units() {
        let server = server("bert-text-classification", &[]).await;
        let sample = texts("args", &["a"]);
        hari_testkit::conformance(server, sample).await.unwrap();
    }

    #[test]
    fn a_name_on_the_hub_is_no_place() {
        let named = source(
            "",
            &[(
                "pretrained_model",
                ParameterValue::String("acme/tiny".into()),
            )],
        );
        assert!(
            check_uri(&named)
                .unwrap_err()
                .message()
                .contains("hf download acme/tiny")
        );
        assert!(check_uri(&source("models/m", &[])).is_ok());
    }

    #[test]
    fn the_catalogue_has_every_parameter_of_every_pipeline() {
        let server = hari_plan::catalogue::server("HUGGINGFACE_SERVER").unwrap();
        let listed: BTreeMap<_, _> = server
            .parameters()
            .map(|spec| (spec.name, spec.doc))
            .collect();
        for known in hari_transformers::known() {
            assert!(listed.contains_key(known.name), "{}", known.name);
        }
    }
}
