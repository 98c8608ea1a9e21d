//! A server that stops: not ready at once, what has begun is finished.

use std::time::Duration;

use bytes::Bytes;
use hari_testkit::{Gated, Identity};

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

#[tokio::test]
async fn a_leaving_server_takes_everything_and_closes_what_it_has_answered() {
    let server = Server::of(Identity::new("echo"));
    let mut kept = server.client().await;
    let reply = kept.send(post("/predict", BODY)).await;
    assert_eq!(
        (reply.ok()["strData"].as_str(), reply.header("connection")),
        (Some("x"), "")
    );
    server.leave();
    let reply = kept.send(post("/predict", BODY)).await;
    assert_eq!(reply.ok()["strData"], "x");
    assert_eq!(reply.header("connection"), "close");
    let reply = server.post("/predict", BODY).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("connection")),
        (200, "close")
    );
}

#[tokio::test]
async fn a_request_on_an_idle_connection_is_answered_at_the_end() {
    let server = Server::of(Identity::new("echo"));
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = server.client().await;
        assert_eq!(client.send(post("/predict", BODY)).await.status, 200);
        clients.push(client);
    }
    let fresh = server.client().await;
    clients.push(fresh);
    server.begin_stop();
    for client in &mut clients {
        let reply = client.send(post("/predict", BODY)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("connection")),
            (200, "close")
        );
    }
    server.stopped().await;
}

#[tokio::test]
async fn a_head_that_has_half_arrived_is_waited_for() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Server::of(Identity::new("echo"));
    let mut socket = tokio::net::TcpStream::connect(server.address)
        .await
        .expect("a connection");
    let (head, rest) = (
        "POST /predict HTTP/1.1\r\nHost: h\r\nContent-Le",
        "ngth: 15\r\n\r\n",
    );
    socket.write_all(head.as_bytes()).await.expect("written");
    server.begin_stop();
    while tokio::net::TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    socket
        .write_all(format!("{rest}{BODY}").as_bytes())
        .await
        .expect("written");
    let mut reply = String::new();
    socket.read_to_string(&mut reply).await.expect("a reply");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    server.stopped().await;
}

#[tokio::test]
async fn http_2_is_told_to_go_and_open_streams_are_finished() {
    let gate = Gated::new("gate");
    let server = Server::of(gate.clone());
    let stream = tokio::net::TcpStream::connect(server.address)
        .await
        .expect("a connection");
    let (mut sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let gone = tokio::spawn(connection);
    let mut request = post("http://h/predict", Bytes::new());
    request.headers_mut().remove("host");
    let (reply, mut body) = sender
        .send_request(request.map(|_| ()), false)
        .expect("a stream");
    body.send_data(BODY.into(), true).expect("a body");
    gate.until_waiting(1).await;
    server.leave();
    gate.release(1);
    assert_eq!(reply.await.expect("a reply").status(), 200);
    // The server ends the connection by itself, though its listener goes on.
    gone.await.expect("an end").expect("a good one");
    assert_eq!(server.get("/live").await.status, 200);
}
