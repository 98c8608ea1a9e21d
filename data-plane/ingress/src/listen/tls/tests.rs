//! Real handshakes, and files that are not what they should be.

use std::fs;
use std::path::PathBuf;

use axum::Router;
use axum::routing::get;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::listen::{Listener, Service};

fn data(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    fs::read(folder.join(name)).unwrap()
}

/// A folder with the certificate and the key of these names.
fn folder(certificate: &str, key: &str) -> (TempDir, ListenerTls) {
    let folder = TempDir::new().unwrap();
    let files = ListenerTls {
        certificate: folder.path().join("tls.crt"),
        key: folder.path().join("tls.key"),
    };
    write(&files, certificate, key);
    (folder, files)
}

fn write(files: &ListenerTls, certificate: &str, key: &str) {
    fs::write(&files.certificate, data(certificate)).unwrap();
    fs::write(&files.key, data(key)).unwrap();
}

/// Connects, and trusts the certificate of this name alone.
async fn connect(
    address: std::net::SocketAddr,
    trusted: &str,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&data(trusted)).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn a_listener_speaks_tls_and_shows_a_changed_certificate() {
    let (_folder, files) = folder("one.crt", "one.key");
    let tls = Tls::open(files.clone()).unwrap();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = listener.with_tls(Some(tls.clone()));
    let address = listener.bound().0;
    let (stop, stopped) = watch::channel(crate::Stage::Serving);
    let service = Service {
        router: Router::new().route("/", get(|| async { "hello" })),
        max_connections: 4,
    };
    let serving = tokio::spawn(listener.serve(service, stopped, std::time::Duration::from_secs(5)));

    let mut first = connect(address, "one.crt", &[b"http/1.1"]).await.unwrap();
    first
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut reply = String::new();
    first.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("hello"));
    let grpc = connect(address, "one.crt", &[b"h2"]).await.unwrap();
    assert_eq!(grpc.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    drop(grpc);

    write(&files, "two.crt", "two.key");
    tls.refresh();
    assert!(connect(address, "one.crt", &[]).await.is_err());
    assert!(connect(address, "two.crt", &[]).await.is_ok());

    // Half of a change: what was good stays.
    write(&files, "one.crt", "two.key");
    tls.refresh();
    assert!(connect(address, "two.crt", &[]).await.is_ok());
    stop.send_replace(crate::Stage::Stopping);
    assert!(serving.await.unwrap());
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let refused = |certificate, key| {
        let (_folder, files) = folder(certificate, key);
        Tls::open(files).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused("one.key", "one.key").contains("no certificate"));
    assert!(refused("one.crt", "one.crt").contains("no private key"));
    assert!(refused("one.crt", "two.key").contains("together"));
    let (folder, files) = folder("one.crt", "one.key");
    fs::remove_file(&files.key).unwrap();
    let missing = Tls::open(files).map(|_| ()).unwrap_err().to_string();
    assert!(missing.contains("cannot read the key file"), "{missing}");
    drop(folder);
}
