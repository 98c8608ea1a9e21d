//! Where a Seldon message can stand in a request: form, multipart, query.

use hari_testkit::Identity;
use serde_json::json;

use crate::server::{Reply, Server, asked, with};

async fn send(server: &Server, kind: &str, body: &'static str) -> Reply {
    let request = asked("POST", "/api/v1.0/predictions", body.into());
    server.send(with(request, "content-type", kind)).await
}

const MULTIPART: &str = "multipart/form-data; boundary=b";

#[tokio::test]
async fn a_form_field_holds_the_message() {
    let server = Server::of(Identity::new("echo"));
    let kind = "application/x-www-form-urlencoded";
    let body = "other=1&json=%7B%22strData%22%3A%22a+b%22%7D";
    assert_eq!(send(&server, kind, body).await.ok()["strData"], "a b");
}

#[tokio::test]
async fn a_client_that_sends_json_as_a_form_is_understood() {
    let server = Server::of(Identity::new("echo"));
    let kind = "application/x-www-form-urlencoded";
    let reply = send(&server, kind, r#"{"strData":"curl -d"}"#).await;
    assert_eq!(reply.ok()["strData"], "curl -d");
}

#[tokio::test]
async fn a_multipart_field_holds_the_message_or_a_member_of_it() {
    let server = Server::of(Identity::new("echo"));
    let whole = "--b\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\"strData\":\"x\"}\r\n--b--\r\n";
    assert_eq!(send(&server, MULTIPART, whole).await.ok()["strData"], "x");
    let member = "--b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{\"ndarray\":[[1,2]]}\r\n--b--\r\n";
    let reply = send(&server, MULTIPART, member).await.ok();
    assert_eq!(reply["data"]["ndarray"], json!([[1, 2]]));
}

#[tokio::test]
async fn an_uploaded_file_is_binary() {
    let server = Server::of(Identity::new("echo"));
    let file = "--b\r\nContent-Disposition: form-data; name=\"binData\"; filename=\"f\"\r\n\r\nabc\r\n--b--\r\n";
    let reply = send(&server, MULTIPART, file).await.ok();
    assert_eq!(reply["binData"], "YWJj");
}

#[tokio::test]
async fn a_broken_form_is_the_callers_fault() {
    let server = Server::of(Identity::new("echo"));
    for (kind, body) in [
        (MULTIPART, "--b\r\nContent-Disposition: form-data"),
        ("multipart/form-data", "--b--"),
        ("application/x-www-form-urlencoded", "other=1"),
        ("application/x-www-form-urlencoded", ""),
    ] {
        let reply = send(&server, kind, body).await;
        assert_eq!(reply.status, 400, "{kind}: {body}");
        assert_eq!(
            reply.json()["status"]["reason"],
            "MICROSERVICE_BAD_DATA",
            "{kind}: {body}"
        );
    }
}

#[tokio::test]
async fn a_call_without_a_message_is_told_where_to_put_it() {
    let server = Server::of(Identity::new("echo"));
    let reply = server.get("/predict?other=1").await;
    assert_eq!(reply.status, 400);
    let info = reply.json()["status"]["info"].to_string();
    assert!(
        info.contains("/predict") && info.contains("`json`"),
        "{info}"
    );
}
