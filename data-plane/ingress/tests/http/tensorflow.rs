//! TensorFlow Serving's REST API: every verb, version, label, and the bare extension paths.

use hari_core::{Message, Tensor};
use hari_testkit::{Constant, Identity};
use serde_json::json;

use crate::server::{Server, pictures};

#[tokio::test]
async fn predict_answers_rows_with_rows_and_columns_with_columns() {
    let server = Server::of(Identity::with_metadata(pictures("cnn")));
    let rows = r#"{"instances":[[1.5,2.0],[3.0,4.0]]}"#;
    for path in [
        "/v1/models/cnn:predict",
        "/v1/models/cnn/:predict",
        "/v1/models/mnist:predict",
        "/v1/models:predict",
        "/v1/models/:predict",
        "/v1/models/cnn/versions/2:predict",
        "/v1/models/cnn/labels/stable:predict",
    ] {
        let reply = server.post(path, rows).await.ok();
        assert_eq!(
            reply,
            json!({"predictions": [[1.5, 2.0], [3.0, 4.0]]}),
            "{path}"
        );
    }
    let columns = r#"{"inputs":{"image":[[1.5,2.0]]}}"#;
    let reply = server.post("/v1/models/cnn:predict", columns).await.ok();
    assert_eq!(reply, json!({"outputs": [[1.5, 2.0]]}));
}

#[tokio::test]
async fn classify_and_regress_read_examples() {
    let scores = Tensor::from_vec([1, 2], vec![0.25_f32, 0.75]).expect("a tensor");
    let server = Server::of(Constant::new("cnn", Message::tensor("scores", scores)));
    let body = r#"{"examples":[{"x":[1.0,2.0]}]}"#;
    let reply = server.post("/v1/models/cnn:classify", body).await.ok();
    assert_eq!(reply, json!({"results": [[["", 0.25], ["", 0.75]]]}));
    let value = Tensor::from_vec([1, 1], vec![0.5_f32]).expect("a tensor");
    let server = Server::of(Constant::new("cnn", Message::tensor("outputs", value)));
    let reply = server.post("/v1/models/cnn:regress", body).await.ok();
    assert_eq!(reply, json!({"results": [0.5]}));
}

#[tokio::test]
async fn status_and_metadata_of_model_version_and_label() {
    let server = Server::of(Identity::with_metadata(pictures("cnn")));
    for path in [
        "/v1/models/cnn",
        "/v1/models/cnn/versions/1",
        "/v1/models/cnn/labels/stable",
    ] {
        let status = server.get(path).await.ok();
        assert_eq!(
            status["model_version_status"][0]["state"], "AVAILABLE",
            "{path}"
        );
        let metadata = server.get(&format!("{path}/metadata")).await.ok();
        assert_eq!(metadata["model_spec"]["name"], "cnn", "{path}");
        let signatures = &metadata["metadata"]["signature_def"]["signature_def"];
        let input = &signatures["serving_default"]["inputs"]["image"];
        assert_eq!(input["dtype"], "DT_FLOAT", "{path}");
    }
}

#[tokio::test]
async fn the_status_of_a_version_is_its_own() {
    let server = Server::of(Identity::with_metadata(pictures("cnn")));
    let versions = async |path| {
        let status = server.get(path).await.ok();
        let all = status["model_version_status"].as_array().cloned();
        let all = all.expect("a list").into_iter();
        all.map(|one| one["version"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(versions("/v1/models/cnn").await, ["2", "1"]);
    assert_eq!(versions("/v1/models/cnn/versions/1").await, ["1"]);
    assert_eq!(versions("/v1/models/cnn/labels/stable").await, ["1"]);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let server = Server::of(Identity::with_metadata(pictures("cnn")));
    for (path, named) in [
        ("/v1/models/other:predict", "`other`"),
        ("/v1/models/cnn/versions/9:predict", "`9`"),
        ("/v1/models/cnn/labels/canary:predict", "`canary`"),
        ("/v1/models/cnn:explode", ":explode"),
    ] {
        let reply = server.post(path, r#"{"instances":[1]}"#).await;
        assert_eq!(reply.status, 404, "{path}");
        let error = reply.json()["error"].to_string();
        assert!(error.contains(named), "{path}: {error}");
    }
}
