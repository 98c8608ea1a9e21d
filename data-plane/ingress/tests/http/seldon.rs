//! The Seldon protocol: the orchestrator's paths and a unit's.

use hari_testkit::Identity;
use serde_json::json;

use crate::server::{Server, Teller, get, plain, settings};

const ROW: &str = r#"{"data":{"names":["a","b"],"ndarray":[[1.5,2]]}}"#;

#[tokio::test]
async fn predictions_are_answered_in_the_form_of_the_request() {
    let server = Server::of(Identity::new("echo"));
    for path in ["/api/v1.0/predictions", "/api/v0.1/predictions", "/predict"] {
        let reply = server.post(path, ROW).await.ok();
        let expected = json!({"names": ["a", "b"], "ndarray": [[1.5, 2.0]]});
        assert_eq!(reply["data"], expected, "{path}");
        assert!(reply["meta"].is_object(), "{path}");
    }
    let flat = r#"{"data":{"tensor":{"shape":[1,2],"values":[1,2]}}}"#;
    let reply = server.post("/predict", flat).await.ok();
    assert_eq!(
        reply["data"]["tensor"],
        json!({"shape": [1, 2], "values": [1, 2]})
    );
}

#[tokio::test]
async fn metrics_of_units_are_left_out_where_the_setting_says_so() {
    let asked = r#"{"meta":{"tags":{"t":1},"metrics":[{"key":"k","type":"GAUGE","value":1}]},"strData":"a"}"#;
    for reply_metrics in [true, false] {
        let set = hari_settings::Server {
            reply_metrics,
            ..settings()
        };
        let unit = plain("default", "mnist", Identity::new("echo"));
        let server = Server::with(set, vec![unit]);
        let reply = server.post("/api/v1.0/predictions", asked).await.ok();
        let told = reply["meta"].get("metrics").is_some();
        assert_eq!(
            (told, &reply["meta"]["tags"]["t"]),
            (reply_metrics, &json!(1))
        );
    }
}

#[tokio::test]
async fn every_payload_comes_back() {
    let server = Server::of(Identity::new("echo"));
    for payload in [
        json!({"strData": "hello"}),
        json!({"binData": "AAE="}),
        json!({"jsonData": {"a": [1, null]}}),
    ] {
        let reply = server.post("/api/v1.0/predictions", payload.to_string());
        let mut reply = reply.await.ok();
        reply.as_object_mut().expect("an object").remove("meta");
        assert_eq!(reply, payload);
    }
}

#[tokio::test]
async fn feedback_is_sent_on_both_versions_and_the_unit_path() {
    let server = Server::of(Teller);
    let body = r#"{"reward":0.5,"request":{"strData":"x"}}"#;
    for path in ["/api/v1.0/feedback", "/api/v0.1/feedback", "/send-feedback"] {
        let told = server.post(path, body).await.ok();
        let told = told["strData"].as_str().expect("a text").to_owned();
        assert!(
            told.starts_with("SendFeedback reward 0.5"),
            "{path}: {told}"
        );
    }
}

#[tokio::test]
async fn unit_paths_call_their_method_by_post_and_by_get() {
    let server = Server::of(Teller);
    for (path, method, body, input) in [
        ("/predict", "Predict", ROW, "data"),
        ("/transform-input", "TransformInput", ROW, "data"),
        ("/transform-output", "TransformOutput", ROW, "data"),
        ("/route", "Route", ROW, "data"),
        (
            "/aggregate",
            "Aggregate",
            r#"[{"strData":"a"},{"strData":"b"}]"#,
            "2 messages",
        ),
        (
            "/aggregate",
            "Aggregate",
            r#"{"seldonMessages":[{"strData":"a"}]}"#,
            "1 messages",
        ),
        (
            "/send-feedback",
            "SendFeedback",
            r#"{"reward":2}"#,
            "reward 2",
        ),
    ] {
        let expected = format!("{method} {input} ");
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("json", body)
            .finish();
        let replies = [
            server.post(path, body).await,
            server.get(&format!("{path}?{query}")).await,
        ];
        for reply in replies {
            let told = reply.ok()["strData"].as_str().expect("a text").to_owned();
            assert!(told.starts_with(&expected), "{path}: {told}");
        }
    }
}

#[tokio::test]
async fn status_and_metadata_of_the_graph_and_of_a_unit() {
    let server = Server::of(Identity::new("echo"));
    for version in ["v1.0", "v0.1"] {
        for model in ["echo", "mnist"] {
            let status = server.get(&format!("/api/{version}/status/{model}")).await;
            assert_eq!(status.ok()["strData"], "healthy");
            let metadata = server
                .get(&format!("/api/{version}/metadata/{model}"))
                .await;
            assert_eq!(metadata.ok()["name"], "echo");
        }
    }
    let graph = server.get("/api/v1.0/metadata").await.ok();
    assert_eq!(graph["name"], "default");
    assert_eq!(graph["models"]["echo"]["versions"], json!(["1"]));
    let input = json!([{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]);
    assert_eq!(graph["graphinputs"], input);
    assert_eq!(server.get("/metadata").await.ok()["inputs"], input);
}

#[tokio::test]
async fn health_is_told_without_a_body() {
    let server = Server::of(Identity::new("echo"));
    assert_eq!(server.get("/health/ping").await.text(), "pong");
    for path in [
        "/live",
        "/ready",
        "/health/status",
        "/api/v1.0/status",
        "/api/v1.0/health/status",
    ] {
        let reply = server.get(path).await;
        assert_eq!((reply.status.as_u16(), &*reply.text()), (200, ""), "{path}");
    }
    for method in ["POST", "PUT", "HEAD", "OPTIONS"] {
        let mut request = get("/live");
        *request.method_mut() = method.parse().expect("a method");
        assert_eq!(server.send(request).await.status, 200, "{method}");
    }
}

#[tokio::test]
async fn the_puid_of_the_meta_is_given_back() {
    let server = Server::of(Identity::new("echo"));
    let body = r#"{"meta":{"puid":"p1","tags":{"t":1}},"strData":"x"}"#;
    let reply = server.post("/api/v1.0/predictions", body).await.ok();
    assert_eq!(
        (&reply["meta"]["puid"], &reply["meta"]["tags"]["t"]),
        (&json!("p1"), &json!(1))
    );
}
