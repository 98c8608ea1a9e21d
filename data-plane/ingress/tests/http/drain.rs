//! A server that stops: not ready at once, what has begun is finished.

use hari_testkit::{Gated, Identity};
use std::time::Duration;

use crate::server::{Server, plain, post, settings};

const BODY: &str = r#"{"strData":"x"}"#;

#[tokio::test]
async fn a_draining_server_is_not_ready_but_answers() {
    let server = Server::of(Identity::new("echo"));
    assert_eq!(server.get("/ready").await.status, 200);
    server.app.drain();
    for path in ["/ready", "/api/v1.0/status", "/v2/health/ready"] {
        assert_eq!(server.get(path).await.status, 503, "{path}");
    }
    assert_eq!(server.get("/live").await.status, 200);
    assert_eq!(server.post("/predict", BODY).await.status, 200);
}

#[tokio::test]
async fn an_open_request_is_finished_before_the_end() {
    let gate = Gated::new("gate");
    let server = Server::of(gate.clone());
    let address = server.address;
    let mut client = server.client().await;
    let open = tokio::spawn(async move { client.send(post("/predict", BODY)).await });
    gate.until_waiting(1).await;
    server.begin_stop();
    gate.release(1);
    assert_eq!(open.await.expect("a reply").ok()["strData"], "x");
    server.stopped().await;
    let after = tokio::net::TcpStream::connect(address).await;
    assert!(after.is_err(), "the port is closed");
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let server = Server::of(Identity::new("echo"));
    let mut client = server.client().await;
    assert_eq!(client.send(post("/predict", BODY)).await.status, 200);
    server.begin_stop();
    server.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_left_when_time_is_up() {
    let gate = Gated::new("gate");
    let bounds = hari_settings::Server {
        deadline: Duration::from_secs(3600),
        drain: Duration::from_secs(5),
        ..settings()
    };
    let server = Server::with(bounds, vec![plain("default", "mnist", gate.clone())]);
    let mut client = server.client().await;
    let open = tokio::spawn(async move { client.send(post("/predict", BODY)).await });
    gate.until_waiting(1).await;
    let before = tokio::time::Instant::now();
    server.begin_stop();
    server.stopped().await;
    assert_eq!(before.elapsed().as_secs(), 5);
    open.abort();
}
