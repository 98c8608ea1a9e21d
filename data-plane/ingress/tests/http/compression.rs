//! gzip, deflate and zstd, both ways and within bounds.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use hari_testkit::Identity;
use serde_json::Value;

use crate::server::{Server, post, with};

const PATH: &str = "/api/v1.0/predictions";

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd_of(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).expect("memory")
}

#[tokio::test]
async fn compressed_requests_are_read() {
    let server = Server::of(Identity::new("echo"));
    let plain = br#"{"strData":"hello"}"#;
    for (encoding, body) in [
        ("gzip", gzip(plain)),
        ("GZIP", gzip(plain)),
        ("deflate", deflate(plain)),
        ("zstd", zstd_of(plain)),
        ("identity", plain.to_vec()),
    ] {
        let request = with(post(PATH, body), "content-encoding", encoding);
        assert_eq!(
            server.send(request).await.ok()["strData"],
            "hello",
            "{encoding}"
        );
    }
}

#[tokio::test]
async fn replies_are_compressed_as_the_caller_accepts() {
    let server = Server::of(Identity::new("echo"));
    let body = format!(r#"{{"strData":"{}"}}"#, "hello ".repeat(2000));
    for (accept, expected) in [
        ("gzip", "gzip"),
        ("gzip, deflate, zstd", "zstd"),
        ("zstd;q=0, gzip", "gzip"),
        ("br", ""),
        ("identity", ""),
    ] {
        let request = with(post(PATH, body.clone()), "accept-encoding", accept);
        let reply = server.send(request).await;
        assert_eq!(reply.header("content-encoding"), expected, "{accept}");
        let plain = match expected {
            "gzip" => {
                let mut plain = Vec::new();
                GzDecoder::new(&*reply.body)
                    .read_to_end(&mut plain)
                    .expect("gzip");
                plain
            }
            "zstd" => zstd::decode_all(&*reply.body).expect("zstd"),
            _ => reply.body.to_vec(),
        };
        let plain: Value = serde_json::from_slice(&plain).expect("JSON");
        assert_eq!(
            plain["strData"].as_str().map(str::len),
            Some(12_000),
            "{accept}"
        );
        assert_eq!(
            reply.header("content-length"),
            reply.body.len().to_string(),
            "{accept}"
        );
        assert_eq!(
            reply.header("vary") == "Accept-Encoding",
            !expected.is_empty(),
            "{accept}"
        );
    }
}

#[tokio::test]
async fn a_small_reply_is_not_worth_it() {
    let server = Server::of(Identity::new("echo"));
    let request = with(post(PATH, r#"{"strData":"x"}"#), "accept-encoding", "gzip");
    assert_eq!(server.send(request).await.header("content-encoding"), "");
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let server = Server::of(Identity::new("echo"));
    let bomb = vec![b' '; 32 << 20];
    for (encoding, body) in [("gzip", gzip(&bomb)), ("zstd", zstd_of(&bomb))] {
        let request = with(post(PATH, body), "content-encoding", encoding);
        let reply = server.send(request).await;
        assert_eq!(reply.status, 413, "{encoding}");
        assert_eq!(reply.json()["status"]["reason"], "TOO_LARGE", "{encoding}");
    }
    assert_eq!(
        server.post(PATH, r#"{"strData":"x"}"#).await.status,
        200,
        "the server lives"
    );
}

#[tokio::test]
async fn a_broken_or_unknown_encoding_is_the_callers_fault() {
    let server = Server::of(Identity::new("echo"));
    for (encoding, status) in [("gzip", 400), ("zstd", 400), ("deflate", 400), ("br", 415)] {
        let body = Bytes::from_static(br#"{"strData":"plain"}"#);
        let request = with(post(PATH, body), "content-encoding", encoding);
        assert_eq!(server.send(request).await.status, status, "{encoding}");
    }
}
