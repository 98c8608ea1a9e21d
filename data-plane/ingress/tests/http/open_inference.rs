//! The open inference protocol: health, metadata, infer, versions, binary data.

use bytes::Bytes;
use hari_core::ModelMetadata;
use hari_error::Kind;
use hari_testkit::{Failing, Identity};
use serde_json::{Value, json};

use crate::server::{Server, asked, pictures, plain, post, settings, with};

fn body() -> String {
    json!({"id": "7", "inputs": [
        {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2.0]},
    ]})
    .to_string()
}

#[tokio::test]
async fn infer_answers_with_names_versions_and_ids() {
    let server = Server::of(Identity::new("echo"));
    for path in [
        "/v2/models/echo/infer",
        "/v2/models/mnist/infer",
        "/v2/models/infer",
        "/v2/models/echo/versions/1/infer",
    ] {
        let reply = server.post(path, body()).await.ok();
        assert_eq!(
            (&reply["id"], &reply["model_version"]),
            (&json!("7"), &json!("1")),
            "{path}"
        );
        let output = json!({"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.0]});
        assert_eq!(reply["outputs"], json!([output]), "{path}");
    }
}

#[tokio::test]
async fn the_server_and_its_models_tell_of_themselves() {
    let server = Server::of(Identity::with_metadata(pictures("cnn")));
    for path in ["/v2", "/v2/"] {
        let told = server.get(path).await.ok();
        assert_eq!(told["name"], "hari");
        assert!(
            told["extensions"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        );
    }
    for path in [
        "/v2/models/cnn",
        "/v2/models/mnist",
        "/v2/models/cnn/versions/1",
    ] {
        let told = server.get(path).await.ok();
        assert_eq!(told["versions"], json!(["2", "1"]), "{path}");
        assert_eq!(told["inputs"][0]["shape"], json!([-1, 4, 4, 1]), "{path}");
    }
    let index = server.post("/v2/repository/index", "{}").await.ok();
    let entry =
        |version: &str| json!({"name": "cnn", "version": version, "state": "READY", "reason": ""});
    assert_eq!(index, json!([entry("2"), entry("1")]));
}

#[tokio::test]
async fn the_index_says_why_a_model_is_not_ready() {
    let bad = Failing::new("bad", Kind::Unavailable, "loading");
    let deployments = vec![
        plain("default", "one", Identity::new("good")),
        plain("default", "two", bad),
    ];
    let server = Server::with(settings(), deployments);
    let good = json!({"name": "good", "version": "1", "state": "READY", "reason": ""});
    let bad = json!({"name": "bad", "version": "1", "state": "UNAVAILABLE", "reason": "loading"});
    for (body, expected) in [
        ("", json!([good, bad])),
        ("{}", json!([good, bad])),
        (r#"{"ready": false}"#, json!([good, bad])),
        (r#"{"ready": true}"#, json!([good])),
    ] {
        let index = server.post("/v2/repository/index", body).await.ok();
        assert_eq!(index, expected, "{body}");
    }
    let reply = server.post("/v2/repository/index", "[1]").await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("ready"), "{}", reply.text());
}

#[tokio::test]
async fn a_node_that_only_holds_models_is_not_in_the_index() {
    let mut holder = pictures("holder");
    holder.platform = ModelMetadata::REPOSITORY.to_owned();
    let deployments = vec![
        plain("default", "holder", Identity::with_metadata(holder)),
        plain("default", "good", Identity::new("good")),
    ];
    let server = Server::with(settings(), deployments);
    let index = server.post("/v2/repository/index", "").await.ok();
    let [only] = &**index.as_array().unwrap() else {
        panic!("{index}")
    };
    assert_eq!(only["name"], "good");
}

#[tokio::test]
async fn health_is_told_of_the_server_and_of_models() {
    let server = Server::of(Identity::with_metadata(pictures("cnn")));
    let live = server.get("/v2/health/live").await.ok();
    assert_eq!(live, json!({"live": true}));
    let ready = server.get("/v2/health/ready").await.ok();
    assert_eq!(ready, json!({"ready": true}));
    for path in ["/v2/models/cnn/ready", "/v2/models/cnn/versions/2/ready"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn binary_data_travels_both_ways() {
    let server = Server::of(Identity::new("echo"));
    let head = json!({
        "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}],
        "outputs": [{"name": "x", "parameters": {"binary_data": true}}],
    })
    .to_string();
    let data: Vec<u8> = [1.5_f32, 2.0]
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    let body: Bytes = [head.as_bytes(), &data].concat().into();
    let request = asked("POST", "/v2/models/echo/infer", body);
    let length = head.len().to_string();
    let request = with(request, "inference-header-content-length", &length);
    let reply = server.send(request).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/octet-stream");
    let length: usize = reply
        .header("inference-header-content-length")
        .parse()
        .expect("a length");
    let (head, tail) = reply.body.split_at(length);
    assert_eq!(tail, data);
    let head: Value = serde_json::from_slice(head).expect("JSON in front");
    assert_eq!(head["outputs"][0]["parameters"]["binary_data_size"], 8);
}

#[tokio::test]
async fn a_wrong_length_of_the_json_is_the_callers_fault() {
    let server = Server::of(Identity::new("echo"));
    for length in ["many", "100000", "-1"] {
        let request = post("/v2/models/echo/infer", body());
        let request = with(request, "inference-header-content-length", length);
        let reply = server.send(request).await;
        assert_eq!(reply.status, 400, "{length}");
        assert!(reply.json()["error"].is_string());
    }
}
