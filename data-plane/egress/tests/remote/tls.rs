//! Encrypted connections: whom a node's caller trusts, and what it shows.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hari_core::{Context, Input, Message, Method, Tensor, Unit as _};
use hari_egress::{Options, Protocol, Remote, Tls, Transport};
use hari_error::Kind;
use hari_settings::{ListenerTls, NodeTls};
use hari_testkit::Identity;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::peer::{Ours, options};

/// An authority, and files of what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for this address or name.
    fn signed(&self, name: &str) -> ListenerTls {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = ListenerTls {
            certificate: self.file(&format!("{name}.pem")),
            key: self.file(&format!("{name}.key")),
        };
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    /// What trusts this authority, and shows the certificate.
    fn trusted(&self, identity: Option<ListenerTls>) -> Tls {
        let authorities = Some(self.file("ca.pem"));
        Tls::open(&NodeTls {
            authorities,
            identity,
        })
        .unwrap()
    }
}

fn context() -> Context {
    Context::new("some-id", Duration::from_secs(20))
}

fn sample() -> Input {
    let tensor = Tensor::from_vec([1, 2], vec![1.5_f32, -2.0]).unwrap();
    Input::One(Message::tensor("x", tensor))
}

#[tokio::test]
async fn every_protocol_is_spoken_over_tls() {
    let authority = Authority::new();
    let shown = hari_ingress::Tls::open(authority.signed("127.0.0.1")).unwrap();
    let ours = Ours::shown(Identity::new("m"), Some(shown));
    for protocol in [
        Protocol::Seldon,
        Protocol::OpenInference,
        Protocol::Tensorflow,
    ] {
        for transport in [Transport::Rest, Transport::Grpc] {
            let unit = Remote::new(Options {
                protocol,
                transport,
                tls: Some(authority.trusted(None)),
                ..options(ours.address)
            });
            let unit = unit.unwrap();
            unit.ready().await.unwrap();
            let reply = unit.call(Method::Predict, sample(), &context()).await;
            let reply = reply.unwrap();
            let tensor = &reply.as_tensors().unwrap()[0].tensor;
            assert_eq!(tensor.shape(), [1, 2], "{protocol:?} {transport:?}");
        }
    }
}

#[tokio::test]
async fn a_node_that_nobody_vouches_for_is_not_spoken_to() {
    let authority = Authority::new();
    let another = Authority::new();
    let wrong_name = authority.signed("elsewhere.example");
    for (shown, trusting) in [
        (another.signed("127.0.0.1"), &authority),
        (wrong_name, &authority),
    ] {
        let shown = hari_ingress::Tls::open(shown).unwrap();
        let ours = Ours::shown(Identity::new("m"), Some(shown));
        for transport in [Transport::Rest, Transport::Grpc] {
            let unit = Remote::new(Options {
                transport,
                tls: Some(trusting.trusted(None)),
                ..options(ours.address)
            });
            let unit = unit.unwrap();
            let refused = unit.call(Method::Predict, sample(), &context()).await;
            assert_eq!(refused.unwrap_err().kind(), Kind::Unavailable);
            assert_eq!(unit.ready().await.unwrap_err().kind(), Kind::Unavailable);
        }
    }
}

#[tokio::test]
async fn a_node_that_asks_for_a_certificate_is_shown_one() {
    let authority = Authority::new();
    let address = strict(&authority).await;
    let of = |identity| {
        let tls = Some(authority.trusted(identity));
        Remote::new(Options {
            tls,
            ..options(address)
        })
        .unwrap()
    };
    let known = of(Some(authority.signed("caller.example")));
    let reply = known.call(Method::Predict, sample(), &context()).await;
    assert_eq!(reply.unwrap().as_tensors().unwrap()[0].tensor.shape(), [1]);
    let unknown = of(None);
    let refused = unknown.call(Method::Predict, sample(), &context()).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::Unavailable);
}

/// A node that answers callers with a certificate of this authority alone.
async fn strict(authority: &Authority) -> std::net::SocketAddr {
    let own = authority.signed("127.0.0.1");
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_file(&own.certificate).unwrap()],
            PrivateKeyDer::from_pem_file(&own.key).unwrap(),
        );
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.ok()?;
                let mut read = [0; 4096];
                stream.read(&mut read).await.ok().filter(|read| *read > 0)?;
                let body = r#"{"data":{"ndarray":[7.0]}}"#;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                let reply = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(reply.as_bytes()).await.ok()
            });
        }
    });
    address
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let authority = Authority::new();
    std::fs::write(authority.file("odd.pem"), "no certificate").unwrap();
    let of = |name: &str| {
        let authorities = Some(authority.file(name));
        let files = NodeTls {
            authorities,
            identity: None,
        };
        Tls::open(&files).unwrap_err().to_string()
    };
    assert!(of("odd.pem").contains("odd.pem: expected certificates as PEM"));
    assert!(of("none.pem").contains("none.pem cannot be read"));
    let mut mixed = authority.signed("one.example");
    mixed.key = authority.signed("two.example").key;
    let files = NodeTls {
        authorities: None,
        identity: Some(mixed),
    };
    let told = Tls::open(&files).unwrap_err().to_string();
    assert!(told.contains("cannot be used together"), "{told}");
}
