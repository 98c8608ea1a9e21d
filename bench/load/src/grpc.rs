//! Requests over gRPC, one after the other on one connection: the bytes of a message are made once
//! and sent many times.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::{Bytes, BytesMut};
use h2::client::{self, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use hdrhistogram::Histogram;
use http::Request;
use tokio::net::TcpStream;

use crate::answer::Expected;
use crate::run::Measured;

/// The method of the open inference protocol.
pub(crate) const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
/// What the server may send before it is told to go on.
const WINDOW: u32 = 64 << 20;
/// Bytes that stand before a message.
const FRAME: usize = 5;

/// Asks for so long after a warm-up. Waits for the first right answer.
pub(crate) fn run(
    (address, method): (SocketAddr, &str),
    message: Vec<u8>,
    expected: &Expected,
    [patience, warmup, length]: [Duration; 3],
) -> Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(1)
        .build()?;
    runtime.block_on(async {
        // A task that is always ready: the thread looks for bytes and never sleeps.
        tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        let mut caller =
            Caller::ready((address, method), message.into(), expected, patience).await?;
        caller.timed(expected, warmup, length).await
    })
}

struct Caller {
    send: SendRequest<Bytes>,
    request: Request<()>,
    message: Bytes,
}

impl Caller {
    /// Connects and asks until an answer is right.
    async fn ready(
        to: (SocketAddr, &str),
        message: Bytes,
        expected: &Expected,
        patience: Duration,
    ) -> Result<Self> {
        let end = Instant::now() + patience;
        loop {
            let found = async {
                let mut caller = Self::connect(to, message.clone()).await?;
                expected.check(&caller.ask().await?)?;
                anyhow::Ok(caller)
            };
            match found.await {
                Err(error) if Instant::now() >= end => {
                    return Err(error.context("no right answer in time"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                ready => return ready,
            }
        }
    }

    async fn connect((address, method): (SocketAddr, &str), message: Bytes) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (send, connection) = client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream)
            .await?;
        tokio::spawn(connection);
        let request = Request::post(format!("http://{address}{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        Ok(Self {
            send,
            request,
            message,
        })
    }

    /// The message of an answer whose status is OK.
    async fn ask(&mut self) -> Result<Bytes> {
        let mut request = Request::new(());
        self.request.method().clone_into(request.method_mut());
        self.request.uri().clone_into(request.uri_mut());
        self.request.headers().clone_into(request.headers_mut());
        std::future::poll_fn(|context| self.send.poll_ready(context)).await?;
        let (reply, stream) = self.send.send_request(request, false)?;
        write(stream, self.message.clone()).await?;
        let reply = reply.await?;
        read(reply.into_body()).await
    }

    async fn timed(
        &mut self,
        expected: &Expected,
        warmup: Duration,
        length: Duration,
    ) -> Result<Measured> {
        let start = Instant::now() + warmup;
        let mut latency = Histogram::new(3)?;
        let mut first = None;
        while first.is_none_or(|first: Instant| first.elapsed() < length) {
            let begin = Instant::now();
            let answer = self.ask().await?;
            if begin < start {
                continue;
            }
            first.get_or_insert(begin);
            latency.record(begin.elapsed().as_nanos() as u64)?;
            expected.check_length(&answer)?;
        }
        Ok(Measured {
            seconds: first.context("nothing was asked")?.elapsed().as_secs_f64(),
            latency,
            failed: 0,
        })
    }
}

/// Sends a message as far as the server lets it, again and again until it is sent.
async fn write(mut stream: SendStream<Bytes>, mut message: Bytes) -> Result<()> {
    while !message.is_empty() {
        stream.reserve_capacity(message.len());
        let capacity = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let capacity = capacity.context("the server closed the stream")??;
        let part = message.split_to(capacity.min(message.len()));
        stream.send_data(part, message.is_empty())?;
    }
    Ok(())
}

async fn read(mut body: RecvStream) -> Result<Bytes> {
    let mut message = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        message.extend_from_slice(&part);
    }
    let trailers = match body.trailers().await {
        // Some servers end the stream as soon as they have said all.
        Err(error) if error.reason() == Some(Reason::NO_ERROR) => None,
        trailers => trailers?,
    };
    let trailers = trailers.context("an answer without a status")?;
    let said = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    ensure!(
        said("grpc-status") == Some("0"),
        "status {}: {}",
        said("grpc-status").unwrap_or("none"),
        said("grpc-message").unwrap_or_default()
    );
    ensure!(message.len() > FRAME, "an answer without a message");
    Ok(message.freeze().slice(FRAME..))
}

#[cfg(test)]
mod tests;
