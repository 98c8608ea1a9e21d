//! What is bounded: headers, URIs, connections, time; and that abuse leaves the server well.

use hari_testkit::{Gated, Identity, Slow};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::{Client, Server, get, plain, post, settings, with};

const BODY: &str = r#"{"strData":"x"}"#;

async fn is_well(server: &Server) {
    assert_eq!(
        server.post("/predict", BODY).await.status,
        200,
        "the server lives"
    );
}

#[tokio::test]
async fn more_than_a_hundred_headers_are_refused() {
    let server = Server::of(Identity::new("echo"));
    let mut request = get("/live");
    for _ in 0..101 {
        request = with(request, "x-one", "1");
    }
    assert_eq!(server.send(request).await.status, 431);
    is_well(&server).await;
}

#[tokio::test]
async fn headers_of_more_than_32_kib_are_refused() {
    let server = Server::of(Identity::new("echo"));
    for (bytes, accepted) in [(30 << 10, true), (33 << 10, false), (200 << 10, false)] {
        let request = with(get("/live"), "x-long", &"a".repeat(bytes));
        let status = server.send(request).await.status;
        assert_eq!(status == 200, accepted, "{bytes}: {status}");
        assert!(accepted || status == 431, "{bytes}: {status}");
    }
    is_well(&server).await;
}

#[tokio::test]
async fn a_uri_of_more_than_8_kib_is_refused() {
    let server = Server::of(Identity::new("echo"));
    let reply = server.get(&format!("/v2/{}", "a".repeat(9 << 10))).await;
    assert_eq!(reply.status, 413);
    assert!(reply.json()["error"].is_string());
    is_well(&server).await;
}

#[tokio::test(start_paused = true)]
async fn headers_that_do_not_arrive_end_the_connection() {
    let server = Server::of(Identity::new("echo"));
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("a connection");
    stream
        .write_all(b"POST /predict HTTP/1.1\r\nHost:")
        .await
        .expect("sent");
    let before = tokio::time::Instant::now();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("an end");
    let waited = before.elapsed();
    assert!((10..15).contains(&waited.as_secs()), "{waited:?}");
    assert!(
        rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
        "{rest:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_arriving_is_given_up() {
    let server = Server::of(Identity::new("echo"));
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("a connection");
    let head = b"POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head).await.expect("sent");
    let mut reply = vec![0; 12];
    stream.read_exact(&mut reply).await.expect("a reply");
    assert_eq!(reply, b"HTTP/1.1 504");
}

#[tokio::test]
async fn a_body_that_breaks_off_harms_no_one() {
    let server = Server::of(Identity::new("echo"));
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("a connection");
    let head = b"POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head).await.expect("sent");
    drop(stream);
    is_well(&server).await;
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_before_the_body() {
    let server = Server::of(Identity::new("echo"));
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("a connection");
    let head = b"POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999999\r\n\r\n";
    stream.write_all(head).await.expect("sent");
    let mut reply = vec![0; 12];
    stream.read_exact(&mut reply).await.expect("a reply");
    assert_eq!(reply, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_chunked_body_is_bounded_too() {
    let server = Server::of(Identity::new("echo"));
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("a connection");
    let head = b"POST /predict HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head).await.expect("sent");
    let chunk = [b"10000\r\n", &*vec![b' '; 0x10000], b"\r\n"].concat();
    for _ in 0..17 {
        // The server may have answered and closed before all is sent.
        if stream.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let mut reply = vec![0; 12];
    stream.read_exact(&mut reply).await.expect("a reply");
    assert_eq!(reply, b"HTTP/1.1 413");
    is_well(&server).await;
}

#[tokio::test]
async fn beyond_the_connections_a_caller_is_turned_away() {
    let bounds = hari_settings::Server {
        max_connections: 1,
        ..settings()
    };
    let server = Server::with(
        bounds,
        vec![plain("default", "mnist", Identity::new("echo"))],
    );
    let mut first = server.client().await;
    assert_eq!(first.send(post("/predict", BODY)).await.status, 200);
    let mut second = TcpStream::connect(server.address)
        .await
        .expect("a connection");
    let mut rest = Vec::new();
    // Closed at once, politely or not.
    let _ = second.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert_eq!(
        first.send(post("/predict", BODY)).await.status,
        200,
        "the first stays"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_the_work() {
    let gate = Gated::new("gate");
    let server = Server::of(gate.clone());
    let address = server.address;
    let call = tokio::spawn(async move {
        Client::connect(address)
            .await
            .send(post("/predict", BODY))
            .await
    });
    gate.until_waiting(1).await;
    call.abort();
    gate.until_waiting(0).await;
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_the_servers_if_the_deployment_sets_none() {
    let bounds = hari_settings::Server {
        deadline: Duration::from_secs(3),
        ..settings()
    };
    let slow = Slow::new("slow", Duration::from_secs(60));
    let server = Server::with(bounds, vec![plain("default", "mnist", slow)]);
    let before = tokio::time::Instant::now();
    assert_eq!(server.post("/predict", BODY).await.status, 504);
    assert_eq!(before.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn nonsense_on_the_wire_harms_no_one() {
    let server = Server::of(Identity::new("echo"));
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame at all, really not",
    ] {
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("a connection");
        stream.write_all(bytes).await.expect("sent");
        stream.shutdown().await.expect("half closed");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        is_well(&server).await;
    }
}
