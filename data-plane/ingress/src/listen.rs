//! Accepts connections, bounds them in number and time, and drains them at the end.

mod pace;
mod tls;

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hari_error::{Error, Result};
use hari_telemetry::metric::{Held, rejected};
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use pace::{Pace, Paced};
pub use tls::Tls;

/// A head that has begun and does not arrive in time ends the connection.
const HEADER_READ: Duration = Duration::from_secs(10);
/// TLS is agreed on in this time, or the connection is closed.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// An idle connection is closed, or, with HTTP/2, asked whether it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(65);
/// Bytes of all headers of a request together.
const HEADER_BYTES: usize = 32 << 10;
/// Headers of a request.
const HEADER_COUNT: usize = 100;
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 128;

/// What a listener serves.
#[derive(Clone)]
pub struct Service {
    /// The routes.
    pub router: Router,
    /// Most open connections.
    pub max_connections: usize,
}

/// A bound socket that does not accept yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

/// The addresses that were bound, port 0 resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound(pub SocketAddr);

impl Listener {
    /// Binds `address`; port 0 picks a free one.
    ///
    /// # Errors
    /// `Unavailable` if the address is taken or not ours.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::unavailable(format!("cannot listen on {address}")).with_source(error)
        };
        let socket = open(address).map_err(failed)?;
        let socket = TcpListener::from_std(socket).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self {
            socket,
            address,
            tls: None,
        })
    }

    /// Speaks TLS and nothing else.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls;
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn bound(&self) -> Bound {
        Bound(self.address)
    }

    /// Serves until `stop` turns true, then lets open requests finish for at most `drain`. Says
    /// whether they did.
    pub async fn serve(
        self,
        service: Service,
        mut stop: watch::Receiver<bool>,
        drain: Duration,
    ) -> bool {
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(service.max_connections));
        loop {
            let stream = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match stream {
                Ok((stream, _)) => {
                    let tls = self.tls.as_ref();
                    accept(stream, tls, &service.router, &room, graceful.watcher());
                }
                Err(error) => back_off(&error).await,
            }
        }
        drop(self.socket);
        let finished = tokio::time::timeout(drain, graceful.shutdown()).await;
        if finished.is_err() {
            tracing::warn!(
                seconds = drain.as_secs(),
                "requests were still open when time was up"
            );
        }
        finished.is_ok()
    }
}

fn open(address: SocketAddr) -> std::io::Result<StdListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Out of descriptors, most likely: waiting lets some close.
async fn back_off(error: &std::io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

fn accept(
    stream: TcpStream,
    tls: Option<&Tls>,
    router: &Router,
    room: &Arc<Semaphore>,
    watcher: Watcher,
) {
    let Ok(permit) = room.clone().try_acquire_owned() else {
        rejected("connections");
        return;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection closed before it was served");
        return;
    }
    let (router, held) = (router.clone(), (permit, Held::connection()));
    let Some(acceptor) = tls.map(|tls| tls.acceptor().clone()) else {
        tokio::spawn(answer(stream, router, watcher, held));
        return;
    };
    tokio::spawn(async move {
        match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => answer(stream, router, watcher, held).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS was agreed on"),
            Err(_) => tracing::debug!("TLS was not agreed on in time"),
        }
    });
}

/// Serves one connection to its end.
async fn answer<S>(stream: S, router: Router, watcher: Watcher, held: (OwnedSemaphorePermit, Held))
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pace = Pace::default();
    let socket = TokioIo::new(Paced::new(stream, pace.clone(), HEADER_READ));
    let service = TowerToHyperService::new(paced(router, pace));
    let connection = builder().serve_connection(socket, service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended");
    }
    drop(held);
}

/// The routes, telling the socket when a request begins and ends.
fn paced(
    router: Router,
    pace: Pace,
) -> impl tower::Service<
    Request<Incoming>,
    Response = Response,
    Error = Infallible,
    Future: Send + 'static,
> + Clone {
    tower::service_fn(move |request: Request<Incoming>| {
        let (mut router, pace) = (router.clone(), pace.clone());
        pace.begin();
        async move {
            let reply = tower::Service::call(&mut router, request).await;
            pace.end();
            reply
        }
    })
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(KEEP_ALIVE)
        .max_buf_size(HEADER_BYTES.max(8192) * 4)
        .max_headers(HEADER_COUNT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES as u32)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(HEADER_READ);
    builder
}
