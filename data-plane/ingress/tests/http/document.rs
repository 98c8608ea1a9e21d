//! The OpenAPI documents: what they name is served, and what they show as an example is answered.

use std::sync::Arc;

use bytes::Bytes;
use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Unit};
use hari_ingress::Deployment;
use hari_testkit::{Identity, Slow};
use http::Request;
use serde_json::{Value, json};

use crate::server::{Server, asked, get, pictures, plain, post, settings};

fn cnn(namespace: &str, name: &str) -> Arc<Deployment> {
    plain(namespace, name, Identity::with_metadata(pictures("cnn")))
}

/// Follows a reference within the document.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .expect("a reference that leads somewhere"),
        None => value,
    }
}

fn parameters<'a>(document: &'a Value, operation: &'a Value) -> Vec<&'a Value> {
    let list = operation["parameters"].as_array().expect("a list");
    list.iter().map(|one| resolve(document, one)).collect()
}

/// The request that the document shows for an operation.
fn shown(document: &Value, path: &str, verb: &str, operation: &Value) -> Request<Bytes> {
    let mut path = path.to_owned();
    for parameter in parameters(document, operation) {
        let name = parameter["name"].as_str().expect("a name");
        match parameter["in"].as_str() {
            Some("path") => {
                let value = parameter["example"].as_str().expect("an example");
                path = path.replace(&format!("{{{name}}}"), value);
            }
            Some("query") => path = format!("{path}?json=%7B%22strData%22%3A%22x%22%7D"),
            _ => {}
        }
    }
    assert!(!path.contains('{'), "{path}: every name is told");
    match verb {
        "get" => get(&path),
        _ => post(&path, example(document, operation).to_string()),
    }
}

fn example(document: &Value, operation: &Value) -> Value {
    let examples = &operation["requestBody"]["content"]["application/json"]["examples"];
    let first = examples.as_object().and_then(|all| all.values().next());
    first.map_or(json!({}), |first| resolve(document, first)["value"].clone())
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("an item") {
            all.push((path.clone(), verb.clone(), operation.clone()));
        }
    }
    all
}

/// Calls everything that `document` names.
async fn walk(server: &Server, document: &Value) -> usize {
    let operations = operations(document);
    for (path, verb, operation) in &operations {
        let request = shown(document, path, verb, operation);
        let reply = server.send(request).await;
        let status = reply.status.as_u16();
        assert!(
            ![404, 405].contains(&status),
            "{verb} {path}: {}",
            reply.text()
        );
        if ["seldon", "infer", "predict"].contains(&operation["x-kind"].as_str().unwrap_or("")) {
            assert_eq!(status, 200, "{verb} {path}: {}", reply.text());
        }
    }
    operations.len()
}

#[tokio::test]
async fn every_operation_of_the_only_deployment_is_served() {
    let server = Server::with(settings(), vec![cnn("default", "mnist")]);
    let document = server.get("/openapi.json").await.ok();
    assert_eq!(document["openapi"], "3.0.3");
    assert!(walk(&server, &document).await > 50);
    assert!(document["paths"]["/api/v1.0/predictions"]["post"].is_object());
    assert!(document["paths"]["/v1/models/{model}:predict"]["post"].is_object());
}

#[tokio::test]
async fn every_operation_of_several_deployments_is_served_under_its_prefix() {
    let second = plain("other", "two", Identity::new("echo"));
    let server = Server::with(settings(), vec![cnn("default", "one"), second]);
    let document = server.get("/openapi.json").await.ok();
    let paths = document["paths"].as_object().expect("paths");
    assert!(
        paths
            .keys()
            .all(|path| path.starts_with("/seldon/default/one/")
                || path.starts_with("/seldon/other/two/"))
    );
    walk(&server, &document).await;
    assert_eq!(
        document["tags"],
        json!([{"name": "default/one"}, {"name": "other/two"}])
    );
}

#[tokio::test]
async fn with_the_prefix_a_document_is_about_one_deployment() {
    let second = plain("other", "two", Identity::new("echo"));
    let server = Server::with(settings(), vec![cnn("default", "one"), second]);
    let document = server.get("/seldon/other/two/openapi.json").await.ok();
    let paths = document["paths"].as_object().expect("paths");
    assert!(
        paths
            .keys()
            .all(|path| path.starts_with("/seldon/other/two/"))
    );
    walk(&server, &document).await;
    let unknown = server.get("/seldon/other/none/openapi.json").await;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.json()["status"]["info"]
            .to_string()
            .contains("`none`")
    );
}

