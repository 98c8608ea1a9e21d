//! A connection may be idle between requests for a minute, but a request's head that has begun
//! must arrive within seconds. HTTP/1 only: HTTP/2 has pings for this.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How an HTTP/2 connection begins.
const PREFACE: &[u8] = b"PRI ";

/// Waiting for a request to begin.
const IDLE: u8 = 0;
/// A request is being answered; its body may still arrive.
const BUSY: u8 = 1;
/// The connection speaks HTTP/2.
const FREE: u8 = 2;

/// A request's head has begun to arrive.
const HEAD: u8 = 3;

/// What a connection is doing; shared by its socket and its service.
#[derive(Clone, Default)]
pub(super) struct Pace(Arc<Doing>);

#[derive(Default)]
struct Doing {
    state: AtomicU8,
    /// Heads that have begun; the number turns over.
    turns: AtomicU32,
}

impl Pace {
    /// A request has arrived.
    pub(super) fn begin(&self) {
        self.set(BUSY);
    }

    /// Its reply has begun, after all of its body was read.
    pub(super) fn end(&self) {
        self.set(IDLE);
    }

    /// Whether it speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.get() == FREE
    }

    /// Whether it waits for a request to begin.
    pub(super) fn is_idle(&self) -> bool {
        self.get() == IDLE
    }

    /// Changes with every head that begins.
    pub(super) fn turns(&self) -> u32 {
        self.0.turns.load(Ordering::Relaxed)
    }

    /// A head has begun.
    fn head(&self) {
        self.0.turns.fetch_add(1, Ordering::Relaxed);
        self.set(HEAD);
    }

    /// Whether a head may begin or go on.
    fn waits(&self) -> bool {
        matches!(self.get(), IDLE | HEAD)
    }

    fn get(&self) -> u8 {
        self.0.state.load(Ordering::Relaxed)
    }

    fn set(&self, state: u8) {
        // HTTP/2 stays HTTP/2, whatever its streams do.
        let _ = self
            .0
            .state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                (now != FREE).then_some(state)
            });
    }
}

/// A socket on which a request's head must arrive in time.
pub(super) struct Paced<S> {
    socket: S,
    pace: Pace,
    limit: Duration,
    /// Runs from the first byte of a head.
    head: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(super) fn new(socket: S, pace: Pace, limit: Duration) -> Self {
        Self {
            socket,
            pace,
            limit,
            head: None,
        }
    }

    /// Bytes arrived: a head begins, or goes on.
    fn arrived(&mut self, bytes: &[u8]) {
        if !self.pace.waits() || bytes.is_empty() {
            self.head = None;
        } else if self.head.is_none() {
            if bytes.starts_with(PREFACE) {
                self.pace.set(FREE);
            } else {
                self.pace.head();
                self.head = Some(Box::pin(sleep(self.limit)));
            }
        }
    }

    /// Nothing arrived: is a head overdue?
    fn overdue(&mut self, context: &mut Context<'_>) -> bool {
        if !self.pace.waits() {
            self.head = None;
        }
        self.head
            .as_mut()
            .is_some_and(|head| head.as_mut().poll(context).is_ready())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.socket).poll_read(context, buffer) {
            Poll::Pending if self.overdue(context) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the head is too slow",
            ))),
            Poll::Ready(Ok(())) => {
                self.arrived(buffer.filled().get(before..).unwrap_or_default());
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);
    const LONG: Duration = Duration::from_secs(60);

    fn connection() -> (DuplexStream, Paced<DuplexStream>, Pace) {
        let (client, server) = duplex(1024);
        let pace = Pace::default();
        (client, Paced::new(server, pace.clone(), LIMIT), pace)
    }

    async fn read(socket: &mut Paced<DuplexStream>) -> io::Result<usize> {
        socket.read(&mut [0; 64]).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_left_alone() {
        let (_client, mut server, _) = connection();
        assert!(tokio::time::timeout(LONG, read(&mut server)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_end_ends_the_connection() {
        let (mut client, mut server, _) = connection();
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        assert_eq!(read(&mut server).await.unwrap(), 16);
        let error = tokio::time::timeout(LONG, read(&mut server))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_take_longer_and_the_next_head_may_not() {
        let (mut client, mut server, pace) = connection();
        client.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
        read(&mut server).await.unwrap();
        pace.begin();
        assert!(tokio::time::timeout(LONG, read(&mut server)).await.is_err());
        pace.end();
        client.write_all(b"P").await.unwrap();
        read(&mut server).await.unwrap();
        assert!(
            tokio::time::timeout(LONG, read(&mut server))
                .await
                .unwrap()
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_head_that_has_begun_is_no_idleness() {
        let (mut client, mut server, pace) = connection();
        assert!(pace.is_idle());
        let before = pace.turns();
        client.write_all(b"POST / HT").await.unwrap();
        read(&mut server).await.unwrap();
        assert!(!pace.is_idle() && pace.turns() != before);
        pace.begin();
        assert!(!pace.is_idle());
        pace.end();
        assert!(pace.is_idle() && !pace.is_http2());
    }

    #[tokio::test(start_paused = true)]
    async fn http_2_is_free() {
        let (mut client, mut server, pace) = connection();
        client
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        read(&mut server).await.unwrap();
        pace.end();
        assert!(tokio::time::timeout(LONG, read(&mut server)).await.is_err());
    }
}
