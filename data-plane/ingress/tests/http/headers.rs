//! The headers of every reply: id, CORS, CloudEvents, and what protects a browser.

use bytes::Bytes;
use hari_testkit::Identity;

use crate::server::{Server, Teller, asked, get, post, with};

const BODY: &str = r#"{"strData":"x"}"#;
const PREDICTIONS: &str = "/api/v1.0/predictions";

#[tokio::test]
async fn a_request_without_an_id_gets_one() {
    let server = Server::of(Teller);
    let reply = server.post(PREDICTIONS, BODY).await;
    let puid = reply.header("seldon-puid").to_owned();
    assert_eq!(puid.len(), 36, "{puid}");
    let told = reply.ok()["strData"].to_string();
    assert!(
        told.contains(&format!("puid={puid}")),
        "the unit knows it: {told}"
    );
    let other = server.post(PREDICTIONS, BODY).await;
    assert_ne!(other.header("seldon-puid"), puid);
}

#[tokio::test]
async fn the_callers_id_is_kept_in_every_protocol() {
    let server = Server::of(Identity::new("echo"));
    for (path, body) in [
        (PREDICTIONS, BODY),
        ("/v1/models/echo:predict", r#"{"instances":[[1.0,2.0]]}"#),
        ("/v2/models/echo/infer", "not even JSON"),
        ("/no/such/path", ""),
    ] {
        let request = with(post(path, body), "seldon-puid", "my-id");
        assert_eq!(
            server.send(request).await.header("seldon-puid"),
            "my-id",
            "{path}"
        );
    }
}

#[tokio::test]
async fn logging_is_skipped_when_asked() {
    let server = Server::of(Teller);
    for (value, skipped) in [("true", true), ("On", true), ("1", true), ("no", false)] {
        let request = with(post(PREDICTIONS, BODY), "seldon-skip-logging", value);
        let told = server.send(request).await.ok()["strData"].to_string();
        assert!(told.contains(&format!("skip={skipped}")), "{value}: {told}");
    }
}

#[tokio::test]
async fn headers_that_are_no_business_of_the_connection_reach_the_unit() {
    let server = Server::of(Teller);
    for (path, body) in [
        (PREDICTIONS, BODY),
        ("/v1/models/mnist:predict", r#"{"instances":["x"]}"#),
        ("/seldon/default/mnist/api/v0.1/predictions", BODY),
    ] {
        let request = with(post(path, body), "X-Tenant", "blue");
        let request = with(request, "authorization", "Bearer t");
        let told = server.send(with(request, "accept", "*/*")).await.text();
        let expected = "headers=x-tenant:blue,authorization:Bearer t\"";
        assert!(told.contains(expected), "{path}: {told}");
    }
}

#[tokio::test]
async fn every_reply_is_safe_in_a_browser_and_open_to_pages() {
    let server = Server::of(Identity::new("echo"));
    for request in [
        post(PREDICTIONS, BODY),
        get("/live"),
        get("/"),
        get("/no/such/path"),
    ] {
        let path = request.uri().to_string();
        let reply = server.send(request).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(
            reply.header("access-control-allow-headers"),
            "Accept, Content-Type",
            "{path}"
        );
    }
}

#[tokio::test]
async fn options_lists_the_methods_of_a_path() {
    let server = Server::of(Identity::new("echo"));
    for (path, methods) in [
        (PREDICTIONS, "OPTIONS,POST"),
        ("/seldon/default/mnist/api/v1.0/predictions", "OPTIONS,POST"),
        ("/api/v1.0/metadata/echo", "OPTIONS,GET"),
        ("/v2/models/echo/infer", "OPTIONS,POST"),
        ("/v1/models/echo:predict", "OPTIONS,GET,POST"),
    ] {
        let reply = server.send(asked("OPTIONS", path, Bytes::new())).await;
        assert_eq!(
            (reply.status.as_u16(), reply.body.len()),
            (200, 0),
            "{path}"
        );
        let mut listed: Vec<_> = reply
            .header("access-control-allow-methods")
            .split(',')
            .collect();
        listed.sort_unstable();
        let mut methods: Vec<_> = methods.split(',').collect();
        methods.sort_unstable();
        assert_eq!(listed, methods, "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{path}");
    }
}

#[tokio::test]
async fn options_of_a_path_that_is_not_there_is_not_found() {
    let server = Server::of(Identity::new("echo"));
    let reply = server
        .send(asked("OPTIONS", "/no/such/path", Bytes::new()))
        .await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn the_methods_of_an_answer_are_those_of_its_path() {
    let server = Server::of(Identity::new("echo"));
    let reply = server.post(PREDICTIONS, BODY).await;
    assert_eq!(reply.header("access-control-allow-methods"), "OPTIONS,POST");
    let reply = server.get("/api/v1.0/metadata").await;
    assert_eq!(reply.header("access-control-allow-methods"), "OPTIONS,GET");
}

#[tokio::test]
async fn a_cloud_event_is_answered_as_one() {
    let server = Server::of(Identity::new("echo"));
    let request = with(post(PREDICTIONS, BODY), "ce-specversion", "1.0");
    let reply = server.send(with(request, "seldon-puid", "id-1")).await;
    for (name, value) in [
        ("ce-id", "id-1"),
        ("ce-specversion", "0.3"),
        ("ce-path", PREDICTIONS),
        ("ce-type", "seldon.mnist.default.response"),
        ("ce-source", "seldon.mnist"),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    let plain = server.post(PREDICTIONS, BODY).await;
    assert!(
        plain
            .headers
            .keys()
            .all(|name| !name.as_str().starts_with("ce-"))
    );
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = Server::of(Identity::new("echo"));
    let mut client = server.client().await;
    for number in 0..20 {
        let body = format!(r#"{{"strData":"{number}"}}"#);
        let reply = client.send(post(PREDICTIONS, body)).await;
        assert_eq!(reply.ok()["strData"], number.to_string());
        let refused = client.send(post("/no/such/path", "{}")).await;
        assert_eq!(refused.status, 404, "and an error does not end it");
    }
}

#[tokio::test]
async fn what_a_page_could_run_is_escaped() {
    let server = Server::of(Identity::new("echo"));
    let reply = server.post(PREDICTIONS, r#"{"strData":"<b>&"}"#).await;
    assert!(!reply.text().contains('<'), "{}", reply.text());
    assert_eq!(reply.ok()["strData"], "<b>&");
}
