//! Peers: a server that answers with given bytes, and this project's own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hari_core::Unit;
use hari_egress::{Endpoint, Options};
use hari_ingress::{App, Deployment, Directory, Listener, Predictor, Service, Tls};
use hari_settings::Server as Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a peer does with a request once it has read it.
#[derive(Clone)]
pub(crate) enum Does {
    /// Writes these bytes, and keeps the connection.
    Writes(String),
    /// Writes these bytes, and closes the connection.
    Breaks(String),
    /// Nothing.
    Waits,
}

/// A peer that does the same with every request; it stops when dropped.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Peer {
    pub(crate) async fn that(does: Does) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), does).await
    }

    async fn at(address: SocketAddr, does: Does) -> Self {
        let socket = TcpListener::bind(address).await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serve(stream, does.clone(), seen.clone()));
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    /// A reply with this status line, media type and body.
    pub(crate) async fn answers(status: &str, media: &str, body: &str) -> Self {
        Self::answers_at(([127, 0, 0, 1], 0).into(), status, media, body).await
    }

    /// The same, listening there.
    pub(crate) async fn answers_at(
        address: SocketAddr,
        status: &str,
        media: &str,
        body: &str,
    ) -> Self {
        Self::at(address, Does::Writes(reply(status, media, body))).await
    }

    /// A good reply, after which the connection is closed.
    pub(crate) async fn answers_once(media: &str, body: &str) -> Self {
        Self::that(Does::Breaks(reply("200 OK", media, body))).await
    }

    /// The requests so far, heads and bodies.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn reply(status: &str, media: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n{body}")
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, does: Does, seen: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = request(&mut stream).await {
        seen.lock().expect("no panic").push(request);
        match &does {
            Does::Writes(bytes) => stream.write_all(bytes.as_bytes()).await.expect("written"),
            Does::Breaks(bytes) => {
                stream.write_all(bytes.as_bytes()).await.expect("written");
                return;
            }
            Does::Waits => std::future::pending::<()>().await,
        }
    }
}

/// One request, read to its end; none if the connection ends.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().expect("a length"));
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// This project's own server with one unit, `m`; it stops when dropped.
pub(crate) struct Ours {
    pub(crate) address: SocketAddr,
    stop: watch::Sender<hari_ingress::Stage>,
}

impl Ours {
    pub(crate) fn with(unit: impl Unit) -> Self {
        Self::shown(unit, None)
    }

    /// The same, behind TLS.
    pub(crate) fn shown(unit: impl Unit, tls: Option<Tls>) -> Self {
        let settings = Settings {
            max_body: 1 << 20,
            deadline: Duration::from_secs(20),
            max_connections: 64,
            max_in_flight: 64,
            drain: Duration::from_secs(1),
            cors_origins: "*".to_owned(),
            cors_headers: "Content-Type".to_owned(),
            metrics_path: None,
            reply_metrics: true,
        };
        let directory = Arc::new(Directory::default());
        directory.put(deployment(unit));
        let app = App::new(directory, settings, None);
        Self::behind(tls, hari_ingress::everything(&app))
    }

    /// A server with these routes.
    pub(crate) fn of(router: axum::Router) -> Self {
        Self::behind(None, router)
    }

    fn behind(tls: Option<Tls>, router: axum::Router) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let listener = listener.with_tls(tls);
        let address = listener.bound().0;
        let service = Service {
            router,
            max_connections: 64,
        };
        let (stop, stopped) = watch::channel(hari_ingress::Stage::Serving);
        tokio::spawn(listener.serve(service, stopped, Duration::from_secs(1)));
        Self { address, stop }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.stop.send_replace(hari_ingress::Stage::Stopping);
    }
}

fn deployment(unit: impl Unit) -> Arc<Deployment> {
    let predictor = Predictor {
        name: "default".to_owned(),
        version: "v1".to_owned(),
        traffic: 100,
        shadow: false,
        rest_timeout: None,
        grpc_timeout: None,
        inlet: None,
        unit: Arc::new(unit),
    };
    Arc::new(Deployment {
        namespace: "default".to_owned(),
        name: "d".to_owned(),
        predictors: vec![Arc::new(predictor)],
    })
}

/// A node `m` that listens there.
pub(crate) fn options(address: SocketAddr) -> Options {
    let endpoint = Endpoint {
        host: address.ip().to_string(),
        http_port: address.port(),
        grpc_port: address.port(),
    };
    Options::new("m", endpoint)
}
