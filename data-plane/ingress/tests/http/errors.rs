//! Errors in the shape of the protocol spoken.

use std::time::Duration;

use bytes::Bytes;
use hari_error::Kind;
use hari_ingress::Predictor;
use hari_testkit::{Failing, Gated, Identity};
use serde_json::Value;

use crate::server::{Reply, Server, asked, deployment, plain, predictor, settings};

const SELDON: (&str, &str) = ("/api/v1.0/predictions", r#"{"data":{"ndarray":[[1,2]]}}"#);
const INFER: (&str, &str) = (
    "/v2/models/infer",
    r#"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#,
);
const PREDICT: (&str, &str) = ("/v1/models:predict", r#"{"instances":[[1,2]]}"#);

/// The words of an error, after its shape was checked.
#[track_caller]
fn words(path: &str, reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{path}: {}", reply.text());
    let body = reply.json();
    let words = if path.starts_with("/v") {
        assert_eq!(
            body.as_object().map(serde_json::Map::len),
            Some(1),
            "{path}: {body}"
        );
        &body["error"]
    } else {
        assert_eq!(body["status"]["code"], status, "{path}");
        assert_eq!(body["status"]["status"], "FAILURE", "{path}");
        assert!(body["status"]["reason"].is_string(), "{path}");
        &body["status"]["info"]
    };
    let words = words.as_str().expect("words").to_owned();
    assert!(!words.is_empty() && !words.contains("/src/"), "{words}");
    words
}

async fn all(server: &Server, status: u16) -> Vec<(String, Reply)> {
    let mut replies = Vec::new();
    for (path, body) in [SELDON, INFER, PREDICT] {
        let reply = server.post(path, body).await;
        replies.push((words(path, &reply, status), reply));
    }
    replies
}

#[tokio::test]
async fn what_cannot_be_read_is_400() {
    let server = Server::of(Identity::new("echo"));
    for path in [SELDON.0, INFER.0, PREDICT.0] {
        for body in [
            "",
            "{",
            "[]",
            "\u{0}",
            r#"{"data":{"ndarray":[[1,2],[3]]}}"#,
        ] {
            let reply = server.post(path, body).await;
            words(path, &reply, 400);
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_and_names_it() {
    let server = Server::of(Identity::new("echo"));
    for path in [
        "/nothing",
        "/api/v1.0/nothing",
        "/v2/nothing/at/all",
        "/v1/nothing",
    ] {
        let words = words(path, &server.get(path).await, 404);
        assert!(words.contains(path), "{words}");
    }
}

#[tokio::test]
async fn an_unknown_model_is_404_and_names_those_there_are() {
    let server = Server::of(Identity::new("echo"));
    for path in [
        "/v2/models/other",
        "/v1/models/other",
        "/api/v1.0/metadata/other",
    ] {
        let words = words(path, &server.get(path).await, 404);
        assert!(
            words.contains("`other`") && words.contains("`echo`"),
            "{words}"
        );
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_lists_the_right_ones() {
    let server = Server::of(Identity::new("echo"));
    for (method, path, allowed) in [
        ("GET", SELDON.0, "OPTIONS,POST"),
        ("DELETE", "/v2/models/echo/infer", "OPTIONS,POST"),
        ("PUT", "/v1/models/echo/metadata", "OPTIONS,GET"),
        ("PATCH", "/predict", "OPTIONS,POST,GET"),
    ] {
        let reply = server.send(asked(method, path, Bytes::new())).await;
        let words = words(path, &reply, 405);
        assert!(words.contains(method) && words.contains(path), "{words}");
        assert_eq!(reply.header("allow"), allowed);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let server = Server::of(Identity::new("echo"));
    let large = Bytes::from(vec![b' '; (1 << 20) + 1]);
    for path in [SELDON.0, INFER.0, PREDICT.0] {
        let reply = server.post(path, large.clone()).await;
        let words = words(path, &reply, 413);
        assert!(words.contains("1048576"), "{words}");
    }
}

#[tokio::test]
async fn too_many_requests_at_once_are_429_and_told_when_to_come_back() {
    let gate = Gated::new("gate");
    let bounds = hari_settings::Server {
        max_in_flight: 1,
        ..settings()
    };
    let server = Server::with(bounds, vec![plain("default", "mnist", gate.clone())]);
    let mut first = server.client().await;
    let first =
        tokio::spawn(async move { first.send(crate::server::post(SELDON.0, SELDON.1)).await });
    gate.until_waiting(1).await;
    for (_, reply) in all(&server, 429).await {
        assert_eq!(reply.header("retry-after"), "1");
    }
    gate.release(1);
    assert_eq!(first.await.expect("a reply").status, 200);
    gate.release(1);
    assert_eq!(
        server.post(SELDON.0, SELDON.1).await.status,
        200,
        "there is room again"
    );
}

#[tokio::test]
async fn a_unit_that_cannot_answer_now_is_503() {
    let server = Server::of(Failing::new("broken", Kind::Unavailable, "still loading"));
    for (words, _) in all(&server, 503).await {
        assert!(words.contains("still loading"), "{words}");
    }
    for path in [
        "/api/v1.0/status",
        "/v2/health/ready",
        "/v2/models/broken/ready",
    ] {
        words(path, &server.get(path).await, 503);
    }
    let probe = server.get("/ready").await;
    assert_eq!((probe.status.as_u16(), probe.body.len()), (503, 0));
    assert_eq!(server.get("/live").await.status, 200);
}

#[tokio::test]
async fn a_fault_of_the_model_is_500() {
    let server = Server::of(Failing::new("broken", Kind::Model, "no such column"));
    for (words, _) in all(&server, 500).await {
        assert!(words.contains("no such column"), "{words}");
    }
}

#[tokio::test]
async fn a_passed_deadline_is_504_and_stops_the_work() {
    let gate = Gated::new("gate");
    let hurried = Predictor {
        rest_timeout: Some(Duration::from_millis(20)),
        ..predictor("hurried", 100, gate.clone())
    };
    let server = Server::with(settings(), vec![deployment("default", "mnist", [hurried])]);
    for (words, _) in all(&server, 504).await {
        assert!(words.contains("`hurried`"), "{words}");
    }
    gate.until_waiting(0).await;
}

#[tokio::test]
async fn errors_do_not_depend_on_the_prefix() {
    let server = Server::of(Identity::new("echo"));
    let reply = server
        .post("/seldon/default/mnist/v2/models/infer", "{")
        .await;
    let body: Value = reply.json();
    assert_eq!(reply.status, 400);
    assert!(body["error"].is_string(), "{body}");
}
