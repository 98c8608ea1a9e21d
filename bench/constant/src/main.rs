//! A server that always answers the same: what a server on hyper reaches if it does nothing.
//!
//! `hari-bench-constant ADDRESS FILE` reads each request whole and answers with the content of
//! the file. One thread, HTTP/1.1 alone.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: hari-bench-constant ADDRESS FILE";
    let address: SocketAddr = arguments.next().context(usage)?.parse()?;
    let file = arguments.next().context(usage)?;
    let reply = Bytes::from(std::fs::read(&file).with_context(|| format!("reading {file}"))?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(serve(address, reply))
}

async fn serve(address: SocketAddr, reply: Bytes) -> Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let reply = reply.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, reply.clone()));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // The client closes its connections when it has seen enough.
            let _ = connection.await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    reply: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let whole = request.into_body().collect().await;
    let mut response = Response::new(Full::new(reply));
    if whole.is_err() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}
