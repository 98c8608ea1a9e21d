//! One connection, from its first byte to a good end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hari_telemetry::metric::Held;
use http::{HeaderValue, Request, Version, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;

use super::Stage;
use super::pace::{Pace, Paced};

/// A head that has begun and does not arrive in time ends the connection.
const HEADER_READ: Duration = Duration::from_secs(10);
/// An idle connection is closed, or, with HTTP/2, asked whether it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(65);
/// A connection that has been idle for so long while its listener stops is closed.
const QUIET: Duration = Duration::from_millis(500);
/// Bytes of all headers of a request together.
const HEADER_BYTES: usize = 32 << 10;
/// Headers of a request.
const HEADER_COUNT: usize = 100;
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 128;

/// What the connections of a listener share.
pub(super) struct Connections {
    pub(super) router: Router,
    /// One permit for each that is open.
    pub(super) room: Arc<Semaphore>,
    pub(super) stage: watch::Receiver<Stage>,
}

/// Serves one connection to its end.
pub(super) async fn answer<S>(
    stream: S,
    router: Router,
    mut stage: watch::Receiver<Stage>,
    held: (OwnedSemaphorePermit, Held),
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pace = Pace::default();
    let socket = TokioIo::new(Paced::new(stream, pace.clone(), HEADER_READ));
    let service = TowerToHyperService::new(paced(router, pace.clone(), stage.clone()));
    let builder = builder();
    let mut connection = pin!(builder.serve_connection(socket, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = may_end(&mut stage, &pace) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
    drop(held);
}

/// Resolves when the connection may be told that no request is taken any more.
async fn may_end(stage: &mut watch::Receiver<Stage>, pace: &Pace) {
    loop {
        let now = *stage.borrow_and_update();
        match now {
            // It knows how to say so without losing a request.
            Stage::Leaving | Stage::Stopping if pace.is_http2() => return,
            Stage::Stopping => return quiet(pace).await,
            Stage::Serving | Stage::Leaving => {}
        }
        if stage.changed().await.is_err() {
            return quiet(pace).await;
        }
    }
}

/// Resolves once nothing has arrived for a moment: a client that was about to send a request on an
/// idle connection has had the time to.
async fn quiet(pace: &Pace) {
    loop {
        let before = pace.turns();
        sleep(QUIET).await;
        if pace.is_idle() && pace.turns() == before {
            return;
        }
    }
}

/// The routes, telling the socket when a request begins and ends, and clients of HTTP/1 when to go.
fn paced(
    router: Router,
    pace: Pace,
    stage: watch::Receiver<Stage>,
) -> impl tower::Service<
    Request<Incoming>,
    Response = Response,
    Error = Infallible,
    Future: Send + 'static,
> + Clone {
    tower::service_fn(move |request: Request<Incoming>| {
        let (mut router, pace, stage) = (router.clone(), pace.clone(), stage.clone());
        pace.begin();
        async move {
            let version = request.version();
            let mut reply = tower::Service::call(&mut router, request).await?;
            if version < Version::HTTP_2 && *stage.borrow() > Stage::Serving {
                let close = HeaderValue::from_static("close");
                reply.headers_mut().insert(header::CONNECTION, close);
            }
            pace.end();
            Ok(reply)
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
