//! A small HTTP server, for the webhook, the metrics and the probes: few connections, small bodies,
//! a limit on each wait.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hari_error::{Error, Result};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// Most open connections.
const CONNECTIONS: usize = 256;
/// Most time for a TLS handshake, or for the headers of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most time for open requests at the end.
const LAST: Duration = Duration::from_secs(5);

/// A reply, whole.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Reply> + Send;
}

/// Listens at an address.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Opens it; nothing is accepted yet.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub(crate) async fn open(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Self> {
        let socket = TcpListener::bind(address).await.map_err(|error| {
            Error::unavailable(format!("cannot listen on {address}")).with_source(error)
        })?;
        Ok(Self { socket, tls })
    }

    /// Answers until `stop` turns true; open requests are finished then.
    pub(crate) async fn serve<H: Handler>(self, handler: Arc<H>, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.socket, &room) => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Some((stream, permit)) = accepted else {
                continue;
            };
            let (tls, handler, watcher) = (self.tls.clone(), handler.clone(), graceful.watcher());
            tokio::spawn(async move {
                let _permit = permit;
                let done = match tls {
                    None => converse(TokioIo::new(stream), handler, watcher).await,
                    Some(tls) => match tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                        Ok(Ok(stream)) => converse(TokioIo::new(stream), handler, watcher).await,
                        Ok(Err(error)) => Err(error.into()),
                        Err(late) => Err(late.into()),
                    },
                };
                if let Err(error) = done {
                    tracing::debug!(error, "a connection has ended");
                }
            });
        }
        let _ = tokio::time::timeout(LAST, graceful.shutdown()).await;
    }
}

/// The next connection, once there is room for it.
async fn accept(
    socket: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            // Out of descriptors, most likely: waiting lets some close.
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn converse<S, H>(
    stream: TokioIo<S>,
    handler: Arc<H>,
    watcher: hyper_util::server::graceful::Watcher,
) -> Result<(), AnyError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PATIENCE);
    let service = service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(handler.answer(request).await) }
    });
    let connection = builder.serve_connection(stream, service).into_owned();
    watcher.watch(connection).await
}
