//! The metrics of a pod, over HTTP, bounded in size and time.

use std::time::Duration;

use bytes::Bytes;
use hari_error::{Error, Result};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::pods::Pod;

/// Most time for one answer.
const WITHIN: Duration = Duration::from_secs(5);
/// Most bytes of one answer.
const MOST: usize = 8 << 20;

/// What a pod says of itself.
///
/// # Errors
/// `Unavailable` if it does not answer in time, or with anything but its metrics.
pub(super) async fn metrics(pod: &Pod) -> Result<String> {
    match tokio::time::timeout(WITHIN, ask(pod)).await {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => {
            Err(Error::unavailable("the pod says nothing of itself").with_source(error))
        }
        Err(_) => Err(Error::unavailable("the pod does not answer in time")),
    }
}

async fn ask(pod: &Pod) -> std::result::Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(pod.metrics).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(&*pod.path)
        .header(header::HOST, pod.metrics.to_string())
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let asked = async {
        let reply = sender.send_request(request).await?;
        let status = reply.status();
        if !status.is_success() {
            return Err(format!("HTTP {status}").into());
        }
        let body = Limited::new(reply.into_body(), MOST).collect().await?;
        Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    };
    // Both end together: nothing is left behind when this is dropped.
    let (answer, _) = tokio::join!(asked, connection);
    answer
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn asked(answer: &'static str) -> (Result<String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pod = Pod {
            name: "p".to_owned(),
            uid: "u".to_owned(),
            ready: true,
            metrics: listener.local_addr().unwrap(),
            path: "/prometheus".to_owned(),
        };
        let serving = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let read = socket.read(&mut head).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&head[..read]).into_owned()
        };
        tokio::join!(metrics(&pod), serving)
    }

    #[tokio::test]
    async fn a_pod_is_asked_once() {
        let (text, head) = asked("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n").await;
        assert_eq!(text.unwrap(), "a 1\n");
        assert!(head.starts_with("GET /prometheus HTTP/1.1\r\n"), "{head}");
    }

    #[tokio::test]
    async fn anything_else_is_no_answer() {
        for answer in [
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "",
            "nonsense\r\n\r\n",
        ] {
            assert!(asked(answer).await.0.is_err(), "{answer}");
        }
    }
}
