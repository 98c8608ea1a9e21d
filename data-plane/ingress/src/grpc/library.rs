//! What the gRPC library decides on its own, made to fit: refusals before a handler runs, and
//! compression.
//!
//! The gRPC library says `OUT_OF_RANGE` for a message over its limit and `INTERNAL` for one that
//! cannot be read. Both are the caller's, and callers are told so.

use axum::extract::Request;
use axum::response::Response;
use hari_telemetry::metric::rejected;
use http::{HeaderMap, HeaderValue};
use tonic::Code;

const ENCODING: &str = "grpc-encoding";
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";

/// Who asks uncompressed is answered so: most clients accept gzip always, and few gain by it.
pub(super) async fn plain_to_plain(mut request: Request) -> Request {
    let headers = request.headers_mut();
    if headers
        .get(ENCODING)
        .is_none_or(|encoding| encoding == "identity")
    {
        headers.remove(ACCEPT_ENCODING);
    }
    request
}

/// How the library's words for a message that cannot be read begin.
const UNREADABLE: [&str; 5] = [
    "failed to decode Protobuf message",
    "Error decompressing",
    "protocol error",
    "Missing request message",
    "Unexpected EOF",
];

/// The same reply, under the code of this server.
pub(super) async fn recode(mut response: Response) -> Response {
    if let Some(code) = better(response.headers()) {
        if code == Code::ResourceExhausted {
            rejected("message_size");
        }
        response
            .headers_mut()
            .insert(STATUS, HeaderValue::from(code as i32));
    }
    response
}

fn better(headers: &HeaderMap) -> Option<Code> {
    let is = |code: Code| headers.get(STATUS) == Some(&HeaderValue::from(code as i32));
    if is(Code::OutOfRange) {
        return Some(Code::ResourceExhausted);
    }
    if !is(Code::Internal) {
        return None;
    }
    let message = headers.get(MESSAGE)?.to_str().ok()?.replace("%20", " ");
    UNREADABLE
        .iter()
        .any(|start| message.starts_with(start))
        .then_some(Code::InvalidArgument)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(code: Code, message: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(STATUS, HeaderValue::from(code as i32));
        headers.insert(MESSAGE, HeaderValue::from_static(message));
        headers
    }

    #[test]
    fn the_callers_faults_get_the_callers_codes() {
        let large = headers(
            Code::OutOfRange,
            "Error,%20decoded%20message%20length%20too%20large",
        );
        assert_eq!(better(&large), Some(Code::ResourceExhausted));
        for broken in [
            "failed%20to%20decode%20Protobuf%20message:%20x",
            "Missing request message.",
        ] {
            let broken = headers(Code::Internal, broken);
            assert_eq!(better(&broken), Some(Code::InvalidArgument));
        }
    }

    #[test]
    fn our_own_faults_stay_ours() {
        assert_eq!(better(&headers(Code::Internal, "the model failed")), None);
        assert_eq!(better(&headers(Code::NotFound, "no model")), None);
        assert_eq!(better(&HeaderMap::new()), None);
    }
}
