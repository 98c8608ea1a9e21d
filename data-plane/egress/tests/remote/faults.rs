//! A node that is down, slow, breaks off, or answers with what is no answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hari_core::{Context, Input, Message, Method, Tensor, Unit as _};
use hari_egress::{Options, Remote, Transport};
use hari_error::{Error, Kind};
use tokio::net::TcpListener;

use crate::peer::{Does, Peer, options};

const OK: &str = r#"{"data":{"ndarray":[[1.0]]}}"#;

fn context() -> Context {
    Context::new("some-id", Duration::from_secs(20))
}

async fn predict(unit: &Remote, context: &Context) -> Result<Message, Error> {
    let message = Message::tensor("x", Tensor::from_vec([1], vec![1.0_f32]).unwrap());
    unit.call(Method::Predict, Input::One(message), context)
        .await
}

async fn fails(peer: &Peer) -> Error {
    let unit = Remote::new(options(peer.address)).unwrap();
    predict(&unit, &context()).await.unwrap_err()
}

/// A node at an address where nobody listens.
async fn nobody(transport: Transport) -> Remote {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    Remote::new(Options {
        transport,
        ..options(address)
    })
    .unwrap()
}

#[tokio::test]
async fn a_node_that_is_down_is_unavailable_and_soon_left_alone() {
    for transport in [Transport::Rest, Transport::Grpc] {
        let unit = nobody(transport).await;
        let mut refused = None;
        for _ in 0..6 {
            let error = predict(&unit, &context()).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable, "{error}");
            assert!(!error.to_string().contains("127.0.0.1"), "{error}");
            refused = error.retry_after();
        }
        assert!(refused.is_some(), "{transport:?}: it is still asked");
        assert!(unit.ready().await.is_err());
    }
}

#[tokio::test]
async fn a_slow_node_is_late_by_its_own_timeout_and_by_the_deadline() {
    for transport in [Transport::Rest, Transport::Grpc] {
        let peer = Peer::that(Does::Waits).await;
        let short = Duration::from_millis(50);
        let own = Remote::new(Options {
            transport,
            timeout: Some(short),
            ..options(peer.address)
        });
        let begun = Instant::now();
        let error = predict(&own.unwrap(), &context()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::DeadlineExceeded, "{error}");
        let unit = Remote::new(Options {
            transport,
            ..options(peer.address)
        });
        let error = predict(&unit.unwrap(), &Context::new("id", short))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::DeadlineExceeded, "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_request_that_was_sent_is_not_sent_again() {
    for bytes in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"da"] {
        let peer = Peer::that(Does::Breaks(bytes.to_owned())).await;
        let error = fails(&peer).await;
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert!(error.message().contains("broke"), "{error}");
        assert_eq!(peer.requests().len(), 1);
    }
}

