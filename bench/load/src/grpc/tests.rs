//! The load over gRPC against a server that answers with what a test says.

use http::{HeaderMap, Response};
use tokio::net::TcpListener;

use super::*;

const NONE: Duration = Duration::ZERO;

/// Answers every request with `message`, framed, and a status. It reads at most 64 KiB ahead.
fn server(message: &'static [u8], status: &'static str) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, message, status));
            }
        });
    });
    address
}

async fn answer(stream: TcpStream, message: &'static [u8], status: &'static str) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        tokio::spawn(async move {
            let (head, mut body) = request.into_parts();
            assert_eq!(head.uri.path(), INFER);
            while let Some(part) = body.data().await {
                let length = part.unwrap().len();
                body.flow_control().release_capacity(length).unwrap();
            }
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            let frame = [&[0, 0, 0, 0, message.len() as u8], message].concat();
            stream.send_data(frame.into(), false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        });
    }
}

#[test]
fn right_answers_are_counted_and_large_messages_get_through() {
    let address = server(&[0, 0, 128, 63], "0");
    let one = Expected::Tail(vec![1.0]);
    let times = [Duration::from_secs(60), NONE, NONE];
    let measured = run((address, INFER), vec![7; 1 << 20], &one, times).unwrap();
    assert_eq!(measured.latency.len(), 1);
    assert_eq!(measured.failed, 0);
}

#[test]
fn wrong_answers_and_errors_are_told() {
    let one = Expected::Tail(vec![1.0]);
    let failure = |address| {
        let found = run((address, INFER), vec![7], &one, [NONE; 3]);
        format!("{:#}", found.err().unwrap())
    };
    let wrong = failure(server(&[0, 0, 0, 64], "0"));
    assert!(wrong.contains("expected 1, found 2"), "{wrong}");
    let refused = failure(server(&[0, 0, 128, 63], "3"));
    assert!(refused.contains("status 3"), "{refused}");
}
