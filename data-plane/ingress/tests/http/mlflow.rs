//! MLflow's scoring API: `/invocations` in JSON and CSV, its errors, and what probes ask.

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Spoken, Unit};
use hari_error::{Error, Result};
use hari_testkit::Identity;
use serde_json::json;
use std::sync::Arc;

use crate::server::{Server, asked, pictures, with};

#[tokio::test]
async fn rows_are_answered_in_every_form() {
    let server = Server::of(Identity::with_metadata(pictures("cnn")));
    for body in [
        json!({"inputs": [[1.5, 2.0]]}),
        json!({"instances": [[1.5, 2.0]]}),
        json!({"dataframe_split": {"columns": ["a", "b"], "data": [[1.5, 2.0]]}}),
    ] {
        let reply = server.post("/invocations", body.to_string()).await.ok();
        assert_eq!(reply, json!({"predictions": [[1.5, 2.0]]}), "{body}");
    }
    let records = r#"{"dataframe_records":[{"a":1,"b":"x"},{"a":2}]}"#;
    let reply = server.post("/invocations", records).await.ok();
    assert_eq!(
        reply,
        json!({"predictions": {"a": [1, 2], "b": ["x", null]}})
    );
    let csv = with(
        asked("POST", "/invocations", "a,b\n1,x\n".into()),
        "content-type",
        "text/csv; charset=utf-8",
    );
    let reply = server.send(csv).await.ok();
    assert_eq!(reply, json!({"predictions": {"a": ["1"], "b": ["x"]}}));
    let prefixed = "/seldon/default/mnist/invocations";
    let reply = server.post(prefixed, r#"{"inputs":[1]}"#).await.ok();
    assert_eq!(reply, json!({"predictions": [1]}));
}

#[tokio::test]
async fn errors_are_written_as_mlflow_writes_them() {
    let server = Server::of(Identity::with_metadata(pictures("cnn")));
    let reply = server.post("/invocations", "{}").await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error_code"], "BAD_REQUEST");
    let message = reply.json()["message"].to_string();
    assert!(
        message.contains("exactly one of the input fields"),
        "{message}"
    );
    let other = with(
        asked("POST", "/invocations", "x".into()),
        "content-type",
        "text/plain",
    );
    let reply = server.send(other).await;
    assert_eq!(reply.status, 415);
    assert!(reply.text().contains("text/csv, application/json"));
    assert_eq!(server.get("/invocations").await.status, 405);
}

#[tokio::test]
async fn probes_and_version() {
    let mut metadata = pictures("cnn");
    let version = env!("CARGO_PKG_VERSION");
    let server = Server::of(Identity::with_metadata(metadata.clone()));
    assert_eq!(server.get("/version").await.text(), version);
    for path in ["/ping", "/health"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    let saved = ("mlflow_version".to_owned(), "3.1.0".to_owned());
    metadata.custom.extend([saved]);
    let server = Server::of(Asked(metadata));
    assert_eq!(server.get("/version").await.text(), "3.1.0");
}

/// Answers with what it was asked for beside the rows.
struct Asked(ModelMetadata);

impl Unit for Asked {
    fn call<'a>(
        &'a self,
        _: Method,
        _: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            match context.target.spoken {
                Spoken::Mlflow => Ok(Message {
                    payload: hari_core::Payload::Json(context.target.parameters.clone().into()),
                    ..Message::default()
                }),
                other => Err(Error::internal(format!("{other:?}"))),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        Arc::new(self.0.clone())
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        (self.0.name == name).then(|| Arc::new(Self(self.0.clone())) as Arc<dyn Unit>)
    }
}

#[tokio::test]
async fn the_model_hears_who_asks_and_with_which_parameters() {
    let server = Server::of(Asked(pictures("cnn")));
    let body = r#"{"inputs":[1],"params":{"k":3}}"#;
    let reply = server.post("/invocations", body).await.ok();
    assert_eq!(reply, json!({"predictions": {"k": 3}}));
}
