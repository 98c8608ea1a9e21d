//! What a server says when it refuses: its own words, with the code of HTTP or gRPC.

use hari_error::{Error, Kind};
use serde_json::Value;

/// The most of a body that is no JSON that is repeated, in characters.
const MOST: usize = 400;

/// The answer of a REST server that is no success.
pub(super) fn http(status: reqwest::StatusCode, body: &[u8]) -> Error {
    let kind = match status.is_client_error() {
        true => Kind::InvalidInput,
        false => Kind::BadGateway,
    };
    let said = words(body).unwrap_or_else(|| "the server says nothing more".to_owned());
    Error::new(kind, format!("HTTP {status}: {said}"))
        .with_reason(format!("HTTP_{}", status.as_u16()))
}

/// The words of an error body: of the Seldon protocol, of the other two, or as they are.
fn words(body: &[u8]) -> Option<String> {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let fields = [
        "/status/info",
        "/error",
        "/error/message",
        "/message",
        "/detail",
    ];
    let said = parsed.as_ref().and_then(|value| {
        let mut texts = fields
            .iter()
            .filter_map(|field| value.pointer(field)?.as_str());
        texts.find(|text| !text.is_empty()).map(str::to_owned)
    });
    said.or_else(|| {
        let text = String::from_utf8_lossy(body);
        let text: String = text
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(MOST)
            .collect();
        (!text.is_empty()).then_some(text)
    })
}

/// The answer of a gRPC server that is no success.
pub(super) fn grpc(status: &tonic::Status) -> Error {
    use tonic::Code;
    let kind = match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented => Kind::InvalidInput,
        Code::Unavailable => Kind::Unavailable,
        _ => Kind::BadGateway,
    };
    let code = status.code();
    let reason = connection(status).map_or_else(
        || format!("GRPC_{code:?}").to_uppercase().into(),
        std::borrow::Cow::Borrowed,
    );
    Error::new(
        kind,
        format!("gRPC {code:?} ({}): {}", code as i32, status.message()),
    )
    .with_reason(reason)
}

/// What the client says of a request that never left it, as its connection was going away.
const NEVER_SENT: &str = "operation was canceled";

/// Whether the request of this error never left the client. To send it again is safe, and what the
/// specification of gRPC asks of clients.
pub(super) fn never_sent(error: &Error) -> bool {
    error.reason() == "GRPC_CANCELLED" && error.message().ends_with(NEVER_SENT)
}

/// What became of the connection, if that is what happened.
fn connection(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    use std::io::ErrorKind;
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|cause| {
        let found = cause.downcast_ref::<std::io::Error>()?;
        Some(match found.kind() {
            ErrorKind::ConnectionRefused => "CONNECTION_REFUSED",
            ErrorKind::ConnectionReset => "CONNECTION_RESET",
            ErrorKind::TimedOut => "TIMEOUT",
            _ => "CONNECTION_CLOSED",
        })
    })
}

/// No answer at all.
pub(super) fn unreachable(base: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    let cause = deepest(error);
    Error::unavailable(format!(
        "cannot reach {base}: {cause}; start a server with `hari run`, or name another with --url"
    ))
    .with_reason(connection(error).unwrap_or("CONNECTION_CLOSED"))
}

/// The answer did not come in time.
pub(super) fn late(timeout: std::time::Duration) -> Error {
    let message = format!("no answer within {timeout:?}; wait longer with --timeout");
    Error::new(Kind::DeadlineExceeded, message).with_reason("TIMEOUT")
}

/// The last cause, which is the one that says what happened.
pub(super) fn deepest<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last
}

#[cfg(test)]
mod tests {
    use hari_error::Blame;
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn the_servers_own_words_are_repeated() {
        for (body, expected) in [
            (
                r#"{"status":{"code":400,"info":"expected FP32","status":"FAILURE"}}"#,
                "expected FP32",
            ),
            (r#"{"error":"no model `x`"}"#, "no model `x`"),
            (r#"{"detail":"nope"}"#, "nope"),
            ("404 page not found\n", "404 page not found"),
            ("", "the server says nothing more"),
        ] {
            let error = http(StatusCode::BAD_REQUEST, body.as_bytes());
            assert_eq!(error.message(), format!("HTTP 400 Bad Request: {expected}"));
        }
    }

    #[test]
    fn blame_follows_the_code() {
        let blame = |code| {
            http(StatusCode::from_u16(code).unwrap(), b"")
                .kind()
                .blame()
        };
        assert_eq!(blame(404), Blame::Caller);
        assert_eq!(blame(429), Blame::Caller);
        assert_eq!(blame(500), Blame::Infrastructure);
        assert_eq!(blame(503), Blame::Infrastructure);
    }

    #[test]
    fn grpc_codes_are_said_by_name_and_number() {
        let error = grpc(&tonic::Status::invalid_argument("input `x`: expected FP32"));
        assert_eq!(
            error.message(),
            "gRPC InvalidArgument (3): input `x`: expected FP32"
        );
        assert_eq!(error.kind().blame(), Blame::Caller);
        assert_eq!(
            grpc(&tonic::Status::internal("x")).kind().blame(),
            Blame::Infrastructure
        );
    }

    #[test]
    fn reasons_tell_kinds_apart() {
        let io = |kind| std::io::Error::new(kind, "x");
        let refused = io(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(unreachable("h", &refused).reason(), "CONNECTION_REFUSED");
        let closed = io(std::io::ErrorKind::UnexpectedEof);
        assert_eq!(unreachable("h", &closed).reason(), "CONNECTION_CLOSED");
        assert_eq!(
            http(StatusCode::SERVICE_UNAVAILABLE, b"").reason(),
            "HTTP_503"
        );
        let status = tonic::Status::internal("operation was canceled");
        assert_eq!(grpc(&status).reason(), "GRPC_INTERNAL");
        assert!(!never_sent(&grpc(&status)));
        let status = tonic::Status::cancelled("operation was canceled");
        assert!(never_sent(&grpc(&status)));
    }

    #[test]
    fn a_long_page_is_cut() {
        let error = http(StatusCode::BAD_GATEWAY, "x".repeat(10_000).as_bytes());
        assert!(error.message().len() < 500);
    }
}
