//! Tests of https: the machine's certificates decide.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use hari_error::Kind;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::testing::{folder, options};

const CERTIFICATE: &[u8] = include_bytes!("../../tests/fixtures/tls/server.der");
const KEY: &[u8] = include_bytes!("../../tests/fixtures/tls/server.key.der");

/// Answers one connection over TLS, as `localhost`; returns its URL.
fn serve() -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = BufReader::new(StreamOwned::new(connection, socket));
        let mut line = String::new();
        // A client that does not trust us hangs up here.
        while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
            line.clear();
        }
        let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nmodel";
        drop(
            stream
                .get_mut()
                .write_all(reply)
                .and_then(|()| stream.get_mut().flush()),
        );
    });
    format!("https://localhost:{port}/net.onnx")
}

async fn get() -> Result<Artifact> {
    let cache = folder(&[]);
    let uri = ModelUri::parse(&serve(), Path::new("/"))?;
    crate::fetch(&uri, &options(cache.path())).await
}

#[tokio::test]
async fn an_unknown_ca_is_not_trusted() {
    let error = get().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden, "{error}");
    assert!(error.message().contains("SSL_CERT_FILE"), "{error}");
}

#[test]
fn a_ca_of_the_machine_is_trusted() {
    let ca = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls/ca.pem");
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "remote::tls::in_a_process_with_our_ca",
        ])
        .env("SSL_CERT_FILE", ca)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}"
    );
}

#[tokio::test]
#[ignore = "run by the test above, in a process of its own with SSL_CERT_FILE set"]
async fn in_a_process_with_our_ca() {
    assert_eq!(get().await.unwrap().bytes, 5);
}
