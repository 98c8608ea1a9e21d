//! Accepts connections, bounds them in number and time, and drains them at the end.

mod connection;
mod pace;
mod tls;

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt as _;
use hari_error::{Error, Result};
use hari_telemetry::metric::{Held, rejected};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use connection::{Connections, answer};
pub use tls::Tls;

/// TLS is agreed on in this time, or the connection is closed.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// How far a listener is on its way from serving to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Everything is taken.
    #[default]
    Serving,
    /// Everything is taken, and clients are told to go elsewhere: HTTP/1 replies close their
    /// connection, HTTP/2 connections get a GOAWAY.
    Leaving,
    /// Nothing new is accepted; what is open is finished.
    Stopping,
}

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

    /// Serves until `stage` is [`Stage::Stopping`], then lets open requests finish for at most
    /// `drain`. Says whether they did.
    ///
    /// Nothing is reset on the way: connections that wait in the socket are taken, and one that is
    /// idle is closed only after it has been so for a moment, so that a request that is on its way
    /// to it is answered.
    pub async fn serve(
        self,
        service: Service,
        mut stage: watch::Receiver<Stage>,
        drain: Duration,
    ) -> bool {
        let most = service.max_connections;
        let connections = Connections {
            router: service.router,
            room: Arc::new(Semaphore::new(most)),
            stage: stage.clone(),
        };
        loop {
            let stream = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stage.wait_for(|stage| *stage == Stage::Stopping) => break,
            };
            match stream {
                Ok((stream, _)) => accept(stream, self.tls.as_ref(), &connections),
                Err(error) => back_off(&error).await,
            }
        }
        // What the kernel has accepted for us already; more than the backlog does not wait.
        for _ in 0..BACKLOG {
            let Some(Ok((stream, _))) = self.socket.accept().now_or_never() else {
                break;
            };
            accept(stream, self.tls.as_ref(), &connections);
        }
        drop(self.socket);
        let all = u32::try_from(most).unwrap_or(u32::MAX);
        let closed = connections.room.acquire_many(all);
        let finished = tokio::time::timeout(drain, closed).await.is_ok();
        if !finished {
            tracing::warn!(
                seconds = drain.as_secs(),
                "requests were still open when time was up"
            );
        }
        finished
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
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Out of descriptors, most likely: waiting lets some close.
async fn back_off(error: &std::io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

fn accept(stream: TcpStream, tls: Option<&Tls>, connections: &Connections) {
    let Ok(permit) = connections.room.clone().try_acquire_owned() else {
        rejected("connections");
        return;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection closed before it was served");
        return;
    }
    let (router, stage) = (connections.router.clone(), connections.stage.clone());
    let held = (permit, Held::connection());
    let Some(acceptor) = tls.map(|tls| tls.acceptor().clone()) else {
        tokio::spawn(answer(stream, router, stage, held));
        return;
    };
    tokio::spawn(async move {
        match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => answer(stream, router, stage, held).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS was agreed on"),
            Err(_) => tracing::debug!("TLS was not agreed on in time"),
        }
    });
}
