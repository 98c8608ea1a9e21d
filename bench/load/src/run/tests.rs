//! Load on servers that answer in known ways.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use super::*;

/// A server on a free port that gives each connection to `serve`, until the test ends.
fn server(serve: impl Fn(std::net::TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    address
}

/// Answers `count` requests of two bytes, then closes the connection.
fn answer(mut stream: std::net::TcpStream, count: usize, reply: &str) {
    for _ in 0..count {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n{}") {
            match stream.read(&mut byte) {
                Ok(1) => request.push(byte[0]),
                _ => return,
            }
        }
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn target(address: SocketAddr) -> Target {
    Target::post(&format!("http://{address}/predict"), b"{}").unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[test]
fn as_many_requests_as_were_asked_for() {
    let target = target(server(|stream| answer(stream, usize::MAX, OK)));
    let measured = run(&target, &Plan::count(100)).unwrap();
    assert_eq!((measured.latency.len(), measured.failed), (100, 0));
}

#[test]
fn a_connection_that_the_server_closes_is_opened_again() {
    let target_one = target(server(|stream| answer(stream, 1, OK)));
    let measured = run(&target_one, &Plan::count(20)).unwrap();
    assert_eq!((measured.latency.len(), measured.failed), (20, 0));
    let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let target_two = target(server(|stream| answer(stream, 1, closing)));
    let measured = run(&target_two, &Plan::count(20)).unwrap();
    assert_eq!((measured.latency.len(), measured.failed), (20, 0));
}

#[test]
fn refusals_and_broken_replies_are_failures() {
    let broken = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}";
    for reply in ["HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", broken] {
        let target = target(server(move |stream| answer(stream, 1, reply)));
        let plan = Plan::count(5);
        let mut load = Load::new(&target, &plan).unwrap();
        load.drive().unwrap();
        assert_eq!((load.latency.len(), load.failed), (0, 5), "{reply}");
        assert!(load.measured().is_err());
    }
}

#[test]
fn an_open_loop_keeps_its_rate_and_counts_the_wait() {
    let target = target(server(|stream| {
        let mut stream = stream;
        let (mut request, mut first) = ([0; 4096], true);
        while stream.read(&mut request).is_ok_and(|read| read > 0) {
            if std::mem::take(&mut first) {
                thread::sleep(Duration::from_millis(100));
            }
            stream.write_all(OK.as_bytes()).unwrap();
        }
    }));
    let plan = Plan {
        arrivals: Arrivals::every(1000.0).unwrap(),
        connections: 1,
        warmup: Duration::ZERO,
        end: End::Requests(200),
    };
    let measured = run(&target, &plan).unwrap();
    assert!(measured.seconds >= 0.199, "{}", measured.seconds);
    // The first answer takes 100 ms: the second request was due long before it began.
    assert!(measured.latency.max() >= 100_000_000);
    assert!(measured.latency.value_at_quantile(0.7) < measured.latency.max());
    let late = measured.latency.count_between(50_000_000, u64::MAX);
    assert!(late >= 40, "{late} requests waited half of the pause");
}

#[test]
fn a_run_shorter_than_an_answer_waits_for_one() {
    let target = target(server(|stream| answer(stream, usize::MAX, OK)));
    let plan = Plan {
        arrivals: Arrivals::Closed,
        connections: 1,
        warmup: Duration::ZERO,
        end: End::After(Duration::ZERO),
    };
    assert_eq!(run(&target, &plan).unwrap().latency.len(), 1);
}