#[tokio::test]
async fn what_is_no_reply_is_a_bad_gateway() {
    for (status, media, body) in [
        ("200 OK", "application/json", "{\"data\":"),
        ("200 OK", "text/html", "<html>"),
        ("200 OK", "application/json", "[1]"),
        ("204 No Content", "application/json", ""),
        (
            "302 Found\r\nlocation: http://127.0.0.1:1/",
            "text/plain",
            "",
        ),
        ("200 OK\r\ncontent-encoding: gzip", "application/json", OK),
    ] {
        let peer = Peer::answers(status, media, body).await;
        let error = fails(&peer).await;
        assert_eq!(error.kind(), Kind::BadGateway, "{status} {body}: {error}");
        assert_eq!(peer.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn no_http_at_all_is_a_broken_connection() {
    for transport in [Transport::Rest, Transport::Grpc] {
        let peer = Peer::that(Does::Breaks("what is it?\r\n\r\n".to_owned())).await;
        let unit = Remote::new(Options {
            transport,
            ..options(peer.address)
        });
        let time = Context::new("id", Duration::from_secs(2));
        let error = predict(&unit.unwrap(), &time).await.unwrap_err();
        let kinds = [Kind::Unavailable, Kind::DeadlineExceeded];
        assert!(kinds.contains(&error.kind()), "{transport:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_reply_beyond_the_limit_is_refused() {
    let peer = Peer::answers("200 OK", "application/json", OK).await;
    let mut small = options(peer.address);
    small.limits.body = 10;
    let error = predict(&Remote::new(small).unwrap(), &context())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::BadGateway);
    assert!(error.message().contains("larger than 10 bytes"), "{error}");
}

#[tokio::test]
async fn an_error_keeps_its_status_its_reason_and_its_body() {
    let body = r#"{"status":{"status":1,"info":"no such row","code":-1,"reason":"MICROSERVICE_BAD_DATA"}}"#;
    let peer = Peer::answers("400 BAD REQUEST", "application/json", body).await;
    let error = fails(&peer).await;
    assert_eq!(error.kind(), Kind::InvalidInput);
    assert_eq!(error.to_string(), "node `m`: no such row");
    assert_eq!(error.reason(), "MICROSERVICE_BAD_DATA");
    let answer = error.answer().unwrap();
    assert_eq!((answer.status, &*answer.body), (400, body));
    let peer = Peer::answers("418 TEAPOT", "text/plain", "short and stout").await;
    let error = fails(&peer).await;
    assert_eq!(error.kind(), Kind::InvalidInput);
    assert_eq!(error.answer().unwrap().content_type, "text/plain");
    let peer = Peer::answers("500 OOPS", "text/html", "<html>a page</html>").await;
    let error = fails(&peer).await;
    assert_eq!(error.kind(), Kind::Model);
    assert_eq!(error.message(), "it answered with status 500");
}

#[tokio::test]
async fn headers_and_the_id_go_on() {
    let peer = Peer::answers("200 OK", "application/json", OK).await;
    let unit = Remote::new(options(peer.address)).unwrap();
    let headers = [("authorization".to_owned(), "Bearer t".to_owned())];
    let context = Context {
        headers: Arc::from(headers),
        ..context()
    };
    predict(&unit, &context).await.unwrap();
    let requests = peer.requests();
    let head = &requests[0];
    assert!(head.starts_with("POST /predict HTTP/1.1\r\n"), "{head}");
    for line in [
        "authorization: Bearer t",
        "seldon-puid: some-id",
        "content-type: application/json",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
}

#[tokio::test]
async fn full_health_checks_ask_the_node() {
    let peer = Peer::answers("503 NO", "text/plain", "not yet").await;
    let unit = Remote::new(options(peer.address)).unwrap();
    unit.ready().await.unwrap();
    let unit = Remote::new(Options {
        full_health_checks: true,
        ..options(peer.address)
    })
    .unwrap();
    let error = unit.ready().await.unwrap_err();
    assert_eq!(error.to_string(), "node `m`: not yet");
    let asked = peer.requests();
    let health = asked
        .iter()
        .find(|one| one.starts_with("GET /api/v1.0/health/status "));
    assert!(health.is_some(), "{asked:?}");
}

/// Whether it is asked no more.
async fn is_left_alone(unit: &Remote, time: Duration) -> bool {
    let error = predict(unit, &Context::new("id", time)).await.unwrap_err();
    error.retry_after().is_some()
}

#[tokio::test]
async fn callers_in_a_hurry_say_nothing_against_a_node() {
    for transport in [Transport::Rest, Transport::Grpc] {
        let peer = Peer::that(Does::Waits).await;
        for timeout in [None, Some(Duration::from_millis(100))] {
            let unit = Remote::new(Options {
                transport,
                timeout,
                ..options(peer.address)
            });
            let unit = unit.unwrap();
            for _ in 0..8 {
                assert!(!is_left_alone(&unit, Duration::from_millis(20)).await);
            }
        }
    }
}

#[tokio::test]
async fn a_node_that_is_silent_for_its_own_timeout_or_the_usual_one_is_left_alone() {
    for transport in [Transport::Rest, Transport::Grpc] {
        let peer = Peer::that(Does::Waits).await;
        let short = Duration::from_millis(20);
        let (longer, long) = (Duration::from_millis(100), Duration::from_secs(20));
        for (timeout, usual, time) in [(Some(short), long, long), (None, short, longer)] {
            let unit = Remote::new(Options {
                transport,
                timeout,
                usual,
                ..options(peer.address)
            });
            let unit = unit.unwrap();
            for _ in 0..5 {
                assert!(!is_left_alone(&unit, time).await);
            }
            assert!(is_left_alone(&unit, time).await);
        }
    }
}

#[tokio::test]
async fn a_node_that_breaks_off_is_left_alone_and_one_that_errs_is_not() {
    let peer = Peer::that(Does::Breaks(String::new())).await;
    let unit = Remote::new(options(peer.address)).unwrap();
    for _ in 0..5 {
        assert!(!is_left_alone(&unit, Duration::from_secs(20)).await);
    }
    assert!(is_left_alone(&unit, Duration::from_secs(20)).await);
    let peer = Peer::answers("503 NO", "text/plain", "not today").await;
    let unit = Remote::new(options(peer.address)).unwrap();
    for _ in 0..8 {
        assert!(!is_left_alone(&unit, Duration::from_secs(20)).await);
    }
}