#[tokio::test]
async fn operations_have_ids_and_references_lead_somewhere() {
    let second = plain("other", "two", Identity::new("echo"));
    let server = Server::with(settings(), vec![cnn("default", "one"), second]);
    let document = server.get("/openapi.json").await.ok();
    let ids: Vec<_> = operations(&document)
        .into_iter()
        .map(|(_, _, operation)| operation["operationId"].to_string())
        .collect();
    let unique: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        resolve(&document, value);
        match value {
            Value::Object(members) => open.extend(members.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_models_own_names_types_and_shapes_are_told() {
    let server = Server::with(settings(), vec![cnn("default", "mnist")]);
    let document = server.get("/openapi.json").await.ok();
    let schemas = &document["components"]["schemas"];
    let array =
        &schemas["default.mnist.SeldonRequest"]["properties"]["data"]["properties"]["ndarray"];
    assert_eq!(array["minItems"], Value::Null, "any number of rows");
    assert_eq!(array["items"]["maxItems"], 4);
    assert_eq!(array["items"]["items"]["items"]["minItems"], 1);
    let input = &schemas["default.mnist.InferRequest"]["properties"]["inputs"]["items"]["anyOf"][0];
    assert_eq!(input["properties"]["name"]["enum"], json!(["image"]));
    let dtypes = input["properties"]["datatype"]["enum"]
        .as_array()
        .expect("types");
    assert!(dtypes.contains(&json!("FP32")) && !dtypes.contains(&json!("FP64")));
    assert_eq!(input["properties"]["shape"]["minItems"], 4);
    let reply = &schemas["default.mnist.SeldonReply"]["x-tensors"];
    assert_eq!(
        *reply,
        json!([{"name": "scores", "datatype": "FP32", "shape": [-1, 10]}])
    );
    let facts = &document["x-deployments"][0];
    assert_eq!(
        (&facts["namespace"], &facts["name"]),
        (&json!("default"), &json!("mnist"))
    );
    let model = &facts["predictors"][0]["models"][0];
    assert_eq!(
        (&model["name"], &model["versions"]),
        (&json!("cnn"), &json!(["2", "1"]))
    );
}

/// A graph of two nodes of which one takes pictures and the other two numbers.
struct Pair;

impl Pair {
    fn nodes() -> [Identity; 2] {
        [
            Identity::with_metadata(pictures("cnn")),
            Identity::new("echo"),
        ]
    }
}

impl Unit for Pair {
    fn call<'a>(
        &'a self,
        _method: Method,
        _input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, hari_error::Result<Message>> {
        Box::pin(async { Ok(Message::default()) })
    }

    fn ready(&self) -> BoxFuture<'_, hari_error::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        Arc::new(pictures("cnn"))
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        Self::nodes().iter().find_map(|node| node.find(name))
    }

    fn names(&self) -> Vec<String> {
        vec!["cnn".to_owned(), "echo".to_owned()]
    }
}

#[tokio::test]
async fn nodes_that_take_different_tensors_are_told_apart() {
    let server = Server::of(Pair);
    let document = server.get("/openapi.json").await.ok();
    let infer = &document["paths"]["/v2/models/{model}/infer"]["post"];
    let models = &infer["parameters"][0]["schema"]["enum"];
    assert_eq!(*models, json!(["mnist", "cnn", "echo"]));
    let content = &infer["requestBody"]["content"]["application/json"];
    assert_eq!(content["schema"]["anyOf"].as_array().map(Vec::len), Some(2));
    let shape = |model: &str| {
        let example = resolve(&document, &content["examples"][model]);
        example["value"]["inputs"][0]["shape"].clone()
    };
    assert_eq!(shape("mnist"), json!([1, 4, 4, 1]), "the whole graph");
    assert_eq!(shape("cnn"), json!([1, 4, 4, 1]));
    assert_eq!(shape("echo"), json!([1, 2]));
    // Only the first has these versions; a path without a model means the whole.
    let versioned = &document["paths"]["/v2/models/{model}/versions/{version}"]["get"];
    let models = &versioned["parameters"][0]["schema"]["enum"];
    assert_eq!(*models, json!(["mnist", "cnn"]));
    let whole = &document["paths"]["/v2/models/infer"]["post"]["requestBody"]["content"];
    assert!(whole["application/json"]["schema"]["$ref"].is_string());
}

#[tokio::test]
async fn versions_and_labels_are_told_where_there_are_some() {
    let bare = ModelMetadata {
        name: "bare".to_owned(),
        ..ModelMetadata::default()
    };
    let server = Server::of(Identity::with_metadata(bare));
    let document = server.get("/openapi.json").await.ok();
    walk(&server, &document).await;
    let paths = document["paths"].as_object().expect("paths").keys();
    assert!(
        paths
            .into_iter()
            .all(|path| !path.contains("{version}") && !path.contains("{label}"))
    );
    let server = Server::with(settings(), vec![cnn("default", "mnist")]);
    let document = server.get("/openapi.json").await.ok();
    let labelled = &document["paths"]["/v1/models/{model}/labels/{label}:predict"]["post"];
    assert_eq!(
        labelled["parameters"][1]["schema"]["enum"],
        json!(["stable"])
    );
}

#[tokio::test]
async fn errors_are_told_in_each_protocols_own_shape() {
    let server = Server::of(Identity::new("echo"));
    let document = server.get("/openapi.json").await.ok();
    for (path, member) in [
        ("/api/v1.0/predictions", "status"),
        ("/v2/models/infer", "error"),
        ("/v1/models:predict", "error"),
    ] {
        let responses = &document["paths"][path]["post"]["responses"];
        let response = resolve(&document, &responses["4XX"]);
        let schema = resolve(
            &document,
            &response["content"]["application/json"]["schema"],
        );
        assert_eq!(schema["required"], json!([member]), "{path}");
    }
}

#[tokio::test]
async fn each_protocols_document_is_its_own() {
    let server = Server::of(Identity::new("echo"));
    for (path, prefix) in [
        ("/v2/docs/dataplane.json", "/v2"),
        ("/v2/docs/dataplane.yaml", "/v2"),
        ("/api/v1.0/doc/seldon.json", "/seldon/default/mnist/"),
        ("/api/v0.1/doc/seldon.json", "/seldon/default/mnist/"),
    ] {
        let reply = server.get(path).await;
        let document: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        assert!(
            !paths.is_empty() && paths.keys().all(|one| one.starts_with(prefix)),
            "{path}"
        );
        walk(&server, &document).await;
    }
    let seldon = server.get("/seldon.json").await.ok();
    assert!(seldon["paths"]["/predict"]["post"].is_object());
    assert!(seldon["paths"]["/v2"].is_null());
    let yaml = server.get("/v2/docs/dataplane.yaml").await;
    assert_eq!(yaml.header("content-type"), "application/yaml");
}

#[tokio::test]
async fn the_document_follows_the_directory() {
    let server = Server::with(settings(), Vec::new());
    let empty = server.get("/openapi.json").await.ok();
    assert_eq!(
        (&empty["paths"], &empty["x-deployments"]),
        (&json!({}), &json!([]))
    );
    server.directory.put(plain(
        "default",
        "new",
        Slow::new("slow", std::time::Duration::ZERO),
    ));
    let document = server.get("/openapi.json").await.ok();
    assert_eq!(document["x-deployments"][0]["name"], "new");
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let server = Server::of(Identity::new("echo"));
    for path in [
        "/",
        "/api/v1.0/doc/",
        "/api/v0.1/doc",
        "/v2/docs/",
        "/seldon/default/mnist/",
        "/seldon/default/mnist",
    ] {
        let reply = server.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(
            reply.header("content-type"),
            "text/html; charset=utf-8",
            "{path}"
        );
        let policy = reply.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'self' 'unsafe-inline'"),
            "{policy}"
        );
        let page = reply.text();
        assert!(page.len() < 40 << 10);
        for loaded in [
            "http://", "https://", " src=", "@import", "href=\"/", "import(",
        ] {
            assert!(!page.contains(loaded), "{path}: {loaded}");
        }
    }
    let posted = server.send(asked("POST", "/", Bytes::new())).await;
    assert_eq!(posted.status, 405);
}
